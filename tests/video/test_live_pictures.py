"""Pictures of streams for who looks on: the newest frame, drawn when it is asked for, small, and not too often."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from made_up_passages import NOON
from tiny_events import make_event

from lp_recognition.images.image import decode_image
from lp_recognition.video import live_pictures
from lp_recognition.video.events import KnownMatch
from lp_recognition.video.frames import Frame
from lp_recognition.video.live_pictures import LivePictures
from lp_recognition.video.marks import KNOWN, UNKNOWN, UNREAD
from lp_recognition.video.passages import Passages, Visible
from lp_recognition.video.sources import Source
from lp_recognition.video.watching import Stream
from lp_recognition.video.workers import Models

CORNERS = np.array([(200, 400), (1720, 400), (1720, 1000), (200, 1000)], np.float32)


@pytest.fixture
def stream() -> Stream:
    return Stream(Source("gate", lambda source: iter(()), is_live=True), Models(), Passages("gate"))


def frame(number: int) -> Frame:
    image = np.full((1080, 1920, 3), 40, np.uint8)
    return Frame(image, NOON + timedelta(seconds=number), number, None, "gate")


def color_at(data: bytes, x: int, y: int) -> np.ndarray:
    return decode_image(data, "picture")[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(axis=0)


def test_the_newest_frame_is_drawn_small_for_who_asks(stream, monkeypatch):
    monkeypatch.setattr(live_pictures, "PAUSE_S", 0.0)
    pictures = LivePictures()
    assert pictures.newest("gate") is None
    for number in range(3):
        pictures.see(stream, frame(number), [Visible(CORNERS, None, "", 0.0)], [])
    picture = pictures.newest("gate")
    assert picture.number == 3
    assert decode_image(picture.data, "picture").shape == (540, 960, 3)
    assert color_at(picture.data, 480, 200) == pytest.approx(UNREAD, abs=40)  # the upper side, half as far
    assert pictures.newest("gate") is picture  # and not drawn twice
    assert pictures.newest("yard") is None


def test_who_asks_too_often_gets_what_was_drawn_last(stream, monkeypatch):
    monkeypatch.setattr(live_pictures, "PAUSE_S", 3600.0)
    pictures = LivePictures()
    pictures.see(stream, frame(0), [], [])
    first = pictures.newest("gate")
    pictures.see(stream, frame(1), [], [])
    assert pictures.newest("gate") is first


def test_nothing_is_drawn_while_nobody_asks(stream, monkeypatch):
    monkeypatch.setattr(live_pictures, "draw_marks", lambda *words: pytest.fail("it was drawn"))
    LivePictures().see(stream, frame(0), [], [])


def test_plates_have_the_colour_of_what_was_told_of_them(stream, monkeypatch):
    monkeypatch.setattr(live_pictures, "PAUSE_S", 0.0)
    pictures = LivePictures()
    visible = [Visible(CORNERS, "gate-1", "AB001", 0.9)]
    start = make_event(1, "start")
    known = make_event(1, "update", known=KnownMatch("AB001", "exact", note="the baker"))
    for events, color in (([start], UNKNOWN), ([], UNKNOWN), ([known], KNOWN)):
        pictures.see(stream, frame(0), visible, events)
        assert color_at(pictures.newest("gate").data, 480, 500) == pytest.approx(color, abs=40)
    pictures.tell(make_event(1, "end"))  # what is seen of it again is told no more, and shown all the same
    pictures.see(stream, frame(1), visible, [])
    assert color_at(pictures.newest("gate").data, 480, 500) == pytest.approx(UNREAD, abs=40)
