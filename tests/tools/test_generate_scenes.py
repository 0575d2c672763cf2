"""The tool that draws scenes: the same for any number of workers, listed as they are."""

from __future__ import annotations

import numpy as np
import pytest

from lp_recognition.images.image import read_image, write_image
from lp_recognition.lists.scenes import read_scenes
from lp_recognition.system.errors import UserError
from lp_recognition.tools.generate_scenes import main


def test_scenes_are_listed_with_their_plates(tmp_path, capsys):
    arguments = ["--count", "6", "--format", "cn_blue", "--seed", "3", "--size", "120x160"]
    assert main([*arguments, "--output", str(tmp_path / "one")]) == 0
    assert main([*arguments, "--output", str(tmp_path / "two"), "--workers", "2"]) == 0
    lists = [(tmp_path / name / "plates.jsonl").read_text(encoding="utf-8") for name in ("one", "two")]
    assert lists[0] == lists[1]
    scenes, _ = read_scenes(tmp_path / "one" / "plates.jsonl")
    assert len(scenes) == 6
    assert all(scene.complete and read_image(scene.path).shape == (120, 160, 3) for scene in scenes)
    plates = [plate for scene in scenes for plate in scene.plates]
    assert all(plate.corners is not None and plate.text for plate in plates)
    assert f"one: 6 scenes with {len(plates)} plates of cn_blue" in capsys.readouterr().out


def test_plates_are_as_wide_as_is_asked_for(tmp_path):
    arguments = ["--count", "12", "--format", "cz", "--size", "96x128", "--plate_widths", "0.3", "0.4"]
    main([*arguments, "--output", str(tmp_path)])
    scenes, _ = read_scenes(tmp_path / "plates.jsonl")
    widths = [np.ptp([x for x, _ in plate.corners]) / 128 for scene in scenes for plate in scene.plates]
    assert len(widths) >= 6
    assert min(widths) > 0.1  # seen from aside they are narrower
    assert 0.25 < max(widths) < 0.45
    with pytest.raises(UserError, match="plate widths of 0 to 1, the narrower one first"):
        main(["--output", str(tmp_path / "never"), "--plate_widths", "0.4", "0.3"])


def test_an_earlier_run_is_replaced_on_request_alone(tmp_path):
    arguments = ["--count", "1", "--format", "cz", "--output", str(tmp_path)]
    main(arguments)
    with pytest.raises(UserError, match="expected an empty folder"):
        main(arguments)
    (tmp_path / "images" / "mine.jpg").write_bytes(b"kept")
    main([*arguments, "--overwrite", "--seed", "9"])
    assert (tmp_path / "images" / "mine.jpg").exists()


def test_photographs_lie_behind_and_mistakes_are_told_first(tmp_path):
    write_image(tmp_path / "photos" / "a.png", np.full((90, 120, 3), (1, 250, 1), np.uint8))
    arguments = ["--count", "8", "--format", "cz", "--size", "96x128", "--output", str(tmp_path / "out")]
    main([*arguments, "--backgrounds", str(tmp_path / "photos")])
    greens = [np.median(read_image(path)[..., 1]) > 120 for path in sorted((tmp_path / "out" / "images").iterdir())]
    assert any(greens)
    for wrong, said in (
        (["--format", "nowhere"], "unknown plate format"),
        (["--backgrounds", str(tmp_path / "none")], "expected a folder with images"),
        (["--count", "0"], "expected 1 or more"),
    ):
        with pytest.raises(UserError, match=said):
            main(["--output", str(tmp_path / "never"), *wrong])
    assert not (tmp_path / "never").exists()
