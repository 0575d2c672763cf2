"""From plates in frames to events: what is one passage, and what is told of it when."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_passages import NOON, frame, plate, watch

from lp_recognition.reading.alpr import AlprPlate
from lp_recognition.settings.passages import PassageSettings
from lp_recognition.video.events import Event
from lp_recognition.video.passages import Passages


def make(**settings: object) -> Passages:
    return Passages("gate", PassageSettings(**settings))


def told(events: Sequence[Event]) -> list[tuple[str, str]]:
    return [(event.type, event.text) for event in events]


def driving(text: str, start: float, seconds: float, confidence: float = 0.8) -> list[tuple[float, list[AlprPlate]]]:
    """A plate that drives from left to right, at 5 frames a second."""
    count = round(seconds / 0.2)
    return [(start + i * 0.2, [plate(text, 60 + 20 * i, 200, confidence=confidence)]) for i in range(count + 1)]


def test_a_passage_is_told_at_once_and_when_it_is_over():
    passages = make()
    assert passages.see(frame(0.0), [plate("AB123", 100, 200)]) == []
    [start] = passages.see(frame(0.2), [plate("AB123", 130, 200)])
    assert (start.type, start.text, start.look_count, start.looks) == ("start", "AB123", 2, ())
    assert passages.see(frame(0.4), []) == []
    [end] = passages.see(frame(4.0), [])
    assert (end.id, end.type, end.look_count, len(end.looks)) == (start.id, "end", 2, 2)
    assert (end.last_time - NOON).total_seconds() == pytest.approx(0.2)
    assert passages.finish() == []


def test_a_look_that_is_sure_is_told_alone():
    assert told(make().see(frame(0.0), [plate("AB123", 100, 200, confidence=0.95)])) == [("start", "AB123")]


def test_the_first_look_is_told_where_asked():
    assert told(make(preview_looks=1).see(frame(0.0), [plate("AB123", 100, 200)])) == [("start", "AB123")]


def test_a_changed_answer_is_told():
    seen = [(i * 0.2, [plate(text, 60 + 20 * i, 200)]) for i, text in enumerate(["AB128", "AB128", *["AB123"] * 4])]
    assert told(watch(make(), seen)) == [("start", "AB128"), ("update", "AB123"), ("end", "AB123")]


def test_an_answer_that_becomes_sure_is_told():
    confidences = [0.7, 0.7, *[0.97] * 20]
    seen = [(i * 0.2, [plate("AB123", 60 + 20 * i, 200, confidence=c)]) for i, c in enumerate(confidences)]
    events = watch(make(sure_confidence=0.96), seen)
    assert told(events) == [("start", "AB123"), ("update", "AB123"), ("end", "AB123")]
    assert events[0].confidence < 0.96 <= events[1].confidence


def test_looks_that_do_not_agree_are_told_at_the_end():
    seen = [(i * 0.2, [plate(text, 60 + 20 * i, 200)]) for i, text in enumerate(["AB128", "AB723", "A8123", "XB123"])]
    assert told(watch(make(), seen)) == [("start", "AB123"), ("end", "AB123")]
    assert told(watch(make(preview_looks=1), seen))[0] == ("start", "AB128")


def test_a_single_look_is_told_where_it_is_sure_or_enough():
    doubtful, sure = [(0.0, [plate("AB123", 100, 200)])], [(0.0, [plate("AB123", 100, 200, confidence=0.95)])]
    assert watch(make(), doubtful) == []
    assert told(watch(make(), sure)) == [("start", "AB123"), ("end", "AB123")]
    assert told(watch(make(min_looks=1), doubtful)) == [("start", "AB123"), ("end", "AB123")]


@pytest.mark.parametrize(
    ("settings", "poor"),
    [
        ({"min_height": 12}, plate("XX999", 160, 200, width=30)),
        ({"min_confidence": 0.5}, plate("XX999", 160, 200, confidence=0.4)),
        ({"min_symbols": 5}, plate("XX99", 160, 200)),
        ({"formats": r"[A-Z]{2}\d{3}"}, plate("XX99Y", 160, 200)),
    ],
)
def test_what_does_not_belong_is_left_out_before_the_vote(settings, poor):
    looks = [[plate("AB123", 100, 200)], [plate("AB123", 130, 200)], [poor], [poor], [poor]]
    events = watch(make(**settings), [(i * 0.2, plates) for i, plates in enumerate(looks)])
    assert told(events) == [("start", "AB123"), ("end", "AB123")]
    assert events[-1].look_count == 2


def test_plates_count_in_regions_and_not_in_ignored_ones():
    left, right, inner = plate("LEFT1", 100, 200), plate("RIGHT", 500, 200), plate("INNER", 300, 200)
    settings = {"regions": [[(0, 0), (0.5, 0), (0.5, 1), (0, 1)]], "ignore": [[(250, 150), (350, 150), (300, 260)]]}
    events = watch(make(**settings), [(i * 0.2, [left, right, inner]) for i in range(3)])
    assert {event.text for event in events} == {"LEFT1"}


def test_a_parked_car_is_one_event_with_still_here():
    seen = [(i * 1.0, [plate("AB123", 100 + i % 2, 200)]) for i in range(200)]
    assert told(watch(make(here_seconds=60), seen)) == [
        ("start", "AB123"), *[("here", "AB123")] * 3, ("end", "AB123")
    ]  # fmt: skip


def test_a_parked_car_that_is_hidden_for_some_time_is_one_event():
    parked = [plate("AB123", 100, 200)]
    seen = [(i * 0.5, parked if i < 10 or i > 60 else []) for i in range(80)]
    events = watch(make(), seen)
    assert told(events) == [("start", "AB123"), ("end", "AB123")]
    assert len({event.id for event in events}) == 1


def test_a_plate_that_is_hidden_for_half_a_second_is_one_event():
    seen = [(s, [] if 1.0 < s < 1.6 else plates) for s, plates in driving("AB123", 0, 3)]
    assert told(watch(make(), seen)) == [("start", "AB123"), ("end", "AB123")]


def test_a_car_that_comes_back_within_the_window_is_the_same_visit():
    events = watch(make(), [*driving("AB123", 0, 2), (10.0, []), *driving("AB123", 30, 2)])
    assert told(events) == [("start", "AB123"), ("end", "AB123")]


def test_a_return_is_not_told_either_when_the_source_ends_after_the_window():
    events = watch(make(), [*driving("AB123", 0, 2), (10.0, []), *driving("AB123", 40, 2), (50.0, []), (70.0, [])])
    assert told(events) == [("start", "AB123"), ("end", "AB123")]


def test_what_came_back_and_is_there_when_the_window_is_over_is_a_new_visit():
    back = [(30.0 + i, [plate("AB123", 100, 200)]) for i in range(60)]
    events = watch(make(), [*driving("AB123", 0, 2), (10.0, []), *back])
    assert told(events) == [("start", "AB123"), ("end", "AB123")] * 2
    first, _, second, _ = events
    assert first.id != second.id
    assert (second.last_time - NOON).total_seconds() == 63  # told then, a minute after the car was gone


@pytest.mark.parametrize(("settings", "pause"), [({}, 600.0), ({"repeat_seconds": 0}, 10.0)])
def test_a_car_that_comes_back_after_the_window_is_a_new_visit(settings, pause):
    events = watch(make(**settings), [*driving("AB123", 0, 2), *driving("AB123", 2 + pause, 2)])
    assert told(events) == [("start", "AB123"), ("end", "AB123")] * 2
    assert len({event.id for event in events}) == 2


@pytest.mark.parametrize("confidence", [0.8, 0.97])  # told with the second look, or with the first
def test_a_car_that_comes_back_after_the_window_is_new_even_in_the_same_place(confidence):
    spot = [plate("AB123", 100, 200, confidence=confidence)]
    events = watch(make(), [(0.0, spot), (0.2, spot), (0.4, spot), (600.0, spot), (600.2, spot)])
    assert [event.type for event in events] == ["start", "end"] * 2


@pytest.mark.parametrize("step", [5.0, 20.0])
def test_a_parked_car_is_one_event_though_frames_are_rare(step):
    spot = [plate("AB123", 100, 200)]
    events = watch(make(), [(i * step, spot) for i in range(12)])
    assert len({event.id for event in events}) == 1
    assert (events[-1].type, events[-1].look_count) == ("end", 12)


def test_single_looks_of_a_car_in_rare_frames_are_one_passage():
    events = watch(make(), [(i * 5.0, [plate("AB123", 60 + 250 * i, 100 + 150 * i)]) for i in range(3)])
    assert len({event.id for event in events}) == 1
    assert events[-1].text == "AB123"


@pytest.mark.parametrize(
    ("pause", "again", "visits"),
    [
        (30.0, plate("AB128", 60, 200), 2),
        (30.0, plate("AB128", 60, 200, other="AB123"), 1),  # it may as well be the one that was here
        (30.0, plate("B123", 60, 200), 1),  # half of it is covered
        (1.5, plate("AB128", 60, 200), 1),  # so soon after: misread
        (1.5, plate("AB128", 60, 200, confidence=0.99), 2),  # surely not
        (1.5, plate("XY128", 60, 200), 2),
    ],
)
def test_what_is_read_a_moment_later_may_be_the_same_visit(pause, again, visits):
    first = driving("AB123", 0, 2, confidence=0.97)
    events = watch(make(), [*first, (3.2, []), *((2 + pause + 0.2 * i, [again]) for i in range(3))])
    assert len({event.id for event in events}) == visits


def test_crossing_cars_keep_their_texts():
    seen = []
    for i in range(21):
        first, second = plate("AB123", 60 + 25 * i, 200), plate("XY789", 560 - 25 * i, 215)
        seen.append((i * 0.1, [second] if abs(i - 10) < 2 else [first, second]))  # one hides the other
    events = [event for event in watch(make(), seen) if event.type == "end"]
    assert {event.text for event in events} == {"AB123", "XY789"}
    assert all(event.look_count == event.agreeing_count for event in events)
    assert sorted(round(event.direction_deg) for event in events) == [90, 270]


def test_two_plates_of_one_letter_apart_side_by_side_are_two():
    seen = [(i * 0.2, [plate("AB123", 100, 200, confidence=0.5), plate("AB124", 400, 200, confidence=0.5)])
            for i in range(6)]  # fmt: skip
    assert {event.text for event in watch(make(), seen) if event.type == "end"} == {"AB123", "AB124"}


@pytest.mark.parametrize(("step", "degrees"), [((0, -30), 0), ((30, 0), 90), ((0, 30), 180), ((-30, 0), 270)])
def test_direction_is_clockwise_from_up(step, degrees):
    seen = [(i * 0.2, [plate("AB123", 300 + step[0] * i, 240 + step[1] * i)]) for i in range(6)]
    assert watch(make(), seen)[-1].direction_deg == pytest.approx(degrees)


def test_what_stands_has_no_direction():
    assert watch(make(), [(i * 0.2, [plate("AB123", 300 + i, 240)]) for i in range(6)])[-1].direction_deg is None


def test_the_picture_is_that_of_the_surest_look_that_agrees():
    looks = [("AB123", 0.5), ("AB123", 0.7), ("AB128", 0.75), ("AB123", 0.6)]
    seen = [(i * 0.2, [plate(text, 100 + 20 * i, 200, confidence=c)]) for i, (text, c) in enumerate(looks)]
    end = watch(make(), seen)[-1]
    assert (end.text, end.best.text, end.best.confidence) == ("AB123", "AB123", 0.7)
    assert end.picture[0, 0, 0] == end.best.frame == 2  # the number of the frame
    assert end.crop is not None


def test_no_more_than_the_best_frame_is_kept():
    passages = make()
    frames = [frame(i * 0.2) for i in range(20)]
    for i, one in enumerate(frames):
        passages.see(one, [plate("AB123", 60 + 20 * i, 200)])
    [passage] = passages._passages
    assert sum(value is one.image for value in vars(passage._evidence).values() for one in frames) == 1
    assert not any(isinstance(value, np.ndarray) and value.ndim == 3 for look in passage._looks
                   for value in vars(look).values())  # fmt: skip


def test_signs_that_come_to_nothing_keep_no_frames():
    passages = make()
    for i in range(200):
        text = f"{chr(65 + i % 26)}{i:03}{chr(65 + i // 26)}Z"
        assert passages.see(frame(i * 0.25), [plate(text, 40 + 97 * i % 560, 30 + 61 * i % 420, confidence=0.7)]) == []
    assert sum(one._evidence is not None for one in passages._passages) <= 14  # of the last three seconds


def test_a_long_stay_keeps_a_bounded_number_of_looks():
    end = watch(make(), [(i * 0.5, [plate("AB123", 100, 200)]) for i in range(1200)])[-1]
    assert end.look_count == 1200
    assert 256 <= len(end.looks) <= 512


def test_the_same_frames_give_the_same_events_after_a_run_that_was_cut_off():
    seen = [*driving("AB123", 0, 2), *driving("XY789", 20, 2)]
    cut_off = make()
    lost = [event for seconds, plates in seen[:8] for event in cut_off.see(frame(seconds), plates)]
    first, again = watch(make(), seen), watch(make(), seen)
    assert [json.dumps(event.to_json()) for event in first] == [json.dumps(event.to_json()) for event in again]
    assert [event.to_json() for event in first[: len(lost)]] == [event.to_json() for event in lost] != []
    assert len({event.id for event in first}) == 2


def test_other_sources_have_other_ids():
    other = watch(Passages("yard"), driving("AB123", 0, 2))
    assert {event.id for event in other}.isdisjoint(event.id for event in watch(make(), driving("AB123", 0, 2)))


def test_plates_in_view_are_told_with_their_passage():
    passages = make()
    passages.see(frame(0.0), [plate("AB123", 100, 200, confidence=0.05)])
    assert [(one.id, one.text) for one in passages.visible] == [(None, "")]
    passages.see(frame(0.2), [plate("AB123", 100, 200)])
    [one] = passages.visible
    [start] = passages.see(frame(0.4), [plate("AB123", 100, 200)])
    assert (one.id, one.text) == (start.id, "AB123")
    passages.see(frame(0.6), [])
    assert passages.visible == []


def test_a_clock_that_goes_back_ends_nothing():
    seen = driving("AB123", 100, 1)
    passages = make()
    events = [event for seconds, plates in seen for event in passages.see(frame(seconds), plates)]
    events += passages.see(frame(40.0), [plate("AB123", 180, 200)])
    assert told(events + passages.finish()) == [("start", "AB123"), ("end", "AB123")]


SEEN = st.builds(
    plate,
    st.sampled_from(["AB123", "AB128", "B123", "XY789", "皖A12345"]),
    st.sampled_from([60.0, 100.0, 320.0, 500.0]),
    st.sampled_from([100.0, 300.0]),
    confidence=st.sampled_from([0.1, 0.5, 0.8, 0.97]),
    score=st.sampled_from([0.3, 0.9]),
)
DRIVES = st.lists(
    st.tuples(st.sampled_from([0.1, 0.5, 2.0, 5.0, 40.0, 90.0]), st.lists(SEEN, max_size=3)), min_size=1, max_size=25
)


@given(DRIVES, st.sampled_from([1, 2]), st.sampled_from([0, 60]))
@settings(max_examples=60, deadline=None)
def test_whatever_is_seen_passages_have_one_start_and_one_end(steps, preview_looks, repeat_seconds):
    now, seen = 0.0, []
    for pause, plates in steps:
        now = round(now + pause, 1)
        seen.append((now, plates))
    rules = {"preview_looks": preview_looks, "repeat_seconds": repeat_seconds, "here_seconds": 3}
    events = watch(make(**rules), seen)
    of: dict[str, list[Event]] = {}
    for event in events:
        of.setdefault(event.id, []).append(event)
    for some in of.values():
        assert [event.type for event in some if event.type in ("start", "end")] == ["start", "end"]
        assert (some[0].type, some[-1].type) == ("start", "end")
        assert [event.last_time for event in some] == sorted(event.last_time for event in some)
        assert all(event.first_time <= event.best.time <= event.last_time for event in some)
        assert some[-1].look_count == len(some[-1].looks)
    assert [event.to_json() for event in watch(make(**rules), seen)] == [event.to_json() for event in events]


def test_settings_are_checked():
    with pytest.raises(ValueError, match="expected a regular expression"):
        PassageSettings(formats="[A-Z")
    with pytest.raises(ValueError, match="absent_seconds: expected at least lost_seconds, 2"):
        PassageSettings(absent_seconds=1, lost_seconds=2)
    with pytest.raises(ValueError, match="at least 3"):
        PassageSettings(regions=[[(0, 0), (1, 1)]])
