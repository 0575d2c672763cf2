"""The page of a drive: frames in order as MJPEG, with what was read drawn into them."""

from __future__ import annotations

import json
import threading
import time
import urllib.request
from datetime import datetime, timezone

import cv2
import numpy as np
import pytest
from plate_service import said_of
from tiny_videos import number_of, numbered

from lp_recognition.client.answers import parse_answer
from lp_recognition.client.broadcast import Broadcast
from lp_recognition.client.results import Result, Shot
from lp_recognition.system.serving import LocalServer
from lp_recognition.video.frames import Frame


def result_of(number: int, confidence: float = 0.9, text: str = "") -> Result:
    frame = Frame(numbered(number), datetime(2026, 11, 26, 12, tzinfo=timezone.utc), number, None, "gate")
    told = said_of(number, confidence)
    if text:
        told["plates"][0]["text"] = text
    return Result(Shot(number, frame), "answered", parse_answer(told))


@pytest.fixture
def broadcast():
    return Broadcast("gate <1>", lambda: "live", 0.8)


def pictures_of(stream, count: int) -> list[np.ndarray]:
    """Pictures of an MJPEG stream."""
    found = []
    while len(found) < count:
        line = stream.readline()
        if line.lower().startswith(b"content-length"):
            length = int(line.split(b":")[1])
            stream.readline()
            found.append(cv2.imdecode(np.frombuffer(stream.read(length), np.uint8), cv2.IMREAD_COLOR))
    return found


def test_every_frame_is_shown_in_order_to_each_viewer(broadcast):
    with LocalServer(broadcast.answer) as server:
        viewers = [urllib.request.urlopen(f"{server.address}stream.mjpg", timeout=10) for _ in range(2)]
        assert viewers[0].headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
        for viewer in viewers:
            viewer.readline()  # which says that it is listened to
        for number in range(8):
            broadcast.show(result_of(number))
        for viewer in viewers:
            assert [number_of(picture) for picture in pictures_of(viewer, 8)] == list(range(8))


def test_a_slow_viewer_misses_the_oldest(broadcast):
    stream = iter(broadcast.answer("/stream.mjpg").data)
    next(stream)
    for number in range(20):
        broadcast.show(result_of(number))
    broadcast.close()
    assert len(list(stream)) == 12


def test_what_is_read_surely_is_drawn():
    plain = Broadcast("gate", lambda: "", 0.95)
    drawn = Broadcast("gate", lambda: "", 0.8)
    pictures = []
    for broadcast in (plain, drawn):
        broadcast.show(result_of(3))
        broadcast.close()
        _, piece = iter(broadcast.answer("/stream.mjpg").data)
        data = piece[piece.index(b"\r\n\r\n") + 4 :]
        pictures.append(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(int))
    assert np.abs(pictures[0] - numbered(3)).mean() < 5
    assert np.abs(pictures[1] - pictures[0]).max() > 100


def test_who_goes_is_forgotten(broadcast):
    stream = broadcast.answer("/stream.mjpg").data
    next(stream)
    assert len(broadcast._viewers) == 1
    stream.close()
    assert broadcast._viewers == []


def test_the_page_and_its_state(broadcast):
    broadcast.tell(result_of(1, text="<b>A&1"))
    broadcast.tell(result_of(2, confidence=0.5))
    for path in ("/", "/index.html"):
        page = broadcast.answer(path).data.decode()
        assert "gate &lt;1&gt;" in page
        assert 'src="stream.mjpg"' in page
        assert "innerHTML" not in page
    state = json.loads(broadcast.answer("/state.json").data)
    assert state["state"] == "live"
    assert [read[1:] for read in state["reads"]] == [["<b>A&1", "0.900", ""]]
    assert broadcast.answer("/secret") is None


def test_the_stream_ends_with_the_drive(broadcast):
    with LocalServer(broadcast.answer) as server:
        viewer = urllib.request.urlopen(f"{server.address}stream.mjpg", timeout=10)
        viewer.readline()
        threading.Timer(0.05, broadcast.close).start()
        began = time.monotonic()
        assert viewer.read() == b""
        assert time.monotonic() - began < 5
