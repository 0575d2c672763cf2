"""The sheet of the pictures in which a detector made most mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lp_recognition.evaluation import pictures
from lp_recognition.evaluation.detection import judge
from lp_recognition.evaluation.pictures import worst_sheet
from lp_recognition.lists.scenes import Scene, ScenePlate
from lp_recognition.reading.detector import Detection

PLATES = [(10, 10), (100, 100), (200, 10)]


def corners_of(left: int, top: int) -> np.ndarray:
    return np.array([[left, top], [left + 40, top], [left + 40, top + 10], [left, top + 10]], np.float32)


def picture(shade: int, plates: int, found: dict[tuple[int, int], float]) -> tuple:
    """A picture that its shade tells from others, its first `plates` of PLATES, and what was found with what score."""
    noted = tuple(ScenePlate((left, top, left + 40, top + 10), None) for left, top in PLATES[:plates])
    scene = Scene(Path("x.jpg"), (240, 320), noted, complete=True)
    detections = [Detection(corners_of(*place), score) for place, score in found.items()]
    return (np.full((240, 320, 3), shade, np.uint8), scene), (judge(scene, detections), detections)


@pytest.fixture
def shown(monkeypatch) -> list[tuple[int, list[float]]]:
    """The shade of each picture that is drawn, and the scores of what is drawn on it."""
    drawn: list[tuple[int, list[float]]] = []

    def draw(image, detections, scene):
        drawn.append((int(image[0, 0, 0]), [detection.score for detection in detections]))
        return image

    monkeypatch.setattr(pictures, "draw_detections", draw)
    return drawn


def test_the_pictures_with_most_plates_missed_and_false_alarms_come_first(shown):
    some = [
        picture(1, 1, {(10, 10): 0.9}),  # right
        picture(2, 2, {(10, 10): 0.9}),  # one missed
        picture(3, 2, {(10, 10): 0.9, (200, 200): 0.8, (50, 200): 0.7}),  # one missed, two false alarms
        picture(4, 0, {(50, 50): 0.6, (150, 50): 0.4}),  # two false alarms
        picture(5, 0, {(50, 50): 0.3}),  # one that is not sure enough
        picture(6, 3, {(10, 10): 0.3, (100, 100): 0.9, (200, 10): 0.9}),  # one missed, not sure enough
    ]
    scenes, found = zip(*some, strict=True)
    assert worst_sheet(scenes, found, 0.4) is not None
    assert shown == [(3, [0.9, 0.8, 0.7]), (4, [0.6, 0.4]), (2, [0.9]), (6, [0.9, 0.9])]
    shown.clear()
    worst_sheet(scenes, found, 0.4, most=2)
    assert [shade for shade, _ in shown] == [3, 4]


def test_without_mistakes_there_is_no_sheet(shown):
    scene, found = picture(1, 1, {(10, 10): 0.9, (50, 50): 0.3})
    assert worst_sheet([scene], [found], 0.4) is None
    assert shown == []
