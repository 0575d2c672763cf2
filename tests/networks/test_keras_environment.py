"""The networks' settings are their own: no keras.json changes them, and an unusable back end is one line."""

from __future__ import annotations

import importlib.util
import json
import os
import sys

import numpy as np
import pytest
from tiny_models import run_python

from lp_recognition.networks.lprnet import Architecture, build_lprnet
from lp_recognition.system.keras_environment import backend_name, settle_keras

FOREIGN = {"image_data_format": "channels_first", "floatx": "float16", "epsilon": 0.1, "backend": "torch"}
VARIABLES = {"KERAS_MAX_STEPS_PER_EPOCH": "1", "KERAS_MAX_EPOCHS": "none", "KERAS_BACKEND": ""}

#: Makes a network, with Keras imported after ours or before, and writes what it computes.
LOGITS = """
import sys
if sys.argv[1] == "first":
    import keras
import numpy as np
import lp_recognition.training.loop
import keras
from lp_recognition.networks.lprnet import Architecture, build_lprnet
keras.utils.set_random_seed(0)
model = build_lprnet(Architecture((24, 94, 3), num_classes=5, width_multiplier=0.1, block_filters=((96,),)))
logits = model(np.random.default_rng(0).uniform(-1, 1, (2, 24, 94, 3)).astype("float32"), training=False)
print(keras.backend.backend(), keras.config.floatx(), keras.config.epsilon(), keras.config.image_data_format())
np.save(sys.argv[2], np.asarray(logits))
"""


def expected_logits() -> np.ndarray:
    import keras

    keras.utils.set_random_seed(0)
    model = build_lprnet(Architecture((24, 94, 3), num_classes=5, width_multiplier=0.1, block_filters=((96,),)))
    return np.asarray(model(np.random.default_rng(0).uniform(-1, 1, (2, 24, 94, 3)).astype("float32"), training=False))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("order", "keras_json"),
    [("after", json.dumps(FOREIGN)), ("after", "[]"), ("first", json.dumps(FOREIGN | {"backend": "tensorflow"}))],
)
def test_a_keras_json_changes_nothing(tmp_path, order, keras_json):
    (tmp_path / ".keras").mkdir()
    (tmp_path / ".keras" / "keras.json").write_text(keras_json)
    variables = VARIABLES if order == "after" else {"KERAS_BACKEND": ""}
    result = run_python("-c", LOGITS, order, tmp_path / "logits.npy", HOME=str(tmp_path), **variables)
    assert result.returncode == 0, result.stderr[-2000:]
    assert result.stdout.split() == ["tensorflow", "float32", "1e-07", "channels_last"]
    np.testing.assert_allclose(np.load(tmp_path / "logits.npy"), expected_logits(), atol=1e-6)


@pytest.mark.slow
def test_none_is_written(tmp_path):
    result = run_python("-c", LOGITS, "after", tmp_path / "logits.npy", HOME=str(tmp_path))
    assert result.returncode == 0, result.stderr[-2000:]
    assert [path.name for path in tmp_path.iterdir()] == ["logits.npy"]


@pytest.mark.parametrize("name", ["torch", "nonsense"])
def test_an_unusable_back_end_is_one_line(name, tmp_path):
    result = run_python("train_lpr.py", "config", f"model_dir={tmp_path / 'model'}", KERAS_BACKEND=name)
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1] == (
        f"error: KERAS_BACKEND: expected tensorflow or jax, received '{name}'; unset it for tensorflow"
    )
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "model").exists()


@pytest.mark.slow
@pytest.mark.parametrize("script", ["eval_lpr.py", "export_frozen_graph.py"])
def test_so_it_is_for_who_opens_a_checkpoint(script, trained, tmp_path):
    config = str(trained.folder / "config.yaml")
    option = "eval.output_dir=" if script.startswith("eval") else "--output_dir="
    result = run_python(
        script, config, "--checkpoint", trained.checkpoint, f"{option}{tmp_path}", KERAS_BACKEND="torch"
    )
    assert result.returncode == 2
    assert "error: KERAS_BACKEND: expected tensorflow or jax, received 'torch'" in result.stderr
    assert "Traceback" not in result.stderr


def test_the_environment_chooses(monkeypatch):
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    assert backend_name() == "tensorflow"
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    assert backend_name() == "jax"


@pytest.mark.parametrize("name", ["KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED"])
def test_what_is_meant_for_looking_for_faults_does_not_count(name, monkeypatch):
    for variable in ("KERAS_HOME", "KERAS_BACKEND", name):  # set, so that they are put back
        monkeypatch.setenv(variable, "")
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    settle_keras()
    assert name not in os.environ


@pytest.mark.skipif(importlib.util.find_spec("jax") is not None, reason="jax is installed")
def test_a_back_end_that_is_not_installed_is_one_line(tmp_path):
    result = run_python("train_lpr.py", "config", f"model_dir={tmp_path / 'model'}", KERAS_BACKEND="jax")
    assert result.returncode == 2
    assert "error: expected the package jax" in result.stderr
    assert "Traceback" not in result.stderr
