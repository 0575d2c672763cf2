"""Any text, by RapidOCR or a stand-in for it."""

from __future__ import annotations

import importlib.util
import socket
import sys

import cv2
import numpy as np
import pytest
from tiny_rapidocr import install_rapidocr

from lp_recognition.reading.text_reader import TextReader
from lp_recognition.system.errors import run_script

WIDE, SQUARE = np.zeros((40, 200, 3), np.uint8), np.zeros((100, 140, 3), np.uint8)
TWO_LINES = [((20, 5, 90, 40), "71-B1", 0.9), ((10, 50, 120, 40), "557.94", 0.7)]


def test_a_wide_crop_is_one_line(monkeypatch):
    calls = install_rapidocr(monkeypatch, TWO_LINES, whole=((0, 0, 1, 1), "247 L 5294", 0.8))
    reading = TextReader().read(WIDE)
    assert (reading.text, reading.confidence, calls) == ("247L5294", 0.8, [False])
    assert reading.confidences == (0.8,) * 8


def test_lines_of_a_crop_that_is_not_wide_are_joined(monkeypatch):
    calls = install_rapidocr(monkeypatch, TWO_LINES)
    reading = TextReader().read(SQUARE)
    assert (reading.text, reading.confidence, calls) == ("71-B1557.94", 0.7, [True])
    assert reading.confidences == (0.9,) * 5 + (0.7,) * 6


def test_where_no_line_is_found_the_whole_is_taken_for_one(monkeypatch):
    calls = install_rapidocr(monkeypatch, [], whole=((0, 0, 1, 1), "A1", 0.6))
    assert TextReader().read(SQUARE).text == "A1"
    assert calls == [True, False]


def test_nothing_is_read_with_no_confidence(monkeypatch):
    install_rapidocr(monkeypatch, [])
    reading = TextReader().read(SQUARE)
    assert (reading.text, reading.confidence, reading.confidences) == ("", 0.0, ())
    assert TextReader().find(SQUARE) == []


def test_regions_are_where_lines_stand(monkeypatch):
    install_rapidocr(monkeypatch, TWO_LINES)
    first, second = TextReader().find(SQUARE)
    assert (first.text, first.confidence, second.text) == ("71-B1", 0.9, "557.94")
    np.testing.assert_array_equal(second.corners, [[10, 50], [130, 50], [130, 90], [10, 90]])


@pytest.mark.parametrize("missing", ["onnxruntime", "rapidocr"])
def test_without_the_extra_one_line_says_what_to_type(monkeypatch, capsys, missing):
    install_rapidocr(monkeypatch, [])
    monkeypatch.setitem(sys.modules, missing, None)  # as if it could not be found
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SystemExit) as ended:
        run_script(lambda argv: TextReader() and 0)
    assert ended.value.code == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: expected the package {missing}, which this command needs, received none; run `pip ")
    assert "pip install 'lp-recognition[text]'" in line


def test_rapidocr_itself_reads_a_line_without_network(monkeypatch):
    pytest.importorskip("rapidocr")
    pytest.importorskip("onnxruntime")

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("expected no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    image = np.full((120, 460, 3), 255, np.uint8)
    cv2.putText(image, "AB12345", (30, 85), cv2.FONT_HERSHEY_SIMPLEX, 2.4, (0, 0, 0), 6)
    reader = TextReader()
    reading = reader.read(image)
    assert reading.text == "AB12345"
    assert reading.confidence > 0.8
    [region] = reader.find(np.pad(image, ((100, 100), (60, 60), (0, 0)), constant_values=255))
    assert region.text == "AB12345"
    assert 60 < region.corners[0, 0] < region.corners[1, 0] < 520
