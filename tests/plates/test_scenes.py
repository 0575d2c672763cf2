"""Drawn scenes: the same for the same number, plates where the corners say, and nothing else that is one."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest

from lp_recognition.boxes.corners import triangle_areas
from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.formats import FormatError
from lp_recognition.plates.scenes import SceneGenerator


@pytest.fixture(scope="module")
def generator():
    return SceneGenerator(["cn_blue", "cz", "vn_motorcycle"], seed=7)


def test_a_number_is_always_the_same_scene(generator):
    again = pickle.loads(pickle.dumps(generator))
    for index in (11, 3, 11):
        one, other = generator.draw(index), again.draw(index)
        assert np.array_equal(one.image, other.image)
        assert [plate.text for plate in one.plates] == [plate.text for plate in other.plates]
    assert not np.array_equal(generator.draw(3).image, generator.draw(4).image)
    assert not np.array_equal(generator.draw(3).image, SceneGenerator(["cn_blue"], seed=8).draw(3).image)


def test_scenes_have_no_to_many_plates_of_all_sizes(generator):
    scenes = [generator.draw(index) for index in range(120)]
    counts = [len(scene.plates) for scene in scenes]
    assert min(counts) == 0
    assert max(counts) >= 3
    assert all(scene.image.shape == (240, 320, 3) and scene.image.dtype == np.uint8 for scene in scenes)
    widths = [np.ptp(plate.corners[:, 0]) for scene in scenes for plate in scene.plates]
    assert min(widths) < 16
    assert max(widths) > 120
    assert {plate.format for scene in scenes for plate in scene.plates} == {"cn_blue", "cz", "vn_motorcycle"}


def test_plates_are_whole_and_their_corners_in_order(generator):
    for index in range(60):
        for plate in generator.draw(index).plates:
            points = [(float(x), float(y)) for x, y in plate.corners]
            assert min(triangle_areas(points)) > 0  # convex, clockwise
            assert (plate.corners[1] - plate.corners[0]) @ (plate.corners[2] - plate.corners[3]) > 0
            low, high = plate.corners.min(axis=0), plate.corners.max(axis=0)
            seen = np.clip(np.minimum(high, (320, 240)) - np.maximum(low, 0), 0, None) / (high - low)
            assert seen.prod() > 0.6


def test_the_plate_stands_at_its_corners():
    """Laid flat by its corners, a plate of a plain photograph is blue with white signs, up to its edges."""
    plain = Degradations.none()
    generator = SceneGenerator(["cn_blue"], seed=1, plate_widths=(0.4, 0.5), degradations=plain)
    plates = [(scene.image, plate) for scene in map(generator.draw, range(12)) for plate in scene.plates]
    assert len(plates) > 5
    for image, plate in plates:
        target = np.array([[0, 0], [220, 0], [220, 70], [0, 70]], np.float32)
        half = np.float32(0.5)
        matrix = cv2.getPerspectiveTransform(plate.corners - half, target - half)
        flat = cv2.warpPerspective(image, matrix, (220, 70), flags=cv2.INTER_LINEAR).astype(int)
        blue = (flat[..., 0] > flat[..., 2] + 60).mean(), (flat.min(axis=2) > 170).mean()
        assert blue[0] > 0.55
        assert 0.1 < blue[1] < 0.4


def test_photographs_of_the_user_lie_behind():
    backdrop = np.full((200, 300, 3), (10, 200, 10), np.uint8)
    plain = Degradations.none()
    generator = SceneGenerator(["cn_blue"], seed=2, backgrounds=[backdrop], degradations=plain)
    green = [
        np.median(generator.draw(index).image.reshape(-1, 3), axis=0).tolist() == [10, 200, 10] for index in range(30)
    ]
    assert 5 < sum(green) < 25


@pytest.mark.parametrize("size", [(480, 640), (700, 300), (48, 1000)])
def test_pictures_of_any_size(size):
    generator = SceneGenerator(["cz"], seed=5, size=size)
    assert all(generator.draw(index).image.shape == (*size, 3) for index in range(12))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"formats": []}, "at least one plate format"),
        ({"formats": ["nowhere"]}, "unknown plate format `nowhere`"),
        ({"formats": {"cz": 0}}, "positive weights"),
        ({"formats": ["cz"], "seed": -1}, "a seed of 0 or more"),
        ({"formats": ["cz"], "size": (20, 320)}, "a size .* of 48 to 4096 pixels"),
        ({"formats": ["cz"], "plate_widths": (0.5, 0.1)}, "plate widths of 0 to 1, the narrower one first"),
    ],
)
def test_wrong_settings_are_refused(arguments, said):
    with pytest.raises(FormatError, match=said):
        SceneGenerator(**arguments)
