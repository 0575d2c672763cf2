"""Plates of two lines, cut into halves that a reader of one line reads."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_plates import CONFIG
from tiny_tflite import tiny_tflite

from lp_recognition.boxes.corners import mean_sides
from lp_recognition.reading.readers import read_at
from lp_recognition.reading.recognizer import Reading, Recognizer
from lp_recognition.reading.two_lines import CUTS, TwoLines, halves, may_have_two_lines, read_two_lines

UPPER, LOWER = 40, 200
#: Turned a little, twice as wide as high.
SQUAT = np.array([[50, 40], [150, 50], [145, 100], [45, 90]], np.float32)
LONG = np.array([[10, 10], [170, 10], [170, 50], [10, 50]], np.float32)


@pytest.fixture
def photograph() -> np.ndarray:
    """Where the plate is its upper half is dark and its lower one bright."""
    image = np.full((200, 200, 3), UPPER, np.uint8)
    image[75:] = LOWER
    return image


def by_brightness(image: np.ndarray) -> Reading:
    """Reads B2 from dark pictures and 345 from bright ones."""
    return Reading("B2", 0.5, (0.6, 0.7)) if image.mean() < 120 else Reading("345", 0.8, (0.9, 0.8, 0.7))


@pytest.mark.parametrize(("corners", "may"), [(SQUAT, True), (LONG, False)])
def test_narrow_plates_may_have_two_lines(corners, may):
    assert may_have_two_lines(corners) is may


@pytest.mark.parametrize("cut", CUTS)
def test_halves_share_the_sides_of_a_plate_and_overlap(cut):
    upper, lower = halves(SQUAT, cut)
    np.testing.assert_allclose(upper[:2], SQUAT[:2])
    np.testing.assert_allclose(lower[2:], SQUAT[2:])
    heights = [mean_sides(half.tolist())[1] / mean_sides(SQUAT.tolist())[1] for half in (upper, lower)]
    assert sum(heights) == pytest.approx(1.06)
    assert heights[0] == pytest.approx(cut + 0.03)


def test_two_lines_are_read_as_one_text(photograph):
    lines = read_two_lines(by_brightness, photograph, SQUAT)
    assert lines == TwoLines(Reading("B2345", 0.4, (0.6, 0.7, 0.9, 0.8, 0.7)), is_known=False)


def test_a_line_without_text_makes_no_two_lines(photograph):
    assert read_two_lines(lambda image: Reading("", 0.9, ()), photograph, SQUAT) is None


def test_the_cut_is_believed_that_gives_lines_of_a_known_format(photograph):
    """The halves of the second cut are less sure, and alone have the lines of a Chinese rear plate."""
    said = iter([("C1", 0.9), ("34567", 0.9), ("苏C", 0.4), ("34567", 0.4), ("苏", 0.9), ("34567", 0.9)])
    lines = read_two_lines(lambda image: Reading(*next(said), ()), photograph, SQUAT)
    assert (lines.reading.text, lines.is_known) == ("苏C34567", True)


@pytest.mark.parametrize(
    ("upper", "whole", "expected"),
    [
        ("B2", 0.08, "B2345"), ("B2", 0.1, "ONE"),  # of no known format: the surer one
        ("苏C", 0.1, "苏C34567"), ("苏C", 0.89, "苏C34567"), ("苏C", 0.91, "ONE"),  # of one: up to ten times less sure
    ],
)  # fmt: skip
def test_which_is_believed_of_the_lines_and_the_whole(tmp_path, photograph, upper, whole, expected):
    (tmp_path / "tiny.tflite").write_bytes(tiny_tflite("uint8"))
    reader = Recognizer(tmp_path / "tiny.tflite", config=CONFIG.with_values(lpr_patterns=()))

    def read(image: np.ndarray) -> Reading:
        height, width = image.shape[:2]
        if width <= 2.5 * height:
            return Reading("ONE", whole, (1.0, 1.0, 1.0))
        lower = "345" if upper == "B2" else "34567"
        return Reading(upper if image.mean() < 120 else lower, 0.3, ())  # both lines: 0.09

    reader.read = read
    assert read_at({"tiny": reader}, photograph, SQUAT)[0].text == expected
    assert read_at({"tiny": reader}, photograph, LONG)[0].text in (upper, "345", "34567")  # wide ones are not halved
