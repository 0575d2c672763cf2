"""Photographs in, plates out: found, laid flat, read by the surest reader."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from tiny_plates import CONFIG, plate
from tiny_tflite import tiny_tflite

from lp_recognition import Alpr
from lp_recognition.reading.detector import Detection, Detector
from lp_recognition.reading.recognizer import Reading, Recognizer

CORNERS = np.array([[60, 40], [156, 52], [150, 100], [54, 88]], np.float32)


@pytest.fixture
def photograph() -> np.ndarray:
    """A picture that the tiny network reads, twice as large, lying askew on gray."""
    flat = cv2.resize(plate("BBBCCC"), (96, 48), interpolation=cv2.INTER_NEAREST)
    source = np.array([[0, 0], [96, 0], [96, 48], [0, 48]], np.float32)
    half = np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(source - half, CORNERS - half)
    around = np.full((250, 220, 3), 128, np.uint8)
    return cv2.warpPerspective(flat, matrix, (220, 250), dst=around, borderMode=cv2.BORDER_TRANSPARENT)


@pytest.fixture
def detector(monkeypatch) -> Detector:
    """One that finds the plate, and another beside it."""
    found = [
        Detection(CORNERS, 0.9),
        Detection(CORNERS * 0 + np.array([[5, 5], [50, 5], [50, 25], [5, 25]], np.float32), 0.6),
    ]
    detector = object.__new__(Detector)
    monkeypatch.setattr(Detector, "detect", lambda self, image, **_: found)
    return detector


def test_each_plate_is_laid_flat_and_read(tmp_path, photograph, detector):
    (tmp_path / "tiny.tflite").write_bytes(tiny_tflite("uint8"))
    alpr = Alpr(detector, [Recognizer(tmp_path / "tiny.tflite", config=CONFIG)])
    left, right = alpr.read(photograph)
    assert right.text == "BC"  # and not CB: its left is left
    assert right.detection_confidence == pytest.approx(0.9)
    assert right.box == pytest.approx((54, 40, 102, 60))
    assert len(right.confidences) == 2
    assert right.image.ndim == 3
    assert left.box[0] < right.box[0]


def test_the_surest_reader_is_believed(tmp_path, photograph, detector):
    (tmp_path / "tiny.tflite").write_bytes(tiny_tflite("uint8"))
    (tmp_path / "same.tflite").write_bytes(tiny_tflite("uint8"))
    doubtful = Recognizer(tmp_path / "same.tflite", config=CONFIG)
    sure = Recognizer(tmp_path / "tiny.tflite", config=CONFIG)
    reading = sure.read(plate("京A_BC_"))
    doubtful.read = lambda image: type(reading)("X", 0.1, (0.1,))
    sure.read = lambda image: type(reading)("Y", 0.8, (0.8,))
    plates = Alpr(detector, [doubtful, sure]).read(photograph)
    assert {(one.text, one.reader) for one in plates} == {("Y", str(tmp_path / "tiny.tflite"))}


def test_without_a_detector_every_picture_is_a_crop(tmp_path):
    (tmp_path / "tiny.tflite").write_bytes(tiny_tflite("uint8"))
    alpr = Alpr(None, [Recognizer(tmp_path / "tiny.tflite", config=CONFIG)])
    [found] = alpr.read(plate("京A_BC_", height=480, step=160))
    assert (found.text, found.is_crop, found.detection_confidence) == ("京ABC", True, 1)
    assert found.box == (0, 0, 960, 480)
    [gray] = alpr.read(plate("京A_BC_")[:, :, 0])
    assert gray.text == "京ABC"


@pytest.fixture
def small(tmp_path, monkeypatch) -> Callable[[float, float], list[bool]]:
    """Reads a small picture with one plate, as surely as is said: the whole of it, and the plate. Which are crops?"""
    (tmp_path / "tiny.tflite").write_bytes(tiny_tflite("uint8"))
    reader = Recognizer(tmp_path / "tiny.tflite", config=CONFIG)
    detector = object.__new__(Detector)

    def read(whole: float, plate: float, shape: tuple[int, ...] = (100, 400, 3)) -> list[bool]:
        found = [] if plate < 0 else [Detection(CORNERS, 0.9)]
        monkeypatch.setattr(Detector, "detect", lambda self, image, **_: found)
        reader.read = lambda image: Reading("X", whole if image.shape == shape else plate, ())
        return [one.is_crop for one in Alpr(detector, [reader]).read(np.zeros(shape, np.uint8))]

    return read


NOTHING = -1.0


def test_a_small_picture_is_a_crop_where_its_whole_is_read_most_surely(small):
    assert small(0.8, NOTHING) == [True]
    assert small(0.8, 0.7) == [True]
    assert small(0.7, 0.8) == [False]
    assert small(0.2, 0.1) == [False]
    assert small(0.2, NOTHING) == []
    assert small(0.9, 0.1, shape=(150, 400, 3)) == [False]  # a photograph


def test_a_reader_is_needed(detector):
    with pytest.raises(ValueError, match="at least one reader"):
        Alpr(detector, [])
