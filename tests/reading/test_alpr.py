"""Photographs in, plates out: found, laid flat, read by the surest reader."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from tiny_plates import CONFIG, plate
from tiny_tflite import tiny_tflite

from lp_recognition import Alpr
from lp_recognition.reading.alpr import is_crop
from lp_recognition.reading.detector import Detection, Detector
from lp_recognition.reading.recognizer import Recognizer

CORNERS = np.array([[60, 40], [156, 52], [150, 100], [54, 88]], np.float32)


@pytest.fixture
def photograph() -> np.ndarray:
    """A picture that the tiny network reads, twice as large, lying askew on gray."""
    flat = cv2.resize(plate("BBBCCC"), (96, 48), interpolation=cv2.INTER_NEAREST)
    source = np.array([[0, 0], [96, 0], [96, 48], [0, 48]], np.float32)
    half = np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(source - half, CORNERS - half)
    around = np.full((150, 220, 3), 128, np.uint8)
    return cv2.warpPerspective(flat, matrix, (220, 150), dst=around, borderMode=cv2.BORDER_TRANSPARENT)


@pytest.fixture
def detector(monkeypatch) -> Detector:
    """One that finds the plate, and another beside it."""
    found = [
        Detection(CORNERS, 0.9),
        Detection(CORNERS * 0 + np.array([[5, 5], [50, 5], [50, 25], [5, 25]], np.float32), 0.6),
    ]
    detector = object.__new__(Detector)
    monkeypatch.setattr(Detector, "detect", lambda self, image, *, tiles="off": found)
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


def filling(share: float, size: tuple[int, int]) -> Detection:
    height, width = size
    right = share * width
    return Detection(np.array([[0, 0], [right, 0], [right, height], [0, height]], np.float32), 0.9)


@pytest.mark.parametrize(
    ("size", "found", "expected"),
    [
        ((24, 94), [], True),
        ((100, 300), [], True),
        ((90, 100), [], False),  # not in the shape of a plate
        ((90, 100), [filling(0.4, (90, 100))], True),
        ((90, 100), [filling(0.3, (90, 100))], False),
        ((24, 94), [filling(0.3, (24, 94))], False),
        ((300, 900), [], False),  # a photograph
        ((300, 900), [filling(0.9, (300, 900))], False),
        ((1, 1), [], False),
    ],
)
def test_a_crop_is_small_and_filled_by_its_plate_or_shaped_like_one(size, found, expected):
    assert is_crop(size, found) is expected


def test_a_reader_is_needed(detector):
    with pytest.raises(ValueError, match="at least one reader"):
        Alpr(detector, [])
