"""A folder belongs to one training at a time."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from color_task import ColorTask, config_of
from tiny_models import ROOT

from lp_recognition.system.errors import UserError
from lp_recognition.training.loop import train
from lp_recognition.training.ownership import owned

pytestmark = pytest.mark.skipif(os.name != "posix", reason="locks as on POSIX")

HOLD = """
import sys, time
from lp_recognition.training.ownership import owned
with owned(sys.argv[1]):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns `tmp_path / "model"`."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "model")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "held\n"
        yield process
        process.kill()


def test_a_second_training_is_refused_and_names_the_first(tmp_path, holder):
    folder = tmp_path / "model"
    with pytest.raises(UserError, match=rf"received that of process {holder.pid} on .*, there since 20\d\d-.*; wait"):
        train(config_of(folder), ColorTask.prepare)
    assert [path.name for path in folder.iterdir()] == [".training.lock"]


def test_a_process_that_was_killed_owns_nothing(tmp_path, holder):
    holder.kill()
    holder.wait()
    assert (tmp_path / "model" / ".training.lock").exists()
    with owned(tmp_path / "model"):
        pass
    assert not (tmp_path / "model" / ".training.lock").exists()


def test_one_after_the_other(tmp_path):
    for _ in range(2):
        with owned(tmp_path):
            with pytest.raises(UserError, match=f"process {os.getpid()}"), owned(tmp_path):
                pass
            assert (tmp_path / ".training.lock").exists()  # the refused one takes nothing away
    assert not list(tmp_path.iterdir())


def test_a_lock_that_says_nothing_is_still_a_lock(tmp_path):
    with owned(tmp_path):
        (tmp_path / ".training.lock").write_text("")
        with pytest.raises(UserError, match="received that of another process"), owned(tmp_path):
            pass


def test_a_folder_made_for_nothing_goes_again(tmp_path):
    with pytest.raises(ZeroDivisionError), owned(tmp_path / "a" / "b"):
        raise ZeroDivisionError
    assert not (tmp_path / "a").exists()
    with owned(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "config.yaml").touch()
    assert [path.name for path in Path(tmp_path / "a" / "b").iterdir()] == ["config.yaml"]


@pytest.mark.usefixtures("eager")
def test_a_training_leaves_no_lock(tmp_path):
    train(config_of(tmp_path, steps=1, quantization_delay=1), ColorTask.prepare)
    assert not (tmp_path / ".training.lock").exists()


def test_a_lock_that_its_owner_takes_away_meanwhile_is_none(tmp_path, monkeypatch):
    lock, calls = fcntl.flock, []

    def flock(descriptor, operation):
        if not calls:  # the training before ends between our opening and our locking
            (tmp_path / ".training.lock").unlink()
        calls.append(operation)
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with owned(tmp_path), pytest.raises(UserError, match="no other training writes into"), owned(tmp_path):
        pass
