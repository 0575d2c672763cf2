"""The tool that draws drives: videos or pictures, and lists of what there is to read in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from lp_recognition.system.errors import UserError
from lp_recognition.tools.generate_drives import main

ARGUMENTS = ["--format", "cz", "--size", "96x128", "--kind", "pass", "--seed", "3"]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_video_is_listed_with_its_frames_and_passages(tmp_path, capsys):
    assert main([*ARGUMENTS, "--count", "1", "--output", str(tmp_path)]) == 0
    [video], [passage] = lines(tmp_path / "videos.jsonl"), lines(tmp_path / "passages.jsonl")
    capture = cv2.VideoCapture(str(tmp_path / video["file"]))
    shapes = []
    while (read := capture.read())[0]:
        shapes.append(read[1].shape)
    assert shapes == [(96, 128, 3)] * len(video["times_s"])
    assert (video["kind"], video["size"], passage["file"], passage["format"]) == (
        "pass", [128, 96], video["file"], "cz"
    )  # fmt: skip
    numbers = sorted(map(int, passage["frames"]))
    assert passage["first_time_s"] == video["times_s"][numbers[0]]
    assert passage["last_time_s"] == video["times_s"][numbers[-1]]
    assert all(0 <= x <= 128 and 0 <= y <= 96 for corners in passage["frames"].values() for x, y in corners)
    assert f"{tmp_path}: 1 drives with 1 passages of cz" in capsys.readouterr().out


def test_pictures_have_the_times_of_their_frames(tmp_path):
    main([*ARGUMENTS, "--count", "1", "--kind", "return", "--pictures", "--output", str(tmp_path)])
    [video] = lines(tmp_path / "videos.jsonl")
    pictures = sorted((tmp_path / video["file"]).iterdir())
    times = [picture.stat().st_mtime for picture in pictures]
    assert [time - times[0] for time in times] == pytest.approx(
        [time - video["times_s"][0] for time in video["times_s"]], abs=0.001
    )
    assert times[-1] - times[0] > 600


def test_an_earlier_run_is_replaced_on_request_alone(tmp_path):
    main([*ARGUMENTS, "--count", "1", "--pictures", "--output", str(tmp_path)])
    with pytest.raises(UserError, match="expected an empty folder"):
        main([*ARGUMENTS, "--count", "1", "--output", str(tmp_path)])
    main([*ARGUMENTS, "--count", "1", "--overwrite", "--output", str(tmp_path)])
    assert [path.name for path in (tmp_path / "videos").iterdir()] == ["000000.mp4"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--kind", "crosing"], "Did you mean `crossing`"),
        (["--format", "nowhere"], "unknown plate format"),
        (["--count", "0"], "expected 1 or more"),
        (["--size", "50x50"], "expected a size"),
    ],
)
def test_mistakes_are_told_before_anything_is_written(tmp_path, wrong, said):
    with pytest.raises(UserError, match=said):
        main(["--output", str(tmp_path / "never"), *wrong])
    assert not (tmp_path / "never").exists()
