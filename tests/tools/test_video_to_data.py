"""Data of a video: its labels in every form, by what is known of the frames; and going on after a stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_photographs import photograph, tiny_detector, tiny_reader
from tiny_videos import write_video

from lp_recognition.images.image import read_image
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.lists.scenes import read_scenes
from lp_recognition.system.errors import UserError
from lp_recognition.tools.video_to_data import _clipped, _kitti_row, _yolo_row, main

#: Two plates in each frame: the same text twice, in frames 0 and 20.
PLATES = [(1, 1, "BBBCCC"), (4, 5, "BBBCCC")]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data 图")
    (folder / "finder.tflite").write_bytes(tiny_detector())
    (folder / "reader.tflite").write_bytes(tiny_reader())
    write_video(
        folder / "my drive.mkv", [number / 10 for number in range(30)], codec="ffv1", pixels="bgr0", size=(192, 288),
        picture=lambda number, size: photograph(PLATES if number % 20 == 0 else []),
    )  # fmt: skip
    return folder


def run(made: Path, output: Path, *words: str) -> int:
    models = ["--detector", str(made / "finder.tflite"), "--corners", "off", "--reader", str(made / "reader.tflite")]
    return main([str(made / "my drive.mkv"), "--output", str(output), *models, *words])


def test_frames_labels_and_crops_say_what_is_there(made, tmp_path, capsys):
    assert run(made, tmp_path, "--every", "10") == 0
    assert capsys.readouterr().out == f"3 frames and 4 crops in {tmp_path}, 3 frames of them new\n"
    names = [f"my-drive_{number:06}" for number in (0, 10, 20)]
    assert sorted(path.stem for path in (tmp_path / "images").iterdir()) == names
    scenes, _ = read_scenes(tmp_path / "scenes.jsonl")
    assert [len(scene.plates) for scene in scenes] == [2, 0, 2]
    for scene in scenes:
        assert read_image(scene.path).shape[:2] == scene.size == (192, 288)
    assert scenes[0].plates[0].box == pytest.approx((48, 24, 192, 96), abs=0.2)
    assert scenes[0].plates[0].corners[2] == pytest.approx((192, 96), abs=0.2)
    rows = (tmp_path / "labels_yolo" / f"{names[0]}.txt").read_text().splitlines()
    assert [float(share) for share in rows[0].split()] == pytest.approx(
        [0, 120 / 288, 60 / 192, 144 / 288, 72 / 192], abs=2e-3
    )
    kitti = (tmp_path / "labels_kitti" / f"{names[0]}.txt").read_text().splitlines()[1].split()
    assert (kitti[0], len(kitti)) == ("plate", 16)
    assert [float(value) for value in kitti[4:8]] == pytest.approx([144, 96, 288, 168], abs=0.2)
    assert (tmp_path / "labels_yolo" / f"{names[1]}.txt").read_text() == ""
    crops, _ = read_annotations(tmp_path / "crops.txt")
    assert [row.label for row in crops] == ["BC"] * 4  # the same text, four crops
    assert len({row.path for row in crops}) == 4
    assert {read_image(row.path).shape[2] for row in crops} == {3}


def test_a_run_that_was_stopped_goes_on(made, tmp_path, capsys):
    run(made, tmp_path / "whole", "--every", "10")
    run(made, tmp_path / "stopped", "--every", "20")
    rows = (tmp_path / "stopped" / "scenes.jsonl").read_text("utf-8")
    first, second = rows.splitlines(keepends=True)
    (tmp_path / "stopped" / "scenes.jsonl").write_text(
        first + second[:40], encoding="utf-8"
    )  # killed in the second row
    capsys.readouterr()
    run(made, tmp_path / "stopped", "--every", "10")
    assert "3 frames and 4 crops in" in (told := capsys.readouterr().out)
    assert "2 frames of them new" in told
    for name in ("scenes.jsonl", "crops.txt"):
        assert (tmp_path / "stopped" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped" / "images").iterdir()}
    run(made, tmp_path / "stopped", "--every", "10")
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "stopped" / "images").iterdir()}


def test_what_is_read_doubtfully_is_left_out(made, tmp_path):
    run(made, tmp_path, "--every", "20", "--min_confidence", "1")
    assert [json.loads(row)["plates"] for row in (tmp_path / "scenes.jsonl").read_text().splitlines()] == [[], []]
    assert not (tmp_path / "crops.txt").exists()


def test_boxes_beyond_the_picture_are_cut_not_moved():
    assert _clipped((-10, -10, 30, 20), (100, 200)) == (0, 0, 20, 10)
    assert _clipped((190, 90, 30, 30), (100, 200)) == (190, 90, 200, 100)
    assert _clipped((200, 0, 10, 10), (100, 200)) is None
    assert _yolo_row((-10, -10, 30, 20), (100, 200)) == "0 0.050000 0.050000 0.100000 0.100000\n"
    assert _kitti_row((-10, 0, 20, 10), (100, 200), 0.5).split()[1:8] == [
        "0.50",
        "3",
        "-10",
        "0.00",
        "0.00",
        "10.00",
        "10.00",
    ]


def test_a_live_source_is_refused(tmp_path):
    with pytest.raises(UserError, match="expected a video file or a folder of pictures, received a live source"):
        main(["rtsp://camera/stream", "--output", str(tmp_path)])
