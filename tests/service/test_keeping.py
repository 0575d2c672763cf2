"""Photographs whose plates are kept as events, where that is asked for."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from made_up_engine import PLATE, MadeUpEngine, jpeg, served

from lp_recognition.video.database.known_plates import put_known
from lp_recognition.video.database.search import Query, find_events
from lp_recognition.video.database.store import Store
from lp_recognition.video.known import KnownPlate

FILE = {"upload": ("car.jpg", jpeg(), "image/jpeg")}


@pytest.fixture
def store(tmp_path):
    with Store(f"sqlite:///{tmp_path}/plates.db") as store:
        yield store


def test_plates_of_photographs_are_kept_with_their_pictures(store):
    put_known(store, [KnownPlate("AB 123", note="resident")])
    said = {"camera_id": "gate", "timestamp": "2026-11-26T10:00:00Z"}
    with served(store=store, keep_reads=True, database="sqlite:///x.db") as client:
        client.post("/v1/plate-reader/", files=FILE, data=said)
        client.post("/v1/alpr", files=FILE)
        client.post("/v1/detect", files=FILE)
    kept = {one.event.source: one for one in find_events(store, Query())}
    assert set(kept) == {"gate", "photographs"}
    event = kept["gate"].event
    assert (event.text, event.type, event.look_count) == (PLATE.text, "end", 1)
    assert event.first_time == datetime(2026, 11, 26, 10, tzinfo=timezone.utc)
    assert event.known is not None and event.known.note == "resident"
    assert [store.pictures.find(path) is not None for path in (kept["gate"].picture, kept["gate"].crop)] == [True, True]


@pytest.mark.parametrize("keep", [True, False])
def test_nothing_is_kept_of_what_is_not_read_or_not_asked_for(store, keep):
    engine = MadeUpEngine([] if keep else [PLATE])
    with served(engine, store, keep_reads=keep, database="sqlite:///x.db") as client:
        assert client.post("/v1/alpr", files=FILE).status_code == 200
    assert not list(find_events(store, Query()))
