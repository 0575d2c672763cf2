"""The small tools around lists: splitting by plate, moving, CSV, and listing a folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.lists.annotations import Annotation, read_annotations
from lp_recognition.lists.image_lists import list_images, other_files
from lp_recognition.lists.splitting import split_by_plate
from lp_recognition.system.errors import UserError
from lp_recognition.texts.vocabulary import plate_of
from lp_recognition.tools.convert_csv import main as convert_csv
from lp_recognition.tools.create_files_list import main as create_files_list
from lp_recognition.tools.split_annotations import main as split_annotations
from lp_recognition.tools.update_annotations import main as update_annotations

ROOT = Path(__file__).resolve().parents[2]


def rows_of(path: Path) -> list[tuple[str, str]]:
    return [(str(row.path), row.label) for row in read_annotations(path)[0]]


def write(path: Path, rows: list[tuple[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{image} {label}\n" for image, label in rows), encoding="utf-8")
    return path


# Splitting


def many_plates(seed: int = 0, count: int = 600) -> list[Annotation]:
    """Plates of five provinces, unevenly, with one to four images each."""
    rng = np.random.default_rng(seed)
    rows = []
    for index in range(count):
        province = rng.choice(list("皖沪京苏藏"), p=[0.6, 0.2, 0.1, 0.07, 0.03])
        rows += [
            Annotation(Path(f"{index}_{frame}.jpg"), f"{province}A{index:05d}") for frame in range(rng.integers(1, 5))
        ]
    return rows


SHARES = {"train": 0.8, "val": 0.1, "test": 0.1}


@settings(max_examples=50, deadline=None)
@given(
    plates=st.lists(st.text("皖沪AB01", min_size=1, max_size=3), min_size=3, max_size=120).filter(
        lambda plates: len(set(plates)) >= 3
    ),
    seed=st.integers(0, 1000),
)
def test_a_plate_is_on_one_side_and_no_row_is_lost(plates: list[str], seed: int):
    rows = [Annotation(Path(f"{index}.jpg"), plate) for index, plate in enumerate(plates)]
    parts = split_by_plate(rows, SHARES, seed)
    sides = [{row.label for row in chosen} for chosen in parts.values()]
    assert sum(map(len, sides)) == len(set(plates))
    assert all(sides)
    assert sorted((row for chosen in parts.values() for row in chosen), key=lambda row: rows.index(row)) == rows


def test_shares_hold_for_the_whole_and_for_every_first_character():
    rows = many_plates()
    parts = split_by_plate(rows, SHARES, seed=1)
    for part, share in SHARES.items():
        plates = {row.label for row in parts[part]}
        assert len(plates) == share * 600
        assert abs(len(parts[part]) - share * len(rows)) <= 8
        provinces = Counter(plate[0] for plate in plates)
        for province, count in Counter(label[0] for label in {row.label for row in rows}).items():
            assert abs(provinces[province] - share * count) <= 3, (part, province)


@pytest.mark.slow
def test_a_plate_comes_into_a_part_as_often_however_many_images_it_has():
    images = [1] * 120 + [2] * 60 + [12] * 15 + [60] * 5  # as in videos: a few plates hold most of the images
    rows = [
        Annotation(Path(f"{plate}_{frame}.jpg"), f"{'皖沪'[plate % 2]}A{plate:05d}")
        for plate, count in enumerate(images)
        for frame in range(count)
    ]
    seeds = 300
    plates, pictures = Counter[tuple[str, int]](), Counter[str]()
    for seed in range(seeds):
        for part, chosen in split_by_plate(rows, SHARES, seed).items():
            pictures[part] += len(chosen)
            plates.update((part, images[int(label[2:])]) for label in {row.label for row in chosen})
    for part, share in SHARES.items():
        for kind in set(images):
            expected = share * seeds * images.count(kind)
            assert abs(plates[part, kind] - expected) < 0.15 * expected, (part, kind)
        # Of 300 splits the mean number of images a plate is within some per cent of that of the whole list.
        mean = pictures[part] / sum(count for (side, _), count in plates.items() if side == part)
        assert abs(mean - len(rows) / len(images)) < 0.06 * mean, part


def test_a_split_is_the_same_again_in_any_order_of_rows_and_another_with_another_seed():
    rows = many_plates()
    shuffled = [rows[index] for index in np.random.default_rng(5).permutation(len(rows))]
    first, second, other = (
        {part: {row.label for row in chosen} for part, chosen in split_by_plate(given, SHARES, seed).items()}
        for given, seed in ((rows, 1), (shuffled, 1), (rows, 2))
    )
    assert first == second
    assert first["test"] != other["test"]


def test_a_split_of_years_ago_is_found_again():
    rows = [Annotation(Path(f"{index}.jpg"), f"{'皖沪'[index % 2]}A{index:03d}") for index in range(40)]
    parts = split_by_plate(rows, SHARES, seed=1)
    assert [row.label for row in parts["val"]] == ["皖A008", "沪A011", "皖A016", "沪A031"]


@pytest.mark.parametrize(("one", "other"), [("皖A", "<Anhui>A"), ("ab", "AB"), ("АВ", "a-b")])  # Cyrillic, the last
def test_two_spellings_are_one_plate(one: str, other: str):
    rows = [Annotation(Path(f"{index}.jpg"), f"{one}{index:05d}") for index in range(50)]
    rows += [Annotation(Path(f"{index}b.jpg"), f"{other}{index:05d}") for index in range(50)]
    parts = split_by_plate(rows, SHARES, seed=3)
    plates = [{plate_of(row.label) for row in chosen} for chosen in parts.values()]
    assert sum(map(len, plates)) == 50
    assert all(len(chosen) == 2 * len(found) for chosen, found in zip(parts.values(), plates, strict=True))


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ({"train": 0.5, "val": 0.6}, "shares between 0 and 1 that add up to 1, received train 0.5, val 0.6"),
        ({"train": 1.2, "val": -0.2}, "shares between 0 and 1"),
        (SHARES, "expected at least 3 plates for .*received 2"),
    ],
)
def test_impossible_shares_are_told(shares: dict[str, float], message: str):
    rows = [Annotation(Path("a.jpg"), "A1"), Annotation(Path("b.jpg"), "B1")]
    with pytest.raises(UserError, match=message):
        split_by_plate(rows, shares, 0)


def test_split_annotations_writes_three_lists(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    rows = [(str(row.path), row.label) for row in many_plates()]
    path = write(tmp_path / "all.txt", [("images/" + image, label) for image, label in rows])
    arguments = [str(path), "--val", "0.1", "--test", "0.1", "--seed", "1"]
    assert split_annotations(arguments) == 0
    parts = {part: rows_of(tmp_path / f"{part}.txt") for part in SHARES}
    assert sorted(row for part in parts.values() for row in part) == sorted(rows_of(path))
    assert "train.txt: " in capsys.readouterr().out
    before = (tmp_path / "test.txt").read_bytes()
    assert split_annotations(arguments) == 0  # the same again is no loss
    with pytest.raises(UserError, match=r"train\.txt: expected no such file, .*--overwrite replaces it"):
        split_annotations([*arguments[:-1], "2"])
    assert (tmp_path / "test.txt").read_bytes() == before
    assert split_annotations([*arguments[:-1], "2", "--overwrite"]) == 0
    assert (tmp_path / "test.txt").read_bytes() != before
    assert split_annotations([*arguments, "--output", str(tmp_path / "deeper/place"), "--test", "0"]) == 0
    moved = rows_of(tmp_path / "deeper/place/val.txt")
    assert os.path.normpath(moved[0][0]).startswith(str(tmp_path / "images"))
    assert not (tmp_path / "deeper/place/test.txt").exists()


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], {"train": 16, "val": 2, "test": 2}),
        (["--val", "0.2"], {"train": 16, "val": 4}),
        (["--test", "0.3"], {"train": 14, "test": 6}),
        (["--val", "0.2", "--test", "0.1"], {"train": 14, "val": 4, "test": 2}),
        (["--val", "0"], {"train": 20}),
    ],
)
def test_a_part_that_is_not_named_is_not_made(tmp_path: Path, options: list[str], expected: dict[str, int]):
    path = write(tmp_path / "all.txt", [(f"{number}.jpg", f"A{number}") for number in range(20)])
    assert split_annotations([str(path), *options]) == 0
    parts = {part: tmp_path / f"{part}.txt" for part in SHARES}
    assert {part: len(rows_of(file)) for part, file in parts.items() if file.exists()} == expected


# Moving


@pytest.mark.parametrize(
    ("images", "old_dir", "expected"),
    [
        (["images/a.jpg", "images/b c.jpg"], None, ["a.jpg", "b c.jpg"]),
        (["x/1/a.jpg", "x/2/a.jpg"], None, ["1/a.jpg", "2/a.jpg"]),
        (["x/1/a.jpg", "x/1/b.jpg"], "x", ["1/a.jpg", "1/b.jpg"]),
        (["/somewhere/else/a.jpg", "/somewhere/b.jpg"], None, ["else/a.jpg", "b.jpg"]),
    ],
)
def test_update_annotations_puts_one_folder_in_the_place_of_another(tmp_path: Path, images, old_dir, expected, capsys):
    path = write(tmp_path / "train.txt", [(image, f"A{index}") for index, image in enumerate(images)])
    arguments = [str(path), "--new_dir", "/mnt/data/images", "--output", str(tmp_path / "moved.txt")]
    if old_dir:
        arguments += ["--old_dir", str(tmp_path / old_dir)]
    assert update_annotations(arguments) == 0
    expected_rows = [(f"/mnt/data/images/{name}", f"A{index}") for index, name in enumerate(expected)]
    assert rows_of(tmp_path / "moved.txt") == expected_rows
    assert "2 of 2 images are not there" in capsys.readouterr().err
    assert path.read_text().startswith(images[0])


def test_update_annotations_keeps_relative_folders_relative_to_the_list(tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(Path("train.txt"), [("images/a.jpg", "A1")])
    Path("new").mkdir()
    cv2.imwrite("new/a.jpg", np.zeros((4, 4, 3), np.uint8))
    assert update_annotations(["train.txt", "--new_dir", "new", "--output", "lists/train.txt"]) == 0
    assert Path("lists/train.txt").read_text() == "../new/a.jpg A1\n"
    assert rows_of(Path("lists/train.txt")) == [("lists/../new/a.jpg", "A1")]
    assert capsys.readouterr().err == ""


def test_update_annotations_tells_what_does_not_lie_in_the_old_folder(tmp_path: Path):
    path = write(tmp_path / "train.txt", [("images/a.jpg", "A1")])
    arguments = [str(path), "--new_dir", "/mnt", "--output", str(tmp_path / "moved.txt"), "--old_dir", "/nowhere"]
    with pytest.raises(UserError, match=r"train\.txt:1: expected an image below /nowhere, .*check --old_dir"):
        update_annotations(arguments)
    assert not (tmp_path / "moved.txt").exists()


# CSV


def test_a_list_to_csv_and_back_is_the_same(tmp_path: Path):
    rows = [("images/a.jpg", "皖A12345"), ('odd, "name" here.jpg', "<Anhui>A1"), ("/abs/c.jpg", "B1")]
    path = write(tmp_path / "train.txt", rows)
    assert convert_csv([str(path), "--to", "csv"]) == 0
    lines = (tmp_path / "train.csv").read_text(encoding="utf-8").splitlines()
    assert lines[:2] == ["image_path,plate_text", "images/a.jpg,皖A12345"]
    assert convert_csv([str(tmp_path / "train.csv"), "--to", "txt"]) == 0  # onto itself: the same rows
    assert convert_csv([str(tmp_path / "train.csv"), "--to", "txt", "--output", str(tmp_path / "again.txt")]) == 0
    assert (tmp_path / "again.txt").read_bytes() == path.read_bytes()
    assert convert_csv([str(path), "--to", "csv", "--output", str(tmp_path / "sub/train.csv")]) == 0
    assert "../images/a.jpg,皖A12345" in (tmp_path / "sub/train.csv").read_text(encoding="utf-8")


def test_another_list_is_not_written_over(tmp_path: Path):
    path = write(tmp_path / "train.txt", [("a.jpg", "A1")])
    (tmp_path / "train.csv").write_text("image_path,plate_text\nmine.jpg,B1\n")
    with pytest.raises(UserError, match=r"train\.csv: expected no such file, .*--overwrite"):
        convert_csv([str(path), "--to", "csv"])
    with pytest.raises(UserError, match=r"expected another file whose name ends in \.txt"):
        convert_csv([str(path), "--to", "txt"])
    assert convert_csv([str(path), "--to", "csv", "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            "wo,was\na.jpg,A1\n",
            r"x\.csv:1: expected columns for image and text, received the header wo, was",
        ),
        ("", "received an empty file"),
        ("image_path,plate_text\n", "expected rows below the header"),
        ("image_path,plate_text\na.jpg,A1\nb.jpg\n", r"x\.csv:3: expected 2 columns, received 1"),
        ("image_path,plate_text\na.jpg,A1\nb.jpg,\n", r"x\.csv:3: expected an image and its text, .*'b.jpg', ''"),
        ("image_path,plate_text\na.jpg,A1\nb,c.jpg,B1\n", r"x\.csv:3: expected 2 columns, received 3"),
        ("image_path,plate_text\na.jpg,A 1\n", "expected a label without spaces, received 'A 1'"),
        ('image_path,plate_text\n"a.jpg,A1\nb.jpg,B1\n', r'x\.csv:2: expected quotes in pairs .*, received "a.jpg,A1$'),
        ('image_path,plate_text\n"a.jpg,A1\nb.jpg,B1"\n', r"x\.csv:2: expected quotes in pairs"),
        ('image_path,plate_text\n"a".jpg,A1\n', r"x\.csv:2: expected quotes in pairs"),
        ("image_path,plate_text\na.jpg,A1\nb.jpg,B\0001\n", r"x\.csv:3: expected text, received a NUL byte"),
        ("image_path,plate\0text\na.jpg,A1\n", r"x\.csv:1: expected text, received a NUL byte"),
    ],
)
def test_csv_that_is_no_list_is_told(tmp_path: Path, content: str, message: str):
    (tmp_path / "x.csv").write_text(content)
    with pytest.raises(UserError, match=message):
        convert_csv([str(tmp_path / "x.csv"), "--to", "txt"])
    assert not (tmp_path / "x.txt").exists()


@pytest.mark.parametrize(
    "content",
    [
        "image_path,plate_text\na b.jpg,A1\nc.jpg,B1\n",
        "plate_text;confidence;image_path\nA1;0.9;a b.jpg\n\nB1;0.8;c.jpg\n",
        "filename\tlabel\r\na b.jpg\tA1\r\nc.jpg\tB1\r\n",
        "image_path,plate_text\ra b.jpg,A1\rc.jpg,B1\r",  # line ends of an old Mac's spreadsheet
        'a b.jpg,A1\n"c.jpg","B1"\n',  # two columns need no header
        "a b.jpg;A1\nc.jpg;B1",
    ],
)
def test_tables_of_many_makers_become_a_list(tmp_path: Path, content: str):
    (tmp_path / "x.csv").write_bytes(content.encode())
    assert convert_csv([str(tmp_path / "x.csv"), "--to", "txt"]) == 0
    assert (tmp_path / "x.txt").read_text() == "a b.jpg A1\nc.jpg B1\n"


def test_columns_of_other_names_are_named(tmp_path: Path):
    (tmp_path / "x.csv").write_text("wo,label,was\na.jpg,car,A1\n")
    arguments = [str(tmp_path / "x.csv"), "--to", "txt"]
    assert convert_csv([*arguments, "--image-column", "wo", "--text_column", "was"]) == 0
    assert (tmp_path / "x.txt").read_text() == "a.jpg A1\n"
    with pytest.raises(UserError, match="--image-column: expected one of wo, label, was, received where"):
        convert_csv([*arguments, "--image-column", "where"])


# Listing a folder


def touch(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"x")


def test_create_files_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.chdir(tmp_path)
    touch("images/b.jpg", "images/a b.PNG", "images/deep/c.jpeg", "images/notes.txt", "images/.hidden.jpg")
    assert create_files_list(["images/", "--output", "test.txt"]) == 0
    assert Path("test.txt").read_text() == "images/a b.PNG\nimages/b.jpg\n"
    output = capsys.readouterr()
    assert output.out == "2 images in test.txt\n"
    assert output.err == (
        "images: images in its folders, left out: 1; --recursive takes them, too\n"
        "images: other files, left out: 1 .txt\n"
    )
    assert create_files_list(["images", "--output", "lists/test.txt", "--recursive"]) == 0
    assert Path("lists/test.txt").read_text() == "../images/a b.PNG\n../images/b.jpg\n../images/deep/c.jpeg\n"
    rows, _ = read_annotations("lists/test.txt", labelled=False)
    assert all(row.path.exists() for row in rows)
    with pytest.raises(UserError, match="nowhere: expected a folder with images, received no such folder"):
        create_files_list(["nowhere", "--output", "x.txt"])


def test_of_many_other_kinds_of_files_the_first_few_are_named():
    files = [Path(f"{number}.{kind}") for number, kind in enumerate("aabbbcdefgh")]
    assert other_files(files) == "other files, left out: 3 .b, 2 .a, 1 .c, 1 .d, 1 .e and 3 more of other kinds"
    assert other_files(files[:7]) == "other files, left out: 3 .b, 2 .a, 1 .c, 1 .d"


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    touch("phone/a.HEIC", "phone/b.heic", "phone/README", "phone/deep/c.jpg")
    with pytest.raises(
        UserError,
        match=r"phone: expected images \(\.jpg, .*\), received none; images in its folders, left out: 1; --recursive "
        r"takes them, too; other files, left out: 2 \.heic, 1 without a suffix$",
    ):
        create_files_list(["phone", "--output", "x.txt"])
    assert not Path("x.txt").exists()


@pytest.mark.parametrize("suffix", [".jpg", ".JPEG", ".jpe", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"])
def test_what_can_be_read_is_an_image_by_its_name(tmp_path: Path, suffix: str):
    assert cv2.imwrite(str(tmp_path / f"a{suffix}"), np.zeros((8, 8, 3), np.uint8))
    assert list_images(tmp_path, recursive=False) == ([tmp_path / f"a{suffix}"], [])


def test_a_link_leads_in_no_circle_and_each_folder_is_entered_once(tmp_path: Path):
    touch(*(str(tmp_path / name) for name in ("images/1.jpg", "images/deep/2.jpg", "elsewhere/3.jpg")))
    for link, target in {"deep/up": "..", "a": "deep", "far": "../elsewhere", "far too": "../elsewhere"}.items():
        (tmp_path / "images" / link).symlink_to(target)
    images, _ = list_images(tmp_path / "images", recursive=True)
    assert [str(path.relative_to(tmp_path / "images")) for path in images] == ["1.jpg", "deep/2.jpg", "far/3.jpg"]


@pytest.mark.parametrize(
    "name",
    [
        "create_files_list",
        "update_annotations",
        "check_annotations",
        "split_annotations",
        "convert_csv",
        "list_from_names",
    ],
)
@pytest.mark.parametrize("as_module", [False, True])
def test_help_has_an_example(name: str, as_module: bool):
    command = ["-m", f"utils.{name}"] if as_module else [f"utils/{name}.py"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, *command, "--help"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert "example:\n  python " in result.stdout


def test_a_mistake_is_one_line_and_status_2(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "utils/split_annotations.py", str(tmp_path / "none.txt")],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr == f"error: {tmp_path / 'none.txt'}: expected a list of images, received no such file\n"
