"""`alpr read` and `alpr detect`: photographs of which it is known where plates stand and what stands on them."""

from __future__ import annotations

import csv
import io
import json
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_photographs import photograph, tiny_detector, tiny_reader
from tiny_plates import plate
from tiny_rapidocr import install_rapidocr

import alpr
from lp_recognition.images.image import read_image, write_image
from lp_recognition.model_files import pretrained
from lp_recognition.system.errors import ModelError, UserError

#: Where the plates of `two.png` stand, from left to right, and what stands on them.
TEXTS, BOXES = ["BC", "CA"], [[48, 24, 144, 72], [144, 96, 144, 72]]


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """A folder with models and photographs."""
    folder = tmp_path_factory.mktemp("alpr 图")
    (folder / "finder.tflite").write_bytes(tiny_detector())
    (folder / "reader.tflite").write_bytes(tiny_reader())
    (folder / "photos").mkdir()
    write_image(folder / "photos" / "two.png", photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")]))
    write_image(folder / "photos" / "none.png", photograph([]))
    write_image(folder / "crop.png", plate("AAACCC"))
    return folder


@pytest.fixture
def run(made, monkeypatch, capsys):
    """Runs a command in that folder with those models: status, output, errors."""
    monkeypatch.chdir(made)

    def command(name: str, *words: str) -> tuple[int, str, str]:
        models = ["--detector", "finder.tflite", *(["--reader", "reader.tflite"] if name == "read" else [])]
        status = alpr.main([name, *words, *models])
        return status, *capsys.readouterr()

    return command


def records(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


# ---- What is printed -----------------------------------------------------------------------------------------------


def test_a_photograph_is_an_object_with_its_plates(run):
    status, output, errors = run("read", "photos/two.png", "photos/none.png", "--json")
    assert (status, errors) == (0, "")
    two, none = records(output)
    assert two["image"] == "photos/two.png"
    assert two["ms"] > 0
    assert [found["text"] for found in two["plates"]] == TEXTS
    for found, (x, y, width, height) in zip(two["plates"], BOXES, strict=True):
        assert found["box"] == pytest.approx([x, y, width, height], abs=0.1)
        corners = [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]
        np.testing.assert_allclose(found["corners"], corners, atol=0.1)
        assert 0.9 < found["score"] <= 1
        assert 0.5 < found["confidence"] <= 1
        assert len(found["confidences"]) == 2
        assert (found["reader"], found["crop"]) == ("reader.tflite", False)
    assert (none["image"], none["plates"]) == ("photos/none.png", [])


def test_detecting_says_the_same_of_plates_without_texts(run):
    read = records(run("read", "photos/two.png", "--json")[1])[0]["plates"]
    found = records(run("detect", "photos/two.png", "--json")[1])[0]["plates"]
    by_place = sorted(found, key=lambda one: one["box"][0])
    assert by_place == [{key: one[key] for key in ("box", "corners", "score")} for one in read]


def test_tables_have_a_row_a_plate(run):
    lines = run("read", "photos", "crop.png")[1].splitlines()
    assert [line.split() for line in lines] == [
        ["image", "text", "confidence", "found", "x,y", "WxH"],
        ["photos/none.png", "-"],
        ["photos/two.png", "BC", lines[2].split()[2], "0.99", "48,24", "144x72"],
        ["photos/two.png", "CA", lines[3].split()[2], "0.99", "144,96", "144x72"],
        ["crop.png", "AC", lines[4].split()[2], "crop", "0,0", "48x24"],
    ]
    lines = run("detect", "photos")[1].splitlines()
    assert sorted(line.split() for line in lines[2:]) == [
        ["photos/two.png", "0.99", "144,96", "144x72"], ["photos/two.png", "0.99", "48,24", "144x72"],
    ]  # fmt: skip


def test_csv_has_a_row_a_plate_and_one_for_a_picture_without(run):
    none, first, second = csv.DictReader(io.StringIO(run("read", "photos", "--csv")[1]))
    assert (none["image"], none["text"], none["x"]) == ("photos/none.png", "", "")
    assert [first["text"], second["text"]] == TEXTS
    assert [float(second[name]) for name in ("x", "y", "width", "height")] == pytest.approx(BOXES[1], abs=0.1)
    assert float(second["x3"]) == pytest.approx(288, abs=0.1)
    [row] = csv.DictReader(io.StringIO(run("detect", "photos/none.png", "--csv")[1]))
    assert "text" not in row


def test_lines_are_path_text_and_confidence(run):
    lines = run("read", "photos", "--lines")[1].splitlines()
    assert [line.rsplit(maxsplit=1)[0] for line in lines] == [f"photos/two.png {text}" for text in TEXTS]


def test_what_is_read_doubtfully_is_left_out(run):
    confidences = [one["confidence"] for one in records(run("read", "photos/two.png", "--json")[1])[0]["plates"]]
    between = str(sum(confidences) / 2)
    [kept] = records(run("read", "photos/two.png", "--json", "--min_confidence", between)[1])[0]["plates"]
    assert kept["confidence"] == max(confidences)


def test_what_is_left_out_is_told(run):
    status, output, errors = run("read", "photos/two.png", "--min_confidence", "1")
    assert status == 0
    assert "two.png" in output
    assert errors == "left out: 2 read less surely than by 100% (--min_confidence)\n"


def test_an_empty_word_is_not_the_current_folder(run):
    status, output, errors = run("read", "")
    assert (status, output.count("png")) == (2, 0)
    assert errors == "error: expected an image, a folder or a list, received an empty word; is a variable unset?\n"


def test_pictures_are_not_drawn_into_the_folder_of_the_photographs(run, made):
    with pytest.raises(UserError, match="--output: expected another folder than that of the pictures"):
        run("read", "photos", "--output", "photos")
    assert len(list((made / "photos").iterdir())) == 2


# ---- Text and vehicles ---------------------------------------------------------------------------------------------

SIGN = ((10, 20, 60, 30), "ONE WAY", 0.97)


def test_text_is_read_where_no_plate_is(run, monkeypatch, tmp_path):
    install_rapidocr(monkeypatch, [SIGN, ((50, 30, 140, 60), "on the plate", 0.9)])
    two, none = records(run("read", "photos/two.png", "photos/none.png", "--json", "--reader", "rapidocr")[1])
    assert [found["text"] for found in two["plates"]] == TEXTS
    assert (two["texts"], none["plates"]) == ([], [])
    assert [found["text"] for found in none["texts"]] == ["ONE WAY", "on the plate"]
    assert none["texts"][0]["box"] == [10, 20, 60, 30]
    assert none["texts"][0]["confidence"] == 0.97
    words = ["--texts", "--reader", "rapidocr"]
    [both] = records(run("read", "photos/two.png", "--json", "--output", str(tmp_path / "x.png"), *words)[1])
    assert [found["text"] for found in both["texts"]] == ["ONE WAY"]  # what is on a plate is the plate's
    row = run("read", "photos/none.png", "--min_confidence", "0.95", "--reader", "rapidocr")[1].splitlines()[-1]
    assert row.split() == ["photos/none.png", "ONE", "WAY", "0.970", "text", "10,20", "60x30"]
    *_, sign = csv.DictReader(io.StringIO(run("read", "photos/two.png", "--csv", *words)[1]))
    assert (sign["text"], sign["score"], sign["x"]) == ("ONE WAY", "", "10.0")


def test_texts_need_a_reader_of_any_text(run):
    with pytest.raises(UserError, match="--texts: expected --reader rapidocr"):
        run("read", "photos/two.png", "--texts")
    assert "texts" not in records(run("read", "photos/none.png", "--json")[1])[0]


def test_plates_are_looked_for_inside_vehicles(run, made, monkeypatch):
    looked, kind = [], "lp_recognition.reading.vehicles.VehicleDetector"
    monkeypatch.setattr(f"{kind}.__init__", lambda self, model, *, classes: looked.append((model, classes)))
    monkeypatch.setattr(f"{kind}.find", lambda self, image: [(288, 192, 96, 64)])
    street = np.full((640, 960, 3), 128, np.uint8)
    street[192:256, 288:384] = photograph([(1, 1, "BBBCCC")], scale=1)
    write_image(made / "street.png", street)
    for command in ("read", "detect"):
        words = ["street.png", "--json", "--tiles", "off"]
        assert records(run(command, *words)[1])[0]["plates"] == []
        [found] = records(run(command, *words, "--vehicle_model", "ssd.tflite", "--vehicle_class", "2")[1])[0]["plates"]
        assert found["box"] == pytest.approx([304, 200, 48, 24], abs=0.5)
    assert looked == [("ssd.tflite", [2])] * 2


# ---- Crops ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["read", "detect"])
def test_classes_of_vehicles_need_a_model(run, command):
    with pytest.raises(UserError, match="--vehicle_class: expected --vehicle_model"):
        run(command, "photos/two.png", "--vehicle_class", "2")


def test_a_crop_is_recognised_and_read_as_a_whole(run):
    [found] = records(run("read", "crop.png", "--json")[1])[0]["plates"]
    assert (found["text"], found["crop"], found["box"], found["score"]) == ("AC", True, [0, 0, 48, 24], 1)
    assert records(run("detect", "crop.png", "--json")[1])[0]["plates"] == []


def test_crops_need_no_detector(made, monkeypatch, capsys):
    monkeypatch.chdir(made)
    monkeypatch.setattr(pretrained, "_PLACES", ())  # there is no default one
    assert alpr.main(["read", "crop.png", "--crops", "--reader", "reader.tflite", "--lines"]) == 0
    assert capsys.readouterr().out.startswith("crop.png AC ")


@pytest.mark.parametrize("option", ["--detector", "--vehicle_model"])
def test_crops_are_not_searched(made, monkeypatch, option):
    monkeypatch.chdir(made)
    with pytest.raises(UserError, match=f"--crops: expected no {option}, .*; leave one out"):
        alpr.main(["read", "crop.png", "--crops", "--reader", "reader.tflite", option, "finder.tflite"])


# ---- What is drawn -------------------------------------------------------------------------------------------------


def test_a_picture_is_drawn_for_one_photograph(run, tmp_path):
    assert run("read", "photos/two.png", "--output", str(tmp_path / "new" / "drawn.png"))[0] == 0
    drawn, plain = read_image(tmp_path / "new" / "drawn.png"), read_image("photos/two.png")
    assert drawn.shape == plain.shape
    changed = np.flatnonzero((drawn != plain).any(axis=(1, 2)))
    assert changed.min() < 24 <= 167 <= changed.max()  # from above the first plate to below the last


def test_a_folder_is_filled_for_several(run, tmp_path):
    assert run("detect", "photos", "--output", str(tmp_path / "drawn"))[0] == 0
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["1_none.jpg", "2_two.jpg"]


def test_an_output_that_does_not_fit_is_told_before_anything_is_read(run):
    with pytest.raises(UserError, match=r"--output: expected a folder for 2 pictures, received x\.png"):
        run("read", "photos", "--output", "x.png")
    with pytest.raises(UserError, match=r"another file than the picture itself, received photos/two\.png"):
        run("read", "photos/two.png", "--output", "photos/two.png")


# ---- Bad input -----------------------------------------------------------------------------------------------------


def png_header(width: int, height: int) -> bytes:
    """The first bytes of a PNG that claims a size."""
    data = bytearray(cv2.imencode(".png", np.zeros((1, 1), np.uint8))[1].tobytes())
    data[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


def test_each_bad_picture_gets_a_line_and_the_others_are_read(run, tmp_path):
    two = cv2.imencode(".png", photograph([(1, 1, "BBBCCC")]))[1].tobytes()
    bad = {
        "empty.png": b"", "text.jpg": b"no picture", "broken.png": two[: len(two) // 2],
        "giant.png": png_header(20_000, 20_000),
    }  # fmt: skip
    for name, data in bad.items():
        (tmp_path / name).write_bytes(data)
    status, output, errors = run("read", str(tmp_path / "gone.png"), str(tmp_path), "photos/two.png", "--json")
    assert status == 2
    assert [record["image"] for record in records(output)] == ["photos/two.png"]
    lines = errors.splitlines()
    assert len(lines) == 5
    for name in ("gone.png", *bad):
        assert sum(line.startswith(f"error: {tmp_path / name}: expected ") for line in lines) == 1
    assert "expected a smaller image, received 20000x20000 pixels" in errors


def exif_jpeg(image: np.ndarray, orientation: int) -> bytes:
    """A JPEG that asks to be turned."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    tiff = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([orientation, 0, 0, 0]) + b"\0\0\0\0"
    segment = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + (len(segment) + 2).to_bytes(2, "big") + segment + data[2:]


def kinds(image: np.ndarray) -> dict[str, bytes]:
    """A photograph as other cameras and programs write it."""
    height, width = image.shape[:2]
    opaque = np.dstack([image, np.full((height, width), 255, np.uint8)])
    return {
        "alpha.png": cv2.imencode(".png", opaque)[1].tobytes(),
        "deep.png": cv2.imencode(".png", image.astype(np.uint16) * 257)[1].tobytes(),
        "deep.tiff": cv2.imencode(".tiff", image.astype(np.uint16) * 257)[1].tobytes(),
        "turned.jpg": exif_jpeg(np.ascontiguousarray(np.rot90(image)), 6),
        "upside.jpg": exif_jpeg(np.ascontiguousarray(image[::-1, ::-1]), 3),
    }


@pytest.mark.parametrize("name", ["alpha.png", "deep.png", "deep.tiff", "turned.jpg", "upside.jpg"])
def test_coordinates_are_those_of_the_picture_as_it_is_shown(run, tmp_path, name):
    (tmp_path / name).write_bytes(kinds(photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")]))[name])
    status, output, errors = run("read", str(tmp_path / name), "--json")
    assert (status, errors) == (0, "")
    plates = records(output)[0]["plates"]
    assert [found["text"] for found in plates] == TEXTS
    np.testing.assert_allclose([found["box"] for found in plates], BOXES, atol=0.5)


def test_addresses_are_fetched_only_where_it_is_allowed(run, monkeypatch, tmp_path):
    two = Path("photos/two.png").read_bytes()
    monkeypatch.setattr("lp_recognition.images.urls.fetch", lambda url: two)
    url = "https://example.org/a/two.png?x=1"
    status, output, errors = run("read", url, "--json")
    assert (status, output) == (2, "")
    assert errors == f"error: {url}: expected a file, received an address; --allow_url fetches it\n"
    status, output, _ = run("read", url, "--json", "--allow_url", "--output", str(tmp_path / "drawn"))
    assert status == 0
    assert [found["text"] for found in records(output)[0]["plates"]] == TEXTS
    assert (tmp_path / "drawn" / "1_two.jpg").exists()


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (1200, 40_000)])
def test_odd_sizes_are_pictures_as_well(run, tmp_path, size):
    write_image(tmp_path / "odd.png", np.full((*size, 3), 128, np.uint8))
    status, output, errors = run("read", str(tmp_path / "odd.png"), "--json", "--tiles", "auto")
    assert (status, errors) == (0, "")
    assert len(records(output)) == 1


def test_gray_pictures_and_cmyk_are_read(run, tmp_path):
    write_image(tmp_path / "gray.png", photograph([])[:, :, 0])
    pillow = pytest.importorskip("PIL.Image")
    pillow.fromarray(np.full((64, 96, 4), 99, np.uint8), "CMYK").save(tmp_path / "cmyk.jpg")
    status, output, errors = run("read", str(tmp_path), "--json")
    assert (status, errors) == (0, "")
    assert [Path(record["image"]).name for record in records(output)] == ["cmyk.jpg", "gray.png"]


def test_a_detector_that_is_missing_is_told_before_anything_is_printed(made, monkeypatch, capsys):
    monkeypatch.chdir(made)
    with pytest.raises(ModelError, match="lpdnet_mcv: expected a file or the name of a shipped model"):
        alpr.main(["detect", "photos", "--detector", "lpdnet_mcv"])
    assert capsys.readouterr().out == ""
