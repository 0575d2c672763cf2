"""Going on with the training that a folder holds: from which checkpoint, by which settings, and what to say of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from lp_recognition.model_files import checkpoints
from lp_recognition.model_files.checkpoints import Checkpoint
from lp_recognition.settings.loading import Schema, refuse_other_model
from lp_recognition.settings.training import LoopConfig, TrainedConfig
from lp_recognition.system.errors import ConfigError, ModelError, UserError
from lp_recognition.training.task import ConfigOf

#: Settings of a training that no weight depends on.
_WITHOUT_WEIGHT = {
    "workers", "checkpoint", "save_checkpoints_steps", "checkpoints_to_keep", "display_iter", "need_to_save_weights",
    "need_to_save_log", "early_stopping",
}  # fmt: skip


@dataclass(frozen=True)
class Past(Generic[Schema]):
    """What a folder holds of a training.

    Attributes:
        checkpoint: The last one that can be read; None where none was made yet.
        broken: Later ones that cannot, and why.
    """

    checkpoint: Checkpoint[Schema] | None = None
    broken: dict[Path, str] = field(default_factory=dict)


def find_past(config: ConfigOf) -> Past[ConfigOf]:
    """Reads the last checkpoint of `model_dir` that is whole.

    Raises:
        UserError: there are checkpoints, and none of them can be read.
    """
    if not config.train.need_to_save_weights:
        return Past()
    broken: dict[Path, str] = {}
    for path in reversed(checkpoints.list_checkpoints(config.model_dir).values()):
        try:
            with path.open("rb"):  # whoever may not read it shall hear of that, and not go on from an older one
                pass
            return Past(checkpoints.load_checkpoint(path, type(config)), broken)
        except OSError as error:
            raise UserError(f"{path}: cannot be read: {error.strerror or error}") from None
        except ModelError as error:
            broken[path] = str(error)
    if broken:
        raise UserError(
            f"{config.model_dir}: expected a checkpoint to go on from, received {len(broken)} that cannot be read; "
            f"delete them to start anew, or name another model_dir ({next(iter(broken.values()))})"
        )
    return Past()


def settle_start(config: ConfigOf, past: Checkpoint[ConfigOf] | None, init_checkpoint: str) -> ConfigOf:
    """The settings with where the weights came from, and the step at which quantization starts.

    Args:
        config: What is asked for.
        past: The checkpoint that the training goes on from, if any.
        init_checkpoint: The one to start from, where it begins.

    Raises:
        ConfigError: the settings do not go together, or with the training so far.
    """
    if past is not None:
        _refuse(config, past, init_checkpoint)
        init_checkpoint = past.config.train.checkpoint
        delay = _delay_of(config, past)
    else:
        delay = 0 if init_checkpoint else config.train.quantization_delay
        if config.quantization_aware and delay == 0 and not init_checkpoint:
            raise ConfigError(
                "train.quantization_delay: expected some float steps before quantization starts, received 0; raise it, "
                "or start from a float checkpoint with --init_checkpoint"
            )
    if config.quantization_aware and delay > config.train.steps:
        raise ConfigError(
            f"train.quantization_delay: expected at most train.steps ({config.train.steps}), received {delay}: the run "
            "would end before quantization starts"
        )
    changes = {"quantization_delay": delay, "checkpoint": init_checkpoint}
    return config.with_values(train=config.train.model_copy(update=changes).model_dump())


def describe_past(config: ConfigOf, past: Past[ConfigOf]) -> Iterator[str]:
    """Lines for the user: what the training goes on from, what was passed over, and what is another than before.

    Args:
        config: What is asked for, as it was before `settle_start`.
        past: What the folder holds.
    """
    checkpoint = past.checkpoint
    if checkpoint is None:
        return
    for path, reason in past.broken.items():
        yield f"warning: passed over and renamed to {path.name}.broken: {reason}"
    steps = config.train.steps
    nothing = ", so nothing is left to do" if checkpoint.step == steps else ""
    yield f"resuming from step {checkpoint.step} of {steps}, {checkpoint.path}{nothing}"
    differences = list(_differences(config, checkpoint.config))
    if differences and checkpoint.step < steps:
        yield (
            f"warning: other settings than those recorded at step {checkpoint.step}, so the weights will not be those "
            f"of a run that was never stopped: {'; '.join(differences)}"
        )
    delay = checkpoint.config.train.quantization_delay
    if (
        config.quantization_aware
        and config.train.quantization_delay != delay == _delay_of(config, checkpoint)
        and not checkpoint.config.train.checkpoint
    ):
        yield (
            f"warning: train.quantization_delay={config.train.quantization_delay} is passed over: quantization starts "
            f"at step {delay}, as when the training began; name another model_dir to begin again"
        )


def tidy_up(config: TrainedConfig, past: Past[Any]) -> None:
    """Puts broken checkpoints out of the way, and forgets a best one that is gone or is none any more."""
    for path in past.broken:
        path.replace(path.with_name(f"{path.name}.broken"))
    best = checkpoints.best_step(config.model_dir)
    became_quantized = (
        past.checkpoint is not None and config.quantization_aware != past.checkpoint.config.quantization_aware
    )
    if (
        past.checkpoint is None
        or became_quantized
        or best not in {None, *checkpoints.list_checkpoints(config.model_dir)}
    ):
        checkpoints.record_evaluation(config.model_dir, 0, None)


def _refuse(config: ConfigOf, past: Checkpoint[ConfigOf], init_checkpoint: str) -> None:
    refuse_other_model(config, past.config, str(past.path))
    began = past.config.train.checkpoint
    if init_checkpoint and (not began or Path(init_checkpoint).resolve() != Path(began).resolve()):
        raise ConfigError(
            f"--init_checkpoint: {init_checkpoint}: expected an empty model_dir to start in, received "
            f"{config.model_dir}, where a training that began {f'from {began}' if began else 'at random'} stands at "
            f"step {past.step}; name another model_dir to start from it, or leave it out to go on"
        )
    if config.train.steps < past.step:
        raise ConfigError(
            f"train.steps: expected at least the {past.step} steps that {config.model_dir} holds already, received "
            f"{config.train.steps}; raise it, or name another model_dir to begin again"
        )


def _delay_of(config: ConfigOf, past: Checkpoint[ConfigOf]) -> int:
    """The step at which quantization starts: as recorded, unless it never was to start."""
    if past.config.quantization_aware or not config.quantization_aware:
        return past.config.train.quantization_delay
    return max(config.train.quantization_delay, past.step)


def _differences(config: TrainedConfig, recorded: TrainedConfig) -> Iterator[str]:
    """The settings that weights depend on and that are others than recorded."""
    if config.quantization_aware != recorded.quantization_aware:
        yield f"quantization_aware {recorded.quantization_aware} before, {config.quantization_aware} now"
    now, before = _relevant(config.train), _relevant(recorded.train)
    for name in before:
        if now.get(name) != before[name]:
            yield f"train.{name} {before[name]!r} before, {now.get(name)!r} now"


def _relevant(train: LoopConfig) -> dict[str, Any]:
    left_out = _WITHOUT_WEIGHT | {"quantization_delay"}  # which stays as it was
    if train.learning_rate_schedule != "cosine":  # no other looks at the end
        left_out = left_out | {"steps"}
    return {name: value for name, value in train.model_dump().items() if name not in left_out}
