"""Photographs that a service reads: what is printed and drawn is what models here would say."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from plate_service import PlateService, said_of
from tiny_models import ROOT
from tiny_photographs import photograph, tiny_detector, tiny_reader
from tiny_videos import numbered, write_video

import alpr
import sample_inference
from lp_recognition.images.image import read_image, write_image
from lp_recognition.system.errors import UserError

pytest.importorskip("httpx")

MODELS = ["--detector", "finder.tflite", "--reader", "reader.tflite"]


@pytest.fixture
def service(tmp_path, monkeypatch) -> Iterator[PlateService]:
    monkeypatch.chdir(tmp_path)
    for number in (1, 2):
        write_image(tmp_path / f"{number}.png", numbered(number))
    served = PlateService(answers=lambda number: said_of(number, 0.9 if number == 1 else 0.7))
    yield served
    served.stop()


def test_what_is_read_less_surely_is_left_out(service, capsys):
    assert sample_inference.main(["1.png", "2.png", "--url", service.url, "--output", "drawn/"]) == 0
    output, errors = capsys.readouterr()
    assert [line.split()[:2] for line in output.splitlines()[1:]] == [["1.png", "N1"], ["2.png", "-"]]
    assert errors == "left out: 1 read less surely than by 80% (--min_confidence)\n"
    differences = [np.abs(read_image(f"drawn/{n}_{n}.jpg").astype(int) - numbered(n)).mean() for n in (1, 2)]
    assert differences[0] > 10 * differences[1]


def test_everything_that_the_service_says_of_a_plate_is_told(service, capsys):
    assert alpr.main(["read", "1.png", "--url", service.url, "--json"]) == 0
    [plate] = json.loads(capsys.readouterr().out)["plates"]
    assert plate == {**said_of(1)["plates"][0], "box": [4, 4, 32, 10]}


def test_the_file_is_sent_as_it_is_and_how_plates_are_looked_for(service, monkeypatch, capsys):
    from lp_recognition.client.remote import RemoteAlpr

    sent = []
    read = RemoteAlpr.read
    monkeypatch.setattr(RemoteAlpr, "read", lambda self, *asked: (sent.append(asked), read(self, *asked))[1])
    assert alpr.main(["read", "1.png", "--url", service.url, "--tiles", "on"]) == 0
    assert sent == [(Path("1.png").read_bytes(), {"tiles": "on"})]


def test_a_picture_at_an_address_is_fetched_here(service, monkeypatch, capsys):
    data = Path("1.png").read_bytes()
    monkeypatch.setattr("lp_recognition.images.urls.fetch", lambda url: data)
    assert sample_inference.main(["http://host/1.png", "--url", service.url]) == 0
    assert "http://host/1.png  N1" in capsys.readouterr().out


def test_a_busy_service_is_asked_again(service, capsys):
    service.failures = [(503, {"Retry-After": "0"})] * 2
    assert alpr.main(["read", "1.png", "--url", service.url]) == 0
    assert service.asked == 3


@pytest.mark.parametrize(
    ("status", "told"),
    [(400, "answered 400"), (401, "give its token with --token_file"), (500, "is it running?")],
)
def test_what_the_service_refuses_is_told_of_the_picture(service, capsys, status, told):
    service.failures = [(status, {})]
    assert alpr.main(["read", "1.png", "2.png", "--url", service.url]) == 2
    output, errors = capsys.readouterr()
    assert told in errors
    assert "2.png  N2" in output


@pytest.mark.parametrize(
    "words",
    [
        ["--detector", "lpdnet"], ["--corners", "off"], ["--reader", "lprnet_cn"], ["--texts"], ["--crops"],
        ["--vehicle_model", "x.tflite"], ["--vehicle_class", "2"],
    ],
)  # fmt: skip
def test_models_are_the_services_own(service, words):
    with pytest.raises(UserError, match=f"--url: expected no {words[0]} beside it"):
        alpr.main(["read", "1.png", "--url", service.url, *words])


def test_a_token_is_for_a_service(service):
    with pytest.raises(UserError, match="--token: expected --url"):
        alpr.main(["read", "1.png", "--token", "sesame"])


@pytest.fixture
def served(tmp_path, monkeypatch) -> Iterator[str]:
    """The address of `alpr serve` with tiny models, beside a photograph."""
    pytest.importorskip("fastapi")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "finder.tflite").write_bytes(tiny_detector())
    (tmp_path / "reader.tflite").write_bytes(tiny_reader())
    write_image(tmp_path / "two.png", photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")]))
    command = [sys.executable, str(ROOT / "alpr.py"), "serve", "--port", "0", "--workers", "1", "--database", ""]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen([*command, *MODELS], env=environment, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        found = next((found for line in lines if (found := re.search(r"alpr serves (\S+)", line))), None)
        assert found is not None
        yield found[1]
        process.terminate()
        process.communicate()


@pytest.mark.slow
def test_the_service_of_this_package_says_what_its_models_say_here(served, capsys):
    told = []
    for words in (["--url", served], MODELS):
        assert alpr.main(["read", "two.png", "--json", *words]) == 0
        told.append(json.loads(capsys.readouterr().out)["plates"])
    assert [plate["text"] for plate in told[0]] == ["BC", "CA"]
    for there, here in zip(*told, strict=True):
        same = ("text", "crop", "reader")
        assert {name: there[name] for name in same} == {name: here[name] for name in same}
        assert there["box"] == pytest.approx(here["box"], abs=0.05)
        assert there["confidence"] == pytest.approx(here["confidence"], abs=1e-3)


@pytest.mark.slow
def test_a_drive_is_read_by_the_service_of_this_package(served, tmp_path, capsys):
    times = [number / 10 for number in range(6)]
    plates = photograph([(1, 1, "BBBCCC"), (4, 5, "CCCAAA")])
    write_video(
        tmp_path / "drive.mkv", times, codec="ffv1", pixels="bgr0", size=plates.shape[:2], picture=lambda *_: plates
    )
    assert alpr.main(["stream", "drive.mkv", "--url", served, "--every", "2", "--timeout", "30"]) == 0
    output, errors = capsys.readouterr()
    assert [line.split()[2] for line in output.splitlines()] == ["BC", "CA"] * 3
    assert errors == "drive.mkv: 6 reads in 3 frames\n"
