"""Parts of a photograph: they cover it, overlap, and shrink by halves until all its pixels are shown."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lp_recognition.reading.tiles import is_whole, levels_of

INPUT = (240, 320)


@given(st.integers(20, 3000), st.integers(20, 3000))
def test_the_parts_of_each_level_cover_the_picture_and_overlap(height, width):
    for parts in levels_of((height, width), INPUT):
        seen = np.zeros((height, width), bool)
        for left, top, wide, high in parts:
            assert 0 <= left <= width - wide
            assert 0 <= top <= height - high
            seen[top : top + high, left : left + wide] = True
        assert seen.all()
        wide = parts[0][2]
        columns = sorted({left for left, _, _, _ in parts})
        assert all(second - first <= 0.75 * wide + 1 for first, second in itertools.pairwise(columns))


@pytest.mark.parametrize(
    ("size", "widths"),
    [
        ((240, 320), []),  # all its pixels are in the input
        ((241, 320), [161]),
        ((480, 640), [320]),
        ((720, 1280), [640, 320]),
        ((3000, 4000), [2000, 1000, 500, 250]),
        ((100, 100), []),
    ],
)
def test_levels_go_by_halves_until_parts_show_all_pixels(size, widths):
    assert [parts[0][2] for parts in levels_of(size, INPUT)] == widths


@pytest.mark.parametrize(
    ("box", "tile", "whole"),
    [
        ((10, 10, 50, 20), (100, 100, 100, 80), True),
        ((0, 10, 50, 20), (100, 100, 100, 80), False),
        ((0, 10, 50, 20), (0, 100, 100, 80), True),  # at the edge of the photograph itself
        ((60, 70, 100, 80), (300, 220, 100, 80), True),
        ((60, 70, 100, 80), (300, 200, 100, 80), False),
    ],
)
def test_a_plate_that_an_edge_may_cut_is_not_whole(box, tile, whole):
    assert is_whole(box, tile, (300, 400)) is whole
