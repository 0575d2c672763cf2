"""The reader and writer of `path LABEL` lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.lists.annotations import read_annotations, write_annotations
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


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (("a.jpg", "A 1"), "label without spaces, received 'A 1' for"),
        (("a\nb.jpg", "A1"), "path without line breaks"),
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
