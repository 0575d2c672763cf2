"""Plates of several lines shown one line at a time."""

from __future__ import annotations

import re
from random import Random

import numpy as np
import pytest

from lp_recognition.boxes.corners import mean_sides
from lp_recognition.plates import Degradations, PlateGenerator
from lp_recognition.plates.drawing import PlateDrawer
from lp_recognition.plates.formats import load_format
from lp_recognition.plates.lines import cut_line
from lp_recognition.plates.text import Text, TextSource

TWO_LINES = ("vn_motorcycle", "vn_square", "br_motorcycle", "cn_yellow_rear")


def test_the_text_of_a_line_is_what_stands_on_it():
    text = Text("PD-L/DD.D", ("1", "2", "", "A", "", "3", "4", "", "5"))
    assert (text.line(0).label, text.line(1).label) == ("12A", "345")
    assert text.line(1) == Text("DD.D", ("3", "4", "", "5"))


@pytest.mark.parametrize("name", TWO_LINES)
def test_a_line_keeps_the_sides_of_the_plate_and_its_text_lies_inside(name):
    plate_format = load_format(name)
    drawer = PlateDrawer(plate_format, 300, None, Degradations.sparing(["all"]))
    source, lines = TextSource(plate_format), set()
    for seed in range(20):
        random = Random(seed)
        text = source.draw(random)
        drawing = drawer.draw(text, random)
        cut, line = cut_line(drawing, text, plate_format, random)
        assert cut.image is drawing.image  # the other line is beside it, not gone
        assert min(cut.margins) >= 0 and cut.margins[1] + cut.margins[3] < 1
        width, height = mean_sides(drawing.corners.tolist())
        line_width, line_height = mean_sides(cut.corners.tolist())
        assert line_width == pytest.approx(width) and 0.3 < line_height / height < 0.7
        kept = np.isclose(cut.corners[[0, 2], 1], drawing.corners[[0, 2], 1])
        assert kept.tolist() in ([True, False], [False, True])
        lines.add(line.label in (text.line(0).label, text.line(1).label))
    assert lines == {True}


def test_single_lines_are_drawn_of_plates_that_have_several_and_no_others():
    generator = PlateGenerator([*TWO_LINES, "cz"], seed=5, single_lines=True)
    plates = [generator.draw(index) for index in range(60)]
    assert all(any(re.fullmatch(pattern, plate.label) for pattern in generator.patterns) for plate in plates)
    assert all(len(plate.label) == 7 for plate in plates if plate.format == "cz")
    assert {len(plate.label) for plate in plates if plate.format == "cn_yellow_rear"} == {2, 5}
    np.testing.assert_array_equal(
        PlateGenerator(["cz"], seed=5, single_lines=True).draw(3).image, PlateGenerator(["cz"], seed=5).draw(3).image
    )
