"""Geometry of corners and boxes, by facts that hold for any of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.boxes.corners import area, mean_sides, order_corners, triangle_areas
from lp_recognition.boxes.homography import plate_homography
from lp_recognition.boxes.intersection import box_iou, intersection_area, quadrilateral_iou, sides_around

RECTANGLE = ((10.0, 20.0), (110.0, 20.0), (110.0, 50.0), (10.0, 50.0))


def turned_plate(degrees: float, width: float, aspect: float, shear: float, middle: float = 400.0) -> np.ndarray:
    """The corners of a plate in order, float32 `(4, 2)`."""
    height = width / aspect
    flat = np.array([(0, 0), (width, 0), (width, height), (0, height)]) - (width / 2, height / 2)
    flat[:, 0] += shear * flat[:, 1]
    angle = np.radians(degrees)
    turn = np.array([(np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))])
    return (flat @ turn.T + middle).astype(np.float32)


plates = st.builds(
    turned_plate, st.floats(-55, 55), st.floats(60, 300), st.floats(2, 5), st.floats(-0.3, 0.3), st.floats(300, 500)
)
whole = st.integers(-50, 50)
boxes = st.tuples(whole, whole, st.integers(0, 60), st.integers(0, 60)).map(
    lambda box: (box[0], box[1], box[0] + box[2], box[1] + box[3])
)


def corners_of(box: tuple[int, int, int, int]) -> tuple[tuple[int, int], ...]:
    left, top, right, bottom = box
    return (left, top), (right, top), (right, bottom), (left, bottom)


# Corners


@settings(max_examples=200, deadline=None)
@given(plates, st.permutations(range(4)))
def test_corners_in_any_order_come_out_right(corners: np.ndarray, order: list[int]):
    np.testing.assert_array_equal(order_corners([tuple(map(float, corners[place])) for place in order]), corners)


@settings(max_examples=200, deadline=None)
@given(st.floats(-43, 43), st.floats(60, 300), st.floats(0.8, 1.25), st.permutations(range(4)))
def test_a_nearly_square_plate_is_taken_for_level(degrees: float, width: float, aspect: float, order: list[int]):
    corners = turned_plate(degrees, width, aspect, shear=0)
    np.testing.assert_array_equal(order_corners([tuple(map(float, corners[place])) for place in order]), corners)


def test_corners_in_order_are_kept_as_they_are():
    assert order_corners(RECTANGLE) == RECTANGLE
    square = ((0, 0), (10, 0), (10, 10), (0, 10))
    assert order_corners(square[2:] + square[:2]) == square  # no long side: the order nearest to level


@pytest.mark.parametrize(
    "points",
    [
        [(10, 10), (60, 10), (110, 10), (160, 10)],  # on one line
        [(10, 10), (110, 10), (60, 40), (60, 20)],  # one inside the others
        [(10, 10), (110, 10), (110, 40), (10, 10)],  # one twice
    ],
)
def test_points_that_are_no_four_corners_are_refused(points):
    with pytest.raises(ValueError, match=r"expected four corners, received \(10, 10\) "):
        order_corners(points)


def test_sides_and_areas_of_a_rectangle():
    assert mean_sides(RECTANGLE) == (100, 30)
    assert area(RECTANGLE) == 3000
    assert area(RECTANGLE[::-1]) == -3000
    assert triangle_areas(RECTANGLE) == [1500] * 4


def test_sides_of_a_trapezium_are_means():
    assert mean_sides(((20, 0), (80, 0), (100, 40), (0, 40))) == (80, math.hypot(20, 40))


@settings(max_examples=100, deadline=None)
@given(plates)
def test_opposite_triangles_make_up_the_area(corners: np.ndarray):
    points = [tuple(map(float, corner)) for corner in corners]
    first, second, third, fourth = triangle_areas(points)
    assert first + third == pytest.approx(area(points))
    assert second + fourth == pytest.approx(area(points))


# Intersection


@settings(max_examples=300, deadline=None)
@given(boxes, boxes)
def test_the_iou_of_boxes_is_that_of_counted_pixels(first, second):
    def mask(box):
        image = np.zeros((160, 160), bool)
        image[box[1] + 50 : box[3] + 50, box[0] + 50 : box[2] + 50] = True
        return image

    shared, union = (mask(first) & mask(second)).sum(), (mask(first) | mask(second)).sum()
    assert box_iou(first, second) == pytest.approx(shared / union if union else 0)


@settings(max_examples=300, deadline=None)
@given(boxes, boxes)
def test_upright_quadrilaterals_have_the_iou_of_their_boxes(first, second):
    expected = box_iou(first, second)
    assert quadrilateral_iou(corners_of(first), corners_of(second)) == pytest.approx(expected, abs=1e-5)


@settings(max_examples=200, deadline=None)
@given(plates, plates)
def test_an_iou_is_1_with_itself_and_the_same_both_ways(first: np.ndarray, second: np.ndarray):
    assert quadrilateral_iou(first.tolist(), first.tolist()) == pytest.approx(1, abs=1e-4)
    one_way = quadrilateral_iou(first.tolist(), second.tolist())
    assert 0 <= one_way <= 1 + 1e-4
    assert quadrilateral_iou(second.tolist(), first.tolist()) == pytest.approx(one_way, abs=1e-4)


def test_the_area_shared_with_a_turned_square():
    diamond = ((5, -5), (15, 5), (5, 15), (-5, 5))
    assert intersection_area(((0, 0), (10, 0), (10, 10), (0, 10)), diamond) == pytest.approx(100)
    assert intersection_area(((5, 5), (25, 5), (25, 25), (5, 25)), diamond) == pytest.approx(50)
    assert intersection_area(((20, 20), (30, 20), (30, 30), (20, 30)), diamond) == 0


@settings(max_examples=100, deadline=None)
@given(plates, st.permutations(range(4)))
def test_the_box_around_points_holds_them_all_and_touches_each_side(corners: np.ndarray, order: list[int]):
    points = corners[order].tolist()
    left, top, right, bottom = sides_around(points)
    assert {left, right} <= {x for x, _ in points} and {top, bottom} <= {y for _, y in points}
    assert all(left <= x <= right and top <= y <= bottom for x, y in points)


# Homography


def mapped(homography: np.ndarray, points) -> np.ndarray:
    found = np.column_stack([np.asarray(points, float), np.ones(len(points))]) @ homography.T
    return found[:, :2] / found[:, 2:]


def test_a_plate_without_margin_fills_the_crop():
    homography = plate_homography(RECTANGLE, (31, 101))  # its own size: corners are the outermost pixels
    np.testing.assert_allclose(mapped(homography, RECTANGLE), [(0, 0), (100, 0), (100, 30), (0, 30)], atol=1e-3)


@settings(max_examples=100, deadline=None)
@given(plates, st.floats(0, 0.5), st.integers(1, 4))
def test_a_margin_leaves_its_share_on_each_side(corners: np.ndarray, margin: float, times: int):
    height, width = 24 * times, 94 * times
    points = mapped(plate_homography(corners.tolist(), (height, width), margin), corners)
    across, down = (side + 1 for side in mean_sides(corners.tolist()))
    # From the edge of the crop to that of the plate, which lies half a pixel of the photograph outside of its corners.
    left = points[0, 0] + 0.5 - 0.5 * width / (across * (1 + 2 * margin))
    above = points[0, 1] + 0.5 - 0.5 * height / (down * (1 + 2 * margin))
    assert left / width == pytest.approx(margin / (1 + 2 * margin), abs=1e-3)
    assert above / height == pytest.approx(margin / (1 + 2 * margin), abs=1e-3)
    np.testing.assert_allclose(points[0] + points[2], (width - 1, height - 1), atol=0.02)  # the plate is in the middle
