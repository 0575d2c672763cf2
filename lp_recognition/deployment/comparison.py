"""The same images through every form of a model: checkpoint, frozen graph, `.tflite` in LiteRT and in TFLite-Micro."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.deployment.layers import model_bytes, read_model_file
from lp_recognition.deployment.micro import MicroModel, is_installed, run_once
from lp_recognition.deployment.noise import LayerNoise, layer_noise, noise_table, noise_verdict
from lp_recognition.deployment.task import ComparisonTask, Score, Subject
from lp_recognition.evaluation.opening import Opened, Predictor
from lp_recognition.images.image import Image
from lp_recognition.model_files.interpreter import image_predictor, open_interpreter
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.settings.loading import Schema
from lp_recognition.system.tables import format_table

_BATCH = 64
#: What is less probable than this is not taken for chance.
_CHANCE = 0.05

#: How a form computes. Two forms of one model give the same numbers where they compute alike.
FLOAT, INTEGERS, AFTER_TRAINING, TWICE_ROUNDED = "float", "8 bits", "8 bits after training", "8 bits, rounded twice"


@dataclass(frozen=True)
class Bounds:
    """How far a form may be from the first model, in shares of the images.

    Attributes:
        otherwise: May be read otherwise by a form that computes as the first model does: it promises the same numbers.
        fewer_right: Fewer may be read right by a form that computes otherwise (float beside 8 bits, ranges found after
            training, two roundings in place of one): there, doubtful images tip either way. What chance alone may have
            done is not held against it.
    """

    otherwise: float = 0.005
    fewer_right: float = 0.01


@dataclass
class ModelResult:
    """How one form of the model read the list.

    Attributes:
        name: The file, and the interpreter where there are two.
        made_by: `float`, `quantization-aware training`, `quantization after training`; empty where it is not known.
        step: The real value of one step of its output; 0 where that is float.
        arithmetic: How it computes: `FLOAT`, `INTEGERS`, ...; empty where it is not known.
        readings: What it read on each image.
        score: The figures.
        different: Numbers of the images that it reads otherwise than the first model.
        largest_difference: Of its outputs from the first model's.
        mean_difference: Of its outputs from the first model's, without sign.
        beyond_two_steps: Share of its outputs that are more than two output steps from the first model's.
        twins: Of a TFLite-Micro result: how many images are read otherwise in LiteRT with the same file, by the kernels
            it ran there.
        is_explanation: It is no form that is deployed, but tells where a difference comes from.
    """

    name: str
    made_by: str
    step: float
    arithmetic: str = ""
    readings: list[Any] = field(default_factory=list)
    score: Score | None = None
    different: list[int] = field(default_factory=list)
    largest_difference: float = 0.0
    mean_difference: float = 0.0
    beyond_two_steps: float = 0.0
    twins: dict[str, int] = field(default_factory=dict)
    is_explanation: bool = False

    def computes_as(self, other: ModelResult) -> bool:
        """Whether it should give another form's very numbers; so should one of which nothing is known."""
        ways = {self.arithmetic, other.arithmetic}
        return "" in ways or (len(ways) == 1 and AFTER_TRAINING not in ways)  # whose ranges are each file's own

    def problem(self, reference: ModelResult, bounds: Bounds) -> str:
        """What is wrong with it beside the first model; empty where nothing is."""
        assert self.score is not None
        assert reference.score is not None
        total = len(self.readings)
        if self.computes_as(reference):
            different = len(self.different) / total
            if different <= bounds.otherwise:
                return ""
            share = f"{different:.1%} of the list, more than {bounds.otherwise:.1%}"
            return f"reads otherwise than {reference.name} on {share}"
        pairs = list(zip(reference.score.right, self.score.right, strict=True))
        lost, won = pairs.count((True, False)), pairs.count((False, True))
        if (lost - won) / total <= bounds.fewer_right or _by_chance(lost, won) > _CHANCE:
            return ""
        return (
            f"reads {lost - won} fewer right than {reference.name}, {(lost - won) / total:.1%} of the list, more than "
            f"{bounds.fewer_right:.1%} and more than chance would ({lost} lost, {won} won)"
        )

    def allowed(self, reference: ModelResult, bounds: Bounds) -> str:
        """How far it may be from the first model, for a person."""
        if self.computes_as(reference):
            return f"{bounds.otherwise:.1%} otherwise"
        return f"{bounds.fewer_right:.1%} fewer right"


@dataclass(frozen=True)
class Comparison:
    """What came of comparing.

    Attributes:
        subject: The list.
        headline: What the headline figure is called.
        noun: What an image shows, in the plural.
        models: The models; the first is what the others are held against.
        notes: What was left out, and why.
        noise: For each integer file that was asked for, its layers in the order of running.
    """

    subject: Subject
    headline: str
    noun: str
    models: tuple[ModelResult, ...]
    notes: tuple[str, ...]
    noise: dict[str, tuple[LayerNoise, ...]]

    def beyond(self, bounds: Bounds) -> dict[str, str]:
        """The models that are not what they should be, by name, and what is wrong.

        LiteRT's reference kernels are left out: what they read, TFLite-Micro reads.
        """
        reference, total = self.models[0], len(self.subject.names)
        wrong = {}
        for model in self.models[1:]:
            problem = "" if model.is_explanation else model.problem(reference, bounds)
            if model.twins.get("reference"):
                problem = (
                    f"reads otherwise than LiteRT's reference kernels on {model.twins['reference']} of {total} "
                    f"{self.noun}; the two compute the same to the last bit"
                )
            if problem:
                wrong[model.name] = problem
        return wrong

    def to_table(self, bounds: Bounds) -> str:
        """The figures for a person, as Markdown tables."""
        total = len(self.subject.names)
        parts = [format_table(self.header, [self.row(model, bounds) for model in self.models])]
        for model in self.models:
            for kernels, different in model.twins.items():
                parts.append(
                    f"{model.name} reads otherwise than LiteRT's {kernels} kernels with the same file on "
                    f"{different} of {total} {self.noun} ({different / total:.2%})"
                )
        if self.noise:
            parts.append("signal to quantization noise in dB, layer by layer")
            parts.append(noise_table(self.noise))
            parts += [f"{name}: {noise_verdict(layers)}" for name, layers in self.noise.items()]
        return "\n\n".join([*parts, *self.notes])

    @property
    def header(self) -> tuple[str, ...]:
        """What stands above the columns of the table."""
        return (
            "model", "made by", self.headline, "95% interval", "reads otherwise", "allowed", "mean difference",
            "beyond 2 steps", "largest",
        )  # fmt: skip

    def row(self, model: ModelResult, bounds: Bounds) -> tuple[str, ...]:
        """A model's cells of the table, in the order of its header."""
        assert model.score is not None
        low, high = model.score.interval
        apart = ("-",) * 5
        if model is not self.models[0]:
            unit = model.step or self.output_step
            apart = (
                f"{len(model.different)} ({len(model.different) / len(self.subject.names):.1%})",
                "-" if model.is_explanation else model.allowed(self.models[0], bounds),
                _difference_text(model.mean_difference, unit),
                f"{model.beyond_two_steps:.3%}" if unit else "-",
                _difference_text(model.largest_difference, unit),
            )
        return (model.name, model.made_by or "-", f"{model.score.value:.1%}", f"{low:.1%} to {high:.1%}", *apart)

    @property
    def output_step(self) -> float:
        """The output step of the first integer file; 0 where there is none."""
        return next((model.step for model in self.models if model.step), 0.0)

    def to_dict(self, bounds: Bounds) -> dict[str, Any]:
        """All figures as JSON knows them."""
        return {
            self.noun: len(self.subject.names),
            "output_step": self.output_step,
            "models": [self._model_dict(model, bounds) for model in self.models],
            "noise_db": {name: {layer.name: layer.decibels for layer in layers} for name, layers in self.noise.items()},
            "wrong": self.beyond(bounds),
            "notes": list(self.notes),
        }

    def _model_dict(self, model: ModelResult, bounds: Bounds) -> dict[str, Any]:
        assert model.score is not None
        headline = self.headline.lower().replace("-", "_")
        return {
            "name": model.name,
            "made_by": model.made_by,
            "arithmetic": model.arithmetic,
            headline: model.score.value,
            f"{headline}_interval": list(model.score.interval),
            "output_step": model.step,
            f"different_{self.noun}": [self.subject.names[number] for number in model.different],
            "allowed": model.allowed(self.models[0], bounds),
            "largest_difference": model.largest_difference,
            "mean_difference": model.mean_difference,
            "beyond_two_steps": model.beyond_two_steps,
            "differs_from_litert": model.twins,
        }


def compare(
    task: ComparisonTask[Schema],
    paths: Sequence[str],
    config: Schema,
    lists: Sequence[str],
    *,
    most: int | None = None,
    noise_images: int = 0,
    progress: Callable[[int], object] | None = None,
) -> Comparison:
    """Reads a list with every model, and each int8 `.tflite` in TFLite-Micro too, where that is installed.

    Args:
        task: What the models were trained for.
        paths: The models: `.ckpt`, `.pb` or `.frozen`, `.tflite`, or names of shipped ones. The first is what the
            others are held against.
        config: The settings of all of them, for those that do not describe themselves.
        lists: Lists with what is right.
        most: Take so many images, spread over the list; None for all.
        noise_images: Measure the noise of each layer of the integer files on so many images; 0 for not. The signal
            is that of the first checkpoint among the models, in float.
        progress: Called with the number of images after each batch.

    Raises:
        UserError: a model or list is missing or broken, or a model does not fit the config.
    """
    paths = [str(find_model(path)) for path in paths]
    opened = [task.open(path, config) for path in paths]
    subject = task.subject(opened[0].config, config, lists, most)
    preprocessing = task.meaning.preprocessing(opened[0].config)
    notes: list[str] = []
    forms = [form for path, model in zip(paths, opened, strict=True)
             for form in _forms(path, model, _shown(path, paths), preprocessing, notes)]  # fmt: skip
    run_forms(forms, subject, progress)
    results = [result for result, _ in forms]
    by_name = {result.name: result for result in results}
    for result in results:
        result.score = subject.judge(result.readings)
        result.different = _differing(subject, result, results[0])
        for kernels, name in _TWINS.items():
            twin = by_name.get(result.name.replace(_MICRO, name)) if result.name.endswith(_MICRO) else None
            if twin is not None:
                result.twins[kernels] = len(_differing(subject, result, twin))
    noise = _noise(task, paths, preprocessing.normalize(subject.images[:noise_images]), notes) if noise_images else {}
    return Comparison(subject, task.headline, task.noun, tuple(results), tuple(notes), noise)


# What a name ends in where the same file runs elsewhere, and whom a result in TFLite-Micro is held against.
_MICRO, _REFERENCE = ", TFLite-Micro", ", reference kernels"
_TWINS = {"default": "", "reference": _REFERENCE}


def _forms(
    path: str, model: Opened, name: str, preprocessing: Any, notes: list[str]
) -> list[tuple[ModelResult, Predictor]]:
    """A model as it was opened, and where it is an integer file, in the other interpreters that run it."""
    is_file = Path(path).suffix == ".tflite"
    given = open_interpreter(path).outputs[0] if is_file else None
    step = given.scale if given is not None and given.is_quantized else 0.0
    arithmetic = _arithmetic(model.made_by, is_file, step)
    forms = [(ModelResult(name, model.made_by, step, arithmetic), model.predict)]
    micro = _micro_model(path, notes) if is_file else None
    if micro is None:
        return forms
    twice = TWICE_ROUNDED if step else arithmetic
    if step:  # in integers its arithmetic is defined to the last bit, by LiteRT's reference kernels
        reference = open_interpreter(path, reference_kernels=True)
        result = ModelResult(name + _REFERENCE, model.made_by, step, twice, is_explanation=True)
        forms.append((result, image_predictor(reference, preprocessing)))
    forms.append((ModelResult(name + _MICRO, model.made_by, step, twice), image_predictor(micro, preprocessing)))
    return forms


def _arithmetic(made_by: str, is_file: bool, step: float) -> str:
    """How a form computes, as far as it says; of a `.tflite` its output says whether it computes in integers."""
    if is_file and not step:
        return FLOAT
    if made_by == "quantization after training":
        return AFTER_TRAINING
    return INTEGERS if step or made_by == "quantization-aware training" else made_by


def run_forms(
    forms: Sequence[tuple[ModelResult, Predictor]], subject: Subject, progress: Callable[[int], object] | None
) -> None:
    """Runs all forms on all images, and fills in what they read and how far their outputs are apart."""
    any_step = next((result.step for result, _ in forms if result.step), 0.0)
    sums, beyond = np.zeros(len(forms)), np.zeros(len(forms))
    count = 0
    for first in range(0, len(subject.images), _BATCH):
        images: Image = subject.images[first : first + _BATCH]
        expected: NDArray[np.float32] | None = None
        for number, (result, predict) in enumerate(forms):
            outputs = predict(images)
            result.readings += subject.read(outputs)
            if expected is None:
                expected = outputs
                count += outputs.size
                continue
            apart, step = np.abs(outputs - expected), result.step or any_step
            sums[number] += apart.sum(dtype=np.float64)
            beyond[number] += (apart > 2.01 * step).sum() if step else 0
            result.largest_difference = max(result.largest_difference, float(apart.max()))
        if progress is not None:
            progress(len(images))
    for number, (result, _) in enumerate(forms):
        result.mean_difference = float(sums[number] / count)
        result.beyond_two_steps = float(beyond[number] / count)


def _noise(
    task: ComparisonTask[Any], paths: Sequence[str], images: NDArray[np.float32], notes: list[str]
) -> dict[str, tuple[LayerNoise, ...]]:
    checkpoints = [path for path in paths if Path(path).suffix == ".ckpt"]
    if not checkpoints:
        notes.append("no noise by layer: add a checkpoint (.ckpt) to --models, whose float activations are the signal")
        return {}
    network = task.float_network(checkpoints[0])
    files = [path for path in paths if Path(path).suffix == ".tflite" and open_interpreter(path).outputs[0].scale]
    return {_shown(path, paths): layer_noise(read_model_file(path), path, images, network) for path in files}


def _micro_model(path: str, notes: list[str]) -> MicroModel | None:
    """Opens a `.tflite` in TFLite-Micro; None, with a note, if it cannot."""
    if not is_installed():
        notes.append(f"{path}: not run in TFLite-Micro, which is not installed (extra [mcu])")
        return None
    data = model_bytes(read_model_file(path))
    run = run_once(data)
    if run.arena is None:
        notes.append(f"{path}: TFLite-Micro does not run it: {run.refusal}")
        return None
    return MicroModel(data)


def _differing(subject: Subject, result: ModelResult, other: ModelResult) -> list[int]:
    pairs = zip(result.readings, other.readings, strict=True)
    return [number for number, (reading, expected) in enumerate(pairs) if subject.differ(reading, expected)]


def _by_chance(lost: int, won: int) -> float:
    """How probable it is to lose so many or more of those that only one form reads right, if both were as good.

    The sign test, one-sided: each is lost with a probability of a half.
    """
    count = lost + won
    return sum(math.comb(count, number) for number in range(lost, count + 1)) / 2**count


def _difference_text(difference: float, step: float) -> str:
    """A difference of outputs, in steps where they have steps."""
    return f"{difference / step:.2f} steps" if step else f"{difference:.2g}"


def _shown(path: str, paths: Sequence[str]) -> str:
    """The file's name; the whole path where two have the same."""
    names = [Path(other).name for other in paths]
    return Path(path).name if names.count(Path(path).name) == 1 else path
