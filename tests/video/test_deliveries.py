"""Deliveries from the outbox: at least once, in order, through failures and restarts."""

from __future__ import annotations

import json
import time

import pytest
from delivering import QUICK, configs, wait_until
from tiny_events import make_event, passage

from lp_recognition.video.database.outbox import Outbox, Waiting
from lp_recognition.video.database.store import Store
from lp_recognition.video.deliveries.delivering import Deliveries
from lp_recognition.video.deliveries.target import DeliveryError, RefusedError
from lp_recognition.video.deliveries.worker import Pauses, Worker
from lp_recognition.video.events import KnownMatch


class Receiver:
    """A target that keeps what it gets, and fails as it is told."""

    batch = 3

    def __init__(self) -> None:
        self.received = []
        self.failing = False
        self.refused = ()
        self.closed = 0

    def send(self, messages, stopped):
        for message in messages:
            if self.failing:
                raise DeliveryError("http://eve:sesame@host/ is away")
            if message.mark in self.refused:
                raise RefusedError(message, "it is too large")
            self.received.append(message.mark)

    def close(self):
        self.closed += 1


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def worker(store, receiver):
    worker = Worker("it", store, lambda: receiver, QUICK)
    worker.start()
    yield worker
    worker.stop(time.monotonic())
    assert worker.join()


def record(store: Store, *numbers: int) -> list[tuple[str, int]]:
    for number in numbers:
        for event in passage(number):
            store.record(event, ["it"])
    return [(f"gate-{number}", sequence) for number in numbers for sequence in (1, 2, 3)]


def test_messages_arrive_in_order_and_are_taken_out(store, receiver, worker):
    marks = record(store, 1, 2, 3)
    worker.wake()
    wait_until(lambda: Outbox(store).count() == {})
    assert receiver.received == marks
    assert (worker.state.delivered, worker.state.failures, worker.state.last_error) == (9, 0, "")


def test_a_target_that_is_away_loses_nothing_and_its_error_shows_no_password(store, receiver, worker, caplog):
    receiver.failing = True
    marks = record(store, 1, 2)
    wait_until(lambda: worker.state.failures > 2)
    assert worker.state.last_error == "http://host/ is away"
    assert "sesame" not in caplog.text
    assert Outbox(store).count() == {"it": Waiting(6, 0)}
    receiver.failing = False
    wait_until(lambda: worker.state.delivered == 6)
    assert receiver.received == marks
    assert worker.state.last_error == ""
    assert receiver.closed > 2  # it connected anew
    assert len([line for line in caplog.messages if "wait:" in line]) == 1


def test_pauses_grow_to_a_minute(store, receiver):
    worker = Worker("it", store, lambda: receiver)
    pauses = [worker._failed(DeliveryError("away")) for _ in range(1500)]
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pauses[-1] == 60


def test_a_message_that_is_refused_holds_up_no_other(store, receiver, worker, caplog):
    receiver.refused = [("gate-1", 2)]
    marks = record(store, 1, 2)
    wait_until(lambda: worker.state.delivered == 5)
    assert receiver.received == [mark for mark in marks if mark != ("gate-1", 2)]
    assert Outbox(store).count() == {"it": Waiting(0, 1)}
    assert "it refuses a message for good: it is too large" in caplog.text


def test_what_waits_is_delivered_before_the_end(store, receiver):
    marks = record(store, 1, 2, 3)
    worker = Worker("it", store, lambda: receiver, QUICK)
    worker.start()
    worker.stop(time.monotonic() + 30)
    assert worker.join()
    assert receiver.received == marks
    assert receiver.closed == 1


def test_the_end_does_not_wait_for_a_target_that_is_away(store, receiver):
    record(store, 1)
    receiver.failing = True
    worker = Worker("it", store, lambda: receiver, Pauses(first=60))
    worker.start()
    wait_until(lambda: worker.state.failures)
    worker.stop(time.monotonic())
    assert worker.join()
    assert Outbox(store).count() == {"it": Waiting(3, 0)}


def test_of_two_programs_one_delivers_and_the_other_takes_over(address, store, receiver, worker):
    marks = record(store, 1)
    wait_until(lambda: worker.state.delivered == 3)
    with Store(address) as elsewhere:
        other = Worker("it", elsewhere, lambda: receiver, QUICK)
        other.start()
        wait_until(lambda: other.state.is_elsewhere)
        marks += record(elsewhere, 2)
        wait_until(lambda: worker.state.delivered == 6)
        worker.stop(time.monotonic())
        worker.join()
        marks += record(store, 3)
        wait_until(lambda: other.state.delivered == 3)
        other.stop(time.monotonic())
        assert other.join()
    assert receiver.received == marks


def test_a_defect_in_a_target_is_told_and_ends_nothing(store, caplog):
    def connect():
        raise AssertionError("a defect")

    worker = Worker("it", store, connect, QUICK)
    worker.start()
    wait_until(lambda: worker.state.failures > 1)
    assert "a defect" in caplog.text
    worker.stop(time.monotonic())
    assert worker.join()


# ---- Which target gets what ----------------------------------------------------------------------------------------


def test_targets_get_what_they_ask_for(store, tmp_path):
    targets = configs(
        {"type": "jsonl", "path": str(tmp_path / "all.jsonl")},
        {"type": "jsonl", "path": str(tmp_path / "final.jsonl"), "events": ["end"]},
        {"type": "jsonl", "path": str(tmp_path / "known.jsonl"), "plates": "known"},
        {"type": "jsonl", "path": str(tmp_path / "unknown.jsonl"), "plates": "unknown", "name": "strangers"},
    )
    with Deliveries(store, targets, QUICK) as deliveries:
        for event in [*passage(1), make_event(2, known=KnownMatch("AB002", "exact"))]:
            assert deliveries.record(event)
        assert not deliveries.record(make_event(2))
        wait_until(lambda: not any(state.pending for state in deliveries.states()))
        assert [(state.label, state.worker.delivered) for state in deliveries.states()] == [
            (f"jsonl {tmp_path / 'all.jsonl'}", 4), (f"jsonl {tmp_path / 'final.jsonl'}", 2),
            (f"jsonl {tmp_path / 'known.jsonl'}", 1), ("strangers", 3),
        ]  # fmt: skip
    lines = (tmp_path / "all.jsonl").read_text().splitlines()
    assert [(event["id"], event["type"], event["sequence"]) for event in map(json.loads, lines)] == [
        ("gate-1", "start", 1), ("gate-1", "update", 2), ("gate-1", "end", 3), ("gate-2", "end", 1),
    ]  # fmt: skip


def test_passages_that_were_left_open_are_told_as_ended(store, tmp_path):
    target = {"type": "jsonl", "path": str(tmp_path / "events.jsonl"), "events": ["end"]}
    with Deliveries(store, configs(target), QUICK) as deliveries:
        deliveries.record(make_event(1, "start"))
        assert len(deliveries.close_open("gate")) == 1
    [line] = (tmp_path / "events.jsonl").read_text().splitlines()
    assert json.loads(line)["type"] == "end"


def test_what_waits_for_a_target_that_is_gone_is_told(store, caplog):
    store.record(make_event(1), ["old"])
    Deliveries(store, []).close()
    assert "1 messages wait for `old`, which is no target now" in caplog.text
