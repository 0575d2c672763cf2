"""`alpr stream`: the command, and what is told of mistakes."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from brokers import free_port
from mjpeg_server import MjpegServer
from plate_service import PlateService
from tiny_models import ROOT
from tiny_videos import write_video

import alpr
from lp_recognition.service.security.tokens import add_token
from lp_recognition.system.errors import UserError

pytest.importorskip("httpx")


@pytest.fixture
def service():
    served = PlateService()
    yield served
    served.stop()


@pytest.fixture
def run(service, tmp_path, monkeypatch, capsys):
    """Runs `alpr stream` beside a video of ten frames: status, output, errors."""
    monkeypatch.chdir(tmp_path)
    times = [number / 10 for number in range(10)]
    recorded = {"creation_time": "2026-11-26T12:00:00.000000Z"}
    write_video(tmp_path / "drive.mkv", times, codec="ffv1", pixels="bgr0", metadata=recorded)

    def command(*words: str) -> tuple[int, str, str]:
        status = alpr.main(["stream", *words, "--url", service.url, "--timeout", "5"])
        return status, *capsys.readouterr()

    return command


def test_reads_are_printed_and_written(run, service):
    status, output, errors = run("drive.mkv", "--every", "3", "--csv", "reads.csv", "--json_lines", "frames.jsonl")
    assert status == 0
    assert errors == "drive.mkv: 4 reads in 4 frames\n"
    reads = sorted(re.fullmatch(r"[\d-]+ [\d:]+\.(\d{3})  (N\d)  0.900", line).groups() for line in output.splitlines())
    assert reads == [("000", "N0"), ("300", "N3"), ("600", "N6"), ("900", "N9")]
    with Path("reads.csv").open(encoding="utf-8", newline="") as file:
        assert {row["License Plate"] for row in csv.DictReader(file)} == {"N0", "N3", "N6", "N9"}
    lines = [json.loads(line) for line in Path("frames.jsonl").read_text(encoding="utf-8").splitlines()]
    assert sorted(line["frame"] for line in lines) == [0, 3, 6, 9]


def test_the_token_comes_from_a_file(run, service, tmp_path):
    (tmp_path / "token.txt").write_text("sesame\n")
    assert run("drive.mkv", "--token_file", "token.txt")[0] == 0
    assert {headers["Authorization"] for headers, _, _ in service.requests} == {"Token sesame"}


def test_frames_without_a_position_are_told(run):
    Path("elsewhere.gpx").write_text(
        '<gpx version="1.1" creator="x" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>'
        '<trkpt lat="1" lon="2"><time>2001-01-01T00:00:00Z</time></trkpt></trkseg></trk></gpx>'
    )
    errors = run("drive.mkv", "--every", "5", "--gps", "elsewhere.gpx")[2]
    assert errors == "drive.mkv: 2 reads in 2 frames; 2 without a position (1 points)\n"


def test_without_reads_nothing_is_printed(run, service):
    assert run("drive.mkv", "--min_confidence", "0.95")[1:] == ("", "drive.mkv: 0 reads in 10 frames\n")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["none.mp4"], "none.mp4: expected a video"),
        (["drive.mkv", "--gps", "none.gpx"], "none.gpx: expected a GPX file"),
        (["drive.mkv", "--token_file", "none.txt"], "none.txt: expected a token"),
        (["drive.mkv", "--token_file", "drive.mkv"], "drive.mkv: expected a token, received a file that is no text"),
        (["drive.mkv", "--token_file", "tokens.txt"], "tokens.txt: expected a token, received the hashes"),
        (["drive.mkv", "--token", "sésame"], "--token: expected a token of letters and digits"),
        (["drive.mkv", "--token", "a", "--token_file", "none.txt"], "--token_file: expected no --token"),
        (["drive.mkv", "--csv", "."], "cannot be written"),
    ],
)
def test_mistakes_are_told(run, words, told):
    add_token("tokens.txt", "gate")
    with pytest.raises(UserError, match=told):
        run(*words)


@pytest.mark.parametrize(
    "words",
    [
        ["--every", "0"],
        ["--jpeg_quality", "101"],
        ["--timeout", "-1"],
        ["--width", "x"],
        ["--width", "8193"],
        ["--workers", "257"],
        ["--gps_offset", "nan"],
    ],
)
def test_options_out_of_range_are_told(run, words, capsys):
    with pytest.raises(SystemExit):
        run("drive.mkv", *words)
    assert f"argument {words[0]}: expected" in capsys.readouterr().err


def test_a_camera_is_sent_until_ctrl_c_with_a_page_beside_it(service, tmp_path):
    camera, port = MjpegServer(rate=50), free_port()
    command = [sys.executable, str(ROOT / "alpr.py"), "stream", camera.address, "--url", service.url]
    process = subprocess.Popen(
        [*command, "--mjpeg_port", str(port), "--csv", "reads.csv"],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while not (tmp_path / "reads.csv").exists() or len((tmp_path / "reads.csv").read_bytes().splitlines()) < 5:
            assert time.monotonic() < deadline
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/stream.mjpg", timeout=10) as stream:
            assert b"\xff\xd8\xff" in stream.read(2000)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
        camera.stop()
    assert process.returncode == 0, errors
    assert f"see http://127.0.0.1:{port}/" in errors
    assert "waiting for the answers under way" in errors
    assert "secret" not in output + errors
    rows = (tmp_path / "reads.csv").read_text().splitlines()[1:]
    assert len(output.splitlines()) == len(rows)
    assert re.search(rf"{len(rows)} reads in {len(rows)} frames", errors)


def test_it_needs_neither_models_nor_a_database(service, tmp_path):
    """What the extra [client] brings is enough."""
    write_video(tmp_path / "drive.mkv", [0, 0.1], codec="ffv1", pixels="bgr0")
    without = ["ai_edge_litert", "alembic", "lap", "prometheus_client", "rapidfuzz", "sqlalchemy", "tensorflow"]
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({without!r})); import alpr; "
        f"sys.exit(alpr.main(['stream', 'drive.mkv', '--url', '{service.url}', '--timeout', '9', '--mjpeg_port', '0']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    assert len(result.stdout.splitlines()) == 2
