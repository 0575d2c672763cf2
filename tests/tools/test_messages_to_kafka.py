"""Replaying events to a Kafka cluster: all, in order, and on from where a run was ended."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta

import pytest
from brokers import MockKafka
from consuming import consumed
from tiny_events import NOON, make_event, passage

from lp_recognition.system.errors import UserError
from lp_recognition.tools import messages_to_kafka


@pytest.fixture(scope="module")
def cluster():
    pytest.importorskip("confluent_kafka")
    cluster = MockKafka()
    yield cluster
    cluster.stop()


@pytest.fixture
def replay(cluster, tmp_path, capsys):
    """Replays `events.jsonl`; gives the marks of all that the topic holds then."""
    topic = f"plates-{uuid.uuid4().hex}"

    def run(*options: str, expected: int) -> list[tuple[str, str]]:
        path = str(tmp_path / "events.jsonl")
        assert messages_to_kafka.main([path, "--bootstrap", cluster.bootstrap, "--topic", topic, *options]) == 0
        return [(headers["id"], headers["sequence"]) for _, _, headers in consumed(cluster.bootstrap, topic, expected)]

    return run


def lines(count: int) -> list[str]:
    events = [event.to_json() for number in range(count) for event in passage(number)]
    return [json.dumps(event | {"sequence": place}) + "\n" for place, event in enumerate(events)]


def test_all_events_are_sent_in_order(replay, tmp_path, capsys):
    (tmp_path / "events.jsonl").write_text("".join(lines(4)))
    assert replay("--speed", "0", expected=12) == [(f"gate-{place // 3}", str(place)) for place in range(12)]
    assert capsys.readouterr().out == "sent: 12\n"


def test_a_run_goes_on_where_the_last_one_ended(replay, tmp_path, capsys):
    path = tmp_path / "events.jsonl"
    path.write_text("".join(lines(2)))
    assert len(replay("--speed", "0", expected=6)) == 6
    path.write_text("".join(lines(3)))
    assert len(replay("--speed", "0", "--resume", expected=9)) == 9
    assert len(replay("--speed", "0", "--resume", expected=9)) == 9
    assert capsys.readouterr().out.splitlines() == ["sent: 6", "sent: 3", "sent: 0"]


def test_an_interrupted_run_says_how_to_go_on(replay, tmp_path, capsys, monkeypatch):
    (tmp_path / "events.jsonl").write_text("".join(lines(2)))
    pauses = []

    def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) > 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(messages_to_kafka.time, "sleep", sleep)
        replay("--speed", "0.001", expected=6)
    assert "sent: 2 of 6; --resume goes on" in capsys.readouterr().err
    assert len(replay("--speed", "0", "--resume", expected=6)) == 6


def test_the_pace_is_that_of_the_events(tmp_path, monkeypatch):
    events = [make_event(1, first_time=NOON, last_time=NOON + timedelta(seconds=second)) for second in (0, 30, 90)]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(event.to_json()) + "\n" for event in events))
    read = list(messages_to_kafka._read(path, 0))
    pauses = []
    monkeypatch.setattr(messages_to_kafka.time, "monotonic", lambda: 1000.0)
    monkeypatch.setattr(messages_to_kafka.time, "sleep", pauses.append)
    for event in read:
        messages_to_kafka._wait_for(event, read[0], 1000.0, 60)
    assert pauses == [0, 0.5, 1.5]
    monkeypatch.setattr(messages_to_kafka.time, "monotonic", lambda: 1000.6)
    assert messages_to_kafka._due(read, 0, 1000.0, 60) == 2


@pytest.mark.parametrize("line", ["{", "3", "{}", '{"id": "a", "source": "b", "last_time": "yesterday"}', '{"id": "a'])
def test_a_line_that_is_no_event_is_named(tmp_path, line):
    path = tmp_path / "events.jsonl"
    path.write_text(lines(1)[0] + line + "\n")
    with pytest.raises(UserError, match=r"events\.jsonl:2: expected an event as JSON"):
        messages_to_kafka.main([str(path), "--bootstrap", "127.0.0.1:1"])


def test_mistakes_are_told(tmp_path):
    path = tmp_path / "events.jsonl"
    with pytest.raises(UserError, match="expected a file with an event a line, received no such file"):
        messages_to_kafka.main([str(path), "--bootstrap", "127.0.0.1:1"])
    path.write_text(lines(1)[0])
    with pytest.raises(UserError, match="--speed: expected 0 or more, received -1"):
        messages_to_kafka.main([str(path), "--bootstrap", "127.0.0.1:1", "--speed", "-1"])
    with pytest.raises(UserError, match=r"deliveries\.0\.topic: expected String should match"):
        messages_to_kafka.main([str(path), "--bootstrap", "127.0.0.1:1", "--topic", "a b"])
