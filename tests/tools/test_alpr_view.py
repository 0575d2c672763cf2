"""`alpr view`: photographs in a browser, asked by plain HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path

import cv2
import numpy as np
import pytest
from tiny_photographs import photograph, tiny_detector, tiny_reader

import alpr
from lp_recognition.images.image import write_image
from lp_recognition.lists.image_lists import GivenImage
from lp_recognition.reading.alpr import Alpr
from lp_recognition.system.errors import UserError
from lp_recognition.system.serving import LocalServer
from lp_recognition.tools.alpr_view import Photographs


def get(address: str) -> tuple[str, bytes]:
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("view 图")
    (folder / "finder.tflite").write_bytes(tiny_detector())
    (folder / "reader.tflite").write_bytes(tiny_reader())
    write_image(folder / "a.png", photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")]))
    write_image(folder / "b.png", photograph([]))
    (folder / "c.png").write_bytes(b"no image")
    return folder


@pytest.fixture
def pages(folder) -> Photographs:
    alpr = Alpr(folder / "finder.tflite", folder / "reader.tflite")
    return Photographs([GivenImage(str(folder / name)) for name in ("a.png", "b.png", "c.png")], alpr)


def test_photographs_are_served_with_their_plates(pages):
    with LocalServer(pages.answer) as server:
        kind, page = get(server.address)
        assert kind == "text/html; charset=utf-8"
        assert b"ArrowLeft" in page
        assert b"count = 3" in page
        kind, told = get(f"{server.address}0.json")
        assert kind == "application/json"
        assert [plate["text"] for plate in json.loads(told)["plates"]] == ["BC", "CA"]
        kind, picture = get(f"{server.address}0.jpg")
        assert kind == "image/jpeg"
        assert cv2.imdecode(np.frombuffer(picture, np.uint8), 1).shape == (192, 288, 3)
        assert json.loads(get(f"{server.address}1.json")[1])["plates"] == []
        assert "expected an image" in json.loads(get(f"{server.address}2.json")[1])["error"]


@pytest.mark.parametrize("path", ["2.jpg", "3.json", "../a.png", "0.png", "-1.json", "a.png"])
def test_nothing_else_is_served(pages, path):
    with LocalServer(pages.answer) as server, pytest.raises(urllib.error.HTTPError, match="404"):
        get(f"{server.address}{path}")


def test_the_command_serves_until_it_is_ended(folder, monkeypatch, capsys):
    seen = []

    def wait(server: LocalServer) -> None:
        assert capsys.readouterr().err == f"see {server.address}\n"
        seen.append(get(f"{server.address}0.json")[1])
        raise KeyboardInterrupt

    monkeypatch.setattr(LocalServer, "wait", wait)
    monkeypatch.chdir(folder)
    with pytest.raises(KeyboardInterrupt):
        alpr.main(["view", "a.png", "--detector", "finder.tflite", "--reader", "reader.tflite"])
    assert b'"text": "BC"' in seen[0]


def test_without_photographs_it_looks_through_a_camera(monkeypatch):
    seen = []
    monkeypatch.setattr("lp_recognition.tools.alpr_watch.watch", lambda *words, **more: seen.append((words, more)) or 0)
    assert alpr.main(["view", "--camera", "3", "--tiles", "off"]) == 0
    [((streams, _), more)] = seen
    assert [stream.address for stream in streams.values()] == ["3"]
    assert more == {"page_port": 0}


def test_photographs_that_are_not_there_are_told(tmp_path):
    with pytest.raises(UserError, match="received none"):
        alpr.main(["view", str(tmp_path)])
