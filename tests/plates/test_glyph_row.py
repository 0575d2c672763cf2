"""Where the glyphs of a crop stand: found on tilted, leaning and loosely cut plates, and nowhere where none are."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from lp_recognition.plates import Degradations, PlateGenerator, load_format
from lp_recognition.plates.glyph_row import find_row, sheared

FORMAT = load_format("cn_blue")
LINE = FORMAT.lines[0]
SPANS = [(left / FORMAT.size_mm[0], right / FORMAT.size_mm[0]) for left, right in FORMAT.spans_mm("PL·DDDDD", LINE)]
GAP = LINE.gap_mm / FORMAT.size_mm[0]


def plate(index: int, name: str = "cn_blue") -> np.ndarray:
    return PlateGenerator([name], seed=5, size=(48, 188), degradations=Degradations.none()).draw(index).image


def light_of(image: np.ndarray) -> np.ndarray:
    return image.mean(axis=2, dtype=np.float32)


def test_spans_are_where_characters_are_drawn():
    assert SPANS[0][0] * 440 == pytest.approx(440 - SPANS[-1][1] * 440, abs=1)  # the row stands in the middle
    widths = [(right - left) * 440 for left, right in SPANS]
    assert widths == pytest.approx([45] * 7)
    gaps = [(after[0] - before[1]) * 440 for before, after in pairwise(SPANS)]
    assert gaps == pytest.approx([12, 34, 12, 12, 12, 12])


@pytest.mark.parametrize(("name", "is_bright"), [("cn_blue", True), ("cn_yellow", False)])
@pytest.mark.parametrize(("slope", "slant"), [(0.0, 0.0), (0.08, 0.0), (-0.06, 0.25), (0.05, -0.3)])
def test_the_first_glyph_of_a_plate_that_lies_askew(name, is_bright, slope, slant):
    found = 0
    for index in range(10):
        around = cv2.copyMakeBorder(plate(index, name), 8, 8, 0, 0, cv2.BORDER_CONSTANT, value=(60, 60, 60))
        askew = sheared(sheared(around, slant=slant), slope=slope)
        row = find_row(light_of(askew), SPANS, GAP)
        if row is not None and abs(row.left / 188 - SPANS[0][0]) < 0.03 and row.is_bright == is_bright:
            found += 1
            assert row.slope == pytest.approx(slope, abs=0.03)
    assert found >= 9


def test_a_plate_that_begins_within_the_crop():
    for index in range(6):
        wide = cv2.copyMakeBorder(plate(index), 6, 6, 30, 4, cv2.BORDER_CONSTANT, value=(60, 60, 60))
        row = find_row(light_of(cv2.resize(wide, (188, 48))), SPANS, GAP)
        assert row is not None
        assert row.left / 188 == pytest.approx((30 + SPANS[0][0] * 188) / 222, abs=0.03)


def test_laying_back_undoes_straightening():
    askew = sheared(sheared(plate(0), slant=0.25), slope=-0.06)
    row = find_row(light_of(askew), SPANS, GAP)
    assert row is not None
    back = row.laid_back(row.straightened(askew))
    assert np.abs(back[14:34, 30:158].astype(int) - askew[14:34, 30:158]).mean() < 12


@pytest.mark.parametrize("image", [np.full((48, 188), 90), np.tile(np.linspace(0, 255, 188), (48, 1))])
def test_no_glyphs_no_row(image):
    assert find_row(np.asarray(image, np.float32), SPANS, GAP) is None


def test_noise_is_no_row():
    rng = np.random.default_rng(1)
    rows = [find_row(rng.uniform(0, 255, (48, 188)).astype(np.float32), SPANS, GAP) for _ in range(20)]
    assert sum(row is not None for row in rows) <= 1
