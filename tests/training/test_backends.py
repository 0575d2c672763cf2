"""The same config trains on JAX, and its checkpoint computes the same on TensorFlow."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_models import run_python, tiny_config

from lp_recognition.model_files.checkpoints import list_checkpoints, load_checkpoint
from lp_recognition.networks.recognition import restored_lprnet
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.recognition import RecognitionConfig

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed"),
]

#: Logits of a checkpoint, computed wherever this runs.
LOGITS = """
import sys
import numpy as np
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.networks.recognition import restored_lprnet
checkpoint = load_checkpoint(sys.argv[1], RecognitionConfig)
np.save(sys.argv[3], np.asarray(restored_lprnet(checkpoint)(np.load(sys.argv[2]), training=False)))
"""


@pytest.fixture(scope="module")
def trained_on_jax(crops, tmp_path_factory) -> Path:
    """A `model_dir` of steps in float and in 8 bits, interrupted by the end of a process in between."""
    folder = tmp_path_factory.mktemp("jax")
    config = tiny_config(
        folder / "model", train_file_list_path=str(crops / "list.txt"), eval_file_list_path=str(crops / "list.txt"),
        quantization_aware=True, train_steps=6, train_quantization_delay=3, train_save_checkpoints_steps=1,
        train_checkpoints_to_keep=9, train_workers=1, train_grad_noise_scale=0.01,
    )  # fmt: skip
    save_settings(config, folder / "config.yaml")
    for steps in (4, 6):
        result = run_python("train_lpr.py", folder / "config.yaml", f"train.steps={steps}", KERAS_BACKEND="jax")
        assert result.returncode == 0, result.stderr[-3000:]
        assert f"finished: step {steps} of {steps}" in result.stdout
    return folder / "model"


def test_checkpoints_of_both_parts(trained_on_jax):
    found = {step: load_checkpoint(path, RecognitionConfig) for step, path in list_checkpoints(trained_on_jax).items()}
    assert list(found) == [1, 2, 3, 4, 5, 6]
    assert [checkpoint.quantized for checkpoint in found.values()] == [False] * 3 + [True] * 3
    assert found[6].arrays["weights/stem/output_quantizer/batches_seen"] == 3
    assert found[6].arrays["seeds/dropout_1"][1] > 0
    for checkpoint in found.values():
        assert all(np.isfinite(array).all() for array in checkpoint.arrays.values())
    before, after = (found[step].arrays["weights/stem/kernel"] for step in (1, 6))
    assert not np.array_equal(before, after)


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compares with TensorFlow")
@pytest.mark.parametrize("step", [3, 6])
def test_the_logits_are_those_of_tensorflow(trained_on_jax, tmp_path, step):
    images = np.random.default_rng(0).uniform(-1, 1, (4, 24, 94, 3)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    path = trained_on_jax / f"model.ckpt-{step}.ckpt"
    result = run_python("-c", LOGITS, path, tmp_path / "images.npy", tmp_path / "logits.npy", KERAS_BACKEND="jax")
    assert result.returncode == 0, result.stderr[-3000:]
    theirs, ours = (
        np.load(tmp_path / "logits.npy"),
        np.asarray(restored_lprnet(load_checkpoint(path, RecognitionConfig))(images)),
    )
    apart = np.abs(ours - theirs)
    if step == 3:
        assert apart.max() < 1e-3
    else:  # in 8 bits an error of 1e-7 may tip a value to the next step, here and there
        assert np.mean(apart < 1e-3) > 0.95
        assert apart.max() < 4 * np.ptp(ours) / 255


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="compares with TensorFlow")
def test_a_training_goes_on_on_tensorflow(trained_on_jax):
    result = run_python("train_lpr.py", trained_on_jax / "config.yaml", "train.steps=7", KERAS_BACKEND="tensorflow")
    assert result.returncode == 0, result.stderr[-3000:]
    assert 7 in list_checkpoints(trained_on_jax)
