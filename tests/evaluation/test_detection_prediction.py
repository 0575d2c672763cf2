"""Searching a list of photographs: pictures, JSON lines, and rows that cannot be read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny_photographs import DETECTOR_CONFIG, photograph, tiny_detector, tiny_reader

import sample_inference
import test_lpd
from lp_recognition.images.image import read_image, write_image
from lp_recognition.settings.loading import save_settings
from lp_recognition.system.errors import ConfigError, ImageError, UserError


@pytest.fixture
def arguments(tmp_path) -> list[str]:
    """Searches three photographs, the second of which is broken."""
    (tmp_path / "finder.tflite").write_bytes(tiny_detector())
    save_settings(DETECTOR_CONFIG, tmp_path / "config.yaml")
    write_image(tmp_path / "a.png", photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")]))
    (tmp_path / "b.png").write_bytes(b"none")
    write_image(tmp_path / "c.png", photograph([]))
    (tmp_path / "photos.txt").write_text("a.png\nb.png\nc.png\n")
    return [
        str(tmp_path / "config.yaml"), f"infer.file_list_path={tmp_path / 'photos.txt'}", "infer.batch_size=2",
        f"infer.output_dir={tmp_path / 'out'}", "--model", str(tmp_path / "finder.tflite"),
    ]  # fmt: skip


def test_what_was_found_is_drawn_written_and_printed(arguments, tmp_path, capsys):
    assert test_lpd.main([*arguments, "infer.skip_bad_rows=True"]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert sorted(line.split(" ", 1)[1] for line in lines[:2]) == ["0.993 144,96 144x72", "0.994 48,24 144x72"]
    assert lines[2:] == [f"pictures and predictions.jsonl are in {tmp_path / 'out'}"]
    assert "left out: 1 bad rows, such as " in err
    rows = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    assert [(Path(row["image"]).name, len(row["plates"])) for row in rows] == [("a.png", 2), ("c.png", 0)]
    assert set(rows[0]["plates"][0]) == {"box", "corners", "score"}
    assert sorted(path.name for path in (tmp_path / "out").glob("*.jpg")) == ["1_a.jpg", "2_c.jpg"]
    assert read_image(tmp_path / "out" / "1_a.jpg").shape == (192, 288, 3)


def test_a_row_that_cannot_be_read_is_told(arguments, tmp_path):
    with pytest.raises(ImageError, match=r"photos\.txt:2: .*b\.png: .*infer\.skip_bad_rows=True"):
        test_lpd.main(arguments)


def test_a_row_that_is_missing_is_told_before_anything_is_searched(arguments, tmp_path):
    (tmp_path / "b.png").unlink()
    with pytest.raises(ImageError, match=r"photos\.txt:2: .*b\.png"):
        test_lpd.main(arguments)
    assert not (tmp_path / "out").exists()


def test_pictures_are_not_drawn_among_the_photographs(arguments, tmp_path):
    with pytest.raises(UserError, match=r"infer\.output_dir: expected another folder than that of the pictures"):
        test_lpd.main([word.removesuffix("/out") for word in arguments] + ["infer.skip_bad_rows=True"])
    assert not list(tmp_path.glob("*.jpg"))


def test_a_stricter_threshold_finds_less(arguments, capsys):
    assert test_lpd.main([*arguments, "infer.skip_bad_rows=True", "infer.score_threshold=0.999"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_without_a_list_it_says_what_is_missing(arguments):
    with pytest.raises(ConfigError, match=r"infer\.file_list_path: expected a list of photographs, received none"):
        test_lpd.main([arguments[0]])


def test_the_sample_leaves_out_what_is_read_less_surely_than_by_80_percent(arguments, tmp_path, capsys):
    """The second plate is read with 0.84, the first with 0.92 (by the tiny reader)."""
    (tmp_path / "reader.tflite").write_bytes(tiny_reader())
    models = ["--detector", arguments[-1], "--reader", str(tmp_path / "reader.tflite")]
    drawn = str(tmp_path / "prediction.jpg")
    shown = {}
    for bound in ([], ["--min_confidence", "0.88"]):
        assert sample_inference.main([str(tmp_path / "a.png"), *models, "--output", drawn, *bound]) == 0
        shown[len(bound)] = [line.split()[1] for line in capsys.readouterr().out.splitlines()[1:]]
    assert shown == {0: ["BC", "CA"], 2: ["BC"]}
    assert read_image(drawn).shape == (192, 288, 3)
