"""The seam of the training loop: a task that has nothing to do with reading plates is trained by it, too."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import pytest

from lp_recognition.model_files.checkpoints import list_checkpoints, load_checkpoint, read_best
from lp_recognition.networks.quantization import QuantizableUnit, WeightQuantizer
from lp_recognition.settings.loading import load_settings
from lp_recognition.settings.training import LoopConfig, PositiveInt, TrainedConfig
from lp_recognition.system.errors import ConfigError
from lp_recognition.training.loop import train
from lp_recognition.training.task import Evaluation, Teacher

COLORS = {"blue": (150, 60, 10), "yellow": (20, 190, 230), "green": (90, 170, 60)}


class ColorConfig(TrainedConfig):
    """Which colour a plate has."""

    MODEL_SETTINGS: ClassVar[tuple[str, ...]] = ("colors", "filters")
    SETTLED_IN_TRAINING: ClassVar[tuple[str, ...]] = ("colors",)

    colors: tuple[str, ...] | None = None
    filters: PositiveInt = 8


class ColorTask:
    """Tells the colour of a plate from eight by eight pixels of it."""

    watched: Mapping[str, str] = {"loss": "loss", "accuracy": "accuracy"}

    def __init__(self, config: ColorConfig) -> None:
        self.config = config

    @classmethod
    def prepare(cls, config, resumed):
        return cls(config if config.colors is not None else config.with_values(colors=tuple(COLORS)))

    def announce(self):
        return [f"colors: {', '.join(self.config.colors)}"]

    def network(self, *, quantized):
        quantizer = WeightQuantizer() if quantized else None
        images = keras.Input((8, 8, 3))
        x = QuantizableUnit("conv", self.config.filters, (3, 3), weight_quantizer=quantizer, name="conv")(images)
        x = keras.layers.Flatten()(keras.layers.AveragePooling2D(8)(x))
        unit = QuantizableUnit(
            "dense", len(self.config.colors), batch_norm=False, relu=False, weight_quantizer=quantizer, name="scores"
        )
        return keras.Model(images, unit(x))

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
        rng = np.random.default_rng(number)
        labels = rng.integers(0, len(self.config.colors), self.config.train.batch_size)
        colors = np.array([COLORS[self.config.colors[label]] for label in labels], np.float32)
        noise = rng.normal(0, 10, (len(labels), 8, 8, 3))
        return ((colors[:, None, None] + noise) / 255).astype(np.float32), labels.astype(np.int32)

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


def test_it_is_trained_quantized_recorded_and_shown(tmp_path, capsys):
    result = train(config_of(tmp_path), ColorTask.prepare)
    assert (result.step, result.finished) == (40, True)
    assert result.evaluation.headline > 0.9
    assert read_best(tmp_path) == (40, result.evaluation.headline)  # and not the float one
    last = load_checkpoint(tmp_path / "model.ckpt-40.ckpt", ColorConfig)
    assert last.quantized
    assert not load_checkpoint(tmp_path / "model.ckpt-20.ckpt", ColorConfig).quantized
    assert last.config.colors == tuple(COLORS)
    assert load_settings(ColorConfig, tmp_path / "config.yaml") == last.config
    assert "step 40: 100% right" in capsys.readouterr().err
    assert list(tmp_path.glob("events.*"))


def test_a_stopped_run_goes_on_with_the_same_weights(tmp_path):
    train(config_of(tmp_path / "whole", learning_rate_schedule="constant"), ColorTask.prepare)
    halves = tmp_path / "halves"
    train(config_of(halves, learning_rate_schedule="constant", steps=25), ColorTask.prepare)
    train(config_of(halves, learning_rate_schedule="constant"), ColorTask.prepare)
    arrays = [
        load_checkpoint(folder / "model.ckpt-40.ckpt", ColorConfig).arrays for folder in (tmp_path / "whole", halves)
    ]
    assert set(arrays[0]) == set(arrays[1])
    assert all(np.array_equal(arrays[0][name], arrays[1][name]) for name in arrays[0])


def test_it_starts_from_other_weights_and_learns_from_a_teacher(tmp_path):
    train(config_of(tmp_path / "teacher"), ColorTask.prepare)
    checkpoint = str(tmp_path / "teacher" / "model.ckpt-20.ckpt")
    started = train(config_of(tmp_path / "started", steps=1), ColorTask.prepare, checkpoint)
    assert started.evaluation.headline > 0.9
    taught = train(config_of(tmp_path / "taught", teacher=checkpoint, teacher_share=1.0), ColorTask.prepare)
    assert taught.evaluation.headline > 0.9


def test_a_checkpoint_of_another_model_is_refused_by_name(tmp_path):
    train(config_of(tmp_path, steps=20), ColorTask.prepare)
    with pytest.raises(ConfigError, match=r"other settings of the model: filters: expected 8, received 4"):
        train(config_of(tmp_path).with_values(filters=4), ColorTask.prepare)
    assert list(itertools.islice(list_checkpoints(tmp_path), 2)) == [20]


def test_the_schema_is_closed_and_suggests(tmp_path):
    config = tmp_path / "colors.py"
    config.write_text("filters = 4\nclass train:\n    bacth_size = 2\n")
    with pytest.raises(ConfigError, match=r"unknown key `train.bacth_size`.*`train.batch_size`"):
        load_settings(ColorConfig, config)
    config.write_text("filters = 4\n")
    assert load_settings(ColorConfig, config, ["train.batch_size=2"]).train.batch_size == 2
