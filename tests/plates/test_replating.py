"""Other plates on photographs: where the real one was, in its light, and nowhere else."""

from __future__ import annotations

import re
from random import Random

import cv2
import numpy as np
import pytest

from lp_recognition.plates.assortment import Assortment
from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.formats import FormatError
from lp_recognition.plates.replating import Replater

CORNERS = np.array([[60, 80], [220, 90], [218, 140], [58, 128]], np.float32)


def photograph(dark: int, bright: int, channels: int = 3, blur: float = 0.6) -> np.ndarray:
    """A gray wall with a plate of dark ground and bright strokes at `CORNERS`."""
    image = np.full((200, 300, 3), 120, np.uint8)
    flat = np.full((50, 160, 3), dark, np.uint8)
    for x in range(12, 150, 20):
        cv2.rectangle(flat, (x, 10), (x + 6, 40), (bright,) * 3, -1)
    matrix = cv2.getPerspectiveTransform(np.float32([[0, 0], [160, 0], [160, 50], [0, 50]]), CORNERS)
    cv2.warpPerspective(flat, matrix, (300, 200), dst=image, borderMode=cv2.BORDER_TRANSPARENT)
    return cv2.GaussianBlur(image, (0, 0), blur)[:, :, :channels].copy()


def inside(shrink: float) -> np.ndarray:
    middle = CORNERS.mean(axis=0)
    mask = np.zeros((200, 300), np.uint8)
    cv2.fillConvexPoly(mask, ((CORNERS - middle) * shrink + middle).round().astype(np.int32), (1,))
    return mask > 0


@pytest.mark.parametrize("channels", [1, 3])
def test_another_plate_comes_there_and_nothing_else_changes(channels):
    before = photograph(60, 200, channels)
    after = before.copy()
    text = Replater(["cn_blue"]).replate(after, CORNERS, Random(3))
    assert re.fullmatch(r".[A-Z][A-Z0-9]{5}", text)
    changed = (before != after).any(axis=2)
    assert changed[inside(0.9)].mean() > 0.8
    assert not changed[~inside(1.6)].any()


def test_it_is_as_dark_and_as_bright_as_the_plate_was():
    for dark, bright in ((20, 70), (90, 230)):
        ends = []
        for seed in range(8):
            image = photograph(dark, bright)
            Replater(["eu"]).replate(image, CORNERS, Random(seed))
            ends.append(np.percentile(image[inside(0.85)], [10, 90]))
        low, high = np.mean(ends, axis=0)
        assert low == pytest.approx(dark, abs=25)
        assert high == pytest.approx(bright, abs=35)


def test_it_is_as_blurred_as_the_plate_was():
    steepest = []
    for blur in (0.6, 4.0):
        image = photograph(40, 220, blur=blur)
        Replater(["cn_blue"]).replate(image, CORNERS, Random(1))
        gray = image[..., 0].astype(float)
        steepest.append(np.percentile(np.abs(np.diff(gray, axis=1))[inside(0.8)[:, 1:]], 97))
    assert steepest[1] < 0.5 * steepest[0]


@pytest.mark.parametrize(
    "corners",
    [
        CORNERS * (1, 0.3),  # thrice as long as any plate
        np.float32([[10, 10], [16, 10], [16, 12], [10, 12]]),  # two rows of pixels
    ],
)
def test_what_no_plate_fits_is_left_alone(corners):
    before = photograph(60, 200)
    after = before.copy()
    assert Replater(["cn_blue"]).replate(after, corners, Random(1)) is None
    assert np.array_equal(before, after)


def test_the_same_chance_is_the_same_plate():
    images = [photograph(60, 200) for _ in range(2)]
    texts = [Replater(["cn_blue", "eu"]).replate(image, CORNERS, Random(9)) for image in images]
    assert texts[0] == texts[1]
    assert np.array_equal(*images)


def test_an_assortment_goes_by_its_weights_and_by_proportions():
    plates = Assortment({"cn_blue": 1.0, "vn_motorcycle": 9.0}, Degradations.none())
    random = Random(1)
    assert np.mean([plates.choose(random) for _ in range(400)]) == pytest.approx(0.9, abs=0.05)
    assert {plates.choose_alike(440 / 140, 1.2, random) for _ in range(50)} == {0}
    assert plates.choose_alike(20, 1.2, random) is None


@pytest.mark.parametrize("formats", [(), {"cn_blue": 0.0}, ("none_such",)])
def test_formats_that_there_are_not(formats):
    with pytest.raises(FormatError):
        Assortment(formats, Degradations.none())
