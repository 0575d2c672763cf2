"""A checkpoint to the files that are deployed: frozen graph and `.tflite` files, each compared with the checkpoint."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lp_recognition.evaluation.opening import Predictor
from lp_recognition.evaluation.recognition import EvaluationList, evaluate
from lp_recognition.export.frozen_graph import FrozenGraph, describe_graph, freeze, save_graph
from lp_recognition.export.tflite import convert, describe_tflite
from lp_recognition.lists.annotations import list_name
from lp_recognition.model_files.checkpoints import Checkpoint, load_checkpoint, read_best
from lp_recognition.model_files.description import CalibrationRecord, Measurement, ModelDescription, config_sha256
from lp_recognition.model_files.interpreter import open_interpreter
from lp_recognition.networks.integers import compute_in_integers
from lp_recognition.networks.restoring import restored_lprnet
from lp_recognition.reading.recognizer import Recognizer
from lp_recognition.settings.loading import refuse_other_model, save_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ModelError, UserError
from lp_recognition.system.files import write_bytes, write_text
from lp_recognition.system.outputs import refuse_existing
from lp_recognition.texts.calibration import Calibration, cross_calibrate, expected_calibration_error

GRAPH_FILE = "graph.pb.frozen"

#: A float file that differs from its checkpoint by more than rounding is broken.
_LARGEST_DIFFERENCE = 1e-4
#: An integer file may differ from its checkpoint by so many steps of its output.
_LARGEST_STEPS = 4.0


@dataclass(frozen=True)
class ExportedFile:
    """A `.tflite` that was written.

    Attributes:
        path: The file.
        kind: `uint8`, `int8` or `float`.
        difference: Largest difference of its logits from the checkpoint's, on random images.
        step: The real value of one step of its output; 0 of a float file.
        measurement: How well it reads, where that is known.
        calibration: That of its confidences, where plates were given for it.
    """

    path: Path
    kind: str
    difference: float
    step: float
    measurement: Measurement | None
    calibration: CalibrationRecord | None


@dataclass(frozen=True)
class Export:
    """The files that were written.

    Attributes:
        graph: The frozen graph.
        quantized: Whether it holds the ranges that a conversion to 8 bits needs.
        difference: Largest difference of its logits from the checkpoint's, on random images.
        largest_logit: Largest logit of the checkpoint on them, to compare with.
        mean_value: The pixel that stands for zero, for `tflite_convert --mean_values`.
        std_dev_value: Pixels to a real 1, for `tflite_convert --std_dev_values`.
        files: The `.tflite` files.
    """

    graph: Path
    quantized: bool
    difference: float
    largest_logit: float
    mean_value: int
    std_dev_value: int
    files: tuple[ExportedFile, ...]


def export_checkpoint(
    path: str | Path,
    config: RecognitionConfig,
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
        path: The checkpoint.
        config: Its config, or one that agrees with it.
        folder: Where the files go, with `config.yaml` and a YAML twin of each description.
        kinds: `.tflite` files to write: `uint8`, `int8`, `float`.
        per_channel: Give the kernels of the int8 file one scale for each output channel, also where training used one
            for the whole kernel: nearer to the float weights, no longer exactly what was trained.
        lists: Plates to measure each file on; LP-RR goes into its description.
        calibration_lists: Plates to calibrate the confidences of each file on, neither of the training nor of a test.
        overwrite: Replace an earlier export.

    Raises:
        ModelError: the checkpoint is missing or broken, does not suit the kinds, or a file computes something else.
        ConfigError: the config describes another model.
        UserError: an earlier export is in the way, or the folder cannot be written.
    """
    checkpoint = load_checkpoint(path, RecognitionConfig)
    refuse_other_model(config, checkpoint.config, str(path))
    _refuse_kinds(checkpoint, kinds, per_channel)
    targets = {kind: folder / f"graph_{kind}.tflite" for kind in kinds}
    refuse_existing([folder / GRAPH_FILE, *targets.values()], overwrite, "--output_dir")

    preprocessing = checkpoint.config.preprocessing
    pixels = np.random.default_rng(0).integers(0, 256, (8, *preprocessing.input_shape), np.uint8)
    images = preprocessing.normalize(pixels)
    model = restored_lprnet(checkpoint, quantized=checkpoint.quantized)
    expected = np.asarray(model(images, training=False))
    graph_def = freeze(model)
    received = FrozenGraph.from_graph_def(graph_def, str(folder / GRAPH_FILE)).predict(images)
    difference = float(np.abs(received - expected).max())
    # Rounding may tip a value to the next step.
    step = float(np.abs(expected).max()) / 127 if checkpoint.quantized else 0.0
    if not difference <= _LARGEST_DIFFERENCE + 1.5 * step:
        raise ModelError(
            f"{path}: expected a graph that computes the same logits, received a difference of {difference}"
        )

    @functools.cache
    def in_integers(by_channel: bool) -> NDArray[np.float32]:
        model = restored_lprnet(checkpoint, quantized=True, per_channel=by_channel)
        compute_in_integers(model, preprocessing)
        return np.asarray(model(images, training=False))

    measured = _listed(lists, config, checkpoint)
    calibrated = _listed(calibration_lists, config, checkpoint)
    in_training = _measured_in_training(checkpoint)
    description = describe_checkpoint(checkpoint, "graph", in_training)
    files = {}
    written: list[ExportedFile] = []
    for kind, target in targets.items():
        graph = graph_def
        if kind == "float" and checkpoint.quantized:
            graph = freeze(restored_lprnet(checkpoint, quantized=False))
        elif kind == "int8" and per_channel:
            graph = freeze(restored_lprnet(checkpoint, quantized=True, per_channel=True))
        data = convert(graph, kind, preprocessing)
        interpreter = open_interpreter(data)
        output = interpreter.outputs[0]
        logits = _run(data, images)
        if kind == "float":
            reference = FrozenGraph.from_graph_def(graph, str(target)).predict(images)
        else:
            reference = in_integers(checkpoint.config.quantize_per_channel or (per_channel and kind == "int8"))
        apart = float(np.abs(logits - reference).max())
        if not apart <= (_LARGEST_STEPS * output.scale if output.is_quantized else 10 * _LARGEST_DIFFERENCE):
            raise ModelError(
                f"{target}: expected a file that computes the checkpoint's logits, received a difference of "
                f"{apart:.3g} (one step of its output is {output.scale:.3g})"
            )
        named = dataclasses.replace(description, kind=kind, made_by="float" if kind == "float" else description.made_by)
        if measured or calibrated:
            named = _measured(named, _tflite_predictor(describe_tflite(data, named)), measured, calibrated)
        files[target] = (describe_tflite(data, named), named)
        written.append(ExportedFile(target, kind, apart, output.scale, named.measurement, named.calibration))

    if measured or calibrated:
        described = FrozenGraph.from_graph_def(graph_def, str(folder / GRAPH_FILE))
        description = _measured(description, _graph_predictor(described, checkpoint.config), measured, calibrated)
    describe_graph(graph_def, description)
    save_graph(graph_def, folder / GRAPH_FILE)
    write_text(folder / "graph.yaml", description.to_yaml())
    save_settings(checkpoint.config, folder / "config.yaml")
    for target, (data, named) in files.items():
        write_bytes(target, data)
        write_text(target.with_suffix(".yaml"), named.to_yaml())
    return Export(
        folder / GRAPH_FILE, checkpoint.quantized, difference, float(np.abs(expected).max()), preprocessing.zero_point,
        round(1 / preprocessing.scale), tuple(written),
    )  # fmt: skip


def describe_checkpoint(checkpoint: Checkpoint, kind: str, measurement: Measurement | None = None) -> ModelDescription:
    """What a file made of a checkpoint says of itself."""
    return ModelDescription(
        checkpoint.config,
        kind,
        "quantization-aware training" if checkpoint.quantized else "float",
        checkpoint.step,
        config_sha256(checkpoint.config),
        measurement,
    )


def measure(predict: Predictor, plates: EvaluationList, config: RecognitionConfig) -> Measurement:
    """Reads a list and keeps what a description holds of it."""
    metrics = evaluate(predict, plates, config, config.vocabulary()).metrics
    low, high = metrics.lp_rr_interval
    return Measurement(
        round(metrics.lp_rr, 6), (round(low, 6), round(high, 6)), metrics.plates, "this file", _names(config)
    )


def calibrate(predict: Predictor, plates: EvaluationList, config: RecognitionConfig) -> CalibrationRecord:
    """Fits the calibration of a model's confidences on a list, as the best path reads it.

    The error that is left is that of plates that others calibrated, in five folds; the calibration is fitted on all.

    Raises:
        UserError: the list holds fewer than two different plates.
    """
    vocabulary = config.vocabulary()
    merged = [vocabulary.merge(label) for label in plates.labels]
    if len(set(merged)) < 2:
        raise UserError(
            f"--calibration_list: {_names(config)}: expected at least 2 different plates, received {len(set(merged))}; "
            "give hundreds of plates"
        )
    best_path = config.model_copy(update={"eval": config.eval.model_copy(update={"beam_width": 1})})
    result = evaluate(predict, plates, best_path, vocabulary)
    confidences = [reading.confidence for reading in result.readings]
    correct = [judgement.right for judgement in result.judgements]
    left = expected_calibration_error(cross_calibrate(confidences, correct, merged), correct)
    return CalibrationRecord(
        Calibration.fit(confidences, correct), round(result.ece, 6), round(left, 6), len(correct), _names(config)
    )


def _listed(
    lists: Sequence[str], config: RecognitionConfig, checkpoint: Checkpoint
) -> tuple[EvaluationList, RecognitionConfig] | None:
    """The plates of lists, and the settings to read them by."""
    if not lists:
        return None
    settings = config.eval.model_copy(update={"file_list_path": tuple(lists)})
    config = checkpoint.config.model_copy(update={"eval": settings})
    plates = EvaluationList.from_config(config)
    assert plates is not None  # there are lists
    return plates, config


def _measured(
    description: ModelDescription,
    predict: Predictor,
    measured: tuple[EvaluationList, RecognitionConfig] | None,
    calibrated: tuple[EvaluationList, RecognitionConfig] | None,
) -> ModelDescription:
    """A description with what the lists that are there say of the file."""
    if measured is not None:
        description = dataclasses.replace(description, measurement=measure(predict, *measured))
    if calibrated is not None:
        description = dataclasses.replace(description, calibration=calibrate(predict, *calibrated))
    return description


def _names(config: RecognitionConfig) -> str:
    return ", ".join(list_name(name) for name in config.eval.file_list_path)


def _measured_in_training(checkpoint: Checkpoint) -> Measurement | None:
    best = read_best(checkpoint.path.parent)
    if best is None or best[0] != checkpoint.step:
        return None
    names = _names(checkpoint.config) or "drawn plates, held out"
    return Measurement(best[1], None, None, "the checkpoint, in training", names)


def _refuse_kinds(checkpoint: Checkpoint, kinds: Sequence[str], per_channel: bool) -> None:
    integers = [kind for kind in kinds if kind != "float"]
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


def _tflite_predictor(data: bytes) -> Predictor:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(data)
        return Recognizer(path).predict


def _graph_predictor(graph: FrozenGraph, config: RecognitionConfig) -> Predictor:
    return lambda images: graph.predict(config.preprocessing.normalize(images))


def _run(data: bytes, images: NDArray[np.float32]) -> NDArray[np.float32]:
    model = open_interpreter(data)
    taken, given = model.inputs[0], model.outputs[0]
    return np.concatenate([given.dequantize(model.run(taken.quantize(image[None]))) for image in images])
