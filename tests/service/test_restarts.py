"""A whole `alpr serve` before a camera, killed in the middle of a passage and started again: no event is lost."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from mjpeg_server import MjpegServer
from tiny_models import ROOT

from lp_recognition.tools import generate_drives
from lp_recognition.video.database.search import find_changes
from lp_recognition.video.database.store import Store

pytestmark = pytest.mark.slow


@pytest.fixture
def camera(tmp_path) -> Iterator[MjpegServer]:
    """Sees two cars cross, over and over."""
    av = pytest.importorskip("av")
    drives = tmp_path / "drives"
    generate_drives.main(
        ["--count", "1", "--kind", "crossing", "--seed", "5", "--format", "de", "--output", str(drives)]
    )
    with av.open(str(next(drives.glob("videos/*.mp4")))) as video:
        frames = [frame.to_ndarray(format="bgr24") for frame in video.decode(video=0)]
    server = MjpegServer(lambda number: frames[number % len(frames)], rate=10)
    yield server
    server.stop()


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def serving(folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, str(ROOT / "alpr.py"), "serve", "--port", str(port)]
    process = subprocess.Popen(
        [*command, "--streams", "streams.yaml"],
        cwd=folder,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("alpr serves"):
                break
        yield process
    finally:
        process.kill()
        process.communicate()


@contextlib.contextmanager
def events(port: int, after: int) -> Iterator[Iterator[tuple[int, dict[str, Any]]]]:
    """The events as they come, each with its change."""
    headers = {"Last-Event-ID": str(after)}
    with httpx.stream("GET", f"http://127.0.0.1:{port}/v1/events/stream", headers=headers, timeout=60) as answer:

        def told() -> Iterator[tuple[int, dict[str, Any]]]:
            number = 0
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    number = int(line[4:])
                elif number and line.startswith("data: "):
                    yield number, json.loads(line[6:])
                    number = 0

        yield told()


def test_no_event_is_lost_by_a_kill(tmp_path, camera, port):
    settings = {
        "database": "sqlite:///plates.db",
        "deliveries": [{"type": "jsonl", "path": "told.jsonl"}],
        "streams": {"gate": {"source": camera.address, "passages": {"repeat_seconds": 3, "absent_seconds": 1}}},
    }
    (tmp_path / "streams.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with serving(tmp_path, port) as process, events(port, 0) as told:
        change, first = next(told)
        assert first["type"] == "start"
        process.send_signal(signal.SIGKILL)
        process.wait()
    with serving(tmp_path, port) as process, events(port, change) as told:
        after, seen = [], set()
        while len(seen) < 3:
            change, event = next(told)
            after.append(change)
            seen.add((event["id"], event["type"]))
        assert (first["id"], "end") in seen  # what was open has ended
        assert after == sorted(set(after))
        process.send_signal(signal.SIGTERM)
        list(told)  # the answer ends with the service
        assert process.wait(60) == 0
    deliveries = defaultdict(list)
    for line in (tmp_path / "told.jsonl").read_text("utf-8").splitlines():
        message = json.loads(line)
        deliveries[message["id"]].append((message["sequence"], message["type"]))
    with Store(f"sqlite:///{tmp_path / 'plates.db'}") as store:
        kept = find_changes(store, 0, 1000)
    assert {found.event.type for found in kept} == {"end"}
    for found in kept:
        told_of = deliveries.pop(found.event.id)
        assert [number for number, _ in told_of] == list(range(1, found.sequence + 1))
        assert [kind for _, kind in told_of][:: max(1, len(told_of) - 1)] == ["start", "end"]
    assert not deliveries
