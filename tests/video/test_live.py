"""Live sources: a server of MJPEG that dies and comes back, addresses that never answer, cameras that are not there."""

from __future__ import annotations

import http.server
import itertools
import threading
import time
from collections.abc import Iterator

import pytest
from mjpeg_server import MjpegServer
from rtsp_server import RtspServer, is_installed
from tiny_videos import number_of, write_video

from lp_recognition.images.image import Image
from lp_recognition.system.errors import UserError
from lp_recognition.video import live
from lp_recognition.video.addresses import name_of
from lp_recognition.video.live import GoneError, live_source
from lp_recognition.video.opening import open_source
from lp_recognition.video.sources import Source

SECRET = "http://user:pass%40word@127.0.0.1:1/video.mjpg?token=secret"


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(live, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(live, "TIMEOUT_S", 2.0)


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    server = MjpegServer()
    yield server
    server.stop()


def wait_for(condition, seconds: float = 20) -> None:
    """Waits until something holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def test_a_server_that_dies_and_comes_back(server):
    source = open_source(server.address)
    frames = source.frames()
    first = [next(frames) for _ in range(3)]
    assert source.state == "live"
    server.stop()
    wait_for(lambda: source.state.startswith("waiting"))
    server.start()
    later = [next(frames) for _ in range(4)]
    source.close()
    numbers = [frame.number for frame in (*first, *later)]
    assert numbers == sorted(set(numbers))  # they go on
    assert all(one.time < other.time for one, other in zip([*first, *later], [*first, *later][1:], strict=False))
    assert {frame.position_s for frame in later} == {None}
    shown = [number_of(frame.image) for frame in first]
    assert shown == sorted(shown)
    assert source.failures >= 1


@pytest.mark.skipif(not is_installed(), reason="needs gir1.2-gst-rtsp-server-1.0 and gstreamer1.0-plugins-good")
def test_an_rtsp_server_that_is_killed_and_comes_back(tmp_path):
    server = RtspServer(tmp_path)
    try:
        source = open_source(server.address)
        frames = source.frames()
        first = [next(frames) for _ in range(5)]
        server.kill()
        wait_for(lambda: source.state.startswith("waiting"))
        server.start()
        later = [next(frames) for _ in range(5)]
        source.close()
    finally:
        server.kill()
    for some in (first, later):
        shown = [number_of(frame.image) for frame in some]
        assert all(one != other for one, other in itertools.pairwise(shown))
        assert {frame.image.shape for frame in some} == {(48, 64, 3)}
    numbers = [frame.number for frame in (*first, *later)]
    assert numbers == sorted(set(numbers))
    assert source.name.startswith("rtsp://127.0.0.1:")
    refused = open_source(server.address.replace("secret", "wrong"))
    assert "wrong" not in f"{refused.name} {refused.state}"


def test_pauses_grow_and_the_state_says_why(monkeypatch):
    waits, states = [], []

    def connect(source: Source) -> Iterator[Image]:
        raise GoneError("connection refused")
        yield

    source = live_source("gate", connect)
    monkeypatch.setattr(live, "FIRST_PAUSE_S", 1.0)

    def wait(seconds: float) -> None:
        waits.append(seconds)
        states.append(source.state)
        if len(waits) == 9:
            source.close()

    monkeypatch.setattr(source, "wait", wait)
    assert list(source.frames()) == []
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert states[3] == "waiting 8 s: connection refused"
    assert (source.state, source.failures) == ("ended", 9)


def test_a_frame_ends_the_growing_of_pauses(monkeypatch):
    waits, attempts = [], []

    def connect(source: Source) -> Iterator[Image]:
        attempts.append(1)
        if len(attempts) == 3:
            yield lambda: None
        raise GoneError("x")

    source = live_source("gate", connect)
    monkeypatch.setattr(source, "wait", lambda seconds: waits.append(seconds) or len(waits) < 5 or source.close())
    list(source._capture(source))
    assert waits == [0.05, 0.1, 0.05, 0.1, 0.2]


def test_a_server_that_never_answers_blocks_nobody(monkeypatch):
    monkeypatch.setattr(live, "TIMEOUT_S", 0.2)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as silent:  # not served
        source = open_source(f"http://127.0.0.1:{silent.server_address[1]}/video.mjpg")
        source.start()
        assert source.take() is None
        wait_for(lambda: source.state.startswith("waiting"))
        assert source.state.endswith("s: connection timed out") or source.state.endswith("s: immediate exit requested")
        source.close()


def test_a_source_that_is_closed_is_over_at_once_though_its_server_is_silent():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as silent:
        source = open_source(f"http://127.0.0.1:{silent.server_address[1]}/video.mjpg")
        source.start()
        source.close()
        assert (source.is_over, source.state) == (True, "ended")
        assert list(source.frames()) == []


def test_a_camera_that_is_not_there_is_told():
    source = open_source("97")
    source.start()
    wait_for(lambda: source.state.startswith("waiting"))
    assert source.state == "waiting 0.05 s: no camera 97 at this machine, or another program has it"
    assert source.name == "camera 97"
    source.close()


def test_nothing_tells_a_password():
    source = open_source(SECRET)
    source.start()
    wait_for(lambda: source.state.startswith("waiting"))
    told = f"{source.name} {source.state} {threading.enumerate()}"
    source.close()
    assert "connection refused" in told
    assert not any(secret in told for secret in ("user", "pass", "word", "secret"))
    with pytest.raises(UserError) as error:
        open_source(SECRET.replace("http", "gopher"))
    assert str(error.value).startswith("gopher://127.0.0.1:1/video.mjpg?token=***: expected one of rtsp, ")
    assert "secret" not in str(error.value)
    with pytest.raises(
        UserError, match=r"^http://127.0.0.1:1/a.mp4\?key=\*\*\*: expected a video, received what is none"
    ) as error:
        open_source("http://user:secret@127.0.0.1:1/a.mp4?key=secret")
    assert "secret" not in str(error.value)


def test_names_of_sources():
    assert name_of("rtsp://me:p@ss@camera/stream") == "rtsp://camera/stream"
    assert name_of("drives/a.mp4") == "a.mp4"
    assert name_of("1") == "camera 1"


def test_a_file_at_an_address_is_read_without_loss(tmp_path):
    write_video(tmp_path / "a.mp4", [number / 10 for number in range(30)], options={"movflags": "faststart"})
    handler = type("Handler", (http.server.SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *words: handler(*words, directory=str(tmp_path))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = open_source(f"http://127.0.0.1:{server.server_address[1]}/a.mp4")
        assert [number_of(frame.image) for frame in source.frames()] == list(range(30))
        server.shutdown()
    assert not source.is_live
