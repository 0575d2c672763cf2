"""Averaging checkpoints: the mean of weights, of one network alone."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_models import tiny_config

from lp_recognition.model_files.checkpoints import load_checkpoint, save_checkpoint
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError, UserError
from lp_recognition.tools.average_checkpoints import main


@pytest.fixture
def config(tmp_path):
    made = tiny_config(alphabet="京AB")
    save_settings(made, tmp_path / "config.yaml")
    return made


def write(path, config, step: int, value: float, **more: np.ndarray) -> str:
    arrays = {"conv/kernel": np.full((3, 2), value, np.float32), "ranges/batches_seen": np.array(step)}
    save_checkpoint(path, step, config, {**arrays, "optimizer/m": np.ones(step), **more})
    return str(path)


def test_the_mean_of_weights_and_the_counts_of_the_last(config, tmp_path, capsys):
    paths = [write(tmp_path / f"{step}.ckpt", config, step, value) for step, value in ((3, 1.0), (7, 2.0), (9, 6.0))]
    output = tmp_path / "mean.ckpt"
    assert main([str(tmp_path / "config.yaml"), "--checkpoints", *paths, "--output", str(output)]) == 0
    mean = load_checkpoint(output, RecognitionConfig)
    assert mean.step == 9
    assert mean.config == config
    assert sorted(mean.arrays) == ["conv/kernel", "ranges/batches_seen"]
    assert mean.arrays["conv/kernel"].dtype == np.float32
    assert np.array_equal(mean.arrays["conv/kernel"], np.full((3, 2), 3.0))
    assert mean.arrays["ranges/batches_seen"] == 9
    assert "the mean of 3 checkpoints" in capsys.readouterr().out


def test_one_checkpoint_is_no_mean(config, tmp_path):
    path = write(tmp_path / "1.ckpt", config, 1, 1.0)
    with pytest.raises(UserError, match="--checkpoints: expected at least two, received one"):
        main([str(tmp_path / "config.yaml"), "--checkpoints", path, "--output", str(tmp_path / "mean.ckpt")])


@pytest.mark.parametrize(
    ("changes", "more", "step", "problem"),
    [
        ({"stem_filters": 4}, {}, 2, r"2\.ckpt.*stem_filters"),
        (
            {},
            {"head/bias": np.zeros(2, np.float32)},
            2,
            "expected checkpoints of one network, received different weights",
        ),
        ({}, {}, 0, "expected float weights, or weights in 8 bits, in all checkpoints, received both"),
    ],
    ids=["another network", "other weights", "float"],
)
def test_checkpoints_that_have_no_mean(config, tmp_path, changes, more, step, problem):
    paths = [
        write(tmp_path / "1.ckpt", config, 1, 1.0),
        write(tmp_path / "2.ckpt", config.with_values(**changes), step, 1.0, **more),
    ]
    output = tmp_path / "mean.ckpt"
    with pytest.raises((ConfigError, UserError), match=problem):
        main([str(tmp_path / "config.yaml"), "--checkpoints", *paths, "--output", str(output)])
    assert not output.exists()
