"""Figures of detections: by hand, and by facts that always hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lp_recognition.evaluation.detection import average_precision, corner_error, judge, summarize
from lp_recognition.lists.scenes import Scene, ScenePlate
from lp_recognition.reading.detector import Detection


def corners_of(left: float, top: float, width: float = 40, height: float = 10) -> np.ndarray:
    right, bottom = left + width, top + height
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def plate(left: float, top: float, width: float = 40, height: float = 10, known: bool = True) -> ScenePlate:
    corners = tuple((float(x), float(y)) for x, y in corners_of(left, top, width, height)) if known else None
    return ScenePlate((left, top, left + width, top + height), corners)


def scene(*plates: ScenePlate, complete: bool = True, group: str = "a") -> Scene:
    return Scene(Path("x.jpg"), (240, 320), plates, complete, group)


def seen(left: float, top: float, score: float, width: float = 40, height: float = 10) -> Detection:
    return Detection(corners_of(left, top, width, height), score)


def test_each_plate_is_found_once_by_the_surest():
    found = judge(scene(plate(10, 10), plate(100, 100)), [seen(10, 10, 0.6), seen(12, 10, 0.9), seen(200, 200, 0.7)])
    assert found.scores.tolist() == pytest.approx([0.9, 0.7, 0.6])
    assert found.plate_of.tolist() == [0, -1, -1]  # the second look at the same plate is a false alarm
    assert [found.right[iou].tolist() for iou in (0.5, 0.75)] == [[True, False, False]] * 2  # 38 of 42 are shared


def test_figures_by_hand():
    pictures = [
        judge(scene(plate(10, 10), plate(100, 100, known=False)), [seen(10, 10, 0.9), seen(102, 100, 0.5)]),
        judge(scene(plate(50, 50), complete=False, group="b"), [seen(200, 50, 0.8)]),
        judge(scene(), [seen(5, 5, 0.6), seen(90, 90, 0.1)]),
    ]
    metrics = summarize(pictures, 0.4)
    assert (metrics.pictures, metrics.plates) == (3, 3)
    assert metrics.recall_50 == metrics.recall_70 == pytest.approx(2 / 3)
    assert metrics.precision == pytest.approx(2 / 3)  # of complete pictures: two right, one wrong
    assert metrics.false_alarms == 1  # the plateless picture; what is below the threshold does not count
    assert metrics.corner_error == 0  # of the one plate whose corners are known
    # By falling score: right (1/1), wrong, wrong, right (2/4): 1/3 * 1 + 1/3 * 1/2.
    assert metrics.ap_50 == pytest.approx(1 / 3 + 1 / 6)
    assert metrics.by_group == {"a": (2, 2), "b": (0, 1)}
    assert metrics.by_width == {"below 5%": (0, 0), "below 10%": (0, 0), "below 20%": (2, 3), "20% and more": (0, 0)}
    low, high = metrics.recall_50_interval
    assert low <= metrics.recall_50 <= high
    assert "| AP at IoU 0.5 " in metrics.to_table()


def test_corners_are_measured_in_heights_of_the_plate():
    moved = corners_of(10, 10) + np.array([3, 4], np.float32)
    assert corner_error(moved, corners_of(10, 10)) == pytest.approx(0.5)  # five pixels of ten


def test_a_box_that_shares_too_little_is_no_hit():
    found = judge(scene(plate(10, 10)), [seen(24, 10, 0.9)])  # 26 of 54
    assert found.plate_of.tolist() == [-1]
    found = judge(scene(plate(10, 10)), [seen(22, 10, 0.9)])  # 28 of 52
    assert {iou: hits.tolist() for iou, hits in found.right.items()} == {0.5: [True], 0.7: [False], 0.75: [False]}


def test_at_each_bound_plates_are_matched_anew():
    """The surest takes the plate at 0.5; the other one is the first that is near enough at 0.7."""
    found = judge(scene(plate(10, 10)), [seen(20, 10, 0.9), seen(12, 10, 0.8)])
    assert found.plate_of.tolist() == [0, -1]
    assert found.right[0.7].tolist() == [False, True]


def test_precision_never_falls_with_recall():
    """Wrong, right, right of two plates: 1/2 and 2/3 of what is found are right; 2/3 counts at both (its envelope)."""
    pictures = [
        judge(scene(plate(10, 10), plate(100, 100)), [seen(200, 10, 0.9), seen(10, 10, 0.8), seen(100, 100, 0.7)])
    ]
    assert average_precision(pictures, 0.5) == pytest.approx(2 / 3)


def test_recall_at_each_bound_is_of_plates_that_near():
    metrics = summarize([judge(scene(plate(10, 10), plate(100, 100)), [seen(20, 10, 0.9), seen(100, 100, 0.8)])], 0.5)
    assert (metrics.recall_50, metrics.recall_70) == (1, 0.5)  # one of them shares 30 of 50


def test_a_score_of_the_threshold_counts():
    pictures = [judge(scene(plate(10, 10)), [seen(10, 10, 0.5)])]
    assert [summarize(pictures, threshold).recall_50 for threshold in (0.5, 0.51)] == [1, 0]


def test_nothing_found_and_nothing_there():
    metrics = summarize([judge(scene(plate(1, 1), complete=False), [])], 0.5)
    assert (metrics.recall_50, metrics.ap_50, metrics.precision, metrics.corner_error) == (0, 0, None, None)
    assert average_precision([judge(scene(), [])], 0.5) == 0
    with pytest.raises(ValueError, match="at least one picture"):
        summarize([], 0.5)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_a_stricter_look_never_finds_more(seed, threshold):
    rng = np.random.default_rng(seed)
    pictures = []
    for _ in range(4):
        plates = [plate(*rng.uniform(0, 200, 2)) for _ in range(rng.integers(0, 3))]
        near = [seen(*(np.array(one.box[:2]) + rng.normal(0, 4, 2)), rng.uniform()) for one in plates]
        pictures.append(judge(scene(*plates), [*near, seen(*rng.uniform(0, 200, 2), rng.uniform())]))
    loose, strict = summarize(pictures, threshold), summarize(pictures, min(1.0, threshold + 0.2))
    assert strict.recall_50 <= loose.recall_50
    assert loose.recall_70 <= loose.recall_50
    assert loose.ap_75 <= loose.ap_50 <= 1
    assert loose.ap_50 == strict.ap_50  # it looks at all scores
