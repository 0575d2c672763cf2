"""A run that is killed anywhere and started again ends with the weights of one that never was, bit for bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tiny_models import ROOT, tiny_config

from lp_recognition.model_files.checkpoints import list_checkpoints, load_checkpoint, read_best
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.recognition import RecognitionConfig

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name != "posix", reason="signals as on POSIX"),
]

STEPS, BORDER = 32, 17


@pytest.fixture(scope="module")
def settings(crops, tmp_path_factory) -> Path:
    """Half listed and half drawn plates, a worker process, dropout, noise, and the border to 8 bits in the middle."""
    path = tmp_path_factory.mktemp("resume") / "config.yaml"
    config = tiny_config(
        train_file_list_path=str(crops / "list.txt"), train_generated_share=0.5, train_workers=1,
        train_steps=STEPS, train_quantization_delay=BORDER, train_save_checkpoints_steps=4, train_grad_noise_scale=0.01,
        train_checkpoints_to_keep=2, quantization_aware=True, eval_file_list_path=str(crops / "list.txt"),
    )  # fmt: skip
    save_settings(config, path)
    return path


def start(settings: Path, model_dir: Path) -> subprocess.Popen:
    command = [sys.executable, "train_lpr.py", str(settings), f"model_dir={model_dir}"]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


@pytest.fixture(scope="module")
def uninterrupted(shared, settings) -> Path:
    """The `model_dir` of a run that nobody disturbed."""

    def make(folder: Path) -> None:
        process = start(settings, folder)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output

    return shared("uninterrupted", make)


def last_step(model_dir: Path) -> int:
    return max(list_checkpoints(model_dir), default=0)


def wait_for(process: subprocess.Popen, happened: Callable[[], bool]) -> bool:
    """Waits until something happens; False where the process ended before."""
    deadline = time.monotonic() + 300
    while not happened():
        if process.poll() is not None:
            return False
        assert time.monotonic() < deadline, "the run makes no progress"
        time.sleep(0.002)
    return True


def assert_same_end(model_dir: Path, reference: Path) -> None:
    ours, theirs = (
        load_checkpoint(folder / f"model.ckpt-{STEPS}.ckpt", RecognitionConfig) for folder in (model_dir, reference)
    )
    assert list(ours.arrays) == list(theirs.arrays)
    assert {name.partition("/")[0] for name in ours.arrays} == {"weights", "optimizer", "seeds"}
    different = [name for name, value in theirs.arrays.items() if not np.array_equal(value, ours.arrays[name])]
    assert not different
    assert theirs.quantized
    assert read_best(model_dir) == read_best(reference)


def is_writing(model_dir: Path) -> bool:
    return any(model_dir.glob(".model.ckpt-*.tmp.ckpt"))


def test_killed_at_any_moment(settings, uninterrupted, tmp_path):
    chance = random.Random(7)
    model_dir = tmp_path / "model"
    # What to wait for, and the longest time after it: anywhere between two starts, checkpoints or files.
    moments: list[tuple[Callable[[], bool], float]] = [
        (lambda: (model_dir / "config.yaml").exists(), 3.0),
        (lambda: last_step(model_dir) >= 4 and is_writing(model_dir), 0.0),
        (lambda: last_step(model_dir) >= chance.choice([8, BORDER]), 2.0),
        (lambda: last_step(model_dir) == STEPS, 0.0),
    ]
    kills = 0
    for happened, longest in moments:
        process = start(settings, model_dir)
        if wait_for(process, happened):
            time.sleep(chance.uniform(0, longest))
            process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        assert process.returncode in (-signal.SIGKILL, 0)
    assert kills >= 2
    process = start(settings, model_dir)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert_same_end(model_dir, uninterrupted)
    assert set(list_checkpoints(model_dir)) == set(list_checkpoints(uninterrupted))
    assert not is_writing(model_dir)


def test_interrupted_by_ctrl_c(settings, uninterrupted, tmp_path):
    """As a terminal does it: the signal goes to the whole group of processes, workers included."""
    model_dir = tmp_path / "model"
    for reached in (4, BORDER):
        process = start(settings, model_dir)
        assert wait_for(process, lambda least=reached: last_step(model_dir) >= least)
        os.killpg(process.pid, signal.SIGINT)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 130, output
        assert "Traceback" not in output
        assert last_step(model_dir) < STEPS
    process = start(settings, model_dir)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output
    assert_same_end(model_dir, uninterrupted)


def test_no_worker_outlives_a_killed_run(settings, tmp_path):
    process = start(settings, tmp_path / "model")
    assert wait_for(process, lambda: last_step(tmp_path / "model") >= 4)
    process.kill()
    process.communicate(timeout=60)  # ends once nobody holds the pipe any more
    deadline = time.monotonic() + 60
    while True:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline, "a process of the group is left"
        time.sleep(0.05)
