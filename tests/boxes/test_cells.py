"""What a detector's output means: cells, their plates, and one plate of several."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lp_recognition.boxes.cells import Grids, merge_overlapping, pairwise_iou, sides_of

GRIDS = Grids((240, 320), (8, 16, 32))


def upright(x: float, y: float, width: float, height: float) -> np.ndarray:
    return np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]], np.float32)


def test_cells_are_counted_row_by_row_and_grid_by_grid():
    assert GRIDS.shapes == ((30, 40), (15, 20), (8, 10))  # 240 / 32 is rounded up, as 'same' padding does
    assert GRIDS.count == 1200 + 300 + 80
    assert GRIDS.middles[[0, 1, 40, 1200, 1500]].tolist() == [[4, 4], [12, 4], [4, 12], [8, 8], [16, 16]]
    assert GRIDS.stride_of_cell[[0, 1199, 1200, 1499, 1500]].tolist() == [8, 8, 16, 16, 32]


@given(st.integers(0, GRIDS.count - 1), st.lists(st.floats(-8, 8, width=32), min_size=8, max_size=8))
def test_offsets_are_strides_from_the_middle(cell, offsets):
    [corners] = GRIDS.corners(np.array([offsets], np.float32), np.array([cell]))
    expected = GRIDS.middles[cell] + np.array(offsets, np.float32).reshape(4, 2) * GRIDS.stride_of_cell[cell]
    np.testing.assert_allclose(corners, expected, rtol=1e-6, atol=1e-4)


@given(st.floats(3, 250), st.floats(1.5, 6), st.floats(0, 1), st.floats(0, 1))
def test_every_plate_has_a_cell_near_its_middle(width, aspect, x, y):
    height = width / aspect
    plate = upright(x * (320 - min(width, 320)), y * (240 - min(height, 240)), width, height)
    plates, undecided = GRIDS.assign(plate[None])
    cells = np.flatnonzero(plates == 0)
    assert len(cells)
    assert not undecided[cells].any()
    apart = np.abs(GRIDS.middles[cells] - plate.mean(axis=0))
    assert (apart <= np.maximum(np.array([width, height]) * 0.31, GRIDS.stride_of_cell[cells, None] * 0.51)).all()


@pytest.mark.parametrize(("width", "strides"), [(6, {8}), (30, {8}), (45, {8, 16}), (80, {16, 32}), (300, {32})])
def test_fine_grids_find_small_plates_and_coarse_ones_large(width, strides):
    plates, _ = GRIDS.assign(upright(10, 100, width, width / 4)[None])
    assert set(GRIDS.stride_of_cell[plates == 0]) == strides


def test_the_smaller_of_two_plates_has_the_cell():
    both = np.stack([upright(100, 100, 24, 8), upright(90, 90, 48, 28)])
    plates, _ = GRIDS.assign(both)
    near = np.flatnonzero((np.abs(GRIDS.middles - (112, 104)) < 5).all(axis=1) & (GRIDS.stride_of_cell == 8))
    assert set(plates[near]) == {0}


def test_boxes_and_what_they_share():
    boxes = sides_of(np.stack([upright(0, 0, 10, 10), upright(5, 0, 10, 10), upright(20, 20, 5, 5)]))
    np.testing.assert_allclose(pairwise_iou(boxes, boxes), [[1, 1 / 3, 0], [1 / 3, 1, 0], [0, 0, 1]], rtol=1e-6)
    assert pairwise_iou(boxes, boxes[:0]).shape == (3, 0)


def test_the_surest_of_plates_that_overlap_stays_and_learns_from_its_like():
    corners = np.stack([upright(100, 50, 40, 12), upright(102, 50, 40, 12), upright(200, 50, 40, 12)])
    (first, first_score), (second, second_score) = merge_overlapping(corners, [0.8, 0.4, 0.9], 0.4)
    assert (first_score, second_score) == pytest.approx((0.9, 0.8))
    np.testing.assert_allclose(first, corners[2])
    np.testing.assert_allclose(second, upright(100 + 2 * 0.16 / 0.8, 50, 40, 12), atol=1e-3)  # by squared scores


def test_nothing_found_is_no_plate():
    assert merge_overlapping(np.zeros((0, 4, 2), np.float32), [], 0.4) == []


@given(st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_what_is_left_hardly_overlaps_and_scores_fall(count, seed):
    rng = np.random.default_rng(seed)
    corners = np.stack(
        [upright(*rng.uniform(0, 60, 2), *rng.uniform(8, 40, 2)) for _ in range(count)] or [upright(0, 0, 9, 9)]
    )
    found = merge_overlapping(corners, rng.uniform(0, 1, len(corners)), 0.5)
    assert 1 <= len(found) <= len(corners)
    scores = [score for _, score in found]
    assert scores == sorted(scores, reverse=True)
