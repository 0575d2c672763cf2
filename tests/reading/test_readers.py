"""Several readers on one plate: read again in doubt, and by a reader of any text where the others do not know."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pytest
from tiny_plates import CONFIG
from tiny_tflite import tiny_tflite

from lp_recognition.reading.readers import open_readers, plate_readers, read_at, read_crop, text_reader
from lp_recognition.reading.recognizer import Reading, Recognizer
from lp_recognition.reading.text_reader import TextReader

CORNERS = np.array([[40, 40], [196, 52], [190, 100], [34, 88]], np.float32)


@pytest.fixture
def photograph() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (250, 220, 3), np.uint8)


@pytest.fixture
def plates(tmp_path) -> Callable[..., tuple[Recognizer, list[np.ndarray]]]:
    """A reader of plates that is so sure, from crop to crop; and the crops that it was shown."""

    def make(*confidences: float) -> tuple[Recognizer, list[np.ndarray]]:
        (tmp_path / "tiny.tflite").write_bytes(tiny_tflite("uint8"))
        reader, crops = Recognizer(tmp_path / "tiny.tflite", config=CONFIG), []

        def read(image: np.ndarray) -> Reading:
            crops.append(image)
            return Reading("X", confidences[len(crops) - 1], ())

        reader.read = read
        return reader, crops

    return make


@pytest.fixture
def texts() -> Callable[[float], tuple[TextReader, list[np.ndarray]]]:
    """A reader of any text that is so sure; and the crops that it was shown."""

    def make(confidence: float) -> tuple[TextReader, list[np.ndarray]]:
        reader, crops = object.__new__(TextReader), []

        def read(image: np.ndarray) -> Reading:
            crops.append(image)
            return Reading("any", confidence, ())

        reader.read = read
        return reader, crops

    return make


@pytest.mark.parametrize(
    ("confidences", "believed"),
    [([0.8], 0.8), ([0.3, 0.7, 0.5], 0.7), ([0.3, 0.9], 0.9), ([0.6, 0.5, 0.4], 0.6)],
)
def test_what_is_read_doubtfully_is_read_again_cut_out_otherwise(plates, photograph, confidences, believed):
    reader, crops = plates(*confidences)
    reading, name, crop = read_at({"tiny": reader}, photograph, CORNERS)
    assert (reading.confidence, name) == (believed, "tiny")
    assert len(crops) == len(confidences)
    assert crop is crops[confidences.index(believed)]
    assert len({image.shape for image in crops}) == len(crops)  # none is cut out twice alike


@pytest.mark.parametrize(
    ("of_plates", "of_any", "asked", "believed"),
    [
        ([0.9], 1.0, 0, "tiny"),
        ([0.5, 0.5, 0.5], 1.0, 0, "tiny"),  # however sure the other would be
        ([0.4, 0.4, 0.4], 0.7, 1, "rapidocr"),
        ([0.4, 0.3, 0.2], 0.3, 1, "tiny"),
    ],
)
def test_a_reader_of_any_text_is_asked_in_doubt(plates, texts, photograph, of_plates, of_any, asked, believed):
    (reader, shown), (other, others) = plates(*of_plates), texts(of_any)
    _, name, _ = read_at({"tiny": reader, "rapidocr": other}, photograph, CORNERS)
    assert (name, len(others)) == (believed, asked)
    assert all(crop is shown[0] for crop in others)  # cut out as usual


def test_a_reader_of_any_text_alone_reads_every_plate_once(texts, photograph):
    reader, crops = texts(0.1)
    assert read_at({"rapidocr": reader}, photograph, CORNERS)[0].text == "any"
    assert len(crops) == 1
    assert read_crop({"rapidocr": reader}, photograph)[2] is photograph


def test_a_text_that_is_a_legal_plate_is_believed_before_a_surer_one_that_is_none(tmp_path, photograph):
    (tmp_path / "tiny.tflite").write_bytes(tiny_tflite("uint8"))
    readers = {}
    for name, text, confidence, patterns in [
        ("abroad", "甘RK977AF", 0.9, ("甘[A-Z]{2}[0-9]{4}",)),
        ("here", "RK977AF", 0.8, ("[A-Z]{2}[0-9]{3}[A-Z]{2}",)),
        ("anywhere", "RK977A", 0.7, ()),
    ]:
        reader = Recognizer(tmp_path / "tiny.tflite", config=CONFIG.with_values(lpr_patterns=patterns))
        reader.read = functools.partial(lambda reading, image: reading, Reading(text, confidence, ()))
        readers[name] = reader
    assert read_at(readers, photograph, CORNERS)[:2] == (Reading("RK977AF", 0.8, ()), "here")
    assert read_crop(readers, photograph)[1] == "here"
    assert read_crop({name: readers[name] for name in ("abroad", "anywhere")}, photograph)[1] == "anywhere"
    assert read_crop({"abroad": readers["abroad"]}, photograph)[0].text == "甘RK977AF"  # better than nothing


def test_readers_are_told_apart(plates, texts):
    (reader, _), (other, _) = plates(0.1), texts(0.1)
    opened = open_readers([reader, other])
    assert list(opened) == [reader.source, "rapidocr"]
    assert plate_readers(opened) == {reader.source: reader}
    assert text_reader(opened) is other
    assert text_reader({"tiny": reader}) is None


def test_one_reader_may_be_given_as_it_is(tmp_path):
    (tmp_path / "tiny.tflite").write_bytes(tiny_tflite("uint8"))
    reader = Recognizer(tmp_path / "tiny.tflite", config=CONFIG)
    assert list(open_readers(reader).values()) == list(open_readers([reader]).values()) == [reader]
    assert list(open_readers("lprnet_nano_cn")) == ["lprnet_nano_cn"]
