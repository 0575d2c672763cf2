"""Tracks: plates keep theirs however fast, small, hidden or near to each other they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from made_up_passages import plate

from lp_recognition.reading.alpr import AlprPlate
from lp_recognition.settings.passages import TrackSettings
from lp_recognition.video.motion import Motion
from lp_recognition.video.tracking import Track, Tracker


def follow(seen: Iterable[tuple[float, Sequence[AlprPlate]]], **settings: float) -> list[list[Track | None]]:
    tracker = Tracker(TrackSettings(**settings), 3.0)
    return [tracker.update(seconds, plates) for seconds, plates in seen]


def is_one(found: list[list[Track | None]]) -> bool:
    return len({id(track) for tracks in found for track in tracks}) == 1


def test_motion_goes_on_as_it_was():
    motion = Motion(np.array([100.0, 100, 60, 20]))
    for step in range(1, 20):
        motion.predict(0.1)
        motion.correct(np.array([100.0 + 30 * step, 100 - 10 * step, 60, 20]))
    assert motion.velocity == pytest.approx((300, -100), rel=0.05)
    motion.predict(0.5)
    assert motion.place == pytest.approx([100 + 30 * 19 + 150, 100 - 190 - 50, 60, 20], rel=0.05)


def test_motion_knows_of_growth_and_does_not_grow_without_end():
    motion = Motion(np.array([100.0, 100, 30, 10]))
    for step in range(1, 20):
        motion.predict(0.1)
        motion.correct(np.array([100.0, 100, 30 * 1.05**step, 10 * 1.05**step]))
    width = motion.place[2]
    motion.predict(0.1)
    assert motion.place[2] > 1.02 * width
    motion.predict(100.0)
    assert motion.place[2] < 3 * width


@pytest.mark.parametrize("text", ["AB123", ""])
def test_a_plate_that_leaves_its_own_box_from_frame_to_frame_keeps_its_track(text):
    seen = [(i * 0.2, [plate(text, 50 + 70 * i, 200, width=40)]) for i in range(8)]
    assert is_one(follow(seen))


def test_a_text_draws_together_over_a_distance():
    apart = [(0.0, [plate("AB123", 50, 200)]), (0.2, [plate("AB123", 350, 200)])]
    assert is_one(follow(apart))
    assert not is_one(follow(apart, reach=3))
    assert not is_one(follow([(0.0, [plate("AB123", 50, 200)]), (0.2, [plate("XY789", 350, 200)])]))


def test_another_text_in_the_same_place_is_another_car_unless_it_is_there_at_once():
    first, other = plate("AB123", 50, 200), plate("XY789", 50, 200)
    assert not is_one(follow([(0.0, [first]), (1.0, [other])]))
    assert is_one(follow([(0.0, [first]), (0.2, [other])]))
    assert not is_one(follow([(0.0, [first]), (0.2, [plate("XY789", 100, 200)])]))
    assert is_one(follow([(0.0, [first]), (1.0, [plate("XY789", 50, 200, confidence=0.3)])]))


def test_cars_side_by_side_keep_their_tracks_though_nothing_can_be_read():
    seen = [(i * 0.2, [plate("", 100 + 40 * i, 200), plate("", 340 + 40 * i, 200)]) for i in range(5)]
    found = follow(seen)
    assert all(tracks[0] is found[0][0] and tracks[1] is found[0][1] for tracks in found)
    assert found[0][0] is not found[0][1]


def test_a_doubtful_plate_keeps_a_track_and_begins_none():
    sure, doubtful = plate("AB123", 50, 200), plate("AB123", 60, 200, score=0.3)
    [[first], [second]] = follow([(0.0, [sure]), (0.1, [doubtful])])
    assert first is second is not None
    assert follow([(0.0, [doubtful])]) == [[None]]


def test_a_lost_track_is_found_again_for_a_time_in_seconds():
    for step in (0.05, 0.2):  # however many frames that is
        seen = [(0.0, [plate("", 100, 200)]), *((i * step, []) for i in range(1, round(0.8 / step)))]
        assert is_one(follow([*seen, (0.8, [plate("", 100, 200)])]))
        assert not is_one(follow([*seen, (1.0, []), (1.2, []), (1.4, [plate("", 100, 200)])]))


def test_frames_far_apart_are_no_loss_unless_the_time_is_too_long():
    assert is_one(follow([(0.0, [plate("", 100, 200)]), (2.0, [plate("", 100, 200)])]))
    assert not is_one(follow([(0.0, [plate("", 100, 200)]), (600.0, [plate("", 100, 200)])]))


def test_a_track_that_stands_is_told_from_one_that_moves():
    [*_, [standing]] = follow([(i * 0.2, [plate("AB123", 100 + i % 2, 200)]) for i in range(8)])
    [*_, [moving]] = follow([(i * 0.2, [plate("AB123", 100 + 20 * i, 200)]) for i in range(8)])
    [[new]] = follow([(0.0, [plate("AB123", 100, 200)])])
    assert (standing.is_standing, moving.is_standing, new.is_standing) == (True, False, False)
