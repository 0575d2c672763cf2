"""When a service that was away is asked again."""

from __future__ import annotations

from lp_recognition.client.pauses import Pauses


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_pauses_grow_and_begin_anew():
    clock = Clock()
    pauses = Pauses(clock)
    lengths = []
    for _ in range(8):
        pauses.failed(clock.now, "gone")
        lengths.append(pauses.remaining_s)
        clock.now += pauses.remaining_s
        assert pauses.remaining_s == 0
    assert lengths == [0.5, 1, 2, 4, 8, 16, 30, 30]
    pauses.succeeded()
    pauses.failed(clock.now, "gone")
    assert (pauses.remaining_s, pauses.why) == (0.5, "gone")


def test_requests_that_fail_together_are_one_failure():
    clock = Clock()
    pauses = Pauses(clock)
    clock.now = 1.0
    for _ in range(3):
        pauses.failed(0.9, "gone")
    assert pauses.remaining_s == 0.5
    clock.now += 0.5
    assert (pauses.remaining_s, pauses.why) == (0, "")
    pauses.failed(0.9, "gone")  # of a request before the pause
    assert pauses.remaining_s == 0


def test_the_service_says_how_long():
    clock = Clock()
    pauses = Pauses(clock)
    pauses.failed(0, "busy", 7)
    assert pauses.remaining_s == 7
    clock.now = 8
    pauses.failed(8, "busy", 1e9)
    assert pauses.remaining_s == 300
