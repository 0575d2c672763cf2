"""The log: each point is written at once, and a disk that takes no more ends the training in a line."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from event_files import events, logged
from tiny_models import ROOT, tiny_config

from lp_recognition.model_files.checkpoints import list_checkpoints, load_checkpoint
from lp_recognition.settings.loading import save_settings
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import UserError
from lp_recognition.training.event_log import EventLog


def test_points_and_pictures(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    log = EventLog(tmp_path / "model", 10)
    log.add_scalar("loss", 0.5, 11)
    log.add_picture("misread", picture, 12)
    log.flush()
    _, start, scalar, image = events(tmp_path / "model")
    assert (start.session_log.status, start.step) == (1, 11)  # TensorBoard hides later points of a run before
    assert (scalar.step, scalar.summary.value[0].tag, scalar.summary.value[0].simple_value) == (11, "loss", 0.5)
    value = image.summary.value[0]
    assert (image.step, value.tag, value.image.height, value.image.width) == (12, "misread", 5, 7)
    decoded = cv2.imdecode(np.frombuffer(value.image.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(decoded, picture)
    log.close()


def test_two_runs_in_one_second_write_two_files(tmp_path):
    for step in (1, 2):
        log = EventLog(tmp_path, step)
        log.add_scalar("loss", 0.5, step)
        log.close()
    assert list(logged(tmp_path)["loss"]) == [1, 2]


def test_points_reach_the_disk_while_it_runs(tmp_path, monkeypatch):
    log = EventLog(tmp_path, 0)
    log.add_scalar("loss", 0.5, 1)
    assert len(events(tmp_path)) == 2  # it waits for a while, and for others
    monkeypatch.setattr("lp_recognition.training.event_log._FLUSH_SECONDS", -1.0)
    log.add_scalar("loss", 0.25, 2)
    assert len(events(tmp_path)) == 4
    log.close()


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"file/model: the log cannot be written: Not a directory; make room"):
        EventLog(tmp_path / "file" / "model", 0)


# ---- Small file systems --------------------------------------------------------------------------------------------


def mounted(place: Path | str, size: str, *command: object, timeout: float = 300) -> subprocess.CompletedProcess[str]:
    """Runs a command that finds a file system of its own, of that size, in a place."""
    mount = f"mount -t tmpfs -o size={size} tmpfs '{place}' && exec \"$@\""
    return subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh", *map(str, command)],
        capture_output=True, text=True, cwd=ROOT, timeout=timeout,
    )  # fmt: skip


def can_mount() -> bool:
    return shutil.which("unshare") is not None and mounted("/mnt", "64k", "true").returncode == 0


needs_mounts = pytest.mark.skipif(not can_mount(), reason="no file system may be mounted here")


def train_command(folder: Path, **values) -> list[object]:
    config = tiny_config(folder / "model", train_generated_share=1.0, alphabet=None, **values)
    save_settings(config, folder.parent / "config.yaml")
    return [sys.executable, "train_lpr.py", folder.parent / "config.yaml"]


@pytest.mark.slow
@needs_mounts
@pytest.mark.parametrize(("size", "weights"), [("12k", False), ("400k", True)])
def test_a_disk_that_is_full_for_everything_at_once(tmp_path, size, weights):
    """The log is the first to find it so, or a checkpoint is: either way the run ends, by itself and in one line."""
    (tmp_path / "disk").mkdir()
    command = train_command(
        tmp_path / "disk", train_steps=5000, train_save_checkpoints_steps=2, train_need_to_save_weights=weights,
        train_checkpoints_to_keep=100, eval_generated_plates=1, train_quantization_delay=5000,
    )  # fmt: skip
    result = mounted(tmp_path / "disk", size, *command)
    assert result.returncode == 2, result.stderr[-2000:]
    assert result.stderr.splitlines()[-1].startswith(f"error: {tmp_path / 'disk'}")
    assert "cannot be written: No space left on device" in result.stderr.splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


@pytest.mark.slow
@needs_mounts
def test_shared_memory_that_is_too_small_for_the_workers(tmp_path):
    (tmp_path / "run").mkdir()
    command = train_command(tmp_path / "run", train_workers=1, train_batch_size=64)
    result = mounted("/dev/shm", "256k", *command)
    assert result.returncode == 2, result.stderr[-2000:]
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: train.workers: a process that prepares batches had to give up")
    assert "/dev/shm" in last
    assert "train.workers=0" in last
    assert "Traceback" not in result.stderr


@pytest.mark.slow
@needs_mounts
def test_a_pool_of_processes_says_the_same(tmp_path):
    code = "\n".join((
        "from lp_recognition.system.errors import run_script",
        "from lp_recognition.system.parallel import run_parallel",
        "if __name__ == '__main__':",
        "    run_script(lambda argv: print(list(run_parallel(abs, [1, 2, 3], workers=2, description='x'))))",
    ))  # fmt: skip
    (tmp_path / "pool.py").write_text(code)
    result = mounted("/dev/shm", "4k,nr_inodes=2", sys.executable, tmp_path / "pool.py")
    assert "Traceback" not in result.stderr, result.stderr
    assert result.returncode == 2
    assert "/dev/shm" in result.stderr


@pytest.mark.slow
def test_what_a_run_prints(tmp_path):
    """What is trained on what, in which phases, and what came of it; and nothing of the libraries."""
    (tmp_path / "run").mkdir()
    command = train_command(tmp_path / "run", train_workers=1, quantization_aware=True, eval_generated_plates=3)
    result = subprocess.run([*map(str, command)], capture_output=True, text=True, cwd=ROOT, timeout=300)
    assert result.returncode == 0, result.stderr[-2000:]
    lines = [line.strip() for line in result.stderr.replace("\r", "\n").splitlines() if line.strip()]
    said = [line for line in lines if "step/s" not in line and "s/step" not in line]
    assert [line.partition(" ")[0] for line in said] == [
        "drawn:", "alphabet:", "network:", "measured:", "training:", "step", "step", "step",
    ]  # fmt: skip
    assert said[0] == "drawn: 100% of each batch, of cn_blue"
    assert "million MACs" in said[2]
    assert "parameters" in said[2]
    assert said[3] == "measured: on 3 plates of held-out drawings"
    assert said[4].startswith("training: in float to step 2, then in 8 bits to step 4, 4 at a time, on tensorflow;")
    assert said[4].endswith(str(tmp_path / "run" / "model"))
    assert said[6] == "step 2: from here on in 8 bits"
    steps = list_checkpoints(tmp_path / "run" / "model")
    assert load_checkpoint(steps[4], RecognitionConfig).step == 4
