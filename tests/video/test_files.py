"""Events in files: whole lines, each once, whatever happened to the program that wrote them."""

from __future__ import annotations

import csv
import errno
import json
import os

import pytest
from delivering import QUICK, configs
from tiny_events import make_event, passage

from lp_recognition.system.errors import UserError
from lp_recognition.video.database.outbox import Message
from lp_recognition.video.deliveries.delivering import Deliveries
from lp_recognition.video.deliveries.files import open_csv, open_jsonl
from lp_recognition.video.deliveries.target import DeliveryError
from lp_recognition.video.event_table import COLUMNS
from lp_recognition.video.events import KnownMatch


def messages(count: int) -> list[Message]:
    return [Message(number, "gate", make_event(number).to_json() | {"sequence": 1}) for number in range(count)]


def send(target, sent: list[Message]) -> None:
    target.send(sent, lambda: False)
    target.close()


def ids(path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    "left", ['{"id": "gate-9", "sequ', "", '{"id": "gate-0", "sequence": 1}\n{"id": "gate-1", "sequence": 1}']
)
def test_a_line_that_was_cut_off_is_written_again(tmp_path, left):
    path = tmp_path / "events.jsonl"
    path.write_text('{"id": "gate-9", "sequence": 1}\n' + left)
    send(open_jsonl(path), messages(3))
    assert ids(path) == ["gate-9", "gate-0", "gate-1", "gate-2"]


def test_what_was_written_before_a_kill_is_not_written_again(tmp_path):
    path = tmp_path / "new" / "events.jsonl"
    send(open_jsonl(path), messages(2))
    send(open_jsonl(path), messages(4))
    target = open_jsonl(path)
    target.send(messages(4)[3:], lambda: False)
    send(target, messages(5)[3:])
    assert ids(path) == [f"gate-{number}" for number in range(5)]


def test_a_full_disk_leaves_whole_lines(tmp_path, monkeypatch):
    path = tmp_path / "events.jsonl"
    target = open_jsonl(path)
    target.send(messages(1), lambda: False)
    before, write = path.read_bytes(), os.write

    def full(file: int, data: bytes) -> int:
        if len(data) < 100:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(file, data[: len(data) // 2])

    with monkeypatch.context() as patch, pytest.raises(DeliveryError, match="cannot be written: No space left"):
        patch.setattr(os, "write", full)
        target.send(messages(3), lambda: False)
    assert path.read_bytes() == before
    send(target, messages(3))
    assert ids(path) == ["gate-0", "gate-1", "gate-2"]


def test_csv_has_a_header_once_and_an_event_a_line(tmp_path):
    path = tmp_path / "events.csv"
    event = make_event(1, known=KnownMatch("AB 001", "exact", 0.0, 'the "baker",\nand his son'), direction_deg=87.5)
    send(open_csv(path), [Message(1, "gate", event.to_json() | {"sequence": 3})])
    path.write_bytes(path.read_bytes() + b'gate-2,1,"end')
    send(open_csv(path), [Message(1, "gate", event.to_json() | {"sequence": 3}), *messages(1)])
    assert len(path.read_text().splitlines()) == 3
    with path.open(newline="") as file:
        first, second = csv.DictReader(file)
    assert tuple(first) == COLUMNS
    assert first.items() >= {
        "id": "gate-1", "sequence": "3", "type": "end", "text": "AB001", "known": "AB 001", "frame": "25",
        "note": 'the "baker", and his son', "direction_deg": "87.5", "x": "9.0", "width": "51.0",
    }.items()  # fmt: skip
    assert (second["id"], second["known"], second["direction_deg"]) == ("gate-0", "", "")


def test_a_file_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "events.csv"):
        with pytest.raises(UserError, match=r"cannot be written: .*; name another file"):
            open_csv(path)


def test_files_are_delivered_to(store, tmp_path):
    targets = configs(
        {"type": "csv", "path": str(tmp_path / "a.csv")}, {"type": "jsonl", "path": str(tmp_path / "a.jsonl")}
    )
    with Deliveries(store, targets, QUICK) as deliveries:
        for event in passage(1):
            deliveries.record(event)
    assert len((tmp_path / "a.csv").read_text().splitlines()) == 4
    assert ids(tmp_path / "a.jsonl") == ["gate-1"] * 3
