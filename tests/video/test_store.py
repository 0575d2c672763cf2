"""Keeping events: what is kept, what a second telling changes, and what several programs do at a time."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import cv2
import numpy as np
import pytest
from sqlalchemy import func, select, update
from tiny_events import NOON, make_event, passage

from lp_recognition.video.database import store as store_module
from lp_recognition.video.database.connection import DatabaseError
from lp_recognition.video.database.outbox import Outbox, Waiting
from lp_recognition.video.database.retention import Forgotten, forget
from lp_recognition.video.database.search import (
    Query,
    count_events,
    find_changes,
    find_event,
    find_events,
    find_looks,
    find_page,
    find_sources,
    last_change,
)
from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import EventRow, LookRow
from lp_recognition.video.events import KnownMatch


def texts(store: Store, **query: object) -> list[str]:
    return [found.event.text for found in find_events(store, Query(**query))]


def pictures(store: Store) -> list[Path]:
    return sorted(store.pictures.folder.rglob("*.*"))


def test_an_event_comes_back_as_it_was(store):
    known = KnownMatch("AB?01", "pattern", 0.0, "the baker", {"flat": "7", "größe": "ü"})
    event = make_event(1, known=known, direction_deg=87.5)
    assert store.record(event)
    [found] = find_events(store, Query())
    assert found.event.to_json() == event.to_json()
    assert replace(found.event, best=event.best) == replace(event, looks=())
    looks = find_looks(store, event.id)
    assert [look.to_json() for look in looks] == [look.to_json() for look in event.looks]
    assert cv2.imread(str(found.picture)).shape == (48, 64, 3)
    assert cv2.imread(str(found.crop)).shape == (20, 60, 3)
    assert find_sources(store) == ["gate"]


def test_a_passage_is_one_row_that_moves_on(store):
    start, update, end = passage(1)
    assert [store.record(event) for event in (start, update)] == [True, True]
    assert not store.record(start)
    assert not store.record(update)
    assert texts(store) == ["AB001"]
    assert store.record(end)
    assert not store.record(end)
    assert not store.record(replace(end, text="XX999", last_time=end.last_time + timedelta(seconds=9)))
    assert texts(store) == ["AB001"]
    assert len(find_looks(store, end.id)) == 2
    assert len(pictures(store)) == 2  # those of the end alone


def test_a_file_that_is_read_again_doubles_nothing(store):
    events = [event for number in range(3) for event in passage(number)]
    assert all(store.record(event, ["file"]) for event in events)
    kept = [found.event for found in find_events(store, Query())], pictures(store), Outbox(store).count()
    assert not any(store.record(event, ["file"]) for event in events)
    assert ([found.event.id for found in find_events(store, Query())], pictures(store), Outbox(store).count()) == (
        [event.id for event in kept[0]], *kept[1:],
    )  # fmt: skip
    with store.reading() as session:
        assert session.scalar(select(func.count()).select_from(LookRow)) == 6


def test_messages_are_recorded_with_their_event_in_order(store):
    for event in passage(1):
        store.record(event, ["a", "b"])
    messages = Outbox(store).pending("a", 10)
    assert [message.mark for message in messages] == [("gate-1", 1), ("gate-1", 2), ("gate-1", 3)]
    assert [message.event["type"] for message in messages] == ["start", "update", "end"]
    assert store.pictures.find(messages[-1].event["picture"]) in pictures(store)
    Outbox(store).remove(messages[:1])
    Outbox(store).set_aside(messages[1], "it is too large")
    assert Outbox(store).count() == {"a": Waiting(pending=1, refused=1), "b": Waiting(pending=3, refused=0)}
    assert [message.mark for message in Outbox(store).pending("a", 10)] == [("gate-1", 3)]


def test_what_a_killed_program_left_open_is_ended(store):
    store.record(make_event(1, "start"), ["a"])
    store.record(make_event(2, "here", source="road"), ["a"])
    store.record(make_event(3), ["a"])
    [closed] = store.close_open("gate", lambda event: ["a"])
    assert (closed.id, closed.type, closed.text) == ("gate-1", "end", "AB001")
    assert store.close_open("gate") == []
    assert [found.event.type for found in find_events(store, Query(source="road"))] == ["here"]
    assert Outbox(store).pending("a", 9)[-1].mark == ("gate-1", 2)


def test_searching(store):
    store.record(make_event(2, known=KnownMatch("B-8002", "edits", 0.5)))
    store.record(make_event(1))
    store.record(make_event(3, source="road", text="CD_3%"))
    for query, expected in (
        ({}, ["AB001", "AB002", "CD_3%"]),
        ({"plate": "ab-001"}, ["AB001"]),
        ({"plate": "A?00*"}, ["AB001", "AB002"]),
        ({"plate": "*2"}, ["AB002"]),
        ({"plate": "B*"}, ["AB002"]),  # the known plate that it is taken for
        ({"plate": "CD*"}, ["CD_3%"]),
        ({"plate": "A%001"}, []),
        ({"since": NOON + timedelta(minutes=2)}, ["AB002", "CD_3%"]),
        ({"until": NOON + timedelta(minutes=2)}, ["AB001"]),
        ({"since": NOON + timedelta(minutes=2, seconds=3)}, ["CD_3%"]),
        ({"source": "road"}, ["CD_3%"]),
        ({"source": "no"}, []),
        ({"known": True}, ["AB002"]),
        ({"known": False}, ["AB001", "CD_3%"]),
        ({"newest": 2}, ["AB002", "CD_3%"]),
    ):
        assert texts(store, **query) == expected, query


def test_old_pictures_and_looks_are_forgotten_and_the_events_stay(store):
    old = make_event(1, first_time=NOON - timedelta(days=8), last_time=NOON - timedelta(days=8))
    new = make_event(2)
    for event in (old, new):
        store.record(event)
    assert forget(store, 7, now=NOON) == Forgotten(pictures=2, looks=2)
    first, second = find_events(store, Query())
    assert (first.event.id, first.picture, find_looks(store, old.id)) == ("gate-1", None, [])
    assert second.picture is not None
    assert len(find_looks(store, new.id)) == 2
    assert forget(store, 7, now=NOON) == Forgotten(0, 0)


def test_an_event_is_kept_without_the_pictures_that_cannot_be_written(store, caplog):
    store.pictures.folder.write_text("in the way")
    assert store.record(make_event(1))
    assert store.lost_pictures == 1
    assert "the pictures of AB001 (gate-1) are lost" in caplog.text
    [found] = find_events(store, Query())
    assert found.picture is None


def test_threads_and_programs_write_at_a_time(address, tmp_path):
    stores = [Store(address, pictures=tmp_path / "pictures") for _ in range(2)]
    failures = []

    def write(store: Store, numbers: range, source: str) -> None:
        try:
            for number in numbers:
                for event in passage(number):
                    store.record(replace(event, picture=None, source=source, id=f"{source}-{number}"), ["a"])
        except BaseException as error:
            failures.append(error)

    threads = [
        threading.Thread(target=write, args=(stores[number % 2], range(3), f"camera {number}")) for number in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    marks = [message.mark for message in Outbox(stores[0]).pending("a", 1000)]
    assert len(marks) == len(set(marks)) == 36
    for number in range(4):
        own = [mark for mark in marks if mark[0].startswith(f"camera {number}")]
        assert own == [(f"camera {number}-{one}", sequence) for one in range(3) for sequence in (1, 2, 3)]
    for store in stores:
        store.close()


def test_a_source_is_one_programs_until_it_ends(address, tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_CLAIM_SECONDS", 0.2)
    with Store(address, pictures=tmp_path / "p") as one, Store(address, pictures=tmp_path / "p") as other:
        claim = one.claim_source("gate")
        with pytest.raises(DatabaseError, match="expected that no other program keeps the passages of gate"):
            other.claim_source("gate")
        other.claim_source("road").release()
        claim.release()
        other.claim_source("gate").release()


def test_numbers_of_numpy_are_kept(store):
    event = make_event(1)
    numbers = tuple(np.float32(value) for value in event.confidences)
    looks = tuple(replace(look, confidences=numbers, confidence=np.float32(0.5)) for look in event.looks)
    assert store.record(
        replace(event, confidence=np.float32(0.5), confidences=numbers, looks=looks, best=looks[0]), ["a"]
    )
    assert texts(store) == ["AB001"]


def test_pages_lead_from_the_latest_event_to_the_first(store):
    for number in (3, 1, 2):
        store.record(make_event(number))
        store.record(make_event(number, id=f"twin-{number}"))  # began at the same moment
    query, ids, before = Query(plate="AB*", source="gate"), [], ""
    while page := find_page(store, query, 4, before):
        before = page[-1].event.id
        ids.append([found.event.id for found in page])
    assert ids == [["twin-3", "gate-3", "twin-2", "gate-2"], ["twin-1", "gate-1"]]
    assert (count_events(store, query), count_events(store, Query(plate="AB001"))) == (6, 2)
    assert find_page(store, query, 4, "no such event") == []


def test_an_event_is_found_by_its_id(store):
    store.record(make_event(1))
    assert find_event(store, "gate-1").event.text == "AB001"
    assert find_event(store, "gate-2") is None


def test_what_is_new_is_found_after_the_last_change_that_one_has(store):
    assert (last_change(store), find_changes(store, 0, 9)) == (0, [])
    for event in (make_event(1, "start"), make_event(2), make_event(1, "here", 9)):
        store.record(event)
    store.record(make_event(2))  # which is no news
    changes = find_changes(store, 0, 9)
    assert [(found.change, found.sequence, found.event.id) for found in changes] == [(2, 1, "gate-2"), (3, 2, "gate-1")]
    assert [found.change for found in find_changes(store, 0, 1)] == [2]
    assert (last_change(store), find_changes(store, 3, 9)) == (3, [])
    store.close_open("gate")
    assert [(found.change, found.event.type) for found in find_changes(store, 3, 9)] == [(4, "end")]


def test_two_that_write_at_a_time_make_changes_of_different_numbers(store, address):
    other = Store(address, pictures=store.pictures.folder)
    threads = [
        threading.Thread(target=lambda of=of, first=first: [of.record(make_event(first + n)) for n in range(10)])
        for of, first in ((store, 0), (other, 10))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert [found.change for found in find_changes(store, 0, 99)] == list(range(1, 21))


def test_a_picture_outside_of_the_folder_is_none(store, tmp_path):
    store.record(make_event(1))
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    with store.writing() as session:
        session.execute(update(EventRow).values(picture="../secret.jpg", crop=str(tmp_path / "secret.jpg")))
    found = find_event(store, "gate-1")
    assert (found.picture, found.crop) == (None, None)
