"""The engine of worker processes: what it answers, whom it refuses, and what becomes of workers that are killed."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from tiny_photographs import photograph, tiny_detector, tiny_reader

from lp_recognition.images.headers import read_header
from lp_recognition.service.engine import local
from lp_recognition.service.engine.jobs import Answer, BusyError, EncodedPicture, EngineDownError, Job
from lp_recognition.service.engine.local import LocalEngine, models_of
from lp_recognition.service.engine.reading import search
from lp_recognition.settings.loading import validate
from lp_recognition.settings.service import FindingSettings, ServiceConfig
from lp_recognition.system.errors import ImageError, ModelError, UserError
from lp_recognition.video.workers import Opened


@pytest.fixture(scope="module")
def settings(tmp_path_factory) -> dict[str, Any]:
    """Models that read what `photograph` draws."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "finder.tflite").write_bytes(tiny_detector())
    (folder / "reader.tflite").write_bytes(tiny_reader())
    return {
        "detector": str(folder / "finder.tflite"),
        "readers": [str(folder / "reader.tflite")],
        "corners": "off",
        "workers": 1,
    }


def encoded(image, suffix: str = ".png") -> EncodedPicture:
    data = bytes(cv2.imencode(suffix, image)[1])
    header = read_header(data)
    assert header is not None
    return EncodedPicture(data, f"car{suffix}", header)


PICTURE = encoded(photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")]))
JOB = Job("alpr", (PICTURE,))


def run(settings: dict[str, Any], use: Callable[[LocalEngine], Awaitable[None]]) -> None:
    """Has an engine used while it runs."""

    async def main() -> None:
        engine = LocalEngine(validate(ServiceConfig, settings, "test"))
        await engine.start()
        try:
            await use(engine)
        finally:
            await engine.stop()

    asyncio.run(asyncio.wait_for(main(), 60))


def texts(answer: Answer) -> list[str]:
    return [plate.text for picture in answer.pictures for plate in picture.plates]


def test_jobs_of_every_kind_are_done(settings):
    async def use(engine: LocalEngine) -> None:
        answer = await engine.read(JOB)
        assert texts(answer) == ["BC", "CA"]
        assert set(answer.stages_ms) == {"queue", "decode", "detect", "read"}
        assert (answer.pictures[0].width, answer.pictures[0].height) == (288, 192)
        found = await engine.read(Job("detect", (PICTURE,), annotated=True))
        assert texts(found) == ["", ""]
        assert read_header(found.pictures[0].annotated or b"").kind == "JPEG"  # type: ignore[union-attr]
        assert len((await engine.read(Job("read", (PICTURE, PICTURE)))).pictures) == 2
        assert engine.state().batches == {1: 3}
        with pytest.raises(ImageError, match=r"car\.png"):
            await engine.read(Job("alpr", (EncodedPicture(PICTURE.data[:60], "car.png", PICTURE.header),)))
        assert texts(await engine.read(JOB)) == ["BC", "CA"]

    run(settings, use)


def test_what_is_beyond_the_queue_is_refused_at_once(settings):
    async def use(engine: LocalEngine) -> None:
        os.kill(engine.pids[0], signal.SIGSTOP)  # nothing is answered meanwhile
        tasks = []
        for _ in range(3):
            tasks.append(asyncio.create_task(engine.read(JOB)))
            await asyncio.sleep(0.05)
        assert (engine.state().waiting, engine.state().working, engine.state().is_full) == (2, 1, True)
        with pytest.raises(BusyError) as caught:
            await engine.read(JOB)
        assert caught.value.retry_after_s >= 1
        tasks[2].cancel()  # its client has gone
        await asyncio.sleep(0.05)
        assert engine.state().waiting == 1
        os.kill(engine.pids[0], signal.SIGCONT)
        assert [texts(answer) for answer in await asyncio.gather(*tasks[:2])] == [["BC", "CA"]] * 2

    run({**settings, "queue": 2, "max_batch": 1}, use)


def test_what_a_killed_worker_had_is_done_by_another(settings):
    async def use(engine: LocalEngine) -> None:
        [pid] = engine.pids
        os.kill(pid, signal.SIGSTOP)
        task = asyncio.create_task(engine.read(JOB))
        await asyncio.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        assert texts(await task) == ["BC", "CA"]
        assert (engine.state().restarts, engine.state().workers) == (1, 1)
        assert engine.pids != [pid]

    run(settings, use)


def test_a_worker_that_is_killed_while_it_is_idle_is_replaced(settings):
    async def use(engine: LocalEngine) -> None:
        [pid] = engine.pids
        os.kill(pid, signal.SIGKILL)
        while engine.pids in ([], [pid]):
            await asyncio.sleep(0.02)
        assert texts(await engine.read(JOB)) == ["BC", "CA"]

    run(settings, use)


def test_a_request_that_kills_two_workers_is_given_up(settings, monkeypatch):
    monkeypatch.setattr(local, "do_job", _die)

    async def use(engine: LocalEngine) -> None:
        with pytest.raises(EngineDownError, match="lost, twice"):
            await engine.read(JOB)

    run(settings, use)


def _die(opened: Opened, item: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_hangs_is_ended(settings):
    async def use(engine: LocalEngine) -> None:
        os.kill(engine.pids[0], signal.SIGSTOP)
        assert texts(await engine.read(JOB)) == ["BC", "CA"]
        assert engine.state().restarts == 1

    run({**settings, "answer_seconds": 1.5}, use)


def test_a_model_that_is_missing_is_told_at_the_start(settings):
    async def use(engine: LocalEngine) -> None:
        raise AssertionError

    with pytest.raises(ModelError, match=r"none\.tflite"):
        run({**settings, "detector": "none.tflite"}, use)


def test_more_processes_than_a_machine_can_use_are_refused(settings, monkeypatch):
    monkeypatch.setattr("lp_recognition.service.engine.local.default_workers", lambda: 2)
    with pytest.raises(UserError, match=r"workers: expected at most 32, 16 a core, received 33"):
        LocalEngine(validate(ServiceConfig, {**settings, "workers": 33}, "test"))


def test_what_waits_is_told_that_the_engine_ends(settings):
    async def use(engine: LocalEngine) -> None:
        os.kill(engine.pids[0], signal.SIGSTOP)
        tasks = [asyncio.create_task(engine.read(JOB)) for _ in range(2)]
        await asyncio.sleep(0.1)
        await engine.stop()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [EngineDownError] * 2

    run(settings, use)


@pytest.fixture(scope="module")
def alpr(settings):
    return models_of(validate(ServiceConfig, settings, "test")).open()


def test_plates_that_do_not_count_are_left_out(alpr):
    left = {"regions": [[[0, 0], [0.5, 0], [0.5, 0.5], [0, 0.5]]]}
    for finding, expected in ((left, ["BC"]), ({"ignore": left["regions"]}, ["CA"]), ({"min_height": 100}, [])):
        answer = search(alpr, Job("alpr", (PICTURE,), FindingSettings(**finding)))
        assert texts(answer) == expected
    assert texts(search(alpr, Job("alpr", (PICTURE,), FindingSettings(score_threshold=1.0)))) == []


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_picture_that_is_shrunk_has_its_plates_where_they_are(alpr, suffix):
    picture = encoded(photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")], scale=12), suffix)
    whole = search(alpr, Job("alpr", (picture,)))
    shrunk = search(alpr, Job("alpr", (picture,), FindingSettings(input_size=288)))
    assert texts(shrunk) == texts(whole) == ["BC", "CA"]
    for one, other in zip(whole.pictures[0].plates, shrunk.pictures[0].plates, strict=True):
        assert one.box == pytest.approx(other.box, abs=2)
    assert (shrunk.pictures[0].width, shrunk.pictures[0].height) == (1152, 768)


def test_what_is_only_found_is_decoded_as_far_as_the_detector_needs(alpr):
    image = photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")], scale=12)
    picture, decoded = encoded(image, ".jpg"), []
    detect, detector = alpr.find, alpr.detector.config.input_shape
    alpr.find = lambda picture, **options: decoded.append(picture.shape[:2]) or detect(picture, **options)
    try:
        found = search(alpr, Job("detect", (picture,), FindingSettings(tiles="off"))).pictures[0]
        whole = search(alpr, Job("detect", (picture,), FindingSettings(tiles="auto"))).pictures[0]
    finally:
        alpr.find = detect
    assert (detector, decoded) == ((64, 96, 3), [(192, 288), (768, 1152)])
    assert (found.width, found.height) == (whole.width, whole.height) == (1152, 768)
    for one, other in zip(found.plates, whole.plates, strict=True):
        assert one.box == pytest.approx(other.box, abs=5)


def test_a_text_is_the_first_of_its_candidates(alpr):
    [plate, _] = search(alpr, JOB).pictures[0].plates
    assert (plate.candidates[0].text, plate.candidates[0].confidence) == (plate.text, plate.confidence)
    assert len(plate.confidences) == len(plate.text)
    assert Path(plate.reader).name == "reader.tflite"
