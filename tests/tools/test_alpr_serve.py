"""`alpr serve`: what it says, how it ends, and its mistakes."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from tiny_models import ROOT
from tiny_photographs import photograph, tiny_detector, tiny_reader

from lp_recognition.service.security.tokens import Tokens
from lp_recognition.system.errors import UserError
from lp_recognition.tools.alpr_serve import main

PICTURE = bytes(cv2.imencode(".png", photograph([(1, 1, "BBBCCC")]))[1])


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> list[str]:
    """Options that name models of what `photograph` draws."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "finder.tflite").write_bytes(tiny_detector())
    (folder / "reader.tflite").write_bytes(tiny_reader())
    detector, reader = str(folder / "finder.tflite"), str(folder / "reader.tflite")
    return ["--detector", detector, "--reader", reader, "corners=off", "--workers", "1"]


@contextlib.contextmanager
def running(folder: Path, options: list[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command in a folder of its own: its process and its address."""
    command = [sys.executable, str(ROOT / "alpr.py"), "serve", "--port", "0", *options]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stderr=log, text=True)
    try:
        yield process, address_in(folder / "log", process)
    finally:
        process.kill()
        process.wait()


def address_in(log: Path, process: subprocess.Popen[str]) -> str:
    while process.poll() is None:
        for line in log.read_text().splitlines():
            if line.startswith("alpr serves "):
                return line.split()[-1]
        time.sleep(0.02)
    raise AssertionError(log.read_text())


def ask(address: str, path: str, data: bytes | None = None) -> dict[str, Any]:
    request = urllib.request.Request(f"{address}{path}", data, {"Content-Type": "image/png"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_asked_to_end(tmp_path, models, number):
    with running(tmp_path, [*models, "--log", "json"]) as (process, address):
        assert [plate["text"] for plate in ask(address, "/v1/alpr", PICTURE)["plates"]] == ["BC"]
        assert ask(address, "/v1/statistics/")["total_calls"] == 1
        process.send_signal(number)
        assert process.wait(20) == 0
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[:2] == ["events and known plates are kept in alpr.db", f"alpr serves {address}"]
    assert [json.loads(line)["path"] for line in lines if line.startswith("{")] == ["/v1/alpr", "/v1/statistics"]
    assert "Traceback" not in "".join(lines)
    with contextlib.closing(sqlite3.connect(tmp_path / "alpr.db")) as database:
        assert [calls for _, calls in database.execute("SELECT month, calls FROM call_counts")] == [1]


def test_a_model_that_is_missing_is_an_error_of_one_line(tmp_path):
    options = ["--port", "0", "--database", "", "--detector", "none.tflite", "--workers", "1"]
    command = [sys.executable, str(ROOT / "alpr.py"), "serve", *options]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    [line] = result.stderr.splitlines()
    assert line.startswith("error: none.tflite: ")
    assert not list(tmp_path.iterdir())


def test_a_token_is_printed_once(tmp_path, capsys):
    path = tmp_path / "tokens.txt"
    assert main(["--token_file", str(path), "--new_token", "gate"]) == 0
    assert Tokens(path).name_of(capsys.readouterr().out.strip()) == "gate"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--new_token", "gate"], "--new_token: expected --token_file"),
        (["--token_file", "tokens.txt", "--new_token", ""], "--new_token: expected a name of one word, received ''"),
        (["--host", "0.0.0.0"], "host: expected a token_file"),
        (["--token_file", "none.txt"], "none.txt: expected a file of tokens, received none; make one"),
        (["prot=80"], "unknown key `prot`"),
    ],
)
def test_mistakes_are_told(tmp_path, monkeypatch, options, told):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=told):
        main(options)
    assert not list(tmp_path.iterdir())


def test_nothing_is_made_where_the_port_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UserError, match="port: expected a free port"):
        main(["--port", str(taken.getsockname()[1])])
    assert not list(tmp_path.iterdir())
