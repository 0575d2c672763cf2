"""A task that has nothing to do with reading plates: which colour a plate has. It proves the seams of the tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import keras
import numpy as np

from lp_recognition.deployment.task import Score
from lp_recognition.evaluation.opening import Opened
from lp_recognition.export.frozen_graph import FrozenGraph
from lp_recognition.model_files.checkpoints import load_checkpoint, read_best
from lp_recognition.model_files.description import read_description
from lp_recognition.model_files.interpreter import image_predictor, open_interpreter
from lp_recognition.model_files.meaning import Advice, OutputMeaning
from lp_recognition.networks.integers import compute_in_integers
from lp_recognition.networks.quantization import QuantizableUnit, WeightQuantizer
from lp_recognition.networks.restoring import restore
from lp_recognition.settings.training import InputShape, LoopConfig, PositiveInt, TrainedConfig
from lp_recognition.training.task import Evaluation, Teacher

COLORS = {"blue": (150, 60, 10), "yellow": (20, 190, 230), "green": (90, 170, 60)}


class ColorConfig(TrainedConfig):
    """Which colour a plate has."""

    MODEL_SETTINGS: ClassVar[tuple[str, ...]] = ("colors", "filters")
    SETTLED_IN_TRAINING: ClassVar[tuple[str, ...]] = ("colors",)

    task: Literal["colors"] = "colors"
    input_shape: InputShape = (8, 8, 3)
    symmetric_range: bool = False
    colors: tuple[str, ...] | None = None
    filters: PositiveInt = 8


def patches(config: ColorConfig, number: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Patches of plates, uint8, and the index of the colour of each."""
    rng = np.random.default_rng(number)
    labels = rng.integers(0, len(config.colors), count)
    colors = np.array([COLORS[config.colors[label]] for label in labels], np.float32)
    noise = rng.normal(0, 10, (count, 8, 8, 3))
    return np.clip(colors[:, None, None] + noise, 0, 255).astype(np.uint8), labels.astype(np.int32)


class ColorTask:
    """Tells the colour of a plate from eight by eight pixels of it."""

    watched: Mapping[str, str] = {"loss": "loss", "accuracy": "accuracy"}

    def __init__(self, config: ColorConfig) -> None:
        self.config = config

    @classmethod
    def prepare(cls, config, resumed):
        return cls(config if config.colors is not None else config.with_values(colors=tuple(COLORS)))

    def announce(self, model):
        return [f"colors: {', '.join(self.config.colors)}"]

    def network(self, *, quantized):
        quantizer = WeightQuantizer() if quantized else None
        images = keras.Input((8, 8, 3))
        x = QuantizableUnit("conv", self.config.filters, (3, 3), weight_quantizer=quantizer, name="conv")(images)
        x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8, name="pool")(x))
        unit = QuantizableUnit(
            "dense", len(self.config.colors), batch_norm=False, relu=False, weight_quantizer=quantizer, name="scores"
        )
        return keras.Model(images, unit(x), name="colors")

    def teacher(self):
        if not self.config.train.teacher:
            return None
        model = self.network(quantized=False)
        self.initialize(model, load_checkpoint(self.config.train.teacher, ColorConfig))
        return Teacher(model, lambda taught, scores: keras.ops.mean(keras.ops.square(taught - scores)))

    def loss(self):
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)

    def metrics(self):
        return ["accuracy"]

    def batches(self, start, stop):
        return (self.batch(number) for number in range(start, stop))

    def batch(self, number):
        pixels, labels = patches(self.config, number, self.config.train.batch_size)
        return self.config.preprocessing.normalize(pixels), labels

    def initialize(self, model, checkpoint):
        for weight in model.weights:
            if f"weights/{weight.path}" in checkpoint.arrays:
                weight.assign(checkpoint.arrays[f"weights/{weight.path}"])

    def evaluate(self, model):
        images, labels = self.batch(-1 % 2**32)
        right = float((np.asarray(model(images, training=False)).argmax(axis=1) == labels).mean())
        return Evaluation(right, f"{right:.0%} right", {"right": right}, {"first": (255 * images[0]).astype(np.uint8)})

    def alarm(self, means, steps):
        return "colour-blind" if means["accuracy"] < 0.1 else ""


def config_of(folder: Path, **train: object) -> ColorConfig:
    settings = {"batch_size": 16, "steps": 40, "learning_rate": 0.05, "learning_rate_warmup_steps": 0,
                "quantization_delay": 20, "save_checkpoints_steps": 20, "display_iter": 10, "workers": 0}  # fmt: skip
    return ColorConfig(model_dir=str(folder), quantization_aware=True, train=LoopConfig(**settings | train))


@dataclass(frozen=True)
class Accuracy:
    """The share of patches whose colour is told."""

    right: float
    patches: int

    @property
    def summary(self) -> str:
        return f"{self.right:.1%} of {self.patches} colours"

    def to_values(self) -> dict:
        return dict(vars(self))


class ColorMeaning:
    """What files that tell colours say of themselves."""

    name = "colors"
    network = "Colours"
    purpose = "Colour of a plate"
    subject = "A patch of a plate"
    schema = ColorConfig
    settings = ("colors", "filters")
    advice = Advice(flash="fewer filters")

    def preprocessing(self, config):
        return config.preprocessing

    def output(self, config):
        return OutputMeaning("scores", "A score for each colour.", ("batch", "colors"), config.colors)

    def facts(self, config):
        return {"colors": list(config.colors)}

    def parse_measurement(self, values):
        return Accuracy(**values)

    def parse_calibration(self, values):
        raise ValueError("colours have no calibration")


class ColorExport:
    """Its networks as files."""

    meaning = ColorMeaning()

    def settled(self, config):
        return config

    def network(self, config, *, quantized, per_channel=None):
        return ColorTask(config).network(quantized=quantized)

    def read_lists(self, lists: Sequence[str], config):
        return patches(config, int(lists[0]), 50)  # a list is a number here

    def measure(self, predict, listed):
        images, labels = listed
        return Accuracy(float((predict(images).argmax(axis=1) == labels).mean()), len(labels))

    def calibrate(self, predict, listed):
        raise NotImplementedError

    def measured_in_training(self, checkpoint):
        best = read_best(checkpoint.path.parent)
        return None if best is None or best[0] != checkpoint.step else Accuracy(best[1], 16)

    def typical_images(self, lists, config, most):
        return patches(config, int(lists[0]), most)[0]


class ColorComparison:
    """Its files held against each other."""

    meaning = ColorMeaning()
    headline = "accuracy"
    noun = "patches"

    def open(self, path, config):
        preprocessing = config.preprocessing
        if Path(path).suffix == ".ckpt":
            checkpoint = load_checkpoint(path, ColorConfig)
            model = self._network(checkpoint, quantized=checkpoint.quantized)
            compute_in_integers(model, preprocessing)
            made_by = "quantization-aware training" if checkpoint.quantized else "float"
            return Opened(
                predict=lambda images: np.asarray(model(preprocessing.normalize(images), training=False)),
                config=checkpoint.config, source=str(path), made_by=made_by,
            )  # fmt: skip
        if Path(path).suffix == ".tflite":
            described = read_description(path, [self.meaning])
            predict = image_predictor(open_interpreter(path), preprocessing)
        else:
            graph = FrozenGraph(path, [self.meaning])
            described = graph.description
            predict = lambda images: graph.predict(preprocessing.normalize(images))  # noqa: E731
        return Opened(predict=predict, config=described.config, source=str(path), made_by=described.made_by)

    def subject(self, reference, config, lists, most):
        return ColorSubject(reference, int(lists[0]), most or 50)

    def float_network(self, path):
        return self._network(load_checkpoint(path, ColorConfig), quantized=False)

    def _network(self, checkpoint, *, quantized):
        model = ColorTask(checkpoint.config).network(quantized=quantized)
        return restore(model, checkpoint, checkpoint.config.preprocessing)


class ColorSubject:
    """Patches whose colour is known; a reading is the number of a colour."""

    def __init__(self, config, number, count):
        self.images, self._answers = patches(config, number, count)
        self.names = [f"patch {place}" for place in range(count)]
        self._colors = config.colors
        self.labels = [self.show(answer) for answer in self._answers]

    def read(self, outputs):
        return outputs.argmax(axis=1).tolist()

    def differ(self, one, other):
        return one != other

    def show(self, reading):
        return self._colors[reading]

    def judge(self, readings):
        right = (np.array(readings) == self._answers).tolist()
        return Score(float(np.mean(right)), (0.0, 1.0), right)
