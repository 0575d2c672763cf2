"""The same plates through every form of a model: checkpoint, frozen graph, `.tflite` in LiteRT and in TFLite-Micro."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.deployment.layers import model_bytes, read_model_file, read_network
from lp_recognition.deployment.micro import MicroModel, is_installed, run_once
from lp_recognition.evaluation.metrics import Metrics, evaluate_readings
from lp_recognition.evaluation.opening import OpenedModel, Predictor, open_model
from lp_recognition.evaluation.recognition import EvaluationList
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.model_files.description import read_description
from lp_recognition.model_files.interpreter import TensorInfo, open_interpreter
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.reading.recognizer import pixel_values, read_logits
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.tables import format_table

_BATCH = 64
#: Below this ratio of signal to quantization noise, in decibels, a layer has fallen apart.
FALLEN_APART_DB = 10.0


@dataclass
class ModelResult:
    """How one form of the model read the list.

    Attributes:
        name: The file, and the interpreter where there are two.
        made_by: `float`, `quantization-aware training`, `quantization after training`; empty where it is not known.
        step: The real value of one step of its output; 0 where that is float.
        texts: What it read on each plate.
        metrics: The figures.
        different: Numbers of the plates on which it reads another text than the first model.
        largest_difference: Of its logits from the first model's.
        mean_difference: Of its logits from the first model's, without sign.
        beyond_two_steps: Share of its logits that are more than two output steps from the first model's.
        twins: Of a TFLite-Micro result: how many plates read another text in LiteRT with the same file, by the kernels
            it ran there.
        is_explanation: It is no form that is deployed, but tells where a difference comes from.
    """

    name: str
    made_by: str
    step: float
    texts: list[str] = field(default_factory=list)
    metrics: Metrics | None = None
    different: list[int] = field(default_factory=list)
    largest_difference: float = 0.0
    mean_difference: float = 0.0
    beyond_two_steps: float = 0.0
    twins: dict[str, int] = field(default_factory=dict)
    is_explanation: bool = False


@dataclass(frozen=True)
class LayerNoise:
    """How far a layer's quantized activations are from the float ones.

    Attributes:
        name: The layer.
        decibels: 10 log10(sum of squares of the signal / sum of squares of the difference).
    """

    name: str
    decibels: float


@dataclass(frozen=True)
class Comparison:
    """What came of comparing.

    Attributes:
        plates: The list.
        models: The models; the first is what the others are held against.
        notes: What was left out, and why.
        noise: For each integer file that was asked for, its layers in the order of running.
        merged_labels: The labels as the model would write them.
    """

    plates: EvaluationList
    models: tuple[ModelResult, ...]
    notes: tuple[str, ...]
    noise: dict[str, tuple[LayerNoise, ...]]
    merged_labels: tuple[str, ...]

    def beyond(self, bound: float) -> list[ModelResult]:
        """The models that read another text than the first on more than the share `bound` of the plates.

        LiteRT's reference kernels are left out: what they read, TFLite-Micro reads.
        """
        most = bound * len(self.plates.labels)
        return [model for model in self.models if len(model.different) > most and not model.is_explanation]

    def to_table(self) -> str:
        """The figures for a person, as Markdown tables."""
        step = self.output_step
        header = (
            "model",
            "made by",
            "LP-RR",
            "95% interval",
            "reads otherwise",
            "mean difference",
            "beyond 2 steps",
            "largest",
        )
        rows = []
        for number, model in enumerate(self.models):
            assert model.metrics is not None
            low, high = model.metrics.lp_rr_interval
            unit = model.step or step
            apart = ("-", "-", "-", "-")
            if number:
                share = len(model.different) / len(self.plates.labels)
                apart = (
                    f"{len(model.different)} ({share:.1%})",
                    difference_text(model.mean_difference, unit),
                    f"{model.beyond_two_steps:.3%}" if unit else "-",
                    difference_text(model.largest_difference, unit),
                )
            rows.append(
                (model.name, model.made_by or "-", f"{model.metrics.lp_rr:.1%}", f"{low:.1%} to {high:.1%}", *apart)
            )
        parts = [format_table(header, rows)]
        for model in self.models:
            for kernels, different in model.twins.items():
                parts.append(
                    f"{model.name} reads another text than LiteRT's {kernels} kernels with the same file on "
                    f"{different} of {len(self.plates.labels)} plates ({different / len(self.plates.labels):.2%})"
                )
        for name, layers in self.noise.items():
            parts.append(f"signal to quantization noise of {name}, layer by layer")
            parts.append(format_table(("layer", "dB"), [(layer.name, f"{layer.decibels:.1f}") for layer in layers]))
            parts.append(noise_verdict(layers))
        return "\n\n".join([*parts, *self.notes])

    @property
    def output_step(self) -> float:
        """The output step of the first integer file; 0 where there is none."""
        return next((model.step for model in self.models if model.step), 0.0)

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON knows them."""
        return {
            "plates": len(self.plates.labels),
            "output_step": self.output_step,
            "models": [
                {
                    "name": model.name,
                    "made_by": model.made_by,
                    "lp_rr": model.metrics.lp_rr if model.metrics else None,
                    "lp_rr_interval": list(model.metrics.lp_rr_interval) if model.metrics else None,
                    "output_step": model.step,
                    "different_plates": [self.plates.names[number] for number in model.different],
                    "largest_difference": model.largest_difference,
                    "mean_difference": model.mean_difference,
                    "beyond_two_steps": model.beyond_two_steps,
                    "differs_from_litert": model.twins,
                }
                for model in self.models
            ],
            "noise_db": {name: {layer.name: layer.decibels for layer in layers} for name, layers in self.noise.items()},
            "notes": list(self.notes),
        }


def compare(
    paths: Sequence[str],
    config: RecognitionConfig,
    lists: Sequence[str],
    *,
    most: int | None = None,
    noise_images: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Comparison:
    """Reads a list with every model, and each int8 `.tflite` in TFLite-Micro too, where that is installed.

    Args:
        paths: The models: `.ckpt`, `.pb` or `.frozen`, `.tflite`, or names of shipped ones. The first is what the
            others are held against.
        config: The settings of all of them, for those that do not describe themselves.
        lists: Annotated plates.
        most: Take so many plates, spread over the list; None for all.
        noise_images: Measure the noise of each layer of the integer files on so many plates; 0 for not. The signal
            is that of the first checkpoint among the models, in float.
        progress: Called with the number of plates after each batch.

    Raises:
        UserError: a model or list is missing or broken, or a model does not fit the config.
    """
    paths = [str(find_model(path)) for path in paths]
    opened = [(path, open_model(path, config, _read_graph)) for path in paths]
    reference = opened[0][1]
    settings = reference.config.model_copy(
        update={"eval": config.eval.model_copy(update={"file_list_path": tuple(lists)})}
    )
    plates = EvaluationList.from_config(settings)
    assert plates is not None  # there are lists
    if most is not None and most < len(plates.labels):
        chosen = np.linspace(0, len(plates.labels) - 1, most).astype(int)
        plates = EvaluationList(
            plates.images[chosen], [plates.labels[i] for i in chosen], [plates.names[i] for i in chosen], plates.skipped
        )
    notes: list[str] = []
    results, predictors = [], []
    twins: dict[str, dict[str, str]] = {}
    for path, model in opened:
        results.append(ModelResult(_shown(path, paths), _made_by(path, model), _step(path)))
        predictors.append(model.predict)
        micro = _micro_predictor(path, model, notes)
        if micro is not None:
            name, made_by, step = results[-1].name, results[-1].made_by, results[-1].step
            twins[f"{name}, TFLite-Micro"] = {"default": name}
            if step:  # in integers its arithmetic is defined to the last bit, by LiteRT's reference kernels
                twins[f"{name}, TFLite-Micro"]["reference"] = f"{name}, reference kernels"
                results.append(ModelResult(f"{name}, reference kernels", made_by, step, is_explanation=True))
                predictors.append(_reference_predictor(path, model))
            results.append(ModelResult(f"{name}, TFLite-Micro", made_by, step))
            predictors.append(micro)

    steps = [result.step or next((other.step for other in results if other.step), 0.0) for result in results]
    sums, beyond = np.zeros(len(results)), np.zeros(len(results))
    count = 0
    for first in range(0, len(plates.labels), _BATCH):
        images = plates.images[first : first + _BATCH]
        expected = None
        for number, (result, predict) in enumerate(zip(results, predictors, strict=True)):
            logits = predict(images)
            result.texts += [reading.text for reading in read_logits(logits, reference.vocabulary)]
            if expected is None:
                expected = logits
                count += logits.size
                continue
            apart = np.abs(logits - expected)
            sums[number] += apart.sum(dtype=np.float64)
            beyond[number] += (apart > 2.01 * steps[number]).sum() if steps[number] else 0
            result.largest_difference = max(result.largest_difference, float(apart.max()))
        if progress is not None:
            progress(len(images))
    by_name = {result.name: result for result in results}
    for number, result in enumerate(results):
        result.mean_difference = float(sums[number] / count)
        result.beyond_two_steps = float(beyond[number] / count)
        result.metrics = evaluate_readings(result.texts, plates.labels, reference.vocabulary, settings.lpr_patterns)
        result.different = _differing(result.texts, results[0].texts)
        for kernels, name in twins.get(result.name, {}).items():
            result.twins[kernels] = len(_differing(result.texts, by_name[name].texts))
    noise = _noise(paths, plates, noise_images, notes) if noise_images else {}
    merged = tuple(reference.vocabulary.merge(label) for label in plates.labels)
    return Comparison(plates, tuple(results), tuple(notes), noise, merged)


def _read_graph(path: Path) -> Any:
    from lp_recognition.export.frozen_graph import FrozenGraph

    return FrozenGraph(path)


def noise_verdict(layers: Sequence[LayerNoise]) -> str:
    """One sentence: the first layer that falls apart, or that none does and where most is lost."""
    for layer in layers:
        if layer.decibels < FALLEN_APART_DB:
            return (
                f"the first layer that falls apart is `{layer.name}`: {layer.decibels:.1f} dB, less than "
                f"{FALLEN_APART_DB:.0f} dB"
            )
    worst = min(layers, key=lambda layer: layer.decibels)
    return f"no layer falls apart; the lowest is `{worst.name}` with {worst.decibels:.1f} dB"


def difference_text(difference: float, step: float) -> str:
    """A difference of logits, in steps of the output where it has steps."""
    return f"{difference / step:.2f} steps" if step else f"{difference:.2g}"


def signal_to_noise(signal: NDArray[np.floating], other: NDArray[np.floating]) -> float:
    """The ratio of a signal to its difference from another, in decibels; infinite where they are equal."""
    noise = float(np.square(signal - other, dtype=np.float64).sum())
    power = float(np.square(signal, dtype=np.float64).sum())
    if noise == 0:
        return float("inf")
    return float(10 * np.log10(power / noise)) if power > 0 else float("-inf")


def _noise(
    paths: Sequence[str], plates: EvaluationList, most: int, notes: list[str]
) -> dict[str, tuple[LayerNoise, ...]]:
    checkpoints = [path for path in paths if Path(path).suffix == ".ckpt"]
    if not checkpoints:
        notes.append("no noise by layer: add a checkpoint (.ckpt) to --models, whose float activations are the signal")
        return {}
    import keras

    from lp_recognition.networks.restoring import restored_lprnet

    checkpoint = load_checkpoint(checkpoints[0], RecognitionConfig)
    model = restored_lprnet(checkpoint, quantized=False)
    outputs = {layer.name: layer.output for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)}
    images = checkpoint.config.preprocessing.normalize(plates.images[:most])
    signals = keras.Model(model.input, outputs)(images, training=False)
    found = {}
    for path in paths:
        data = read_model_file(path) if Path(path).suffix == ".tflite" else b""
        if data and _step(path):
            found[_shown(path, paths)] = tuple(_layer_noise(data, path, images, signals))
    return found


def _layer_noise(data: bytes, path: str, images: NDArray[np.float32], signals: Any) -> list[LayerNoise]:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    layers = [layer for layer in read_network(data, path).layers if layer.name in signals]
    interpreter = Interpreter(
        model_content=data,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    taken = open_interpreter(data, 1).inputs[0]
    activations: dict[str, list[NDArray[np.float32]]] = {layer.name: [] for layer in layers}
    for image in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], taken.quantize(image[None]))
        interpreter.invoke()
        for layer in layers:
            tensor = layer.outputs[0]
            values = interpreter.get_tensor(tensor.index).astype(np.float32)
            if tensor.scales:
                values = (values - tensor.zero_points[0]) * np.float32(tensor.scales[0])
            activations[layer.name].append(values)
    return [
        LayerNoise(
            name, signal_to_noise(np.asarray(signals[name]), np.concatenate(values).reshape(signals[name].shape))
        )
        for name, values in activations.items()
    ]


def _micro_predictor(path: str, model: OpenedModel, notes: list[str]) -> Predictor | None:
    """Runs a `.tflite` in TFLite-Micro; None, with a note where that is worth one, if it cannot."""
    if Path(path).suffix != ".tflite":
        return None
    if not is_installed():
        notes.append(f"{path}: not run in TFLite-Micro, which is not installed (extra [mcu])")
        return None
    data = model_bytes(read_model_file(path))
    run = run_once(data)
    if run.arena is None:
        notes.append(f"{path}: TFLite-Micro does not run it: {run.refusal}")
        return None
    micro = MicroModel(data)
    return _predictor(micro.inputs[0], micro.outputs[0], micro.run, model)


def _reference_predictor(path: str, model: OpenedModel) -> Predictor:
    """Runs a `.tflite` in LiteRT's reference kernels: slow, and bit for bit what TFLite-Micro's portable ones do."""
    reference = open_interpreter(path, reference_kernels=True)
    return _predictor(reference.inputs[0], reference.outputs[0], reference.run, model)


def _predictor(
    taken: TensorInfo, given: TensorInfo, run: Callable[[NDArray[Any]], NDArray[Any]], model: OpenedModel
) -> Predictor:
    values = pixel_values(taken, model.config.preprocessing)

    def predict(images: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.concatenate([given.dequantize(run(values[image[None]])) for image in images])

    return predict


def _differing(texts: Sequence[str], others: Sequence[str]) -> list[int]:
    return [number for number, (text, other) in enumerate(zip(texts, others, strict=True)) if text != other]


def _shown(path: str, paths: Sequence[str]) -> str:
    """The file's name; the whole path where two have the same."""
    names = [Path(other).name for other in paths]
    return Path(path).name if names.count(Path(path).name) == 1 else path


def _step(path: str) -> float:
    if Path(path).suffix != ".tflite":
        return 0.0
    given: TensorInfo = open_interpreter(path).outputs[0]
    return given.scale if given.is_quantized else 0.0


def _made_by(path: str, model: OpenedModel) -> str:
    suffix = Path(path).suffix
    if suffix == ".tflite":
        description = read_description(path)
        return "" if description is None else description.made_by
    if suffix == ".ckpt":
        return "quantization-aware training" if load_checkpoint(path, RecognitionConfig).quantized else "float"
    return ""
