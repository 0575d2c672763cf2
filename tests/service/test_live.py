"""Streams that the service watches: one that fails holds up no other, all comes back, and who looks sees pictures."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from made_up_engine import ADDRESS, MadeUpEngine
from made_up_passages import plate
from mjpeg_server import MjpegServer
from pydantic import SecretStr
from tiny_videos import number_of, numbered, write_video

from lp_recognition.images.image import decode_image
from lp_recognition.service import live as live_module
from lp_recognition.service import streams as streams_module
from lp_recognition.service.app import create_app
from lp_recognition.service.live import Live
from lp_recognition.settings.loading import validate
from lp_recognition.settings.service import ServiceConfig, load_watched
from lp_recognition.settings.streams import StreamConfig, WatchConfig
from lp_recognition.system.errors import ConfigError, ModelError
from lp_recognition.video import live as cameras
from lp_recognition.video.database.search import Query, find_events
from lp_recognition.video.database.store import Store
from lp_recognition.video.workers import Models, WorkerLostError


class Reader:
    """Sees a plate drive by in the pictures 5 to 14; is killed once for each of `kills`."""

    kills = 0

    def open(self, models: Models) -> None:
        if models.detector == "missing":
            raise ModelError("missing: expected a detector")

    def read(self, image, models):
        if Reader.kills:
            Reader.kills -= 1
            raise WorkerLostError("a worker process was killed")
        number = number_of(image)
        return [plate("AB123", 10.0 + number, 30.0)] if 5 <= number < 15 else []


@pytest.fixture(autouse=True)
def quick(monkeypatch) -> None:
    @contextlib.contextmanager
    def started(count, streams):
        yield [Reader() for _ in range(count)]

    monkeypatch.setattr(live_module, "started_workers", started)
    monkeypatch.setattr(live_module, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(live_module, "_TICK_S", 0.01)
    monkeypatch.setattr(cameras, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(streams_module, "_AGAIN_S", 0.05)


@pytest.fixture
def address(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'plates.db'}"


def live_of(address: str, **sources: str) -> Live:
    configs = {name: StreamConfig(source=SecretStr(source)) for name, source in sources.items()}
    return Live(configs, validate(WatchConfig, {"database": address}, "streams.yaml"))


def video(tmp_path: Path, name: str = "a") -> str:
    return str(write_video(tmp_path / f"{name}.mp4", [number / 10 for number in range(30)]))


def until(is_so: Callable[[], object], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def told(address: str) -> list[tuple[str, str, str]]:
    with Store(address) as store:
        return [(one.event.source, one.event.type, one.event.text) for one in find_events(store, Query())]


def state(live: Live, name: str) -> dict:
    return next(one for one in live.states() if one["name"] == name)


def test_a_recording_is_watched_to_its_end(address, tmp_path):
    with live_of(address, yard=video(tmp_path)) as live:
        until(lambda: state(live, "yard")["state"] == "ended")
        until(lambda: told(address) == [("yard", "end", "AB123")])
        assert (state(live, "yard")["passages"], state(live, "yard")["error"], live.problem) == (1, None, "")
        assert [figures.name for figures in live.figures] == ["yard"]


def test_streams_that_cannot_be_opened_hold_up_no_other(address, tmp_path):
    path, cut = video(tmp_path), Path(video(tmp_path, "cut"))
    cut.write_bytes(cut.read_bytes()[:900])
    live = Live(
        {
            "gone": StreamConfig(source=SecretStr(str(tmp_path / "no.mp4"))),
            "cut": StreamConfig(source=SecretStr(str(cut))),
            "blind": StreamConfig(source=SecretStr(path), detector="missing"),
            "yard": StreamConfig(source=SecretStr(path)),
        },
        validate(WatchConfig, {"database": address}, "streams.yaml"),
    )
    with live:
        until(lambda: state(live, "yard")["state"] == "ended")
        for name, error in (("gone", "no such file"), ("cut", "expected a video"), ("blind", "expected a detector")):
            assert (state(live, name)["state"], error in state(live, name)["error"]) == ("failed", True), name
    assert told(address) == [("yard", "end", "AB123")]


def test_watching_begins_again_after_a_worker_was_killed(address, tmp_path, monkeypatch):
    monkeypatch.setattr(Reader, "kills", 2)
    with live_of(address, yard=video(tmp_path)) as live:
        until(lambda: "killed" in live.problem)
        until(lambda: told(address) == [("yard", "end", "AB123")])
        assert live.problem == ""


def test_a_defect_is_told_and_ends_no_service(address, tmp_path, monkeypatch):
    monkeypatch.setattr(Reader, "open", lambda self, models: 1 / 0)
    with live_of(address, yard=video(tmp_path)) as live:
        until(lambda: live.problem)
        assert live.problem == "an internal error (ZeroDivisionError); the log of the service tells more"
        assert state(live, "yard") == {"name": "yard", "state": "failed", "error": live.problem}


def test_a_camera_comes_back_by_itself(address):
    server = MjpegServer()
    with live_of(address, gate=server.address) as live:
        until(lambda: state(live, "gate")["state"] == "live")
        server.stop()
        until(lambda: state(live, "gate")["state"].startswith("waiting"))
        server.start()
        until(lambda: state(live, "gate")["state"] == "live")
        assert "secret" not in str(live.states())
        until(lambda: told(address))
    server.stop()


def test_stopping_ends_what_is_open(address):
    server = MjpegServer(lambda number: numbered(7))
    with live_of(address, gate=server.address):
        until(lambda: told(address))
    server.stop()
    assert told(address) == [("gate", "end", "AB123")]


def test_a_service_without_streams_still_delivers(address, monkeypatch):
    ticks = []
    monkeypatch.setattr(live_module.Kept, "tick", lambda self: ticks.append(1))
    with live_of(address) as live:
        until(lambda: len(ticks) > 2)
        assert (live.states(), live.delivering()) == ([], [])


# ---- Over HTTP -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def served(live: Live, store: Store) -> Iterator[TestClient]:
    app = create_app(ServiceConfig(database=SecretStr("")), engine=MadeUpEngine(), store=store, live=live)
    with TestClient(app, base_url=ADDRESS) as client:
        yield client


@pytest.fixture
def camera() -> Iterator[MjpegServer]:
    server = MjpegServer()
    yield server
    server.stop()


def test_streams_are_told_with_their_pictures(address, camera):
    with Store(address) as store, served(live_of(address, gate=camera.address), store) as client:
        until(lambda: client.get("/v1/streams").json()["streams"][0]["state"] == "live")
        until(lambda: client.get("/v1/streams/gate.jpg").status_code == 200)
        answer = client.get("/v1/streams/gate.jpg")
        assert decode_image(answer.content, "picture").shape == (48, 64, 3)
        assert answer.headers["Cache-Control"] == "no-store"
        assert 'alpr_source_up{stream="gate"} 1.0' in client.get("/metrics").text
        for name in ("yard.jpg", "yard.mjpg", "..%2fgate.jpg"):
            assert client.get(f"/v1/streams/{name}").status_code == 404


def test_pictures_follow_each_other_until_the_service_stops(address, camera):
    with Store(address) as store, served(live_of(address, gate=camera.address), store) as client:
        until(lambda: client.get("/v1/streams/gate.jpg").status_code == 200)
        threading.Timer(1.0, client.app.state.service.stopping.set).start()
        answer = client.get("/v1/streams/gate.mjpg")
    assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
    first, *parts = answer.content.split(b"--frame\r\n")
    assert (first, parts[-1]) == (b"", b"")
    numbers = []
    for part in parts[:-1]:
        head, _, data = part.partition(b"\r\n\r\n")
        assert head.startswith(b"Content-Type: image/jpeg\r\nContent-Length: ")
        numbers.append(number_of(decode_image(data[: int(head.split()[-1])], "picture")))
    assert 2 <= len(set(numbers)) <= 12  # ten a second at most


def test_events_of_streams_come_beside_their_state(address, camera):
    with Store(address) as store, served(live_of(address, gate=camera.address), store) as client:
        threading.Timer(2.5, client.app.state.service.stopping.set).start()
        text = client.get("/v1/events/stream").text
    assert "event: passage\n" in text
    assert '"text": "AB123"' in text
    assert 'event: streams\ndata: {"streams": [{"name": "gate"' in text


# ---- Settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("service", "watch", "expected"),
    [
        ({}, "", "sqlite:///alpr.db"),
        ({}, "database: sqlite:///plates.db\n", "sqlite:///plates.db"),
        ({"database": "sqlite:///x.db"}, "database: sqlite:///plates.db\n", "sqlite:///x.db"),
        ({"database": ""}, "database: sqlite:///plates.db\n", "sqlite:///plates.db"),
        ({"database": ""}, "", ""),
    ],
)
def test_a_yaml_of_streams_and_the_service_share_a_database(tmp_path, service, watch, expected):
    path = tmp_path / "streams.yaml"
    path.write_text(f"streams: {{gate: 'rtsp://camera/gate'}}\n{watch}", encoding="utf-8")
    given = validate(ServiceConfig, {"streams": str(path), "keep_days": 7, **service}, "service.yaml")
    config, streams, watched = load_watched(given)
    assert config.database_address == watched.database_address == expected
    assert list(streams) == ["gate"]
    assert (config.keep_days, watched.keep_days) == (7, None)


def test_a_broken_yaml_of_streams_is_refused(tmp_path):
    (tmp_path / "streams.yaml").write_text("streams: {}\n")
    with pytest.raises(ConfigError, match="expected a section for each stream"):
        load_watched(ServiceConfig(streams=str(tmp_path / "streams.yaml")))
