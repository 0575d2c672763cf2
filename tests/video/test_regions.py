import numpy as np

from lp_recognition.video.regions import Regions, in_pixels

LEFT = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
HOLE = ((10.0, 10.0), (40.0, 10.0), (40.0, 40.0), (10.0, 40.0))


def at(x: float, y: float) -> np.ndarray:
    return np.array([(x - 4, y - 2), (x + 4, y - 2), (x + 4, y + 2), (x - 4, y + 2)], np.float32)


def test_shares_are_of_width_and_height():
    assert in_pixels(LEFT, (100, 200))[2].tolist() == [100, 100]
    assert in_pixels(HOLE, (100, 200))[2].tolist() == [40, 40]


def test_a_plate_counts_by_its_middle():
    regions = Regions([LEFT], [HOLE])
    assert regions.hold(at(98, 50), (100, 200))
    assert not regions.hold(at(102, 50), (100, 200))
    assert not regions.hold(at(20, 20), (100, 200))


def test_without_regions_plates_count_everywhere():
    assert Regions().hold(at(150, 50), (100, 200))
    assert not Regions((), [HOLE]).hold(at(20, 20), (100, 200))
