"""A second look at each plate that was found: its corners come from there, if it is the same plate."""

from __future__ import annotations

import numpy as np
import pytest

from lp_recognition.reading.closer_look import look_closer
from lp_recognition.reading.detector import Detection
from lp_recognition.settings.detection import DetectionConfig

CONFIG = DetectionConfig(input_shape=(64, 128, 1), stages=((8, 1), (8, 1)))
#: 90 pixels wide and 30 high, in the middle of a photograph.
FOUND = Detection(np.array([[155, 105], [245, 105], [245, 135], [155, 135]], np.float32), 0.7)


class Looker:
    """Sees one plate in every view, or none; keeps the views."""

    config, iou_threshold = CONFIG, 0.4

    def __init__(self, corners: np.ndarray | None) -> None:
        self._corners, self.views = corners, []

    def predict(self, images: np.ndarray) -> np.ndarray:
        self.views.extend(images)
        output = np.zeros((len(images), CONFIG.grids.count, 9), np.float32)
        output[:, :, 0] = -9
        if self._corners is not None:
            cell = int(np.linalg.norm(CONFIG.grids.middles - self._corners.mean(axis=0), axis=1).argmin())
            offsets = (self._corners - CONFIG.grids.middles[cell]) / CONFIG.grids.stride_of_cell[cell]
            output[:, cell, 0], output[:, cell, 1:] = 3, offsets.reshape(8)
        return output


def test_corners_are_the_mean_of_both_looks_in_pixels_of_the_photograph():
    scale = 0.38 * 128 / 90
    tilted = FOUND.corners + np.array([[0, 3], [0, -3], [0, -3], [0, 3]], np.float32)
    looker = Looker((tilted - (200, 120)) * scale + (64, 32))
    [seen, other] = look_closer(looker, np.zeros((240, 400, 3), np.uint8), [FOUND, FOUND])
    expected = FOUND.corners / 3 + tilted * 2 / 3
    np.testing.assert_allclose(seen.corners, expected, atol=0.01)
    np.testing.assert_allclose(other.corners, expected, atol=0.01)
    assert seen.score == 0.7  # who found it knows how sure it is a plate


def test_the_plate_stands_in_the_middle_of_its_view_large_and_sharp():
    photograph = np.zeros((240, 400, 3), np.uint8)
    photograph[105:135, 155:245] = 255
    looker = Looker(None)
    look_closer(looker, photograph, [FOUND])
    bright = looker.views[0][..., 0] > 128
    assert bright.any(axis=0).sum() == pytest.approx(0.38 * 128, abs=1.5)
    rows, columns = np.nonzero(bright)
    assert (columns.mean(), rows.mean()) == pytest.approx((63.5, 31.5), abs=1)


@pytest.mark.parametrize("corners", [None, np.array([[2, 2], [30, 2], [30, 12], [2, 12]], np.float32)])
def test_what_is_not_seen_again_stays_what_it_was(corners):
    assert look_closer(Looker(corners), np.zeros((240, 400, 3), np.uint8), [FOUND]) == [FOUND]


@pytest.mark.parametrize("shift", [(-900, 0), (900, 0), (0, -700), (0, 700), (-170, -110)])
def test_a_plate_beside_the_photograph_is_looked_at_like_any_other(shift):
    beside = Detection(FOUND.corners + np.array(shift, np.float32), 0.7)
    looker = Looker(None)
    assert look_closer(looker, np.zeros((240, 400, 3), np.uint8), [beside]) == [beside]
    assert looker.views[0].shape == (64, 128, 1)


def test_no_plates_no_views():
    looker = Looker(None)
    assert look_closer(looker, np.zeros((240, 400, 3), np.uint8), []) == []
    assert looker.views == []
