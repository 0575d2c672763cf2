"""`kill -9` at random moments: nothing that was seen is lost, and nothing is there twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from delivering import QUICK, configs, wait_until
from sqlalchemy import func, select
from tiny_events import passage
from tiny_models import ROOT

from lp_recognition.video.database.connection import DatabaseUnavailableError
from lp_recognition.video.database.outbox import Outbox
from lp_recognition.video.database.search import Query, find_events
from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import LookRow, SourceRow
from lp_recognition.video.deliveries.delivering import Deliveries

COUNT, KILLS = 20, 8


class Writer:
    """The program that is killed."""

    def __init__(self, address: str, folder: Path) -> None:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
        command = [sys.executable, str(ROOT / "tests" / "killed_writer.py"), address, str(folder), str(COUNT)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        )
        assert self._line() == "ready"

    def run(self, seconds: float = 0.0) -> int:
        """Runs it once, and kills it after so many seconds, if any; returns how it ended."""
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return int(self._line())

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def _line(self) -> str:
        return self._process.stdout.readline().strip()


@pytest.fixture
def writer(address, tmp_path):
    writer = Writer(address, tmp_path)
    yield writer
    writer.close()


def test_no_event_is_lost_or_doubled(writer, address, tmp_path):
    generator = random.Random(3)
    endings = [writer.run(generator.uniform(0.05, 0.5)) for _ in range(KILLS)]
    assert -signal.SIGKILL in endings
    assert writer.run() == 0

    marks = [(f"gate-{number}", sequence) for number in range(COUNT) for sequence in (1, 2, 3)]
    with Store(address, pictures=tmp_path / "pictures") as store:
        found = list(find_events(store, Query()))
        assert [one.event.id for one in found] == [f"gate-{number}" for number in range(COUNT)]
        assert {one.event.type for one in found} == {"end"}
        assert all((one.picture is not None) == (number % 5 == 0) for number, one in enumerate(found))
        with store.reading() as session:
            assert session.scalar(select(func.count()).select_from(LookRow)) == 2 * COUNT
            assert session.scalar(select(func.count()).select_from(SourceRow)) == 1
        assert Outbox(store).count() == {}
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    assert [(event["id"], event["sequence"]) for event in map(json.loads, lines)] == marks


def test_a_server_that_is_killed_and_comes_back_loses_nothing(request, tmp_path):
    server = request.getfixturevalue("postgresql")
    if server is None:
        pytest.skip("needs PostgreSQL: apt-get install postgresql")
    address = server.new_database()
    events = [replace(event, picture=None, crop=None) for number in range(COUNT) for event in passage(number)]
    target = {"type": "jsonl", "path": str(tmp_path / "events.jsonl")}
    unavailable = 0
    with (
        Store(address, pictures=tmp_path / "pictures") as store,
        Deliveries(store, configs(target), QUICK) as deliveries,
    ):
        for place, event in enumerate(events):
            if place in (10, 40):
                server.stop()
            while True:
                try:
                    assert deliveries.record(event)
                    break
                except DatabaseUnavailableError as error:
                    assert "sesame" not in str(error)
                    unavailable += 1
                    if unavailable % 2 == 0:  # the second try finds it away, too
                        server.start()
        wait_until(lambda: deliveries.states()[0].pending == 0)
        assert unavailable == 4
        assert [one.event.type for one in find_events(store, Query())] == ["end"] * COUNT
    lines = (tmp_path / "events.jsonl").read_text(encoding="utf-8").splitlines()
    marks = [(f"gate-{number}", sequence) for number in range(COUNT) for sequence in (1, 2, 3)]
    assert [(event["id"], event["sequence"]) for event in map(json.loads, lines)] == marks
