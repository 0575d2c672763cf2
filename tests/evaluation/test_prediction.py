"""Reading images without labels: texts, a picture of each, a contact sheet, a table."""

from __future__ import annotations

import csv
import dataclasses
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from lp_recognition.evaluation.prediction import read_list
from lp_recognition.images.image import read_image, write_image
from lp_recognition.lists.annotations import Annotation, read_annotations
from lp_recognition.settings.recognition import InferConfig
from lp_recognition.system.errors import ConfigError, ImageError, ModelError, UserError
from lp_recognition.tools.models import open_model
from lp_recognition.tools.single_image import read_single_image


@pytest.fixture
def rows(crops) -> list[Annotation]:
    return read_annotations(crops / "list.txt")[0]


@pytest.fixture
def opened(trained):
    return open_model(trained.checkpoint, trained.config)


def test_texts_pictures_sheet_and_table(opened, rows, tmp_path):
    readings = list(read_list(opened, rows, InferConfig(output_dir=str(tmp_path / "out"), batch_size=3)))
    assert [row for row, _ in readings] == rows
    assert [reading.text for _, reading in readings] == [row.label for row in rows]
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {f"{n}_{row.path.stem}.png" for n, row in enumerate(rows, start=1)} | {
        "contact_sheet.png", "predictions.csv",
    }  # fmt: skip
    sheet = read_image(tmp_path / "out" / "contact_sheet.png")
    picture = read_image(tmp_path / "out" / f"1_{rows[0].path.stem}.png")
    assert sheet.shape[0] > picture.shape[0]
    assert picture.shape[0] > read_image(rows[0].path).shape[0]  # the text stands beside the image
    with (tmp_path / "out" / "predictions.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert [(line["path"], line["text"]) for line in table] == [(str(row.path), row.label) for row in rows]
    assert all(0 < float(line["confidence"]) <= 1 for line in table)


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_the_size_of_a_batch_changes_nothing(opened, rows, tmp_path, batch_size):
    infer = InferConfig(output_dir=str(tmp_path), batch_size=batch_size)
    for (_, ours), theirs in zip(read_list(opened, rows, infer), opened.read(prepared(opened, rows)), strict=True):
        assert ours.text == theirs.text
        assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-4)


@pytest.mark.parametrize(("beam_width", "text"), [(1, ""), (4, "first")])
def test_the_beam_is_as_wide_as_the_settings_say(opened, rows, tmp_path, beam_width, text):
    """Twice the first symbol with 0.4 or the blank with 0.6: the best path is empty, the likelier text is not."""
    probabilities = np.full(opened.vocabulary.num_classes, 1e-9)
    probabilities[[0, opened.vocabulary.blank_index]] = 0.4, 0.6
    torn = dataclasses.replace(
        opened, predict=lambda images: np.tile(np.log(probabilities), (len(images), 2, 1)).astype(np.float32)
    )
    infer = InferConfig(output_dir=str(tmp_path), beam_width=beam_width)
    expected = opened.vocabulary.classes[0] if text else ""
    assert [reading.text for _, reading in read_list(torn, rows[:2], infer)] == [expected] * 2


def prepared(opened, rows) -> np.ndarray:
    return np.stack([opened.config.preprocessing.prepare(read_image(row.path)) for row in rows])


def test_equal_names_in_two_folders_stay_apart(opened, rows, tmp_path):
    twins = []
    for folder, row in (("a", rows[0]), ("b", rows[1])):
        write_image(tmp_path / folder / "plate.png", read_image(row.path))
        twins.append(Annotation(tmp_path / folder / "plate.png", ""))
    readings = list(read_list(opened, twins, InferConfig(output_dir=str(tmp_path / "out"))))
    assert [reading.text for _, reading in readings] == [rows[0].label, rows[1].label]
    pictures = [read_image(tmp_path / "out" / f"{n}_plate.png") for n in (1, 2)]
    assert pictures[0].shape != pictures[1].shape or not np.array_equal(*pictures)


def test_an_image_that_is_none_is_named(opened, tmp_path):
    row = Annotation(tmp_path / "gone.png", "", "paths.txt:1")
    with pytest.raises(ImageError, match=r"gone.png: expected an image"):
        list(read_list(opened, [row], InferConfig(output_dir=str(tmp_path))))


def test_a_folder_that_cannot_be_written(opened, rows, tmp_path):
    (tmp_path / "file").write_text("")
    unread = dataclasses.replace(opened, predict=lambda images: pytest.fail("it was read for nothing"))
    with pytest.raises(UserError, match="cannot be written"):
        list(read_list(unread, rows, InferConfig(output_dir=str(tmp_path / "file" / "out"))))


def test_a_missing_image_is_told_before_any_is_read(opened, rows, tmp_path):
    unread = dataclasses.replace(opened, predict=lambda images: pytest.fail("it was read for nothing"))
    gone = [Annotation(tmp_path / f"gone{number}.png", "", f"paths.txt:{number}") for number in (9, 10)]
    with pytest.raises(ImageError, match=r"paths.txt:9: .*gone9.png.*; paths.txt:10: "):
        list(read_list(unread, [*rows, *gone], InferConfig(output_dir=str(tmp_path / "out"), batch_size=2)))
    assert not (tmp_path / "out").exists()


def test_a_broken_image_is_named_by_its_row(opened, rows, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"hello")
    write_image(tmp_path / "small.png", np.zeros((3, 90, 3), np.uint8))
    for name, said in (("broken.png", "received 5 bytes"), ("small.png", "received 90x3 pixels")):
        row = Annotation(tmp_path / name, "", "paths.txt:9")
        with pytest.raises(ImageError, match=f"paths.txt:9: .*{said}"):
            list(read_list(opened, [*rows, row], InferConfig(output_dir=str(tmp_path / "out"))))


def test_every_script_decodes_an_image_once(trained, tflite, crops, tmp_path, monkeypatch):
    import eval_lpr
    import test_lpr
    from lp_recognition.tools import label_with_model

    decoded: Counter[bytes] = Counter()

    def counting(data, *arguments):
        decoded[bytes(data)] += 1
        return imdecode(data, *arguments)

    imdecode = cv2.imdecode
    monkeypatch.setattr(cv2, "imdecode", counting)
    config, listed, paths = str(trained.folder / "config.yaml"), crops / "list.txt", str(crops / "paths.txt")
    for main, arguments in (
        (eval_lpr.main, [config, f"eval.file_list_path={listed}", f"eval.output_dir={tmp_path}", "--model", tflite]),
        (test_lpr.main, [config, f"infer.file_list_path={paths}", f"infer.output_dir={tmp_path}", "--model", tflite]),
        (label_with_model.main, [config, "--list", paths, "--models", tflite, trained.checkpoint, "--any_text",
                                 "--output", tmp_path / "labelled.txt"]),
    ):  # fmt: skip
        decoded.clear()
        assert main([str(argument) for argument in arguments]) == 0
        assert len(decoded) == 8
        assert set(decoded.values()) == {1}


@pytest.mark.parametrize("kind", ["graph", "tflite"])
def test_one_image_through_a_file(kind, graph, tflite, trained, rows, tmp_path):
    model = {"graph": graph, "tflite": tflite}[kind]
    config = str(trained.folder / "config.yaml")
    for row in rows[:3]:
        reading = read_single_image(str(model), str(row.path), config, picture=str(tmp_path / "picture.png"))
        assert reading.text == row.label
        assert len(reading.confidences) == len(row.label)
    assert read_image(tmp_path / "picture.png").size
    assert read_single_image(str(model), str(rows[0].path), config, beam_width=4).text == rows[0].label


def test_what_does_not_fit_one_image(trained, tflite, rows, tmp_path):
    config = str(trained.folder / "config.yaml")
    with pytest.raises(ImageError, match=r"gone.png: expected an image"):
        read_single_image(str(tflite), str(tmp_path / "gone.png"), config)
    with pytest.raises(ModelError, match="expected"):
        read_single_image(str(tmp_path / "gone.tflite"), str(rows[0].path), config)
    with pytest.raises(ConfigError, match="expected a config, received no such file"):
        read_single_image(str(tflite), str(rows[0].path), str(tmp_path / "gone.yaml"))


def test_paths_with_spaces_and_chinese(crops, opened, tmp_path):
    paths = read_annotations(crops / "paths.txt", labelled=False)[0]
    assert all(" " in str(row.path) and "图" in str(row.path) for row in paths)
    readings = list(read_list(opened, paths, InferConfig(output_dir=str(tmp_path / "输 出"))))
    assert [reading.text for _, reading in readings] == [Path(row.path).stem.split(" ")[1] for row in paths]
