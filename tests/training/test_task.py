"""The seam of the training loop: a task that has nothing to do with reading plates is trained by it, too."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from color_task import COLORS, ColorConfig, ColorTask, config_of

from lp_recognition.model_files.checkpoints import list_checkpoints, load_checkpoint, read_best
from lp_recognition.settings.loading import load_settings
from lp_recognition.system.errors import ConfigError
from lp_recognition.training.loop import train


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
