"""Lists of scenes: what is read, what is refused, and by which words."""

from __future__ import annotations

import json
import math
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lp_recognition.lists.scenes import Scene, ScenePlate, format_scene, read_picture, read_scenes, write_scenes
from lp_recognition.system.errors import AnnotationError, ImageError

PLATE = {"box": [10, 20, 40, 12], "corners": [[10, 20], [50, 20], [50, 32], [10, 32]], "text": "皖A 1", "country": "cn"}
ROW = {"image": "图 1.jpg", "width": 100, "height": 80, "complete": True, "set": "street", "plates": [PLATE]}


def written(folder: Path, *rows: object) -> Path:
    path = folder / "plates.jsonl"
    path.write_text("".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_a_row_becomes_a_scene(tmp_path):
    [scene], problems = read_scenes(written(tmp_path, ROW))
    assert problems == []
    assert (scene.path, scene.size, scene.complete, scene.group) == (tmp_path / "图 1.jpg", (80, 100), True, "street")
    assert scene.source == f"{tmp_path / 'plates.jsonl'}:1"
    [plate] = scene.plates
    assert plate.box == (10, 20, 50, 32)
    assert plate.corners == ((10, 20), (50, 20), (50, 32), (10, 32))
    assert (plate.text, plate.country) == ("皖A 1", "cn")


def test_what_may_be_left_out(tmp_path):
    short = {
        "image": "a.jpg",
        "width": 100,
        "height": 80,
        "plates": [{"corners": PLATE["corners"]}, {"box": [1, 2, 3, 4]}],
    }
    [scene, empty], _ = read_scenes(written(tmp_path, short, {**ROW, "plates": []}))
    assert scene.plates[0].box == (10, 20, 50, 32)  # that of the corners
    assert scene.plates[1].corners is None
    assert (scene.complete, scene.group, empty.plates) == (False, "", ())


def test_other_keys_are_kept(tmp_path):
    row = {**ROW, "source": "somewhere", "plates": [{**PLATE, "guess": [[0, 0]]}]}
    [scene], _ = read_scenes(written(tmp_path, row))
    assert json.loads(format_scene(scene)) == {**row, "image": str(tmp_path / "图 1.jpg")}


BAD = {
    "no JSON": ("{", "expected a JSON object"),
    "no object": ([1], "expected a JSON object"),
    "no image": ({k: v for k, v in ROW.items() if k != "image"}, "expected the key `image`"),
    "no plates": ({k: v for k, v in ROW.items() if k != "plates"}, "expected the key `plates`"),
    "NaN": (json.dumps(ROW).replace("40", "NaN"), "expected numbers, received NaN"),
    "infinity": ({**ROW, "plates": [{"box": [0, 0, 1e999, 5]}]}, "received Infinity"),
    "a text for a number": ({**ROW, "plates": [{"box": ["0", 0, 9, 5]}]}, "plate 1: box: expected a number"),
    "no area": ({**ROW, "plates": [{"box": [5, 5, 0, 9]}]}, "plate 1: box: expected a width and a height above 0"),
    "three corners": ({**ROW, "plates": [{"corners": PLATE["corners"][:3]}]}, "plate 1: corners: expected four"),
    "corners twice": ({**ROW, "plates": [{"corners": [[1, 1], [1, 1], [9, 9], [1, 9]]}]}, "that span an area"),
    "corners on a line": ({**ROW, "plates": [{"corners": [[1, 1], [2, 2], [3, 3], [4, 4]]}]}, "that span an area"),
    "corners out of order": (
        {**ROW, "plates": [{"corners": PLATE["corners"][::-1]}]},
        r"received another order.*in order they are \[\[10.0, 20.0\], \[50.0, 20.0\]",
    ),
    "outside": ({**ROW, "plates": [{"box": [200, 5, 9, 9]}]}, "expected a plate in the picture of 100x80"),
    "far corner": (
        {**ROW, "plates": [{"corners": [[10, 20], [900, 20], [900, 32], [10, 32]]}]},
        r"received \(900, 20\)",
    ),
    "neither": ({**ROW, "plates": [{"text": "A"}]}, "expected a box or corners, received neither"),
    "a size of nothing": ({**ROW, "width": 0}, "width: expected pixels, received 0"),
    "a size as text": ({**ROW, "height": "80"}, "height: expected pixels, received '80'"),
    "complete as text": ({**ROW, "complete": "yes"}, "complete: expected true or false"),
    "a number for a text": ({**ROW, "plates": [{**PLATE, "text": 5}]}, "plate 1: text: expected a text"),
    "deep": ("[" * 100_000, "expected a scene, received JSON of endless depth|expected a JSON object"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_row_is_told_with_its_place(tmp_path, kind):
    row, said = BAD[kind]
    path = written(tmp_path, {**ROW, "image": "good.jpg"}, row)
    with pytest.raises(AnnotationError, match=rf"{path}:2: .*({said})"):
        read_scenes(path)
    scenes, problems = read_scenes(path, skip_bad_rows=True)
    assert len(scenes) == len(problems) == 1


def test_a_picture_stands_in_one_row(tmp_path):
    with pytest.raises(AnnotationError, match=r"plates\.jsonl:2: image: expected each picture once, received .*:1"):
        read_scenes(written(tmp_path, ROW, ROW))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"\xff\xfe"])
def test_a_list_without_scenes(tmp_path, content):
    (tmp_path / "x.jsonl").write_bytes(content)
    with pytest.raises(AnnotationError, match=r"expected (rows of scenes|UTF-8 text)"):
        read_scenes(tmp_path / "x.jsonl")
    with pytest.raises(AnnotationError, match="received no such file"):
        read_scenes(tmp_path / "none.jsonl")
    with pytest.raises(AnnotationError, match="received a folder"):
        read_scenes(tmp_path)


numbers = st.floats(-50, 150).map(lambda value: round(value, 2))


@st.composite
def plates(draw: st.DrawFn) -> ScenePlate:
    left, top = draw(st.floats(-3, 90)), draw(st.floats(-3, 70))  # with a part of it in the picture
    width, height, lean = draw(st.floats(4, 60)), draw(st.floats(4, 30)), draw(st.floats(-3, 3))
    corners = ((left + lean, top), (left + width + lean, top), (left + width, top + height), (left, top + height))
    rounded = tuple((round(x, 2), round(y, 2)) for x, y in corners)
    xs, ys = zip(*rounded, strict=True)
    box = (min(xs), min(ys), max(xs), max(ys))
    return ScenePlate(
        box, rounded if draw(st.booleans()) else None, draw(st.text(max_size=9)), draw(st.text(max_size=2))
    )


@given(st.lists(plates(), max_size=3), st.booleans(), st.text(max_size=5))
def test_what_is_written_is_read_back(tmp_path_factory, some, complete, group):
    folder = tmp_path_factory.mktemp("scenes")
    scene = Scene(Path("a b.jpg"), (80, 100), tuple(some), complete, group)
    write_scenes(folder / "x.jsonl", [scene])
    [read], _ = read_scenes(folder / "x.jsonl")
    assert (read.path, read.size, read.complete, read.group) == (folder / "a b.jpg", (80, 100), complete, group)
    for ours, theirs in zip(scene.plates, read.plates, strict=True):
        assert (ours.corners, ours.text, ours.country) == (theirs.corners, theirs.text, theirs.country)
        assert all(math.isclose(a, b, abs_tol=0.011) for a, b in zip(ours.box, theirs.box, strict=True))


def test_guessed_corners_are_apart_from_true_ones(tmp_path):
    guess = [[10, 10], [40, 11], [40, 20], [10, 19]]
    plate = {"box": [10, 10, 30, 10], "corners": None, "corners_auto": guess}
    path = tmp_path / "list.jsonl"
    path.write_text(json.dumps({"image": "1.jpg", "width": 64, "height": 48, "plates": [plate]}), encoding="utf-8")
    (scene,), _ = read_scenes(path)
    assert scene.plates[0].corners is None
    assert scene.plates[0].guessed_corners == tuple(map(tuple, guess))
    assert json.loads(format_scene(scene))["plates"][0]["corners_auto"] == guess

    plate["corners_auto"] = guess[::-1]
    path.write_text(json.dumps({"image": "1.jpg", "width": 64, "height": 48, "plates": [plate]}), encoding="utf-8")
    with pytest.raises(AnnotationError, match=r"list\.jsonl:1: plate 1: corners_auto: expected left-up"):
        read_scenes(path)


def sideways(folder: Path) -> None:
    """Writes the picture of ROW, 100x80 as it is shown, as a camera on its side does: 80x100, turned by its EXIF."""
    jpeg = cv2.imencode(".jpg", np.zeros((100, 80, 3), np.uint8))[1].tobytes()
    turned = struct.pack("<2sHIHHHIHHI", b"II", 42, 8, 1, 0x0112, 3, 1, 6, 0, 0)
    segment = b"\xff\xe1" + struct.pack(">H", len(turned) + 8) + b"Exif\0\0" + turned
    (folder / ROW["image"]).write_bytes(jpeg[:2] + segment + jpeg[2:])


def test_a_picture_has_the_size_that_its_row_states_as_it_is_shown(tmp_path):
    sideways(tmp_path)
    [scene], _ = read_scenes(written(tmp_path, ROW))
    assert read_picture(scene).shape == (80, 100, 3)


@pytest.mark.parametrize("size", [(500, 400), (80, 100)])
def test_a_size_other_than_the_picture_s_is_refused(tmp_path, size):
    sideways(tmp_path)
    [scene], _ = read_scenes(written(tmp_path, {**ROW, "width": size[0], "height": size[1]}))
    with pytest.raises(AnnotationError) as refused:
        read_picture(scene)
    assert str(refused.value) == (
        f"{tmp_path / 'plates.jsonl'}:1: width, height: expected 100x80 (the picture's, as it is shown), "
        f"received {size[0]}x{size[1]}"
    )


def test_a_broken_picture_is_named_with_its_row(tmp_path):
    (tmp_path / ROW["image"]).write_bytes(b"no picture")
    [scene], _ = read_scenes(written(tmp_path, ROW))
    with pytest.raises(ImageError) as refused:
        read_picture(scene)
    assert str(refused.value).startswith(f"{tmp_path / 'plates.jsonl'}:1: {tmp_path / ROW['image']}: expected an image")
