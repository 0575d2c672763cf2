"""Frames in their order again."""

from __future__ import annotations

from datetime import datetime, timezone

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lp_recognition.client.order import Order
from lp_recognition.client.results import Result, Shot
from lp_recognition.video.frames import Frame

FRAME = Frame(np.zeros((4, 4, 3), np.uint8), datetime(2026, 11, 26, tzinfo=timezone.utc), 0, None, "gate")


def shot(number: int) -> Shot:
    return Shot(number, FRAME)


@given(st.permutations(range(12)), st.integers(1, 12), st.integers(0, 11))
def test_every_frame_is_given_once_and_in_order(arrival, buffer, workers):
    order, given_ = Order(buffer), []
    begun = 0
    for number in arrival:
        while begun <= max(number, min(11, len(given_) + workers)):
            order.began(shot(begun))
            begun += 1
        order.done(Result(shot(number), "answered"))
        given_ += order.ready()
        assert len(order._done) <= buffer
    given_ += order.rest()
    assert [result.shot.number for result in given_] == list(range(12))


def test_a_frame_waits_for_those_before_it_and_not_for_long():
    order = Order(2)
    for number in range(5):
        order.began(shot(number))
    for number in (1, 2):
        order.done(Result(shot(number), "answered"))
    assert list(order.ready()) == []
    order.done(Result(shot(3), "timed out"))
    assert [(one.shot.number, one.outcome) for one in order.ready()] == [
        (0, "late"), (1, "answered"), (2, "answered"), (3, "timed out"),
    ]  # fmt: skip
    order.done(Result(shot(0), "answered"))  # too late
    order.done(Result(shot(4), "answered"))
    assert [one.shot.number for one in order.ready()] == [4]
