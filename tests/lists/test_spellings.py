"""Lists whose labels look alike and are written differently: leaks are found, splits keep plates whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lp_recognition.images.image import write_image
from lp_recognition.lists.annotation_checks import CheckResult, Rules, check_lists
from lp_recognition.lists.annotations import read_annotations, write_annotations
from lp_recognition.lists.image_lists import read_csv
from lp_recognition.lists.spellings import lookalike_notes, training_notes
from lp_recognition.lists.splitting import split_by_plate
from lp_recognition.system.errors import AnnotationError, UserError
from lp_recognition.texts.vocabulary import Vocabulary

#: One plate, as five hands write it.
WRITTEN = ["AB1234", "ab1234", "АВ1234", "AB\u200b1234", "AB-1234"]


def listed(path: Path, labels: list[str]) -> Path:
    path.write_text("".join(f"{number}.png {label}\n" for number, label in enumerate(labels)), encoding="utf-8")
    return path


def checked(folder: Path, *lists: list[str], **rules) -> CheckResult:
    paths = []
    for index, labels in enumerate(lists):
        sub = folder / str(index)
        for number in range(len(labels)):
            noise = np.random.default_rng(100 * index + number).integers(0, 255, (24, 94, 3))
            write_image(sub / f"{number}.png", noise.astype(np.uint8))
        paths.append(listed(sub / "list.txt", labels))
    return check_lists(paths, Rules(**rules))


@pytest.mark.parametrize("written", WRITTEN, ids=ascii)
def test_a_leaked_plate_is_found_however_it_is_written(tmp_path, written):
    result = checked(tmp_path, ["AB1234", "XY1"], [written, "ZZ1"])
    assert [problem.kind for problem in result.problems if problem.is_error] == ["plate in two lists"]


def test_all_images_of_a_plate_are_on_one_side(tmp_path):
    labels = [*WRITTEN, *(f"X{number}" for number in range(20))]
    rows, _ = read_annotations(listed(tmp_path / "list.txt", labels))
    for seed in range(20):
        parts = split_by_plate(rows, {"train": 0.6, "val": 0.2, "test": 0.2}, seed)
        places = [name for name, part in parts.items() for row in part if int(row.path.stem) < 5]
        assert len(places) == 5
        assert len(set(places)) == 1


def test_labels_are_read_in_normal_form(tmp_path):
    path = listed(tmp_path / "list.txt", ["MU\u0308\u200b1", "皖Ａ１", "AB1"])
    rows, _ = read_annotations(path)
    assert [row.label for row in rows] == ["MÜ1", "皖A1", "AB1"]
    assert [row.written for row in rows] == ["MU\u0308\u200b1", "皖Ａ１", ""]
    write_annotations(tmp_path / "again.txt", [(row.path.name, row.label) for row in rows])
    assert all(not row.written for row in read_annotations(tmp_path / "again.txt")[0])
    (tmp_path / "x.csv").write_text("image_path,plate_text\na.png,皖Ａ１\n", encoding="utf-8")
    assert read_csv(tmp_path / "x.csv")[0].label == "皖A1"


def test_a_label_that_nobody_sees_is_none(tmp_path):
    with pytest.raises(AnnotationError, match=r"list\.txt:1: expected 'path LABEL', .*invisible .*ZERO WIDTH SPACE"):
        read_annotations(listed(tmp_path / "list.txt", ["\u200b"]))
    (tmp_path / "x.csv").write_text("image_path,plate_text\na.png,\u200b\n", encoding="utf-8")
    with pytest.raises(UserError, match="expected an image and its text"):
        read_csv(tmp_path / "x.csv")


def kinds(result: CheckResult) -> dict[str, list[str]]:
    return {kind: [problem.message for problem in problems] for kind, problems in result.by_kind().items()}


def test_every_kind_of_unlike_spelling_is_warned_of_with_its_row(tmp_path):
    found = kinds(checked(tmp_path, ["AB1", "A\u200bB2", "АB3", "ab1"]))
    assert list(found) == [
        "look-alike characters", "mixed scripts", "one plate, several spellings", "other form",
    ]  # fmt: skip
    where = f"{tmp_path / '0' / 'list.txt'}"
    [note] = found["look-alike characters"]
    assert note == f"A (LATIN CAPITAL LETTER A) in {where}:1; А (CYRILLIC CAPITAL LETTER A) in {where}:3"
    assert found["mixed scripts"] == [f"{where}:3: letters of two scripts in АB3: А (CYRILLIC CAPITAL LETTER A)"]
    assert found["one plate, several spellings"] == [f"AB1 ({where}:1), ab1 ({where}:4)"]
    assert found["other form"] == [f"{where}:2: taken as AB2, received ZERO WIDTH SPACE"]


def test_labels_that_are_well_are_not_warned_of(tmp_path):
    assert kinds(checked(tmp_path, ["皖A1", "MÜ2", "AB-3"])) == {}
    assert kinds(checked(tmp_path / "2", ["АВ1", "СЕ2"])) == {}


def test_what_the_alphabet_has_is_meant(tmp_path):
    both = Vocabulary(tuple("AАB123"))
    assert kinds(checked(tmp_path, ["AB1", "АB2"], vocabulary=both)) == {}
    one = Vocabulary(tuple("AB12"))
    assert list(kinds(checked(tmp_path / "2", ["AB1", "АB2"], vocabulary=one))) == [
        "outside alphabet", "look-alike characters", "mixed scripts",
    ]  # fmt: skip


def test_a_training_is_told(tmp_path):
    rows, _ = read_annotations(listed(tmp_path / "list.txt", ["AB1", "А\u200b2", "ＡB3"]))
    form, alike = training_notes(rows, None)
    assert form.startswith(f"{tmp_path / 'list.txt'}:2: taken as А2, received ZERO WIDTH SPACE")
    assert form.endswith("than the normal one: 2)")
    assert alike.startswith("each is a class of its own, and they look the same: A (LATIN")
    assert training_notes(rows, Vocabulary(tuple("AАB123"))) == [form]
    assert training_notes(rows[:1], None) == []
    assert lookalike_notes(rows, Vocabulary(tuple("AB123"))) != []


def test_letters_of_any_script_train_and_read(tmp_path):
    """Cyrillic, small letters and hyphens in one alphabet: a class each, whatever looks alike."""
    rows, _ = read_annotations(listed(tmp_path / "list.txt", ["а123вс-77", "A123BC", "ab"]))
    vocabulary = Vocabulary.from_labels([row.label for row in rows])
    assert all(vocabulary.decode(vocabulary.encode(row.label)) == row.label for row in rows)
    assert {"а", "a", "A", "-"} <= set(vocabulary.symbols)
