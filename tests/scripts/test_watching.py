"""The benchmark of passages: what counts as an event of a passage, and a drive from its drawing to its figures."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from made_up_passages import NOON, frame, plate

from benchmarks.watching import Watched, _watch_drive, judge, main
from lp_recognition.plates.drives import DriveGenerator
from lp_recognition.system.errors import UserError
from lp_recognition.video.passages import Passages


def test_an_event_is_of_the_passage_that_its_looks_lie_on():
    ours, theirs, sign = plate("AB123", 100, 200), plate("XY789", 400, 200), plate("EXIT5", 100, 400)
    passages, truth, told = Passages("gate"), [], []
    for number in range(6):
        truth.append((number * 0.2, {0: ours.corners, 1: theirs.corners} if number else {}))
        seen = [ours, sign] if number < 3 else [plate("AB128", 100, 200, confidence=0.5), sign]
        told += [(number * 0.2, event) for event in passages.see(frame(number * 0.2, number), seen)]
    told += [(1.0, event) for event in passages.finish()]
    [first, second], others = judge("pass", ["AB123", "XY789"], truth, told)
    assert (first.events, first.answer, first.share, first.preview) == (1, "AB123", 0.5, "AB123")
    assert first.preview_s == pytest.approx(0.0)  # told with the second look, when the truth begins
    assert second == Watched("pass", "XY789")
    assert others == 1


def test_single_looks_are_summed_up():
    one = Watched("pass", "A", 1, (("A", 0.9), ("B", 0.5), ("B", 0.6)))
    assert (one.share, one.surest, one.most_frequent) == (pytest.approx(1 / 3), "A", "B")
    assert (Watched("pass", "A").share, Watched("pass", "A").surest) == (0, "")


def test_a_drawn_drive_is_read_from_its_frames():
    """A car passes at 5 frames a second, and is one event with the right text."""
    generator = DriveGenerator({"cn_blue": 3, "cn_green": 1, "cz": 1, "eu": 2, "uz": 1, "br_mercosur": 1, "cl": 1}, 1)
    index = next(i for i in range(0, 600, 6) if len(generator.draw(i).times) < 20)
    [passage], others = _watch_drive(1, 1, index)
    assert (passage.events, passage.answer, others) == (1, generator.draw(index).cars[0].text, 0)


def test_times_of_frames_are_those_of_the_drive():
    """A car that comes back after ten minutes is told twice, though its frames follow each other."""
    spot = plate("AB123", 100, 200)
    passages = Passages("gate")
    told = [event for s in (0.0, 0.2, 0.4, 600.0, 600.2, 600.4) for event in passages.see(frame(s), [spot])]
    told += passages.finish()
    starts = [event for event in told if event.type == "start"]
    assert [event.first_time for event in starts] == [NOON, NOON + timedelta(seconds=600)]
    assert np.allclose(starts[0].best.corners, spot.corners)


def test_mistakes_are_told():
    with pytest.raises(UserError, match="expected 1 or more"):
        main(["--count", "0"])
