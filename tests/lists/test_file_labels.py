"""Labels in file names and in text files beside the images."""

from __future__ import annotations

from pathlib import Path

import pytest

from lp_recognition.lists.annotations import read_annotations
from lp_recognition.system.errors import UserError
from lp_recognition.tools.list_from_names import main


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(files: dict[str, str]) -> None:
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(content.encode("utf-8"))


def rows_of(path: str) -> dict[str, str]:
    return {str(row.path): row.label for row in read_annotations(path)[0]}


def test_the_label_stands_before_the_first_underscore(capsys):
    make({f"images/{name}": "" for name in ("京A12345_0.jpg", "京A12345_1.jpg", "ABC-1234.PNG", "<Anhui>B1_x_y.webp")})
    assert main(["images", "--output", "lists/all.txt"]) == 0
    assert rows_of("lists/all.txt") == {
        "lists/../images/<Anhui>B1_x_y.webp": "<Anhui>B1",
        "lists/../images/ABC-1234.PNG": "ABC-1234",
        "lists/../images/京A12345_0.jpg": "京A12345",
        "lists/../images/京A12345_1.jpg": "京A12345",
    }
    output = capsys.readouterr()
    first = "the first: ../images/<Anhui>B1_x_y.webp <Anhui>B1"
    assert output.out == f"4 rows, 3 plates in lists/all.txt; {first}\n"
    assert output.err == ""


@pytest.mark.parametrize(
    ("name", "pattern", "label"),
    [
        ("京A12345-0", "(?P<label>[^_-]+)", "京A12345"),
        ("0017_ABC123", r"\d+_(?P<label>\w+)", "ABC123"),
        ("cam 2 ABC123 left", r"cam \d (?P<label>\S+)", "ABC123"),
        ("x.ABC123.y", r".*\.(?P<label>.*)\.", "ABC123"),
    ],
)
def test_a_pattern_says_where_the_label_is(name: str, pattern: str, label: str):
    make({f"{name}.jpg": ""})
    assert main([".", "--output", "list.txt", "--pattern", pattern]) == 0
    assert rows_of("list.txt") == {f"{name}.jpg": label}


def test_images_without_a_label_are_left_out_and_said(capsys):
    make({f"i/{name}.jpg": "" for name in ("A1_0", "_A2", "B 2", "C3", "\u200bD4")})
    assert main(["i", "--output", "list.txt"]) == 1
    assert list(rows_of("list.txt").values()) == ["A1", "C3"]
    output = capsys.readouterr()
    assert "2 rows, 2 plates in list.txt; left out: 3; the first: i/A1_0.jpg A1\n" in output.out
    assert output.err.splitlines() == [
        "i/B 2.jpg: expected a label without spaces, received 'B 2'",
        "i/_A2.jpg: expected a name like (?P<label>[^_]+), received _A2",
        "i/\u200bD4.jpg: expected a label without spaces, received '\\u200bD4'",
    ]


def test_a_name_without_a_digit_is_no_plate_unless_a_pattern_says_so(capsys):
    make({f"{name}.jpg": "" for name in ("IMG_2024", "plate_1", "京A12345_0", "ABC-1_x")})
    assert main([".", "--output", "list.txt"]) == 1
    assert sorted(rows_of("list.txt").values()) == ["ABC-1", "京A12345"]
    first, _ = capsys.readouterr().err.splitlines()
    assert first == (
        "IMG_2024.jpg: expected the text of a plate, with a digit, before the first _, received IMG; if it is one, "
        "--pattern '(?P<label>[^_]+)' takes it"
    )
    assert main([".", "--output", "list.txt", "--pattern", "(?P<label>[^_]+)", "--overwrite"]) == 0
    assert sorted(rows_of("list.txt").values()) == ["ABC-1", "IMG", "plate", "京A12345"]


def test_many_left_out_are_counted(capsys):
    make({f"{number}.jpg": "" for number in range(8)} | {"A1.jpg": "", "notes.md": ""})
    assert main([".", "--output", "list.txt", "--pattern", "(?P<label>[A-Z]+.*)"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert errors[0] == ".: other files, left out: 1 .md"
    assert (len(errors), errors[-1]) == (7, "... and 3 more")


def test_labels_in_files_beside_the_images(capsys):
    make({"i/a.jpg": "", "i/a.txt": "\ufeff京A1\r\n", "i/deep/b.png": "", "i/deep/b.txt": "B1", "i/c.jpg": ""})
    make({"i/d.jpg": "", "i/d.txt": "0 0.5 0.5", "i/e.jpg": "", "i/e.txt": "A\nB\n", "i/f.jpg": "", "i/f.txt": " \n"})
    make({"i/g.jpg": ""})
    Path("i/g.txt").write_bytes("Ž1".encode("cp1250"))
    assert main(["i", "--output", "list.txt", "--recursive", "--label_files"]) == 1
    assert rows_of("list.txt") == {"i/a.jpg": "京A1", "i/deep/b.png": "B1"}
    errors = capsys.readouterr().err
    assert "i/c.jpg: expected its label in i/c.txt, received no such file" in errors
    assert "i/d.jpg: expected a label without spaces, received '0 0.5 0.5'" in errors
    assert "i/e.jpg: expected one line in i/e.txt, the label, received 2" in errors
    assert "i/f.jpg: expected a label, received none" in errors
    assert "i/g.jpg: expected UTF-8 text in i/g.txt, received something else" in errors


def test_labels_in_files_of_another_folder(capsys):
    make({"t/image/1/a.jpg": "", "t/label/1/a.txt": "A1", "t/label/1/lonely.txt": "B1"})
    arguments = ["t/image", "--output", "t/label/1/list.txt", "--recursive", "--label_files", "t/label"]
    assert main(arguments) == 0
    assert rows_of("t/label/1/list.txt") == {"t/label/1/../../image/1/a.jpg": "A1"}
    remark = "t/image: text files without an image of their name: 1, the first t/label/1/lonely.txt\n"
    assert capsys.readouterr().err == remark
    assert main(arguments) == 0  # its own list is none of them
    assert capsys.readouterr().err == remark


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pattern", "[A-"], r"--pattern: expected a regular expression, received '\[A-'"),
        (["--pattern", "(.*)"], r"--pattern: expected a group \(\?P<label>\.\.\.\), received '\(\.\*\)'"),
        (
            ["--pattern", "X(?P<label>.*)"],
            r"i: expected images with a label, received none of 1: i/A1\.jpg: expected a",
        ),
        (["--pattern", "X(?P<label>.*)|A1"], "received none of 1: i/A1.jpg: expected a label, received none"),
        (["--label_files", "nowhere"], "nowhere: expected a folder with label files, received no such folder"),
    ],
)
def test_mistakes_are_told_and_nothing_is_written(arguments: list[str], message: str):
    make({"i/A1.jpg": ""})
    with pytest.raises(UserError, match=message):
        main(["i", "--output", "list.txt", *arguments])
    assert not Path("list.txt").exists()


def test_another_list_is_not_written_over():
    make({"i/A1.jpg": "", "list.txt": "mine.jpg B1\n"})
    with pytest.raises(UserError, match=r"list\.txt: expected no such file, .*--overwrite"):
        main(["i", "--output", "list.txt"])
    assert main(["i", "--output", "list.txt", "--overwrite"]) == 0
