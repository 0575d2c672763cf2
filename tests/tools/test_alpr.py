"""The command `alpr`, and `utils.read`: forms of printing, and what happens where an image or a pipe is missing."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_models import ROOT, run_python

import alpr
from lp_recognition import Recognizer, __version__
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.tables import display_width
from lp_recognition.tools import read
from lp_recognition.tools.alpr import COMMANDS


@pytest.fixture
def plates(crops) -> list[str]:
    """The eight crops, whose names hold a space and Chinese."""
    return [str(row.path) for row in read_annotations(crops / "list.txt")[0]]


@pytest.fixture
def lines(plates, capsys) -> list[str]:
    """What `utils.read` prints of them."""
    assert read.main(plates) == 0
    return capsys.readouterr().out.splitlines()


# ---- Commands ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["raed"], *([name, "--help"] for name in COMMANDS)])
def test_help_and_mistakes_are_instant(arguments):
    code = (
        f"import sys; sys.argv = ['alpr', *{arguments}]; from alpr import script\n"
        "try: script()\n"
        "finally: print('heavy:', *sorted({'numpy', 'cv2', 'pydantic', 'yaml', 'keras'} & set(sys.modules)))"
    )
    result = run_python("-c", code)
    assert result.stdout.splitlines()[-1] == "heavy:"
    assert (result.returncode, result.stderr) == (
        (2, f"error: alpr: expected a command ({', '.join(COMMANDS)}), received `raed`. Did you mean `read`?\n")
        if arguments == ["raed"]
        else (0, "")
    )
    if "--help" in arguments:
        assert f"usage: {' '.join(['alpr', *arguments[:-1]])} [-h]" in result.stdout
        assert f"  {' '.join(['alpr', *arguments[:-1]])} " in f"{result.stdout} ".replace("\n", " ")


def test_the_help_names_every_command(capsys):
    with pytest.raises(SystemExit):
        alpr.main(["--help"])
    shown = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert f"  {name:10}{command.about}\n" in shown
        assert callable(importlib.import_module(f"lp_recognition.tools.{command.module}").main)


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit):
        alpr.main(["--version"])
    assert capsys.readouterr().out == f"alpr {__version__}\n"


def test_without_a_command_it_says_which_there_are():
    commands = ", ".join(COMMANDS)
    with pytest.raises(UserError, match=rf"expected a command \({commands}\), received none; alpr --help$"):
        alpr.main([])


def test_models_lists_what_ships(capsys):
    assert alpr.main(["models"]) == 0
    shown = capsys.readouterr().out
    assert read.main(["--list"]) == 0
    assert capsys.readouterr().out == shown
    assert "| lprnet_mcu_cn " in shown


# ---- Forms ---------------------------------------------------------------------------------------------------------


def test_a_table_for_people(plates, lines, capsys):
    assert read.main([*plates, "--table"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["image", "text", "confidence"]
    assert [" ".join(row.rsplit(maxsplit=2)) for row in rows] == lines
    assert {display_width(row) for row in rows} == {display_width(head)}


def test_lines_where_they_are_asked_for(plates, lines, capsys):
    assert read.main(["--json", *plates, "--lines"]) == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_an_object_a_line(plates, lines, capsys):
    assert read.main([*plates, "--json", "--model", "lprnet_mcu_cn_uint8"]) == 0
    recognizer = Recognizer("lprnet_mcu_cn_uint8")
    for path, line in zip(plates, capsys.readouterr().out.splitlines(), strict=True):
        record, reading = json.loads(line), recognizer.read(path)
        assert record.pop("ms") > 0
        assert record == {
            "image": path,
            "text": reading.text,
            "confidence": round(reading.confidence, 4),
            "confidences": [round(confidence, 4) for confidence in reading.confidences],
            "model": "lprnet_mcu_cn_uint8",
        }
        assert len(record["confidences"]) == len(reading.symbols)


def test_csv_with_a_header_and_quotes(plates, tmp_path, capsys):
    image = str(tmp_path / 'a "b", \nc.png')
    shutil.copy(plates[0], image)
    assert read.main([image, plates[1], "--csv"]) == 0
    first, second = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert list(first) == ["image", "text", "confidence", "model", "ms"]
    assert (first["image"], second["image"]) == (image, plates[1])
    assert first["text"] == Recognizer("lprnet_mcu_cn").read(image).text
    assert 0 <= float(first["confidence"]) <= 1
    assert float(first["ms"]) > 0


# ---- Images --------------------------------------------------------------------------------------------------------


def test_folders_and_lists_stand_for_their_images(crops, plates, lines, capsys):
    shown = {}
    for given in (crops / "crops 图", crops / "list.txt", crops / "paths.txt"):
        assert read.main([str(given)]) == 0
        shown[given.name] = capsys.readouterr().out.splitlines()
    assert shown == {"crops 图": sorted(lines), "list.txt": lines, "paths.txt": lines}
    assert read.main([str(crops / "list.txt"), plates[0]]) == 0
    assert capsys.readouterr().out.splitlines() == [*lines, lines[0]]


def test_csv_lists_too(plates, lines, tmp_path, capsys):
    rows = "".join(f'"{path}",X\n' for path in plates)
    (tmp_path / "list.csv").write_text(f"image_path,plate_text\n{rows}", encoding="utf-8")
    assert read.main([str(tmp_path / "list.csv")]) == 0
    assert capsys.readouterr().out.splitlines() == lines


def test_what_cannot_be_read_is_told_in_its_place_and_the_others_are_read(plates, lines, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    (tmp_path / "list.txt").write_text("gone.jpg ABC\n")
    bad = [
        str(tmp_path / name) for name in ("none.jpg", "broken.jpg", "empty", "none.txt", "list.txt", "two\nlines.jpg")
    ]
    mixed = [item for pair in zip(plates, bad, strict=False) for item in pair]
    result = subprocess.run(
        [sys.executable, "-m", "utils.read", *mixed],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 2
    shown = result.stdout.splitlines()
    assert shown[0::2] == lines[: len(bad)]
    row = f"{tmp_path / 'list.txt'}:1: {tmp_path / 'gone.jpg'}"
    starts = [f"error: {path}" for path in [*bad[:4], row, str(tmp_path / "two")]]
    assert [line[: len(start)] for line, start in zip(shown[1::2], starts, strict=True)] == starts


@pytest.mark.parametrize(("name", "row"), [("list.txt", "broken.jpg"), ("list.csv", "broken.jpg,A1")])
def test_alpr_names_the_row_of_a_broken_picture(tmp_path, capsys, name, row):
    (tmp_path / "broken.jpg").write_bytes(b"x")
    (tmp_path / name).write_text(f"image_path,plate_text\n{row}\n" if name.endswith("csv") else f"\n{row}\n")
    assert alpr.main(["read", "--crops", str(tmp_path / name), "--reader", "lprnet_mcu_cn"]) == 2
    place = f"{tmp_path / name}:2: {tmp_path / 'broken.jpg'}"
    assert capsys.readouterr().err.startswith(f"error: {place}: expected an image, received 1 bytes")


def test_a_model_that_is_missing_is_told_before_anything_is_printed(plates, capsys):
    with pytest.raises(UserError, match="lprnet_mcu_cm: expected a file or the name"):
        read.main([plates[0], "--csv", "--model", "lprnet_mcu_cm"])
    assert capsys.readouterr().out == ""


# ---- Ends ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["--table", "--json", "--csv", "--lines"])
def test_an_interrupt_leaves_what_was_read(plates, form, monkeypatch, capsys):
    read_one, count = Recognizer.read, iter(range(9))

    def interrupted(self, image):
        if next(count) == 2:
            raise KeyboardInterrupt
        return read_one(self, image)

    monkeypatch.setattr(Recognizer, "read", interrupted)
    monkeypatch.setattr(sys, "argv", ["read", form, *plates])
    with pytest.raises(SystemExit) as caught:
        run_script(read.main)
    out, err = capsys.readouterr()
    assert (caught.value.code, err) == (130, "interrupted\n")
    assert sum(path in out for path in plates) == 2


def test_a_pipe_that_closes_early_is_no_error(plates):
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "utils.read", *plates]
    result = subprocess.run(command, cwd=ROOT, stdout=writer, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(writer)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("form", ["--table", "--json", "--csv", "--lines"])
def test_any_file_name_can_be_printed_anywhere(plates, form, tmp_path):
    odd = os.fsencode(tmp_path) + b"/\xff.png"
    try:
        shutil.copy(plates[0], odd)
    except OSError:
        pytest.skip("this file system takes text alone as names")
    command = [os.fsencode(sys.executable), b"-m", b"utils.read", os.fsencode(form), odd, os.fsencode(plates[1])]
    for encoding in ("utf-8", "ascii"):
        result = subprocess.run(
            command, cwd=ROOT, capture_output=True, timeout=60, env={**os.environ, "PYTHONIOENCODING": encoding}
        )
        assert (result.returncode, result.stderr) == (0, b"")
        shown = result.stdout.decode(encoding)  # which raises where it is not
        if form == "--json":
            first, second = map(json.loads, shown.splitlines())
            assert os.fsencode(first["image"]) == odd
            assert second["image"] == plates[1]
        else:
            assert r"\udcff.png" in shown


def test_the_example_of_the_readme_reads_a_plate(crops):
    image = next((crops / "crops 图").iterdir())
    result = run_python("-m", "utils.read", str(Path(image)))
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith(f"{image} ")
