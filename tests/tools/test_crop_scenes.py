"""The tool that cuts the surroundings of plates out of photographs: lists of scenes as any other."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from lp_recognition.images.image import read_image, write_image
from lp_recognition.lists.scenes import Scene, ScenePlate, read_scenes, write_scenes
from lp_recognition.system.errors import UserError
from lp_recognition.tools.crop_scenes import main

NEAR = ((100, 80), (160, 86), (158, 106), (98, 100))


def listed(folder, plates, size=(300, 400)):
    image = np.full((*size, 3), 90, np.uint8)
    for plate in plates:
        if plate.corners is not None:
            cv2.fillPoly(image, [np.array(plate.corners, np.int32)], (255, 255, 255))
    write_image(folder / "photo.png", image)
    write_scenes(folder / "plates.jsonl", [Scene(folder / "photo.png", size, tuple(plates), True, "set")])
    return str(folder / "plates.jsonl")


def test_corners_stay_on_their_plate(tmp_path, capsys):
    plate = ScenePlate((98, 80, 160, 106), NEAR, "AB123", "xx")
    far = ScenePlate((300, 250, 340, 260), None)
    assert main([listed(tmp_path, [plate, far]), "--output", str(tmp_path / "cut")]) == 0
    assert "2 close-ups of 1 photographs" in capsys.readouterr().out
    first, second = read_scenes(tmp_path / "cut" / "plates.jsonl")[0]
    image = read_image(first.path)
    assert image.shape[:2] == first.size == (94, 186)  # three times as wide as the plate, half as high as wide
    [cut] = first.plates
    assert (cut.text, cut.country, first.group, first.complete) == ("AB123", "xx", "set", True)
    for x, y in cut.corners:
        middle = np.array(cut.corners).mean(axis=0)
        inside, outside = (middle + (np.array((x, y)) - middle) * by for by in (0.85, 1.25))
        assert image[int(inside[1]), int(inside[0])].mean() > 200
        assert image[int(outside[1]), int(outside[0])].mean() < 150
    assert second.plates[0].corners is None
    assert second.size == (60, 120)


def test_a_plate_that_is_cut_leaves_its_picture_incomplete(tmp_path):
    beside = ScenePlate((170, 80, 230, 106))
    main([listed(tmp_path, [ScenePlate((98, 80, 160, 106), NEAR), beside]), "--output", str(tmp_path / "cut")])
    first, second = read_scenes(tmp_path / "cut" / "plates.jsonl")[0]
    assert (len(first.plates), first.complete) == (1, False)
    assert len(second.plates) == 1 and not second.complete


def test_large_plates_are_shrunk_and_pictures_end_where_they_end(tmp_path):
    corners = ((10, 20), (900, 40), (900, 300), (10, 280))
    main([listed(tmp_path, [ScenePlate((10, 20, 900, 300), corners)], (600, 1000)), "--output", str(tmp_path / "cut")])
    [scene] = read_scenes(tmp_path / "cut" / "plates.jsonl")[0]
    assert scene.size == (307, 512)
    np.testing.assert_allclose(scene.plates[0].corners, np.array(corners) * 0.512, atol=0.06)


def test_mistakes_are_told_before_anything_is_written(tmp_path):
    with pytest.raises(UserError, match=r"--around: expected 1\.2 or more, received 1"):
        main([listed(tmp_path, []), "--output", str(tmp_path / "cut"), "--around", "1"])
    assert not (tmp_path / "cut").exists()
