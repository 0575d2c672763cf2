"""Checkpoints: one file a step, holding weights, optimizer, input state and config, written whole or not at all.

A checkpoint `model.ckpt-<step>.ckpt` is a NumPy archive (`.npz`, no pickles): weights, optimizer and seeds
by name, and a JSON record. It can be read without Keras, and a stranger's cannot run code.
"""

from __future__ import annotations

import json
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic

import numpy as np
from numpy.typing import NDArray

from lp_recognition.settings.loading import Schema, Settings, dump_settings, parse_settings
from lp_recognition.settings.training import TrainedConfig
from lp_recognition.system.errors import ModelError, summarize
from lp_recognition.system.files import replacing, write_text

_FORMAT = 1
_NAME = re.compile(r"model\.ckpt-(\d+)\.ckpt")
_BEST = "best.json"


@dataclass(frozen=True)
class Checkpoint(Generic[Schema]):
    """What a checkpoint holds.

    Attributes:
        step: Steps done, and so batches read: the state of the input.
        config: The settled config of the task that the model was trained for.
        arrays: float32 and integer arrays by name.
        path: Where it was read.
    """

    step: int
    config: Schema
    arrays: Mapping[str, NDArray[Any]]
    path: Path

    @property
    def quantized(self) -> bool:
        """Whether the ranges of quantization were learnt yet."""
        return any(name.endswith("/batches_seen") and value > 0 for name, value in self.arrays.items())


def checkpoint_path(model_dir: str | Path, step: int) -> Path:
    """The name of the checkpoint of a step."""
    return Path(model_dir) / f"model.ckpt-{step}.ckpt"


def is_training_checkpoint(path: str | Path) -> bool:
    """Whether a file is named as a training names its checkpoints."""
    return _NAME.fullmatch(Path(path).name) is not None


def list_checkpoints(model_dir: str | Path) -> dict[int, Path]:
    """The checkpoints of a folder by step, in order."""
    found = {}
    folder = Path(model_dir)
    for path in folder.iterdir() if folder.is_dir() else ():
        if match := _NAME.fullmatch(path.name):
            found[int(match[1])] = path
    return dict(sorted(found.items()))


def find_checkpoint(config: TrainedConfig, checkpoint: str = "") -> Path:
    """The checkpoint to use: the named one, else the best of `model_dir`, else its latest.

    Raises:
        ModelError: there is none.
    """
    if checkpoint:
        if not Path(checkpoint).is_file():
            known = [path.name for path in list_checkpoints(Path(checkpoint).parent).values()]
            hint = f"; the folder has {', '.join(known)}" if known else ""
            raise ModelError(f"{checkpoint}: expected a checkpoint, received no such file{hint}")
        return Path(checkpoint)
    checkpoints = list_checkpoints(config.model_dir)
    if not checkpoints:
        raise ModelError(
            f"{config.model_dir}: expected a checkpoint model.ckpt-<step>.ckpt, received none; train first, or name "
            "one with --checkpoint"
        )
    latest = max(checkpoints)
    return checkpoints.get(best_step(config.model_dir) or latest, checkpoints[latest])


def save_checkpoint(path: str | Path, step: int, config: Settings, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Writes a checkpoint, whole or not at all.

    Raises:
        UserError: the folder cannot be written or is full; an earlier file of that name stays as it is.
    """
    record = json.dumps({"format": _FORMAT, "step": step, "config": dump_settings(config)})
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, record=np.frombuffer(record.encode(), np.uint8), **arrays)


def load_checkpoint(path: str | Path, schema: type[Schema]) -> Checkpoint[Schema]:
    """Reads a checkpoint.

    Args:
        path: The file.
        schema: That of the task's settings, which stand in it as text.

    Raises:
        ModelError: the file is missing, cut short or no checkpoint.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        record = json.loads(arrays.pop("record").tobytes())
        if record["format"] != _FORMAT:
            raise ModelError(f"{path}: expected a checkpoint of format {_FORMAT}, received {record['format']}")
        return Checkpoint(int(record["step"]), parse_settings(schema, record["config"], str(path)), arrays, Path(path))
    except FileNotFoundError:
        raise ModelError(f"{path}: expected a checkpoint, received no such file") from None
    except (
        OSError, ValueError, KeyError, TypeError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error,
        struct.error,
        AttributeError,  # a lone array, which Python 3.10 tells so and later ones by a TypeError
    ) as error:  # fmt: skip
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(
            f"{path}: expected a checkpoint, received a file that is none or cut short ({reason})"
        ) from None


def model_arrays(model: Any) -> dict[str, NDArray[Any]]:
    """A model's weights by name, and the state of its random seeds."""
    arrays = {f"weights/{weight.path}": np.asarray(weight) for weight in model.weights}
    return arrays | {f"seeds/{name}": np.asarray(variable) for name, variable in _seeds(model).items()}


def optimizer_arrays(model: Any) -> dict[str, NDArray[Any]]:
    """The state of a compiled model's optimizer, by position and name."""
    return {f"optimizer/{i:03}/{v.path}": np.asarray(v) for i, v in enumerate(model.optimizer.variables)}


def restore_model(model: Any, checkpoint: Checkpoint, *, whole: bool = True) -> None:
    """Puts a checkpoint's weights into a model.

    Args:
        model: Of the same architecture; a quantization-aware model takes the weights of a float one.
        checkpoint: What to restore.
        whole: Also restore the random seeds, as a resumed run must.

    Raises:
        ModelError: a weight is missing or has another shape; nothing is changed.
    """
    _assign({weight.path: weight for weight in model.weights}, "weights/", checkpoint, optional=_is_range)
    if whole:
        _assign(_seeds(model), "seeds/", checkpoint, optional=lambda name: True)


def restore_optimizer(model: Any, checkpoint: Checkpoint) -> None:
    """Puts a checkpoint's optimizer state into a compiled model.

    Raises:
        ModelError: the state is that of another optimizer.
    """
    saved = {name: value for name, value in checkpoint.arrays.items() if name.startswith("optimizer/")}
    names = [f"optimizer/{i:03}/{v.path}" for i, v in enumerate(model.optimizer.variables)]
    if set(names) != set(saved):
        raise ModelError(
            f"{checkpoint.path}: holds the state of another optimizer; go on with the same train.opt_type, or start "
            "anew in another model_dir with --init_checkpoint"
        )
    for name, variable in zip(names, model.optimizer.variables, strict=True):
        variable.assign(saved[name])


def record_evaluation(model_dir: str | Path, step: int, best: tuple[int, float] | None, stale: int = 0) -> None:
    """Remembers that the checkpoint of a step was evaluated, and the best one.

    Args:
        model_dir: Where they lie.
        step: The step that was evaluated.
        best: Step and headline figure of the best; None where none counts yet.
        stale: How many evaluations there were since the headline got better.
    """
    record: dict[str, float] = {} if best is None else {"step": best[0], "headline": best[1], "stale": stale}
    record["evaluated"] = step
    write_text(Path(model_dir) / _BEST, json.dumps(record) + "\n")


def last_evaluated(model_dir: str | Path) -> int:
    """The step of the last checkpoint that was evaluated; 0 where there is none."""
    try:
        return int(json.loads((Path(model_dir) / _BEST).read_text())["evaluated"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def stale_evaluations(model_dir: str | Path) -> int:
    """How many evaluations there were since the headline figure got better."""
    try:
        return int(json.loads((Path(model_dir) / _BEST).read_text())["stale"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def best_step(model_dir: str | Path) -> int | None:
    """The step of the best checkpoint, or None."""
    record = read_best(model_dir)
    return None if record is None else record[0]


def read_best(model_dir: str | Path) -> tuple[int, float] | None:
    """The step and headline figure of the best checkpoint, or None."""
    try:
        record = json.loads((Path(model_dir) / _BEST).read_text())
        return int(record["step"]), float(record["headline"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def delete_old_checkpoints(model_dir: str | Path, keep: int) -> None:
    """Deletes all but the last `keep` checkpoints and the best, and what a killed run left half written."""
    for path in Path(model_dir).glob(".model.ckpt-*.tmp.ckpt"):
        path.unlink(missing_ok=True)
    checkpoints = list_checkpoints(model_dir)
    best = best_step(model_dir)
    for step in list(checkpoints)[:-keep]:
        if step != best:
            checkpoints[step].unlink()


def _seeds(model: Any) -> dict[str, Any]:
    """The states of a model's random layers by layer; their own names count up with every model of a process."""
    generators = {layer.name: getattr(layer, "seed_generator", None) for layer in model.layers}
    return {name: generator.state for name, generator in generators.items() if generator is not None}


def _is_range(name: str) -> bool:
    return name.endswith(("/range_min", "/range_max", "/batches_seen"))


def _assign(variables: Mapping[str, Any], prefix: str, checkpoint: Checkpoint, optional: Any) -> None:
    values, problems = [], []
    for name, variable in variables.items():
        saved = checkpoint.arrays.get(prefix + name)
        if saved is None:
            if not optional(name):
                problems.append(f"{name}: expected {tuple(variable.shape)}, received nothing")
        elif saved.shape != tuple(variable.shape):
            problems.append(f"{name}: expected {tuple(variable.shape)}, received {saved.shape}")
        else:
            values.append((variable, saved))
    if problems:
        raise ModelError(f"{checkpoint.path}: is of another architecture: {summarize(problems)}")
    for variable, saved in values:
        variable.assign(saved)
