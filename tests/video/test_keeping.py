"""What becomes of events while streams are watched, and the database or its disk fails."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from tiny_events import make_event, passage

from lp_recognition.settings.loading import validate
from lp_recognition.settings.streams import WatchConfig
from lp_recognition.video import keeping
from lp_recognition.video.database.connection import DatabaseUnavailableError
from lp_recognition.video.database.search import Query, find_events
from lp_recognition.video.database.store import Store
from lp_recognition.video.keeping import Kept


@pytest.fixture
def address(tmp_path, monkeypatch) -> str:
    monkeypatch.setattr(keeping, "_RETRY_S", 0.0)
    return f"sqlite:///{tmp_path / 'plates.db'}"


def config(address: str, **values: object) -> WatchConfig:
    return validate(WatchConfig, {"database": address, **values}, "streams.yaml")


def ids(address: str) -> list[str]:
    with Store(address) as store:
        return [found.event.id for found in find_events(store, Query())]


def test_events_wait_while_the_disk_is_full(address, monkeypatch, caplog):
    def full(*_: object) -> bool:
        raise DatabaseUnavailableError("plates.db: the disk is full; make room")

    with Kept(config(address), []) as kept:
        with monkeypatch.context() as patch:
            patch.setattr(Store, "record", full)
            for number in range(3):
                kept.keep(make_event(number))
        assert "3 events wait: plates.db: the disk is full; make room" in caplog.text
        kept.tick()
        assert ids(address) == ["gate-0", "gate-1", "gate-2"]


def test_a_camera_goes_on_where_nothing_can_be_forgotten(address, monkeypatch, caplog):
    def locked(*_: object) -> None:
        raise DatabaseUnavailableError("plates.db: locked by another program")

    monkeypatch.setattr(keeping, "forget", locked)
    with Kept(config(address, keep_days=7), []) as kept:
        kept.tick()
        for event in passage(1):
            kept.keep(event)
    assert "what is older than 7 days is not deleted yet: plates.db: locked by another program" in caplog.text
    assert ids(address) == ["gate-1"]


def test_what_is_old_is_forgotten(address):
    with Store(address) as store:
        store.record(make_event(1))
        with store.writing() as session:
            session.execute(text("UPDATE events SET last_time = '2001-01-01 00:00:00'"))
    with Kept(config(address, keep_days=7), []) as kept:
        kept.tick()
    with Store(address) as store, store.reading() as session:
        assert session.execute(text("SELECT count(*) FROM looks")).scalar() == 0
