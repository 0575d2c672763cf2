"""The reader and writer of `path LABEL` lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.lists.annotations import Annotation, list_name, missing_hint, read_annotations, write_annotations
from lp_recognition.system.errors import AnnotationError


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf-8"))
    return path


def test_a_row_is_split_at_its_last_space_and_belongs_to_its_list(tmp_path: Path):
    path = write(tmp_path / "train.txt", "images/a.jpg AB123\n my holiday/b 1.jpg <Beijing>B1\r\n\n/abs/c.jpg 皖A1\n")
    rows, problems = read_annotations(path)
    assert [(row.path, row.label) for row in rows] == [
        (tmp_path / "images/a.jpg", "AB123"),
        (tmp_path / "my holiday/b 1.jpg", "<Beijing>B1"),
        (Path("/abs/c.jpg"), "皖A1"),
    ]
    assert [row.source for row in rows] == [f"{path}:1", f"{path}:2", f"{path}:4"]
    assert problems == []


def test_a_byte_order_mark_is_no_part_of_a_path(tmp_path: Path):
    path = write(tmp_path / "train.txt", "\ufeffa.jpg A1\n")
    assert read_annotations(path)[0][0].path == tmp_path / "a.jpg"


def test_lists_are_joined_in_order_each_with_its_own_folder(tmp_path: Path):
    (tmp_path / "more").mkdir()
    paths = [write(tmp_path / "one.txt", "a.jpg A1"), write(tmp_path / "more/two.txt", "a.jpg B1")]
    rows, _ = read_annotations(paths)
    assert [row.path for row in rows] == [tmp_path / "a.jpg", tmp_path / "more/a.jpg"]


def test_unlabelled_rows_keep_their_spaces(tmp_path: Path):
    rows, _ = read_annotations(write(tmp_path / "test.txt", "my car.jpg\n"), labelled=False)
    assert (rows[0].path, rows[0].label) == (tmp_path / "my car.jpg", "")


def test_rows_without_a_label_are_named_or_skipped(tmp_path: Path):
    path = write(tmp_path / "train.txt", "a.jpg A1\nb.jpg\nc.jpg C1\n")
    with pytest.raises(AnnotationError, match=r"train\.txt:2: expected 'path LABEL', received 'b\.jpg'"):
        read_annotations(path)
    rows, problems = read_annotations(path, skip_bad_rows=True)
    assert [row.label for row in rows] == ["A1", "C1"]
    assert len(problems) == 1


def test_a_row_with_a_tab_is_split_there(tmp_path: Path):
    rows, _ = read_annotations(write(tmp_path / "train.txt", "my car.jpg\tA1\n a.jpg \t B1 \n"))
    assert [(row.path.name, row.label) for row in rows] == [("my car.jpg", "A1"), ("a.jpg", "B1")]
    with pytest.raises(
        AnnotationError, match=r"train\.txt:1: expected a label without spaces, received 'A 1' for a\.j"
    ):
        read_annotations(write(tmp_path / "train.txt", "a.jpg\tA 1\n"))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_rows_end_as_on_any_system(tmp_path: Path, end: str):
    rows, _ = read_annotations(write(tmp_path / "train.txt", end.join(["a.jpg A1", "b\u2028c.jpg B1", ""])))
    assert [(row.path.name, row.label, row.source[-2:]) for row in rows] == [
        ("a.jpg", "A1", ":1"),
        ("b\u2028c.jpg", "B1", ":2"),
    ]


@pytest.mark.parametrize(
    "row",
    ["img.jpg,AB12", "img.JPG;AB12", "my img.png, AB12", "my img.png,AB 12", '"my img.webp","AB12"', "a,b.jpg ; AB12"],
)
def test_a_row_of_a_table_gets_a_pointer_to_the_converter(tmp_path: Path, row: str):
    path = write(tmp_path / "train.txt", f"good.jpg A1\n{row}\n{row}\n")
    problems = read_annotations(path, skip_bad_rows=True)[1]
    assert len(problems) == 2
    assert problems[0].startswith(f"{path}:2: expected 'path LABEL', received '{row}'; a table with commas")
    assert f"python -m lp_recognition.tools.convert_csv {path} --to txt" in problems[0]
    assert problems[1] == f"{path}:3: expected 'path LABEL', received '{row}'"  # said once
    path = write(tmp_path / "train.csv", "number,plate\n0001,AB12\n")
    with pytest.raises(
        AnnotationError, match=r"train\.csv:1: expected 'path LABEL'.*tools\.convert_csv .*train\.csv --to txt"
    ):
        read_annotations(path, skip_bad_rows=True)


def test_a_list_of_scenes_is_called_one(tmp_path: Path):
    row = json.dumps({"image": "a.jpg", "plates": [{"box": [1, 1, 2, 2], "corners": None}], "source": "x" * 500})
    path = write(tmp_path / "plates.jsonl", f"{row}\n{row}\n")
    with pytest.raises(AnnotationError) as caught:
        read_annotations(path)
    line = str(caught.value)
    assert line.startswith(f"{path}:1: expected 'path LABEL', received '{row[:77]}...'; lists of scenes are for ")
    assert "convert_csv" not in line
    assert row not in line


@pytest.mark.parametrize("row", ["a,b.jpg A1", "a.jpg;b.png A1", "no suffix A1", "a.jpg A,1"])
def test_commas_in_paths_and_labels_are_no_table(tmp_path: Path, row: str):
    rows, problems = read_annotations(write(tmp_path / "train.txt", row))
    assert (rows[0].path, rows[0].label) == (tmp_path / row.rpartition(" ")[0], row.rpartition(" ")[2])
    assert problems == []


@pytest.mark.parametrize("labelled", [True, False])
def test_a_nul_byte_spoils_its_row_alone(tmp_path: Path, labelled: bool):
    path = write(tmp_path / "train.txt", "a.jpg A1\nb\0.jpg B1\nc.jpg C1\n")
    rows, problems = read_annotations(path, labelled=labelled, skip_bad_rows=True)
    assert [row.path.name[0] for row in rows] == ["a", "c"]
    assert problems == [f"{path}:2: expected text, received a NUL byte; save the list as UTF-8"]


@pytest.mark.parametrize(
    ("path", "label", "hint"),
    [
        ("images\\a.jpg", "A1", "backslashes: write / between folders"),
        ("C:\\images\\a.jpg", "", "backslashes: write / between folders"),
        ('"my car.jpg"', "A1", "quotes are taken as a part of the path"),
        ("'a.jpg'", "A1", "quotes are taken as a part of the path"),
        ("a.jpg A1", "", "has a label behind it"),
        ("a.jpg,A1", "", "becomes a list by python -m lp_recognition.tools.convert_csv my list.txt --to txt"),
        ("my car.jpg", "A1", ""),
        ("my car.jpg", "", ""),
    ],
)
def test_what_may_be_wrong_with_a_missing_path(path: str, label: str, hint: str):
    found = missing_hint(Annotation(Path(path), label, "my list.txt:3"))
    assert hint in found
    assert bool(found) == bool(hint)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "expected a list of images, received no such file"),
        (b"", "expected rows of 'path LABEL', received an empty list"),
        (b"\n  \n", "expected rows of 'path LABEL', received an empty list"),
        (b"a.jpg \xb1\xb1\n", "expected UTF-8 text, received byte 6 of another encoding"),
    ],
)
def test_a_list_that_is_none_is_told(tmp_path: Path, content: bytes | None, message: str):
    path = tmp_path / "train.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AnnotationError, match=message):
        read_annotations(path)


def test_a_folder_is_no_list(tmp_path: Path):
    with pytest.raises(AnnotationError, match="expected a list of images, received a folder"):
        read_annotations(tmp_path)
    with pytest.raises(AnnotationError, match="expected at least one list"):
        read_annotations([])


def test_a_list_is_called_by_its_file_or_by_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert list_name("data/vn/annotation.txt") == "vn"
    assert list_name("data/vn/test.txt") == "test.txt"
    monkeypatch.chdir(tmp_path)
    assert list_name("annotation.txt") == tmp_path.name


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a.jpg", "A 1"), "label without spaces, received 'A 1' for"),
        (("a\nb.jpg", "A1"), "path without line breaks"),
        (("a\tb.jpg", "A1"), "path without line breaks and tabs, received 'a\\\\tb.jpg'"),
        ((" a.jpg", "A1"), "path without spaces at its ends, received ' a.jpg'"),
    ],
)
def test_what_no_reader_could_take_apart_is_not_written(tmp_path: Path, row: tuple[str, str], message: str):
    path = write(tmp_path / "train.txt", "old.jpg A1\n")
    with pytest.raises(AnnotationError, match=message):
        write_annotations(path, [("b.jpg", "B1"), row])
    assert path.read_text() == "old.jpg A1\n"


file_names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=12)
labels = st.text(st.sampled_from("皖沪AB01<>Ž"), min_size=1, max_size=9)


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(st.lists(file_names, min_size=1, max_size=3), labels), min_size=1, max_size=8))
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, rows):
    path = tmp_path_factory.mktemp("lists") / "train.txt"
    written = [(" ".join(name).lstrip("\ufeff/ ") or "x", label) for name, label in rows]
    write_annotations(path, written)
    read, _ = read_annotations(path)
    assert [(row.path, row.label) for row in read] == [(path.parent / image, label) for image, label in written]
