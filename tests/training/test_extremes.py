"""The smallest and the largest value that the schema allows of each setting of a training: all of them train."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from color_task import ColorTask, config_of
from tiny_models import tiny_config

from lp_recognition.lists.annotations import read_annotations
from lp_recognition.lists.drawn import alphabet_of
from lp_recognition.lists.rows import LabelledRows
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.settings.training import LoopConfig
from lp_recognition.system.errors import ConfigError, UserError
from lp_recognition.training.batches import training_batches
from lp_recognition.training.loop import train
from lp_recognition.training.recognition import train as train_recognition


def bounds_of(name: str) -> tuple[float, float]:
    """The least and the greatest legal value by the schema itself."""
    field = LoopConfig.model_json_schema()["properties"][name]
    field = next((choice for choice in field.get("anyOf", []) if "type" in choice and choice["type"] != "null"), field)
    least = field.get("minimum", field.get("exclusiveMinimum", math.nan) + 1)
    greatest = field.get("maximum", field.get("exclusiveMaximum", math.nan) - 1)
    assert math.isfinite(least)
    assert math.isfinite(greatest)
    kind = int if field["type"] == "integer" else float
    return kind(least), kind(greatest)


#: Settings with bounds, but for those that would take hours at their greatest.
OPTIMIZATION = [
    "learning_rate", "learning_rate_warmup_steps", "learning_rate_decay_steps", "learning_rate_decay_factor",
    "weight_decay", "clip_norm", "grad_noise_scale", "teacher_share", "random_seed", "save_checkpoints_steps",
    "checkpoints_to_keep", "display_iter", "early_stopping",
]  # fmt: skip
BOUNDED = [*OPTIMIZATION, "batch_size", "steps", "quantization_delay", "workers"]


@pytest.mark.parametrize("name", BOUNDED)
def test_every_number_is_bounded(name, tmp_path):
    least, greatest = bounds_of(name)
    for value in (least, greatest):
        assert getattr(config_of(tmp_path, **{name: value}).train, name) == value
    for value in (least - 1, 2 * greatest + 1):
        with pytest.raises(ValueError, match=name):
            config_of(tmp_path, **{name: value})


def test_no_number_of_the_schema_is_left_out():
    properties = LoopConfig.model_json_schema()["properties"]
    numbers = {name for name, field in properties.items() if "number" in str(field) or "integer" in str(field)}
    assert numbers == set(BOUNDED)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("end", [0, 1])
@pytest.mark.parametrize("name", OPTIMIZATION)
def test_a_training_in_float_and_in_eight_bits(name, end, tmp_path):
    """It trains, or says in a line that it learns nothing sensible so."""
    values = {"steps": 2, "quantization_delay": 1, "save_checkpoints_steps": 1, "batch_size": 2} | {
        name: bounds_of(name)[end]
    }
    if name.startswith("learning_rate_decay"):
        values["learning_rate_schedule"] = "steps"
    try:
        assert train(config_of(tmp_path, **values), ColorTask.prepare).step == 2
    except UserError as error:
        assert (name, end) in {("learning_rate", 1), ("weight_decay", 1), ("grad_noise_scale", 1)}
        assert "with a lower train.learning_rate" in str(error)


@pytest.mark.usefixtures("eager")
def test_a_training_of_a_thousand_million_steps_begins(tmp_path):
    class Briefly(ColorTask):
        def evaluate(self, model):
            raise UserError("that will do")

    values = {"steps": bounds_of("steps")[1], "save_checkpoints_steps": 2, "quantization_delay": 10**9}
    with pytest.raises(UserError, match="that will do"):
        train(config_of(tmp_path, **values), Briefly.prepare)


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("rows", [1, 2, 3])
def test_lists_of_a_few_rows(crops, tmp_path, rows):
    config = listed(crops, tmp_path, rows, quantization_aware=True, train_batch_size=1, train_steps=2,
                    train_quantization_delay=1, train_dropout_rate=0.99)  # fmt: skip
    assert train_recognition(config).finished


def listed(crops: Path, folder: Path, rows: int, **values) -> RecognitionConfig:
    lines = [f"{row.path} {row.label}\n" for row in read_annotations(crops / "list.txt")[0][:rows]]
    (folder / "list.txt").write_text("".join(lines), encoding="utf-8")
    return tiny_config(folder / "model", train_file_list_path=str(folder / "list.txt"), **values)


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize(
    "values",
    [
        {"batch_size": 1}, {"batch_size": 1000}, {"generated_share": 1e-300}, {"generated_share": 1 - 1e-12},
        {"balance_first_character": 1e-300}, {"balance_first_character": 1.0}, {"repaint_share": 1e-300},
        {"repaint_share": 1.0}, {"random_seed": 0}, {"random_seed": 2**31 - 1},
    ],
)  # fmt: skip
def test_batches_of_a_few_rows(crops, tmp_path, rows, values):
    """Also a thousand million steps on; a batch of a thousand of a list of two took minutes once."""
    config = listed(crops, tmp_path, rows, **{f"train_{name}": value for name, value in values.items()})
    data = LabelledRows(read_annotations(config.train.file_list_path)[0], [])
    vocabulary = alphabet_of(config)
    for start in (0, 10**9 - 1):
        ((images, labels),) = training_batches(config, data, vocabulary, start, start + 1)
        assert images.shape == (config.train.batch_size, 24, 94, 3)
        assert np.isfinite(images).all()
        assert (labels >= 0).any(axis=1).all()


def test_a_teacher_or_an_early_end_without_what_it_needs(crops, tmp_path):
    with pytest.raises(ConfigError, match=r"train.early_stopping: expected plates to measure on, received no eval"):
        train_recognition(listed(crops, tmp_path, 1, train_early_stopping=1))
