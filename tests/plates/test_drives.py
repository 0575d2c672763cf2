"""Drawn drives: the same for the same seed, with plates where they are said to be."""

from __future__ import annotations

import numpy as np
import pytest

from lp_recognition.plates.drives import KINDS, DriveGenerator
from lp_recognition.plates.formats import FormatError
from lp_recognition.plates.roads import Pose, RoadCamera


@pytest.fixture(scope="module")
def generator() -> DriveGenerator:
    return DriveGenerator(["cz"], seed=5, size=(120, 160))


def test_drives_are_the_same_for_the_same_seed_and_number(generator):
    first, again = (list(make.draw(0).frames()) for make in (generator, DriveGenerator(["cz"], 5, (120, 160))))
    other = DriveGenerator(["cz"], 6, (120, 160)).draw(0)
    assert all(np.array_equal(one.image, two.image) for one, two in zip(first, again, strict=True))
    assert other.cars[0].text != generator.draw(0).cars[0].text


@pytest.mark.parametrize("number", range(len(KINDS)))
def test_every_passage_of_every_kind_can_be_seen(generator, number):
    drive = generator.draw(number)
    assert drive.kind == KINDS[number]
    seen = [set(frame.plates) for frame in drive.frames()]
    for passage in range(len(drive.cars)):
        assert sum(passage in plates for plates in seen) >= 4


def test_a_plate_is_where_it_is_said_to_be(generator):
    """It is a bright one, and before and after it there is the road alone."""
    frames = list(generator.draw(0).frames())
    empty = frames[0].image.astype(int)
    seen = [frame for frame in frames if frame.plates]
    assert not frames[0].plates
    for frame in seen[:: max(1, len(seen) // 4)]:
        x, y = frame.plates[0].mean(axis=0).astype(int)
        assert np.abs(frame.image[y - 1 : y + 2, x - 3 : x + 4] - empty[y - 1 : y + 2, x - 3 : x + 4]).mean() > 10


def test_a_car_that_comes_near_grows(generator):
    drive = next(drive for drive in map(generator.draw, range(0, 60, 6)) if drive.cars[0].way.speed_z < 0)
    widths = [np.ptp(frame.plates[0][:, 0]) for frame in drive.frames() if frame.plates]
    assert widths == sorted(widths)
    assert widths[-1] > 1.5 * widths[0]


def test_the_same_car_comes_back_after_ten_minutes(generator):
    drive = generator.draw(KINDS.index("return"))
    first, second = drive.cars
    assert first.text == second.text
    assert max(np.diff(drive.times)) > 590


def test_a_hidden_plate_is_hidden_for_half_a_second(generator):
    frames = list(generator.draw(KINDS.index("hidden")).frames())
    seen = [bool(frame.plates) for frame in frames]
    first, last = seen.index(True), len(seen) - 1 - seen[::-1].index(True)
    unseen = [frame.seconds for frame in frames[first:last] if not frame.plates]
    assert unseen
    assert unseen[-1] - unseen[0] <= 0.5


@pytest.mark.parametrize("number", range(KINDS.index("crossing"), 60, len(KINDS)))
def test_crossing_cars_change_sides_while_both_are_in_the_picture(generator, number):
    drive = generator.draw(number)
    places = []
    for seconds in drive.times:
        corners = [drive.camera.corners(pose, car.size_mm) for car in drive.cars if (pose := car.way.at(seconds))]
        if len(corners) == 2 and all(map(drive.camera.holds, corners)):
            places.append(corners[0][:, 0].mean() - corners[1][:, 0].mean())
    assert places[0] * places[-1] < 0


def test_a_camera_sees_what_is_near_large_and_below():
    camera = RoadCamera((120, 160), 200.0, 20.0, 1.6)
    near, far = (camera.corners(Pose(0.0, z, 0.0), (500, 100)) for z in (4.0, 8.0))
    assert np.ptp(near[:, 0]) == pytest.approx(2 * np.ptp(far[:, 0]))
    assert near[:, 0].mean() == far[:, 0].mean() == 80
    assert near[:, 1].mean() == pytest.approx(20 + 200 * 1.0 / 4)
    assert camera.corners(Pose(0.0, 1.0, 0.0), (500, 100)) is None


def test_mistakes_are_told():
    with pytest.raises(FormatError, match="expected a seed of 0 or more"):
        DriveGenerator(["cz"], seed=-1)
    with pytest.raises(FormatError, match="expected a size"):
        DriveGenerator(["cz"], size=(20, 20))
