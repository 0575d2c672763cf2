"""The three converters on small but faithful trees: drawn plates in scenes at known corners, real forms of name."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lp_recognition.images.image import decode_image
from lp_recognition.images.photographs import read_photograph
from lp_recognition.images.truncation import is_truncated
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.lists.converters import conversion
from lp_recognition.lists.converters.ccpd import CcpdOptions, convert_ccpd
from lp_recognition.lists.converters.ccpd_names import (
    CHARACTERS,
    LETTERS,
    PROVINCES,
    CcpdName,
    CcpdNameError,
    format_name,
    label_indices,
    parse_name,
)
from lp_recognition.lists.converters.cropping import Box, Corners, CropError, cut_plate
from lp_recognition.lists.converters.czech import CzechOptions, convert_czech
from lp_recognition.lists.converters.ufpr import UfprOptions, UfprTextError, convert_ufpr, parse_text
from lp_recognition.system.errors import UserError
from lp_recognition.texts.vocabulary import PROVINCE_NAMES

ROOT = Path(__file__).resolve().parents[2]
README_NAME = "025-95_113-154&383_386&473-386&473_177&454_154&383_363&402-0_0_22_27_27_33_16-37-15"

#: A rectified crop and the plate that was drawn differ by less than this, of 255, on average over all pixels: what is
#: left is two interpolations and two JPEGs.
MEAN_DIFFERENCE_BOUND = 5.5


def draw_plate(text: str, *, seed: int = 0, color: tuple[int, int, int] = (160, 70, 20)) -> np.ndarray:
    """A plate of 96 x 300 pixels: a frame, its text, and a mark in the left-up corner so that no turn goes unseen."""
    plate = np.full((96, 300, 3), color, np.uint8)
    cv2.rectangle(plate, (4, 4), (295, 91), (235, 235, 235), 3)
    cv2.circle(plate, (22, 22), 10, (40, 220, 240), -1)
    ascii_text = "".join(character for character in text if character.isascii())
    cv2.putText(plate, ascii_text, (40, 66), cv2.FONT_HERSHEY_SIMPLEX, 1.5, (240, 240, 240), 4, cv2.LINE_AA)
    shade = np.linspace(0.85, 1.1, 300, dtype=np.float32)[None, :, None]
    return np.clip(plate * shade + np.random.default_rng(seed).normal(0, 2, plate.shape), 0, 255).astype(np.uint8)


def draw_scene(plate: np.ndarray, corners: list[tuple[int, int]], shape: tuple[int, int] = (360, 480)) -> np.ndarray:
    """A photograph with `plate` at `corners` (left-up, right-up, right-bottom, left-bottom)."""
    height, width = shape
    rng = np.random.default_rng(7)
    scene = cv2.resize(
        rng.integers(40, 200, (12, 16, 3), dtype=np.uint8), (width, height), interpolation=cv2.INTER_CUBIC
    )
    # Drawn four times too large and shrunk by area, as a lens does. Corners are the middles of the plate's outermost
    # pixels in the photograph, so they lie half such a pixel inside of the drawn plate's edge.
    times, (rows, columns) = 4, plate.shape[:2]
    x = 0.5 * columns / (np.hypot(*np.subtract(corners[1], corners[0])) + 1) - 0.5
    y = 0.5 * rows / (np.hypot(*np.subtract(corners[3], corners[0])) + 1) - 0.5
    ends = np.float32([(x, y), (columns - 1 - x, y), (columns - 1 - x, rows - 1 - y), (x, rows - 1 - y)])
    large = (np.float32(corners) + 0.5) * times - 0.5
    homography = cv2.getPerspectiveTransform(ends, large.astype(np.float32))
    size = (times * width, times * height)
    canvas = cv2.resize(scene, size, interpolation=cv2.INTER_NEAREST)
    warped = cv2.warpPerspective(plate, homography, size, flags=cv2.INTER_LINEAR)
    mask = cv2.warpPerspective(np.full((rows, columns), 255, np.uint8), homography, size, flags=cv2.INTER_NEAREST)
    canvas[mask > 0] = warped[mask > 0]
    return np.asarray(cv2.resize(canvas, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def write_jpeg(path: Path, image: np.ndarray, keep: float = 1.0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    path.write_bytes(data[: int(len(data) * keep)])


def ccpd_name(label: str, plate: list[tuple[int, int]], **changes: object) -> str:
    """The file name CCPD would give: `plate` is its left-up, right-up, right-bottom, left-bottom corner."""
    left_up, right_up, right_bottom, left_bottom = plate
    xs, ys = zip(*plate, strict=True)
    fields = {
        "area": "0213", "tilt": (95, 113), "box": ((min(xs), min(ys)), (max(xs), max(ys))),
        "corners": (right_bottom, left_bottom, left_up, right_up), "indices": label_indices(label),
        "brightness": 37, "blurriness": 15,
    }  # fmt: skip
    return format_name(CcpdName(**{**fields, **changes}))  # type: ignore[arg-type]


def mean_difference(crop: np.ndarray, plate: np.ndarray) -> float:
    expected = cv2.resize(plate, (crop.shape[1], crop.shape[0]), interpolation=cv2.INTER_AREA)
    return float(np.abs(crop.astype(float) - expected.astype(float)).mean())


def rows_of(path: Path) -> dict[str, str]:
    rows, _ = read_annotations(path)
    return {os.path.relpath(row.path, path.parent): row.label for row in rows}


def failures_of(output: Path) -> dict[str, str]:
    lines = (output / "failed.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


STRAIGHT = [(100, 120), (300, 120), (300, 184), (100, 184)]
TILTED = [(120, 90), (330, 150), (322, 230), (112, 166)]
STEEP = [(140, 60), (290, 190), (255, 240), (105, 108)]  # turned by some 40 degrees, as in ccpd_rotate


# File names of CCPD


def test_the_name_in_ccpds_readme_reads_as_its_paper_says():
    name = parse_name(README_NAME)
    assert name.label == "皖AY339S"
    assert name.label_with_names == "<Anhui>AY339S"
    assert name.tilt == (95, 113)
    assert name.box == ((154, 383), (386, 473))
    assert name.corners == ((386, 473), (177, 454), (154, 383), (363, 402))
    assert (name.brightness, name.blurriness) == (37, 15)


@pytest.mark.parametrize(
    ("stem", "label"),
    [
        (
            "0014128352490421455-90_90-204&460_246&475-246&475_204&475_204&460_246&460-0_0_3_24_30_31_30_30-128-4",
            "皖AD06766",
        ),
        ("01-90_87-268&408_463&481-450&466_278&466_276&419_448&418-0_0_31_11_32_30_32-92-18", "皖A7M868"),
        ("0088-14_3-519&221_633&286-620&286_519&260_532&221_633&247-0_0_25_26_5_28_29-135-17", "皖A12F45"),
    ],
)
def test_other_real_names(stem: str, label: str):
    assert parse_name(stem).label == label


def test_the_tables_have_their_published_sizes_and_every_province_has_a_name():
    assert (len(PROVINCES), len(LETTERS), len(CHARACTERS)) == (34, 25, 35)
    assert len(set(PROVINCES)) == 34
    assert set(PROVINCES[:-1]) <= set(PROVINCE_NAMES)
    assert not {"I", "O"} & set(CHARACTERS[:-1])


points = st.tuples(st.integers(-20, 2000), st.integers(-20, 2000))
names = st.builds(
    CcpdName,
    area=st.from_regex(r"[0-9]{1,19}", fullmatch=True).filter(str.isascii),
    tilt=st.tuples(st.integers(-90, 180), st.integers(-90, 180)),
    box=st.tuples(points, points),
    corners=st.tuples(points, points, points, points),
    indices=st.tuples(st.integers(0, 32), st.integers(0, 23), st.lists(st.integers(0, 33), min_size=5, max_size=6)).map(
        lambda parts: (parts[0], parts[1], *parts[2])
    ),
    brightness=st.integers(0, 255),
    blurriness=st.integers(0, 5000),
)


@settings(max_examples=200, deadline=None)
@given(names)
def test_a_name_written_and_read_again_is_the_same(name: CcpdName):
    assert parse_name(format_name(name)) == name
    assert label_indices(name.label) == name.indices


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789-_&x皖 ", max_size=120))
def test_a_broken_name_is_refused_in_one_line(stem: str):
    with pytest.raises(CcpdNameError, match="broken name") as error:
        parse_name(stem)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("indices", "message"),
    [
        ("33_0_22_27_27_33_16", "character 1: received 33, which means 'no character'"),
        ("34_0_22_27_27_33_16", "character 1: expected below 34, received 34"),
        ("0_25_22_27_27_33_16", "character 2: expected below 25, received 25"),
        ("0_0_22_27_27_33_35", "character 7: expected below 35, received 35"),
        ("0_0_22_27_27_33_34", "character 7: received 34, which means 'no character'"),
        ("0_0_22_27_27_33", "expected 7 or 8 characters, received 6"),
        ("0_0_22_27_27_33_1_1_1", "expected 7 or 8 characters, received 9"),
    ],
)
def test_indices_outside_their_tables_are_refused(indices: str, message: str):
    with pytest.raises(CcpdNameError, match=message):
        parse_name(README_NAME.replace("0_0_22_27_27_33_16", indices))


# Cutting plates


@pytest.mark.parametrize("corners", [STRAIGHT, TILTED, STEEP])
@pytest.mark.parametrize("size", [(24, 94), (48, 188), None])
def test_a_rectified_crop_is_the_plate_that_was_drawn(corners, size):
    plate = draw_plate("AY339S")
    crop, notes = cut_plate(draw_scene(plate, corners), Corners(tuple(corners)), size)
    assert notes == []
    assert size is None or crop.shape == (*size, 3)
    assert mean_difference(crop, plate) < MEAN_DIFFERENCE_BOUND
    assert mean_difference(crop[::-1, ::-1], plate) > 3 * MEAN_DIFFERENCE_BOUND  # the bound can fail


@pytest.mark.parametrize(
    "corners",
    [
        [(10, 10), (60, 10), (110, 10), (160, 10)],  # on one line
        [(10, 10), (110, 10), (60, 40), (60, 20)],  # one inside the others
        [(10, 10), (110, 10), (110, 40), (10, 10)],  # one twice
        [(10, 10), (110, 10), (110, 12), (10, 12)],  # no height
        [(10, 10), (110, 10), (110, 60), (108, 12)],  # three nearly on one line
    ],
)
def test_degenerate_corners_are_refused(corners):
    with pytest.raises(CropError, match=r"degenerate corners: .*received"):
        cut_plate(np.zeros((200, 200, 3), np.uint8), Corners(tuple(corners)), (24, 94))


def test_a_plate_partly_outside_is_filled_and_one_mostly_outside_refused():
    image = np.full((200, 200, 3), 90, np.uint8)
    crop, notes = cut_plate(image, Corners(((-5, 20), (95, 20), (95, 50), (-5, 50))), (24, 94))
    assert notes == ["partly_outside"]
    assert (crop == 90).all()
    with pytest.raises(CropError, match=r"corners outside of the image: .*received 40%"):
        cut_plate(image, Corners(((-60, 20), (40, 20), (40, 50), (-60, 50))), (24, 94))
    with pytest.raises(CropError, match=r"box outside of the image: .*received 0%"):
        cut_plate(image, Box(300, 300, 400, 330), None)


def test_a_box_is_cut_with_its_margin_and_put_in_order():
    image = np.arange(200 * 200 * 3, dtype=np.uint32).reshape(200, 200, 3).astype(np.uint8)
    crop, notes = cut_plate(image, Box(50, 60, 150, 90, margin=0.1), None)
    np.testing.assert_array_equal(crop, image[57:93, 40:160])
    assert notes == []
    turned, notes = cut_plate(image, Box(150, 90, 50, 60, margin=0.1), None)
    np.testing.assert_array_equal(turned, crop)
    assert notes == ["box_order"]
    with pytest.raises(CropError, match="degenerate box"):
        cut_plate(image, Box(50, 60, 52, 90), None)


def test_a_margin_around_corners_shows_the_plate_in_the_middle():
    plate = draw_plate("B12345")
    scene = draw_scene(plate, TILTED)
    crop, _ = cut_plate(scene, Corners(tuple(TILTED), margin=0.25), (72, 282))
    assert mean_difference(crop[12:60, 47:235], plate) < MEAN_DIFFERENCE_BOUND


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 0.999), st.sampled_from([".jpg", ".png"]))
def test_half_an_image_file_is_seen(keep: float, suffix: str):
    data = cv2.imencode(suffix, draw_plate("A1"))[1].tobytes()
    assert not is_truncated(data)
    assert not is_truncated(data + b"\0" * 7)
    assert is_truncated(data[: max(8, int(len(data) * keep))])


def test_the_thumbnail_of_a_truncated_photograph_does_not_hide_it():
    thumbnail = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()
    data = cv2.imencode(".jpg", draw_plate("A1"))[1].tobytes()
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    assert not is_truncated(data[:2] + segment + data[2:])
    assert is_truncated(data[:2] + segment + data[2 : len(data) // 2])


# CCPD


@pytest.fixture(scope="module")
def ccpd_tree(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A tree as CCPD2019 has it, and the names of its images by what is the matter with them."""
    root = tmp_path_factory.mktemp("data") / "CCPD2019"
    named: dict[str, str] = {}

    def add(key: str, subset: str, label: str, plate, *, keep: float = 1.0, **changes) -> None:
        named[key] = f"ccpd_{subset}/{ccpd_name(label, plate, **changes)}.jpg"
        write_jpeg(root / named[key], draw_scene(draw_plate(label), plate), keep)

    add("straight", "base", "皖AY339S", STRAIGHT)
    add("tilted", "base", "沪B12345", TILTED, tilt=(75, 90))
    add("repeated", "base", "皖AAA111", TILTED)
    add("steep", "rotate", "京C6H8K2", STEEP, tilt=(131, 90))
    add("weather", "weather", "皖A00001", STRAIGHT, brightness=201, blurriness=3)
    left_up, right_up, right_bottom, left_bottom = TILTED
    add("turned", "weather", "皖A00002", TILTED, corners=(left_up, right_up, right_bottom, left_bottom))
    add("crossed", "weather", "皖A00003", TILTED, corners=(right_bottom, left_up, left_bottom, right_up))
    add("box order", "weather", "皖A00004", STRAIGHT, box=((300, 184), (100, 120)))
    add("green", "green/train", "皖AD06766", STRAIGHT, area="0014128352490421455")
    add("green test", "green/test", "皖AF12345", TILTED)
    # Left out:
    add("line", "challenge", "皖A20001", STRAIGHT, corners=((100, 120), (150, 120), (200, 120), (300, 120)))
    add(
        "outside",
        "challenge",
        "皖A20002",
        STRAIGHT,
        corners=((600, 184), (400, 184), (400, 120), (600, 120)),
        box=((400, 120), (600, 184)),
    )
    add("apart", "challenge", "皖A20003", STRAIGHT, box=((310, 200), (460, 260)))
    add("truncated", "challenge", "皖A20004", STRAIGHT, keep=0.5)
    add("empty", "challenge", "皖A20005", STRAIGHT, keep=0.0)
    named["no image"] = f"ccpd_challenge/{ccpd_name('皖A20006', STRAIGHT)}.jpg"
    (root / named["no image"]).write_bytes(b"this is no JPEG at all")
    for key, stem in {
        "no fields": "holiday",
        "index": README_NAME.replace("0_0_22", "34_0_22"),
        "no character": README_NAME.replace("33_16-", "33_34-"),
        "copy": README_NAME + "(1)",
    }.items():
        named[key] = f"ccpd_blur/{stem}.jpg"
        write_jpeg(root / named[key], draw_scene(draw_plate("X"), STRAIGHT))
    write_jpeg(root / "ccpd_np/0001.jpg", np.zeros((20, 20, 3), np.uint8))
    write_jpeg(root / "ccpd_np/0002.jpg", np.zeros((20, 20, 3), np.uint8))
    (root / "ccpd_base/.DS_Store").write_bytes(b"\0")
    (root / "ccpd_base/._hidden.jpg").write_bytes(b"\0")
    (root / "ccpd_base/read me.TXT").write_bytes(b"hello")

    (root / "splits").mkdir()
    (root / "splits/train.txt").write_text(f"{named['straight']}\n{named['repeated']}\n", encoding="utf-8")
    (root / "splits/val.txt").write_text(f"/home/author/{named['tilted']}\n", encoding="utf-8")
    (root / "splits/ccpd_weather.txt").write_text(f"{named['weather']}\nccpd_weather/gone.jpg\n", encoding="utf-8")
    return root, named


LEFT_OUT = {
    "line": "degenerate corners",
    "outside": "corners outside of the image",
    "apart": "box and corners apart",
    "truncated": "truncated image",
    "empty": "empty image",
    "no image": "unreadable image",
    "no fields": "broken name: expected the seven fields",
    "index": "broken name: character 1",
    "no character": "broken name: character 7",
    "copy": "broken name",
}


def test_ccpd_from_tree_to_lists(ccpd_tree, tmp_path: Path):
    root, named = ccpd_tree
    before = contents(root)
    output = tmp_path / "ccpd"
    summary = convert_ccpd(CcpdOptions(root, output, mode="corners", size=(24, 94)))

    labels = {Path(path).stem: label for path, label in rows_of(output / "base/annotation.txt").items()}
    assert labels[Path(named["straight"]).stem] == "皖AY339S"
    assert sorted(labels.values()) == ["沪B12345", "皖AAA111", "皖AY339S"]
    assert sorted(rows_of(output / "weather/annotation.txt").values()) == [f"皖A0000{digit}" for digit in range(1, 5)]
    assert sorted(rows_of(output / "green/annotation.txt").values()) == ["皖AD06766", "皖AF12345"]

    assert sorted(rows_of(output / "train.txt").values()) == ["皖AAA111", "皖AY339S"]
    assert list(rows_of(output / "val.txt").values()) == ["沪B12345"]
    assert list(rows_of(output / "ccpd_weather.txt").values()) == ["皖A00001"]
    assert list(rows_of(output / "green_test.txt").values()) == ["皖AF12345"]

    for name in ("base", "weather", "rotate", "green"):
        for path, label in rows_of(output / name / "annotation.txt").items():
            crop = decode_image((output / name / path).read_bytes(), path)
            assert crop.shape == (24, 94, 3)
            assert mean_difference(crop, draw_plate(label)) < MEAN_DIFFERENCE_BOUND, path

    failures = failures_of(output)
    expected = {named[key]: reason for key, reason in LEFT_OUT.items()} | {
        "ccpd_weather/gone.jpg": "listed but missing"
    }
    assert failures.keys() == expected.keys()
    for source, reason in expected.items():
        assert failures[source].startswith(reason), source
    assert summary.left_out == len(expected)
    assert f"{len(expected)} files left out, see {output / 'failed.txt'}" in summary.text()
    assert "np: 2 images without a plate, skipped" in summary.text()
    assert "base: other files, left out: 1 .txt\n" in summary.text()
    assert not (output / "np").exists()
    assert contents(root) == before


def test_ccpds_report_counts_what_was_converted(ccpd_tree, tmp_path: Path):
    root, _ = ccpd_tree
    convert_ccpd(CcpdOptions(root, tmp_path / "out", size=(24, 94)))
    report = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))
    assert report["images"] == 20
    assert report["plates"] == report["crops"] == 10
    assert report["left_out"] == 11
    assert report["left_out_by_reason"]["broken name"] == 4
    assert report["mended"] == {"corner_order": 2}
    assert report["provinces"] == {"皖": 8, "京": 1, "沪": 1}
    assert report["lengths"] == {"7": 8, "8": 2}
    assert report["splits"] == {"ccpd_weather": 1, "green_test": 1, "green_train": 1, "train": 2, "val": 1}
    weather = report["subsets"]["weather"]
    assert (weather["images"], weather["plates"], weather["left_out"]) == (4, 4, 1)
    assert weather["brightness"]["histogram"] == {"25": 3, "200": 1}
    assert weather["blurriness"]["min"] == 3
    assert report["subsets"]["rotate"]["tilt_horizontal_degrees"]["median"] == 131
    assert report["subsets"]["challenge"]["left_out"] == 6


def test_ccpd_boxes_and_corners_make_two_lists(ccpd_tree, tmp_path: Path):
    root, named = ccpd_tree
    output = tmp_path / "out"
    summary = convert_ccpd(CcpdOptions(root, output, ("base", "weather", "challenge"), "both", margin=0, names=True))
    boxes = rows_of(output / "weather/annotation_box.txt")
    corners = rows_of(output / "weather/annotation_corners.txt")
    assert list(boxes.values()) == list(corners.values()) == [f"<Anhui>A0000{digit}" for digit in range(1, 5)]
    assert all(path.startswith("box/") for path in boxes)
    straight = output / "base/box" / Path(named["straight"]).name
    assert decode_image(straight.read_bytes(), "").shape == (64, 200, 3)
    assert list(rows_of(output / "val_box.txt").values()) == ["<Shanghai>B12345"]
    # A plate with bad corners still has its box; both facts are told.
    assert list(rows_of(output / "challenge/annotation_box.txt").values()) == ["<Anhui>A20001"]
    assert failures_of(output)[named["line"]].startswith("degenerate corners")
    assert not (output / "challenge/annotation_corners.txt").exists()
    assert summary.mended == {"box_order": 1, "corner_order": 2}


def test_a_folder_of_green_plates_alone_converts(ccpd_tree, tmp_path: Path):
    root, _ = ccpd_tree
    summary = convert_ccpd(CcpdOptions(root / "ccpd_green", tmp_path / "out"))
    assert (summary.images, summary.samples, summary.left_out) == (2, 2, 0)
    assert (tmp_path / "out/failed.txt").read_text() == ""
    assert list(rows_of(tmp_path / "out/green_train.txt").values()) == ["皖AD06766"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"subsets": ("wether",)}, r"--subsets: expected names of base, .*received wether. Did you mean `weather`\?"),
        ({"subsets": ("fn",)}, "--subsets: expected sub-sets of .*received fn"),
        ({"source": Path("nowhere")}, "nowhere: expected the folder of the data set, received no such folder"),
    ],
)
def test_ccpds_mistakes_are_told(ccpd_tree, tmp_path: Path, change, message: str):
    options = CcpdOptions(**{"source": ccpd_tree[0], "output": tmp_path / "out", **change})
    with pytest.raises(UserError, match=message):
        convert_ccpd(options)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_no_ccpd_is_told(tmp_path: Path):
    (tmp_path / "holiday").mkdir()
    with pytest.raises(UserError, match=r"expected folders of CCPD .*received none"):
        convert_ccpd(CcpdOptions(tmp_path / "holiday", tmp_path / "out"))
    (tmp_path / "CCPD/ccpd_base").mkdir(parents=True)
    with pytest.raises(UserError, match=r"expected images in .*received none"):
        convert_ccpd(CcpdOptions(tmp_path / "CCPD", tmp_path / "out"))


@pytest.mark.parametrize("place", ["CCPD2019", "CCPD2019/ccpd_base/crops", "."])
def test_the_source_is_never_written_to(ccpd_tree, place: str):
    root, _ = ccpd_tree
    with pytest.raises(UserError, match="expected an output folder apart from the source"):
        convert_ccpd(CcpdOptions(root, root.parent / place))


# Stopping and going on


def small_ccpd(root: Path, count: int) -> Path:
    scene = draw_scene(draw_plate("A1"), TILTED)
    for index in range(count):
        write_jpeg(root / "ccpd_base" / f"{ccpd_name(f'皖A{index:05d}', TILTED)}.jpg", scene)
    write_jpeg(root / "ccpd_base" / f"{ccpd_name('皖B00000', TILTED)}.jpg", scene, keep=0.5)
    return root


def test_a_second_run_reads_nothing_again_but_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = small_ccpd(tmp_path / "CCPD", 5)
    options = CcpdOptions(root, tmp_path / "out", size=(24, 94))
    convert_ccpd(options)
    first = contents(tmp_path / "out")
    read: list[Path] = []
    original = read_photograph
    monkeypatch.setattr(conversion, "read_photograph", lambda path: read.append(path) or original(path))
    summary = convert_ccpd(options)
    assert [parse_name(path.stem).label for path in read] == ["皖B00000"]
    assert contents(tmp_path / "out") == first
    assert (summary.samples, summary.left_out) == (5, 1)
    # A file that was mended in the source is taken up, one that was lost from the output is made again.
    write_jpeg(read[0], draw_scene(draw_plate("A1"), TILTED))
    next((tmp_path / "out/base/corners").glob("*.jpg")).unlink()
    read.clear()
    assert convert_ccpd(options).left_out == 0
    assert len(read) == 2


def test_every_row_of_an_official_list_is_accounted_for(tmp_path: Path):
    root = small_ccpd(tmp_path / "CCPD", 2)
    names = sorted(path.name for path in (root / "ccpd_base").iterdir())[:2]
    (root / "splits").mkdir()
    rows = [f"ccpd_base\\{names[0]}", f"ccpd_tilt/{names[1]}", names[1], "notes/a.jpg", "\0"]
    (root / "splits/train.txt").write_text("\n".join(rows), encoding="utf-8")
    convert_ccpd(CcpdOptions(root, tmp_path / "out"))
    assert len(rows_of(tmp_path / "out/train.txt")) == 1
    failures = failures_of(tmp_path / "out")
    found = {source: reason for source, reason in failures.items() if source.startswith("splits")}
    # A sub-set that is not there is no mistake.
    assert list(found) == [f"splits/train.txt:{line}" for line in (3, 4, 5)]
    assert found["splits/train.txt:4"] == "broken row: expected ccpd_base/name.jpg or the like, received notes/a.jpg"


def test_images_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    root = small_ccpd(tmp_path / "CCPD", 4)
    read: list[Path] = []
    original = read_photograph
    monkeypatch.setattr(conversion, "read_photograph", lambda path: read.append(path) or original(path))
    convert_ccpd(CcpdOptions(root, tmp_path / "out", mode="both"))
    assert len(read) == len(set(read)) == 5


def test_other_settings_need_another_folder(tmp_path: Path):
    root = small_ccpd(tmp_path / "CCPD", 1)
    convert_ccpd(CcpdOptions(root, tmp_path / "out", size=(24, 94)))
    with pytest.raises(UserError, match=r"size was \[24, 94\], is \[48, 188\]\); choose another --output"):
        convert_ccpd(CcpdOptions(root, tmp_path / "out", size=(48, 188)))


@pytest.mark.parametrize("tail", [b'["ccpd_base/x', b"\x00\x00\x00"])
def test_a_torn_journal_is_mended(tmp_path: Path, tail: bytes):
    root = small_ccpd(tmp_path / "CCPD", 3)
    options = CcpdOptions(root, tmp_path / "out", size=(24, 94))
    convert_ccpd(options)
    first = contents(tmp_path / "out")
    with (tmp_path / "out/.conversion.jsonl").open("ab") as file:
        file.write(tail)
    convert_ccpd(options)
    assert contents(tmp_path / "out") == first


def run_script(*arguments: str | Path, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120, **options)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


CROP = "utils/CCPD_cropping_plates/crop_ccpd.py"


def start_and_wait_for_crops(root: Path, output: Path, crops: int) -> subprocess.Popen[str]:
    """Starts a conversion in two processes, in a session of its own, and waits until it has made some crops."""
    process = subprocess.Popen(
        [sys.executable, CROP, str(root), "--output", str(output), "--size", "24x94", "--workers", "2"],
        cwd=ROOT, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    limit = time.monotonic() + 60
    while len(list(output.glob("base/corners/*.jpg"))) < crops:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.005)
    return process


def wait_until_alone(session: int) -> None:
    """Waits until no process of a session is left: workers end by themselves when their parent was killed."""
    limit = time.monotonic() + 20
    while True:
        try:
            os.killpg(session, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < limit, "workers outlive their parent"
        time.sleep(0.02)


@pytest.mark.slow
def test_a_killed_run_goes_on_to_the_result_of_a_clean_one(tmp_path: Path):
    root = small_ccpd(tmp_path / "CCPD", 600)
    clean, killed = tmp_path / "clean", tmp_path / "killed"
    assert run_script(CROP, root, "--output", clean, "--size", "24x94", "--workers", "1").returncode == 1
    process = start_and_wait_for_crops(root, killed, 40)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    wait_until_alone(process.pid)
    assert not (killed / "report.json").exists()
    done = len(list(killed.glob("base/corners/*.jpg")))
    assert 40 <= done < 600, "the run was over before it was killed"
    result = run_script(CROP, root, "--output", killed, "--size", "24x94", "--workers", "2")
    assert result.returncode == 1, result.stderr
    assert contents(killed) == contents(clean)
    assert len(rows_of(killed / "base/annotation.txt")) == 600


def test_ctrl_c_ends_in_one_line(tmp_path: Path):
    root = small_ccpd(tmp_path / "CCPD", 600)
    process = start_and_wait_for_crops(root, tmp_path / "out", 10)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert errors.replace("\r", "\n").strip().splitlines()[-1].strip() == "interrupted"
    wait_until_alone(process.pid)


def test_two_processes_make_what_one_makes(ccpd_tree, tmp_path: Path):
    root, _ = ccpd_tree
    summaries = [convert_ccpd(CcpdOptions(root, tmp_path / str(workers)), workers) for workers in (1, 2)]
    assert summaries[0].samples == summaries[1].samples
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_a_read_only_or_full_output_is_one_line_and_status_2(tmp_path: Path):
    root = small_ccpd(tmp_path / "CCPD", 1)
    (tmp_path / "file").write_text("in the way")
    result = run_script(CROP, root, "--output", tmp_path / "file" / "out", "--workers", "1")
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert len(result.stderr.splitlines()) == 1


def test_workers_have_to_be_some(tmp_path: Path):
    with pytest.raises(UserError, match="workers: expected at least 1, received 0"):
        convert_ccpd(CcpdOptions(small_ccpd(tmp_path / "CCPD", 1), tmp_path / "out"), workers=0)


# Czech ReId


def write_table(path: Path, header: list[str], rows: list[list[str]], delimiter: str = ",") -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])


@pytest.fixture
def reid(tmp_path: Path) -> Path:
    root = tmp_path / "ReId"
    rows = []
    for track, (text, split) in enumerate([("1AB 2345", "1"), ("4a51234", "1"), ("7T81111", "0"), ("2S22222", "0")]):
        for frame in range(2):
            image = f"images/track {track}/{frame}.jpg"
            write_jpeg(root / image, cv2.resize(draw_plate(text), (90, 30)))
            rows.append([str(track), image, text, split])
    write_jpeg(root / "images/leak.jpg", draw_plate("7T81111"))
    rows.append(["2", "images/leak.jpg", "7T81111", "1"])  # a frame of track 2, which is a test track
    write_jpeg(root / "images/half.jpg", draw_plate("5"), keep=0.5)
    write_jpeg(root / "images/two.jpg", draw_plate("6"))
    rows += [
        ["9", "images/half.jpg", "5A00000", "1"],
        ["9", "images/gone.jpg", "5A00001", "1"],
        ["9", "images/two.jpg", "6A00000", "1"],
        ["9", "images/two.jpg", "6A00001", "1"],
        ["9", "images/notext.jpg", "", "1"],
        ["9", "../outside.jpg", "5A00002", "1"],
        ["9", "images/split.jpg", "5A00003", "maybe"],
        ["9", "images/short.jpg"],
    ]
    write_table(root / "trainVal.csv", ["track_id", "image_path", "lp", "train"], rows)
    return root


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_czech_from_table_to_lists(reid: Path, tmp_path: Path, delimiter: str):
    table = reid / "trainVal.csv"
    table.write_text(table.read_text(encoding="utf-8").replace(",", delimiter), encoding="utf-8-sig")
    before = contents(reid)
    output = tmp_path / "czech"
    summary = convert_czech(CzechOptions(reid, output))
    train, test = rows_of(output / "train.txt"), rows_of(output / "test.txt")
    assert sorted(train.values()) == ["1AB2345", "1AB2345", "4A51234", "4A51234"]
    assert sorted(test.values()) == ["2S22222", "2S22222", "7T81111", "7T81111"]
    assert len(rows_of(output / "annotation.txt")) == 8
    assert all((output / path).is_file() for path in (*train, *test))
    failures = failures_of(output)
    assert {source: reason.partition(":")[0] for source, reason in failures.items()} == {
        "images/leak.jpg": "track on two sides",
        "images/half.jpg": "truncated image",
        "images/gone.jpg": "missing image",
        "images/two.jpg": "two texts",
        "images/notext.jpg": "no text",
        "trainVal.csv:16": "broken row",
        "images/split.jpg": "unknown split",
        "trainVal.csv:18": "broken row",
    }
    assert summary.left_out == 8
    with (output / "tracks.csv").open(encoding="utf-8") as file:
        tracks = {row["image_path"]: (row["track"], row["split"]) for row in csv.DictReader(file)}
    assert len(tracks) == 8
    by_split = {split: {track for track, side in tracks.values() if side == split} for split in ("train", "test")}
    assert by_split == {"train": {"0", "1"}, "test": {"2", "3"}}
    assert contents(reid) == before


def test_czech_plates_can_be_kept_apart(reid: Path, tmp_path: Path):
    write_jpeg(reid / "again.jpg", draw_plate("7T81111"))
    with (reid / "trainVal.csv").open("a", encoding="utf-8") as file:
        file.write("77,again.jpg,7T81111,1\r\n")  # another track of a test plate
    by_track = convert_czech(CzechOptions(reid, tmp_path / "track"))
    assert "1 plates stand in train and, on other tracks, in val or test" in by_track.text()
    by_plate = convert_czech(CzechOptions(reid, tmp_path / "plate", apart="plate"))
    assert by_plate.left_out == by_track.left_out + 1
    assert "7T81111" not in rows_of(tmp_path / "plate/train.txt").values()


def test_czech_columns_of_other_names(reid: Path, tmp_path: Path):
    rows = list(csv.reader((reid / "trainVal.csv").read_text(encoding="utf-8").splitlines()))
    write_table(reid / "trainVal.csv", ["Fahrt", "Bild", "Kennzeichen", "Teil"], rows[1:9], ";")
    with pytest.raises(
        UserError,
        match="received the header Fahrt, Bild, Kennzeichen, Teil; say which is which with --image-column and --text",
    ):
        convert_czech(CzechOptions(reid, tmp_path / "out"))
    columns = {"image": "Bild", "text": "Kennzeichen", "track": "Fahrt", "split": "Teil"}
    assert convert_czech(CzechOptions(reid, tmp_path / "out", columns=columns)).left_out == 0
    assert len(rows_of(tmp_path / "out/train.txt")) == 4
    with pytest.raises(UserError, match="--split-column: expected one of Fahrt, Bild, Kennzeichen, Teil, received Set"):
        convert_czech(CzechOptions(reid, tmp_path / "out", columns={**columns, "split": "Set"}))


def test_czech_tables_that_are_splits_themselves(reid: Path, tmp_path: Path):
    rows = list(csv.reader((reid / "trainVal.csv").read_text(encoding="utf-8").splitlines()))
    write_table(reid / "trainVal.csv", ["image_path", "lp"], [row[1:3] for row in rows[1:5]])
    write_table(reid / "test.csv", ["image_path", "lp"], [row[1:3] for row in rows[5:9]])
    summary = convert_czech(CzechOptions(reid, tmp_path / "out", copy=True))
    assert "no track column: plates are kept apart instead of tracks" in summary.text()
    assert len(rows_of(tmp_path / "out/train.txt")) == len(rows_of(tmp_path / "out/test.txt")) == 4
    copied = next(iter(rows_of(tmp_path / "out/train.txt")))
    assert (tmp_path / "out" / copied).read_bytes() == (reid / copied.removeprefix("images/")).read_bytes()


def test_every_row_of_a_czech_table_is_accounted_for(reid: Path, tmp_path: Path):
    lines = (reid / "trainVal.csv").read_text(encoding="utf-8").splitlines()[:9]
    lines[2] = lines[2].replace("1AB", '"1AB')  # which would swallow the rows up to the next quote
    lines[4] = lines[4].replace("4a51234", '"4a51234"x')
    lines[5] = lines[5].replace("7T81111", "7T8\x00111")
    lines[7] = lines[7].replace("images/", "images\\")  # as Windows writes it
    (reid / "trainVal.csv").write_text("\n".join(lines), encoding="utf-8")
    summary = convert_czech(CzechOptions(reid, tmp_path / "out"))
    assert sorted(rows_of(tmp_path / "out/annotation.txt").values()) == [
        "1AB2345", "2S22222", "2S22222", "4A51234", "7T81111",
    ]  # fmt: skip
    assert {source: reason.partition(":")[2] for source, reason in failures_of(tmp_path / "out").items()} == {
        "trainVal.csv:3": ' expected quotes in pairs around cells, received 0,images/track 0/1.jpg,"1AB 2345,1',
        "trainVal.csv:5": ' expected quotes in pairs around cells, received 1,images/track 1/1.jpg,"4a51234"x,1',
        "trainVal.csv:6": " expected text, received a NUL byte",
    }
    assert (summary.images, summary.samples, summary.left_out) == (8, 5, 3)


def test_a_czech_image_in_two_tables_stays_where_it_is_measured(reid: Path, tmp_path: Path):
    rows = list(csv.reader((reid / "trainVal.csv").read_text(encoding="utf-8").splitlines()))
    write_table(reid / "trainVal.csv", ["image_path", "lp"], [row[1:3] for row in [*rows[1:6], rows[1]]])
    write_table(reid / "test.csv", ["image_path", "lp"], [row[1:3] for row in rows[5:9]])  # one is in both
    summary = convert_czech(CzechOptions(reid, tmp_path / "out", apart="plate"))
    assert "1 rows name an image again, with the same text" in summary.remarks
    assert len(rows_of(tmp_path / "out/train.txt")) == len(rows_of(tmp_path / "out/test.txt")) == 4
    assert failures_of(tmp_path / "out") == {
        "images/track 2/0.jpg": "image on two sides: the tables put it into test and train, and it stays in test"
    }


def test_czech_without_a_table_is_told(tmp_path: Path):
    (tmp_path / "ReId").mkdir()
    with pytest.raises(UserError, match=r"expected a table \(\*\.csv\) in it, received none; name it with --table"):
        convert_czech(CzechOptions(tmp_path / "ReId", tmp_path / "out"))
    with pytest.raises(UserError, match=r"x\.csv: expected a table, received no such file"):
        convert_czech(CzechOptions(tmp_path / "ReId", tmp_path / "out", tables=("x.csv",)))
    with pytest.raises(UserError, match=r"--table: expected tables below .*ReId, received .*x\.csv"):
        convert_czech(CzechOptions(tmp_path / "ReId", tmp_path / "out", tables=(str(tmp_path / "x.csv"),)))
    (tmp_path / "ReId/x.csv").write_bytes("image_path,lp\nžluť,1\n".encode("cp1250"))
    with pytest.raises(UserError, match="expected UTF-8 text, received byte 14"):
        convert_czech(CzechOptions(tmp_path / "ReId", tmp_path / "out"))


# UFPR-ALPR


OLD_TEXT = """camera: GoPro Hero4 Silver
position_vehicle: 80 40 279 244
\ttype: {vehicle}
\tmake: GM Chevrolet
\tmodel: Classic
\tyear: 2009
plate: {plate}
position_plate: {x} {y} {width} {height}
\tchar 1: 1 2 9 15
\tchar 2: 1 2 9 15
\tchar 3: 1 2 9 15
\tchar 4: 1 2 9 15
\tchar 5: 1 2 9 15
\tchar 6: 1 2 9 15
\tchar 7: 1 2 9 15
"""


@pytest.fixture
def ufpr(tmp_path: Path) -> Path:
    """As the archive unpacks: a folder with spaces, and frames with brackets in their names."""
    root = tmp_path / "data" / "UFPR-ALPR dataset"
    tracks = [
        ("training", 1, "AQY-6388", "car"),
        ("training", 2, "BCD-0001", "motorcycle"),
        ("validation", 61, "EFG-1234", "car"),
        ("testing", 91, "HIJ-5678", "car"),
    ]
    for split, track, plate, vehicle in tracks:
        corners_of_box = [(100, 120), (299, 120), (299, 183), (100, 183)]
        scene = draw_scene(draw_plate(plate), corners_of_box)
        for frame in (1, 2):
            path = root / split / f"track{track:04d}" / f"track{track:04d}[{frame:02d}].png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), scene)
            text = OLD_TEXT.format(plate=plate, vehicle=vehicle, x=100, y=120, width=200, height=64)
            if frame == 2:
                corners = " ".join(f"{x},{y}" for x, y in corners_of_box)
                text = text.replace("position_plate: 100 120 200 64", f"corners: {corners}")
            path.with_suffix(".txt").write_text(text, encoding="utf-8")
    return root


def test_ufpr_from_tree_to_lists(ufpr: Path, tmp_path: Path):
    (ufpr / "testing/track0091/photo.HEIC").write_bytes(b"x")
    before = contents(ufpr)
    output = tmp_path / "out"
    summary = convert_ufpr(UfprOptions(ufpr.parent, output, margin=0.0, image_format="png"))
    assert (summary.images, summary.samples, summary.left_out) == (8, 8, 0)
    assert summary.remarks == ("testing: other files, left out: 1 .heic",)
    train = rows_of(output / "train.txt")
    assert train == {
        f"images/train/track{track:04d}/track{track:04d}[{frame:02d}].png": label
        for track, label in ((1, "AQY-6388"), (2, "BCD-0001"))
        for frame in (1, 2)
    }
    assert set(rows_of(output / "val.txt").values()) == {"EFG-1234"}
    assert set(rows_of(output / "test.txt").values()) == {"HIJ-5678"}
    for path, label in rows_of(output / "annotation.txt").items():
        crop = decode_image((output / path).read_bytes(), path)
        assert crop.shape == (64, 200, 3)
        assert mean_difference(crop, draw_plate(label)) < MEAN_DIFFERENCE_BOUND
    report = json.loads((output / "report.json").read_text(encoding="utf-8"))
    assert report["vehicles"] == {"car": 6, "motorcycle": 2}
    assert report["tracks_by_split"] == {"test": 1, "train": 2, "val": 1}
    with (output / "tracks.csv").open(encoding="utf-8") as file:
        assert {row["track"] for row in csv.DictReader(file)} == {"track0001", "track0002", "track0061", "track0091"}
    assert contents(ufpr) == before


def test_ufpr_on_request(ufpr: Path, tmp_path: Path):
    summary = convert_ufpr(UfprOptions(ufpr, tmp_path / "out", size=(24, 94), drop_hyphen=True, vehicles=("car",)))
    assert set(rows_of(tmp_path / "out/annotation.txt").values()) == {"AQY6388", "EFG1234", "HIJ5678"}
    assert "2 images of other vehicles, skipped as asked" in summary.text()
    assert summary.left_out == 0
    rectified = convert_ufpr(UfprOptions(ufpr, tmp_path / "corners", "corners", (24, 94), 0.0))
    assert (rectified.samples, rectified.left_out) == (4, 4)  # the other four texts are of the older form
    crop = decode_image((tmp_path / "corners/images/train/track0001/track0001[02].jpg").read_bytes(), "")
    assert mean_difference(crop, draw_plate("AQY-6388")) < MEAN_DIFFERENCE_BOUND


def test_ufprs_bad_files_stand_in_failed(ufpr: Path, tmp_path: Path):
    folder = ufpr / "training/track0001"
    good, text = folder / "track0001[01].png", (folder / "track0001[01].txt").read_text(encoding="utf-8")
    broken = {
        "no text": None,
        "no plate": text.replace("plate: AQY-6388\n", ""),
        "numbers": text.replace("100 120 200 64", "100 120 200"),
        "words": text.replace("100 120 200 64", "left up and wide"),
        "position": text.replace("position_plate: 100 120 200 64\n", ""),
        "characters": text.replace("\tchar 7: 1 2 9 15\n", ""),
        "outside": text.replace("100 120 200 64", "470 120 200 64"),
        "flat": text.replace("100 120 200 64", "100 120 200 0"),
    }
    for name, content in broken.items():
        shutil.copy(good, folder / f"{name}.png")
        if content is not None:
            (folder / f"{name}.txt").write_text(content, encoding="utf-8")
    (folder / "half.png").write_bytes(good.read_bytes()[:5000])
    (folder / "half.txt").write_text(text, encoding="utf-8")
    (folder / "lonely.txt").write_text(text, encoding="utf-8")
    moved = ufpr / "testing/track0002"
    moved.mkdir()
    shutil.copy(good, moved / "x.png")
    (moved / "x.txt").write_text(text, encoding="utf-8")

    summary = convert_ufpr(UfprOptions(ufpr, tmp_path / "out"))
    kinds = {Path(source).stem: reason.partition(":")[0] for source, reason in failures_of(tmp_path / "out").items()}
    assert kinds == {
        "no text": "missing text",
        "no plate": "broken text",
        "numbers": "broken text",
        "words": "broken text",
        "position": "broken text",
        "characters": "broken text",
        "outside": "box outside of the image",
        "flat": "degenerate box",
        "half": "truncated image",
        "lonely": "missing image",
        "track0002[01]": "track on two sides",
        "track0002[02]": "track on two sides",
    }
    assert summary.left_out == len(kinds)


@pytest.mark.parametrize("plate", ["AQY\x00638", "AQY-6\x1b38", "AQY-6388\u200b"])
def test_a_ufpr_plate_of_no_characters_is_refused(plate: str):
    with pytest.raises(UfprTextError, match=r"broken text: expected a plate of printable characters, received 'AQY"):
        parse_text(f"plate: {plate}\nposition_plate: 1 2 3 4\n")


def test_ufprs_texts_in_both_forms():
    text = parse_text(OLD_TEXT.format(plate="AQY-6388", vehicle="car", x=909, y=483, width=78, height=24))
    assert (text.plate, text.vehicle, text.camera) == ("AQY-6388", "car", "GoPro Hero4 Silver")
    assert text.box == (909, 483, 78, 24)
    newer = parse_text("plate: aqy6388\ncorners: 909,483 986,484 987,507 909,507\n")
    assert newer.plate == "AQY6388"
    assert newer.box == (909, 483, 79, 25)
    assert newer.corners == ((909, 483), (986, 484), (987, 507), (909, 507))
    with pytest.raises(UfprTextError, match="position_plate: expected 4 numbers, received '1 2 nan 4'"):
        parse_text("plate: A\nposition_plate: 1 2 nan 4")


def test_a_folder_that_is_no_ufpr_is_told(tmp_path: Path):
    (tmp_path / "holiday/pictures").mkdir(parents=True)
    with pytest.raises(UserError, match="expected the folders training, validation, testing, received pictures"):
        convert_ufpr(UfprOptions(tmp_path / "holiday", tmp_path / "out"))


# The scripts


@pytest.mark.parametrize(
    "arguments",
    [
        [CROP],
        ["utils/czech_convert_annotations/convert_czech.py"],
        ["-m", "utils.convert_ufpr"],
        ["utils/convert_ufpr.py"],
        ["-m", "utils.CCPD_cropping_plates.crop_ccpd"],
    ],
)
def test_help_has_an_example(arguments: list[str]):
    result = run_script(*arguments, "--help")
    assert result.returncode == 0, result.stderr
    assert "example:\n  python " in result.stdout


def test_scripts_end_with_status_1_where_files_were_left_out(ccpd_tree, reid: Path, ufpr: Path, tmp_path: Path, capsys):
    from lp_recognition.tools.convert_czech import main as convert_czech_main
    from lp_recognition.tools.convert_ufpr import main as convert_ufpr_main
    from lp_recognition.tools.crop_ccpd import main as crop_ccpd

    root, _ = ccpd_tree
    arguments = [str(root), "--output", str(tmp_path / "a"), "--size", "24x94", "--workers", "1", "--labels", "names"]
    assert crop_ccpd([*arguments, "--subsets", "base", "np"]) == 0
    assert "np: 2 images without a plate, skipped" in capsys.readouterr().out
    assert crop_ccpd([*arguments, "--subsets", "base", "blur"]) == 1
    assert "4 files left out, see" in capsys.readouterr().out.splitlines()[-1]
    assert "<Anhui>AY339S" in rows_of(tmp_path / "a/base/annotation.txt").values()
    czech = [str(reid), "--output", str(tmp_path / "b"), "--workers", "1", "--image-column", "image_path"]
    assert convert_czech_main(czech) == 1
    assert convert_ufpr_main([str(ufpr), "--output", str(tmp_path / "c"), "--drop_hyphen", "--workers", "1"]) == 0


@pytest.mark.parametrize("size", ["24", "24x", "0x94", "x", "99999x94", "24x94x3"])
def test_a_size_that_is_none_is_refused(size: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    from lp_recognition.tools.crop_ccpd import main

    with pytest.raises(SystemExit) as end:
        main([str(tmp_path), "--output", str(tmp_path / "out"), "--size", size])
    assert end.value.code == 2
    assert "expected HEIGHTxWIDTH in pixels, as 24x94" in capsys.readouterr().err
