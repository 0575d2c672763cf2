"""A checkpoint to the files that are deployed: frozen graph and `.tflite` files, each compared with the checkpoint."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Generic

import keras
import numpy as np
from numpy.typing import NDArray

from lp_recognition.export.frozen_graph import FrozenGraph, describe_graph, freeze, save_graph
from lp_recognition.export.task import ExportTask, Predictor
from lp_recognition.export.tflite import FLOATS, convert, describe_tflite
from lp_recognition.images.image import Image, Preprocessing
from lp_recognition.model_files.checkpoints import Checkpoint, load_checkpoint
from lp_recognition.model_files.description import ModelDescription, config_sha256
from lp_recognition.model_files.interpreter import image_predictor, open_interpreter
from lp_recognition.model_files.meaning import Meaning, Record
from lp_recognition.networks.integers import compute_in_integers
from lp_recognition.networks.restoring import restore
from lp_recognition.settings.loading import Schema, refuse_other_model, save_settings
from lp_recognition.system.errors import ModelError, UserError
from lp_recognition.system.files import write_bytes, write_text
from lp_recognition.system.outputs import refuse_existing

GRAPH_FILE = "graph.pb.frozen"

#: A float file that differs from its checkpoint by more than rounding is broken.
_LARGEST_DIFFERENCE = 1e-4
#: Weights of half precision may cost so much of the largest output.
_HALF_PRECISION = 0.01
#: An integer file may differ from its checkpoint by so many steps of its output.
_LARGEST_STEPS = 4.0
#: Random images on which files are compared with their checkpoint.
_COMPARED = 8


@dataclass(frozen=True)
class ExportedFile:
    """A `.tflite` that was written.

    Attributes:
        path: The file.
        kind: `uint8`, `int8`, `float` or `float16`.
        difference: Largest difference of its outputs from the checkpoint's, on random images.
        step: The real value of one step of its output; 0 of a float file.
        measurement: How well it does, where that is known.
        calibration: That of its confidences, where a list was given for it.
    """

    path: Path
    kind: str
    difference: float
    step: float
    measurement: Record | None
    calibration: Record | None


@dataclass(frozen=True)
class Export:
    """The files that were written.

    Attributes:
        graph: The frozen graph.
        quantized: Whether it holds the ranges that a conversion to 8 bits needs.
        difference: Largest difference of its outputs from the checkpoint's, on random images.
        largest_output: Largest output of the checkpoint on them, to compare with.
        mean_value: The pixel that stands for zero, for `tflite_convert --mean_values`.
        std_dev_value: Pixels to a real 1, for `tflite_convert --std_dev_values`.
        files: The `.tflite` files.
    """

    graph: Path
    quantized: bool
    difference: float
    largest_output: float
    mean_value: int
    std_dev_value: int
    files: tuple[ExportedFile, ...]


def export_checkpoint(
    task: ExportTask[Schema],
    path: str | Path,
    config: Schema,
    folder: Path,
    *,
    kinds: Sequence[str] = (),
    per_channel: bool = False,
    lists: Sequence[str] = (),
    calibration_lists: Sequence[str] = (),
    overwrite: bool = False,
) -> Export:
    """Freezes a checkpoint into `folder/graph.pb.frozen`, converts it, and compares each file with the checkpoint.

    Args:
        task: What the checkpoint was trained for.
        path: The checkpoint.
        config: Its config, or one that agrees with it.
        folder: Where the files go, with `config.yaml` and a YAML twin of each description.
        kinds: `.tflite` files to write: `uint8`, `int8`, `float`, `float16`.
        per_channel: Give the kernels of the int8 file one scale for each output channel, also where training used one
            for the whole kernel: nearer to the float weights, no longer exactly what was trained.
        lists: Lists to measure each file on; the figures go into its description.
        calibration_lists: Lists to calibrate the confidences of each file on, neither of the training nor of a test.
        overwrite: Replace an earlier export.

    Raises:
        ModelError: the checkpoint is missing or broken, does not suit the kinds, or a file computes something else.
        ConfigError: the config describes another model.
        UserError: an earlier export is in the way, a list is broken, or the folder cannot be written.
    """
    checkpoint = load_checkpoint(path, task.meaning.schema)
    refuse_other_model(config, checkpoint.config, str(path))
    _refuse_kinds(checkpoint, kinds, per_channel)
    targets = {kind: folder / f"graph_{kind}.tflite" for kind in kinds}
    refuse_existing([folder / GRAPH_FILE, *targets.values()], overwrite, "--output_dir")

    source = _Source(task, checkpoint)
    judge = _Judge(task, *(task.read_lists(names, checkpoint.config) if names else None
                           for names in (lists, calibration_lists)))  # fmt: skip
    graph_def = source.graph(checkpoint.quantized, None)
    graph = FrozenGraph.from_graph_def(graph_def, str(folder / GRAPH_FILE))
    difference = source.check_graph(graph)
    # What training measured was the checkpoint; a file that is measured itself says that.
    description = describe_checkpoint(task.meaning, checkpoint, "graph", task.measured_in_training(checkpoint))
    converted = [source.convert(kind, per_channel, target) for kind, target in targets.items()]
    files = [(file, *judge.describe(file, description, source.preprocessing)) for file in converted]

    description = judge.judged(description, lambda images: graph.predict(source.preprocessing.normalize(images)))
    describe_graph(graph_def, description)
    save_graph(graph_def, folder / GRAPH_FILE)
    write_text(folder / "graph.yaml", description.to_yaml())
    save_settings(checkpoint.config, folder / "config.yaml")
    for file, written, named in files:
        write_bytes(written.path, describe_tflite(file.data, named))
        write_text(written.path.with_suffix(".yaml"), named.to_yaml())
    return Export(
        folder / GRAPH_FILE, checkpoint.quantized, difference, float(np.abs(source.outputs).max()),
        source.preprocessing.zero_point, round(1 / source.preprocessing.scale),
        tuple(written for _, written, _ in files),
    )  # fmt: skip


def describe_checkpoint(
    meaning: Meaning[Schema], checkpoint: Checkpoint[Schema], kind: str, measurement: Record | None = None
) -> ModelDescription[Schema]:
    """What a file made of a checkpoint says of itself."""
    return ModelDescription(
        meaning,
        checkpoint.config,
        kind,
        "quantization-aware training" if checkpoint.quantized else "float",
        checkpoint.step,
        config_sha256(checkpoint.config),
        measurement,
    )


def restored(
    task: ExportTask[Schema], checkpoint: Checkpoint[Schema], *, quantized: bool, per_channel: bool | None = None
) -> keras.Model:
    """The network of a checkpoint, filled; biases are whole steps where it is quantized.

    Raises:
        ModelError: the weights do not fit the recorded config.
    """
    model = task.network(checkpoint.config, quantized=quantized, per_channel=per_channel)
    return restore(model, checkpoint, task.meaning.preprocessing(checkpoint.config))


@dataclass(frozen=True)
class _Converted:
    """A `.tflite` that computes what the checkpoint does, but for a difference of its outputs; it says nothing yet."""

    target: Path
    kind: str
    data: bytes
    difference: float


class _Source(Generic[Schema]):
    """The checkpoint that files are made of, and what it computes on a few random images.

    Attributes:
        preprocessing: How images become its input.
        pixels: The images, uint8.
    """

    def __init__(self, task: ExportTask[Schema], checkpoint: Checkpoint[Schema]) -> None:
        self._task = task
        self._checkpoint = checkpoint
        self.preprocessing: Preprocessing = task.meaning.preprocessing(checkpoint.config)
        shape = (_COMPARED, *self.preprocessing.input_shape)
        self.pixels: Image = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        self.graph = cache(self._graph)
        self.integer_outputs = cache(self._integer_outputs)

    @cached_property
    def outputs(self) -> NDArray[np.float32]:
        """What the checkpoint gives, in real values."""
        model = restored(self._task, self._checkpoint, quantized=self._checkpoint.quantized)
        return np.asarray(model(self.preprocessing.normalize(self.pixels), training=False))

    def _graph(self, quantized: bool, per_channel: bool | None) -> Any:
        return freeze(restored(self._task, self._checkpoint, quantized=quantized, per_channel=per_channel))

    def _integer_outputs(self, per_channel: bool | None) -> NDArray[np.float32]:
        """What it gives in whole numbers, as integer files compute."""
        model = restored(self._task, self._checkpoint, quantized=True, per_channel=per_channel)
        compute_in_integers(model, self.preprocessing)
        return np.asarray(model(self.preprocessing.normalize(self.pixels), training=False))

    def check_graph(self, graph: FrozenGraph) -> float:
        """The largest difference of a graph's outputs; refuses a graph that computes something else."""
        received = graph.predict(self.preprocessing.normalize(self.pixels))
        difference = float(np.abs(received - self.outputs).max())
        # Rounding may tip a value to the next step.
        step = float(np.abs(self.outputs).max()) / 127 if self._checkpoint.quantized else 0.0
        if not difference <= _LARGEST_DIFFERENCE + 1.5 * step:
            raise ModelError(
                f"{self._checkpoint.path}: expected a graph that computes the same outputs, received a difference of "
                f"{difference}"
            )
        return difference

    def convert(self, kind: str, per_channel: bool, target: Path) -> _Converted:
        """A `.tflite` with the largest difference of its outputs; refuses one that computes otherwise.

        Args:
            kind: `uint8`, `int8`, `float` or `float16`.
            per_channel: Scales per channel also where training had none; of int8 files alone.
            target: Its path.
        """
        by_channel = True if per_channel and kind == "int8" else None
        graph_def = self.graph(self._checkpoint.quantized and kind not in FLOATS, by_channel)
        data = convert(graph_def, kind, self.preprocessing)
        model = open_interpreter(data)
        if kind in FLOATS:
            graph = FrozenGraph.from_graph_def(graph_def, str(target))
            expected = graph.predict(self.preprocessing.normalize(self.pixels))
        else:
            expected = self.integer_outputs(by_channel)
        apart = float(np.abs(image_predictor(model, self.preprocessing)(self.pixels) - expected).max())
        step = model.outputs[0].scale
        allowed = _LARGEST_STEPS * step if step else 10 * _LARGEST_DIFFERENCE
        if kind == "float16":
            allowed = _HALF_PRECISION * float(np.abs(expected).max())
        if not apart <= allowed:
            raise ModelError(
                f"{target}: expected a file that computes the checkpoint's outputs, received a difference of "
                f"{apart:.3g} (one step of its output is {step:.3g})"
            )
        return _Converted(target, kind, data, apart)


@dataclass(frozen=True)
class _Judge:
    """The lists that files are measured and calibrated on; None where there are none."""

    task: ExportTask[Any]
    measured: Any
    calibrated: Any

    def describe(
        self, file: _Converted, description: ModelDescription[Any], preprocessing: Preprocessing
    ) -> tuple[ExportedFile, ModelDescription[Any]]:
        """What becomes of a converted file, and what it will say of itself; `description` is the graph's."""
        model = open_interpreter(file.data)
        made_by = "float" if file.kind in FLOATS else description.made_by
        named = dataclasses.replace(description, kind=file.kind, made_by=made_by)
        named = self.judged(named, image_predictor(model, preprocessing))
        step = model.outputs[0].scale
        written = ExportedFile(file.target, file.kind, file.difference, step, named.measurement, named.calibration)
        return written, named

    def judged(self, description: ModelDescription[Any], predict: Predictor) -> ModelDescription[Any]:
        """A description with what the lists that are there say of the file."""
        if self.measured is not None:
            description = dataclasses.replace(description, measurement=self.task.measure(predict, self.measured))
        if self.calibrated is not None:
            description = dataclasses.replace(description, calibration=self.task.calibrate(predict, self.calibrated))
        return description


def _refuse_kinds(checkpoint: Checkpoint[Any], kinds: Sequence[str], per_channel: bool) -> None:
    integers = [kind for kind in kinds if kind not in FLOATS]
    if integers and not checkpoint.quantized:
        raise ModelError(
            f"{checkpoint.path}: expected a checkpoint that learnt the ranges of 8 bits for {' and '.join(integers)}, "
            f"received a float one (step {checkpoint.step}); train on past train.quantization_delay, quantize it with "
            "python -m lp_recognition.tools.quantize_after_training, or ask for --tflite float"
        )
    if "uint8" in kinds and checkpoint.config.quantize_per_channel:
        raise ModelError(
            f"{checkpoint.path}: expected one scale for each kernel, as uint8 files have, received a model trained "
            "with quantize_per_channel; ask for --tflite int8"
        )
    if per_channel and "int8" not in kinds:
        raise UserError("--per_channel: expected --tflite int8, received none; only int8 files have scales per channel")
