"""From cells to plates, in pixels of the photograph; tiles; and plates laid flat."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_photographs import photograph, tiny_detector

from lp_recognition.boxes.cells import Grids
from lp_recognition.images.scene_augmentation import letterbox, move, random_view, warp
from lp_recognition.reading.detector import Detection, Detector, decode_cells
from lp_recognition.reading.rectification import rectify
from lp_recognition.reading.tiles import levels_of

GRIDS = Grids((96, 128), (8, 16))


def output_of(corners: np.ndarray, cell: int, score: float) -> np.ndarray:
    output = np.zeros((GRIDS.count, 9), np.float32)
    output[:, 0] = -9
    output[cell, 0] = np.log(score / (1 - score))
    output[cell, 1:] = ((corners - GRIDS.middles[cell]) / GRIDS.stride_of_cell[cell]).reshape(8)
    return output


def test_a_cell_speaks_of_corners_in_pixels():
    corners = np.array([[20, 30], [60, 26], [62, 40], [22, 44]], np.float32)
    [found] = decode_cells(output_of(corners, 60, 0.8), GRIDS, 0.5, 0.4)
    np.testing.assert_allclose(found.corners, corners, atol=1e-4)
    assert found.score == pytest.approx(0.8, abs=1e-6)
    assert found.box == pytest.approx((20, 26, 62, 44))
    assert decode_cells(output_of(corners, 60, 0.8), GRIDS, 0.81, 0.4) == []


def test_no_logit_overflows():
    output = np.full((GRIDS.count, 9), -1e9, np.float32)
    output[:, 1:] = 0
    with np.errstate(all="raise"):
        assert decode_cells(output, GRIDS, 0.1, 0.4) == []


@given(st.integers(1, 900), st.integers(1, 900))
def test_a_letterbox_keeps_proportions_and_maps_corners(height, width):
    image = np.zeros((height, width, 1), np.uint8)
    fitted, matrix = letterbox(image, (96, 128))
    assert fitted.shape == (96, 128, 1)
    corner = move(np.array([[width, height]], np.float32), matrix)[0]
    assert corner[0] <= 128.01
    assert corner[1] <= 96.01
    assert max(corner[0] / 128, corner[1] / 96) > 0.98  # it fills the one or the other side
    x, y = (round(float(value)) for value in corner)
    assert not fitted[:y, :x].any()
    assert (fitted[y:] == 128).all()
    assert (fitted[:, x:] == 128).all()


@pytest.fixture
def finder(tmp_path) -> Detector:
    (tmp_path / "finder.tflite").write_bytes(tiny_detector())
    return Detector(tmp_path / "finder.tflite")


def test_each_threshold_is_the_argument_or_that_of_the_settings(finder, tmp_path):
    config = finder.config.with_values(infer={"score_threshold": 0.7, "iou_threshold": 0.2})
    path = tmp_path / "finder.tflite"
    detectors = [Detector(path, config=config, **given) for given in ({}, {"score_threshold": 0.0, "iou_threshold": 1})]
    assert [(one.score_threshold, one.iou_threshold) for one in detectors] == [(0.7, 0.2), (0.0, 1)]


def test_small_plates_of_large_photographs_are_found_in_their_parts(finder):
    large = np.full((256, 384, 3), 128, np.uint8)
    large[96:160, 200:296] = photograph([(2, 3, "BBBCCC")], scale=1)
    assert finder.detect(large) == []
    for tiles in ("on", "auto"):
        [found] = finder.detect(large, tiles=tiles)
        assert found.box == pytest.approx((200 + 32, 96 + 16, 200 + 80, 96 + 40), abs=0.1)


@pytest.mark.parametrize(
    ("box", "side", "border"),
    [((0, 20, 40, 30), 0, 0), ((20, 0, 60, 10), 1, 0), ((56, 20, 96, 30), 2, 384), ((20, 54, 60, 64), 3, 256)],
)
def test_a_plate_at_the_edge_of_a_part_counts_only_where_the_photograph_ends(finder, monkeypatch, box, side, border):
    left, top, right, bottom = box
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)

    def find_plates(predict, pictures, *settings):
        return [[Detection(corners, 0.9)] if picture.shape[0] == 64 else [] for picture in pictures]

    monkeypatch.setattr("lp_recognition.reading.detector.find_plates", find_plates)
    found = finder.detect(np.zeros((256, 384, 3), np.uint8), tiles="on")
    assert {one.box[side] for one in found} == {border}
    parts = levels_of((256, 384), (64, 96))[-1]
    assert len(found) == sum(part[side % 2] == border - (0, 0, 96, 64)[side] for part in parts)


def test_parts_are_searched_on_their_own_only_where_the_whole_shows_nothing(finder):
    large = photograph([(4, 5, "BBBCCC")], scale=4)
    large[:64, :96] = photograph([(2, 3, "BBBCCC")], scale=1)
    assert len(finder.detect(large, tiles="off")) == len(finder.detect(large, tiles="auto")) == 1
    assert len(finder.detect(large, tiles="on")) > 1
    small = photograph([], scale=2)
    small[:64, :96] = photograph([(2, 3, "BBBCCC")], scale=1)
    assert [len(finder.detect(small, tiles=tiles)) for tiles in ("off", "auto", "on")] == [0, 1, 1]


def test_what_is_found_in_a_part_has_to_be_surer(finder, monkeypatch):
    corners = np.array([[20, 20], [60, 20], [60, 30], [20, 30]], np.float32)
    for score, count in ((0.69, 0), (0.71, 1)):

        def find_plates(predict, pictures, *settings, score=score):
            whole = pictures[0].shape[:2] == (128, 192)
            return [[Detection(corners, score)] if not whole and not number else [] for number in range(len(pictures))]

        monkeypatch.setattr("lp_recognition.reading.detector.find_plates", find_plates)
        assert len(finder.detect(np.zeros((128, 192, 3), np.uint8), tiles="on")) == count


def test_cells_without_numbers_are_no_plates():
    output = np.full((GRIDS.count, 9), np.nan, np.float32)
    output[:, 0] = 9
    assert decode_cells(output, GRIDS, 0.5, 0.4) == []


def spotted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A picture with four bright spots, and where they are."""
    rng = np.random.default_rng(seed)
    points = np.array([[60, 50], [140, 55], [138, 85], [58, 80]], np.float32) + rng.uniform(-8, 8, (4, 2)).astype(
        np.float32
    )
    image = np.zeros((150, 200, 1), np.uint8)
    for x, y in points:
        cv2.circle(image, (round(float(x) * 16 - 8), round(float(y) * 16 - 8)), 4 * 16, (255,), -1, cv2.LINE_AA, 4)
    return image, points


@pytest.mark.parametrize("seed", range(12))
def test_what_moves_the_picture_moves_the_corners(seed):
    image, points = spotted(seed)
    view, matrix = random_view(image, points[None], np.random.default_rng(seed), (240, 320))
    moved = move(points, matrix)
    scale = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    inside = [(x, y) for x, y in moved if 12 * scale < x < 320 - 12 * scale and 12 * scale < y < 240 - 12 * scale]
    for x, y in inside:
        reach = max(2, round(7 * scale))
        y0, x0 = int(y) - reach, int(x) - reach
        area = view[y0 : y0 + 2 * reach + 1, x0 : x0 + 2 * reach + 1, 0].astype(float)
        area[area < 140] = 0  # the gray around is no spot
        ys, xs = np.mgrid[: area.shape[0], : area.shape[1]]
        middle = (xs * area).sum() / area.sum() + x0 + 0.5, (ys * area).sum() / area.sum() + y0 + 0.5
        assert middle == pytest.approx((x, y), abs=0.35 + 0.1 * scale)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_not_turned_stays_upright(seed):
    image, _ = spotted(seed)
    upright = np.array([[60, 50], [140, 50], [140, 80], [60, 80]], np.float32)
    _, matrix = random_view(image, upright[None], np.random.default_rng(seed), (240, 320), turned=False)
    moved = move(upright, matrix)
    np.testing.assert_allclose(moved[[0, 1], 1], moved[[1, 0], 1], atol=1e-3)
    np.testing.assert_allclose(moved[[0, 3], 0], moved[[3, 0], 0], atol=1e-3)
    assert not np.allclose(moved, upright)


def test_a_warp_to_the_same_place_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
    assert np.array_equal(warp(image, np.eye(3), (40, 60)), image)


@pytest.mark.parametrize("scale", [0.5, 1, 6])
def test_a_plate_is_laid_flat_with_its_margin(scale):
    height, width = round(60 * scale), round(200 * scale)
    flat = np.full((height, width, 3), 200, np.uint8)
    flat[:, : width // 2] = 90
    corners = np.array([[100, 80], [290, 110], [285, 170], [95, 135]], np.float32) * scale
    source = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    shift = np.float32(0.5)
    matrix = cv2.getPerspectiveTransform(source - shift, corners - shift)
    photograph = cv2.warpPerspective(flat, matrix, (round(400 * scale), round(250 * scale)), flags=cv2.INTER_AREA)
    crop = rectify(photograph, corners, margin=(0.1, 0.2))
    rows, columns = crop.shape[:2]
    assert columns / rows == pytest.approx(crop.shape[1] / crop.shape[0])
    y0, x0 = rows * 0.2 / 1.4, columns * 0.1 / 1.2
    inner = crop[round(y0 + 2) : round(rows - y0 - 2), round(x0 + 2) : round(columns - x0 - 2), 0].astype(float)
    half = inner.shape[1] // 2
    assert abs(inner[:, : half - 2].mean() - 90) < 3
    assert abs(inner[:, half + 2 :].mean() - 200) < 3
    assert crop[0].mean() < 60  # above the plate it is black


@pytest.mark.parametrize("size", [(60, 40_000), (40_000, 60)])
def test_plates_of_very_long_pictures_are_laid_flat(size):
    photograph = np.full(size, 50, np.uint8)
    photograph[-40:-20, -50:-10] = 200
    height, width = size
    box = [(width - 50, height - 40), (width - 10, height - 40), (width - 10, height - 20), (width - 50, height - 20)]
    assert rectify(photograph, box, margin=(0, 0))[2:-2, 2:-2].min() == 200


def test_corners_that_are_none_give_a_picture_all_the_same():
    photograph = np.full((50, 80), 77, np.uint8)
    for corners in (np.full((4, 2), 20), np.array([[-1e7, -1e7], [1e7, -1e7], [1e7, 1e7], [-1e7, 1e7]]),
                    np.full((4, 2), -1e6)):  # fmt: skip
        assert rectify(photograph, corners).shape[0] >= 12


def test_a_plate_at_the_edge_is_cut_out_all_the_same():
    photograph = np.full((50, 80), 77, np.uint8)
    crop = rectify(photograph, [(-10, 5), (60, 5), (60, 25), (-10, 25)])
    assert crop.ndim == 2
    assert (crop == 77).all()
