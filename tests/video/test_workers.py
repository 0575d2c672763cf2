"""Worker processes: they read as the process itself does, bring their errors, and end with it."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny_photographs import photograph, tiny_detector, tiny_reader

from lp_recognition.system.errors import ModelError, UserError
from lp_recognition.video.workers import Models, Opened, Worker


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Models:
    folder = tmp_path_factory.mktemp("models")
    (folder / "finder.tflite").write_bytes(tiny_detector())
    (folder / "reader.tflite").write_bytes(tiny_reader())
    return Models(str(folder / "finder.tflite"), (str(folder / "reader.tflite"),), corners="off")


def test_ctrl_c_spares_a_worker_that_is_just_being_started():
    with ThreadPoolExecutor(1) as threads:  # as the service does
        worker = threads.submit(Worker).result()
    try:
        os.kill(worker.pid, signal.SIGINT)
        assert worker.ask(_answer, 1) == 1
    finally:
        worker.close()


def _answer(_: Opened, item: int) -> int:
    return item


def test_a_worker_reads_as_the_process_itself_does_until_it_is_killed(models):
    alpr, worker = models.open(), Worker()
    try:
        for plates, scale in (([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")], 3), ([], 3), ([(1, 1, "BBBCCC")], 6)):
            image = photograph(plates, scale=scale)
            found, expected = worker.read(image, models), alpr.read(image, tiles="off")
            assert [(one.text, one.confidence) for one in found] == [(one.text, one.confidence) for one in expected]
            for one, other in zip(found, expected, strict=True):
                np.testing.assert_array_equal(one.corners, other.corners)
                np.testing.assert_array_equal(one.image, other.image)
        with pytest.raises(ModelError, match=r"none.tflite"):
            worker.open(Models("none.tflite"))
        assert worker.read(photograph([]), models) == []  # it goes on
        os.kill(worker._process.pid, signal.SIGKILL)
        with pytest.raises(UserError, match="a worker process was killed"):
            worker.read(image, models)
        name = worker._memory.name.lstrip("/")
    finally:
        worker.close()
    assert not Path("/dev/shm", name).exists()
