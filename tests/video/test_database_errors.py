"""Databases that cannot be used: a line that says why, and never a password."""

from __future__ import annotations

import os
import re
import sqlite3
import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text
from tiny_events import make_event

from lp_recognition.video.database import connection, schema
from lp_recognition.video.database.connection import DatabaseError, DatabaseUnavailableError, parse_address
from lp_recognition.video.database.search import Query, find_changes, find_events, last_change
from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import Base


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("plates.db", "database: expected sqlite:///FILE or postgresql://HOST/NAME, received `plates.db`. Did you mean "
                      "`sqlite:///plates.db`?"),
        ("", "database: expected sqlite:///FILE or postgresql://HOST/NAME, received ``."),
        ("sqlite://", "database: expected a file, as sqlite:///plates.db"),
        ("sqlite:///:memory:", "database: expected a file, as sqlite:///plates.db"),
        ("sqlite://plates.db", "database: expected a file, as sqlite:///plates.db"),
        ("mysql://eve:sesame@host/plates?password=sesame", "database: expected sqlite:///FILE or "
         "postgresql://HOST/NAME, received `mysql://host/plates?password=***`"),
        ("postgresql://eve:sesame@host", "database: expected a name, as postgresql://HOST/NAME, received "
                                         "`postgresql://host`"),
        ("postgresql://eve:sesame@host:port/x", "database: expected sqlite:///FILE or postgresql://HOST/NAME, received "
                                                "`postgresql://host:port/x`"),
    ],
)  # fmt: skip
def test_an_address_that_is_none(address, message):
    with pytest.raises(DatabaseError, match=re.escape(message)) as caught:
        parse_address(address)
    assert "sesame" not in str(caught.value)


def test_a_server_that_does_not_answer_is_named_without_its_password():
    pytest.importorskip("psycopg")
    address = "postgresql://eve:sesame@127.0.0.1:1/plates?password=sesame"
    with pytest.raises(DatabaseUnavailableError, match=r"^postgresql://127.0.0.1:1/plates.*: the database") as caught:
        Store(address)
    assert "sesame" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DatabaseError, match=r"no.db: expected a database, received no such file"):
        Store(f"sqlite:///{tmp_path / 'no.db'}", create=False)
    assert not list(tmp_path.iterdir())
    with pytest.raises(DatabaseError, match="cannot be opened; there is no folder"):
        Store(f"sqlite:///{tmp_path / 'no' / 'plates.db'}")


def test_a_folder_in_place_of_a_file(tmp_path):
    with pytest.raises(DatabaseError, match="expected a file, received a folder; name a file in it"):
        Store(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / "plates.db").write_text("AB12\n" * 1000)
    with pytest.raises(DatabaseError, match=r"plates.db: expected an SQLite database, received another file"):
        Store(f"sqlite:///{tmp_path / 'plates.db'}")


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_file_that_may_not_be_written(tmp_path):
    path = tmp_path / "plates.db"
    Store(f"sqlite:///{path}").close()
    path.chmod(0o444)
    with Store(f"sqlite:///{path}") as store:  # it may be read
        assert not list(find_events(store, Query()))
        with pytest.raises(DatabaseError, match=r"plates.db: may not be written; mend its permissions"):
            store.record(make_event(1))


def test_the_migrations_make_the_tables_of_the_program(store):
    with store.reading() as session:
        context = MigrationContext.configure(session.connection(), opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_database_of_an_older_program_is_brought_up_to_date(address):
    with Store(address) as store:
        for number in (2, 1):
            store.record(make_event(number))
    engine = connection.connect(parse_address(address))
    with engine.begin() as session:
        for statement in (
            "DROP INDEX ix_events_change",
            "ALTER TABLE events DROP COLUMN change",
            "DROP TABLE call_counts",
            "UPDATE alembic_version SET version_num = 'first_tables'",
        ):
            session.execute(text(statement))
    engine.dispose()
    with Store(address) as store:
        assert [(found.change, found.event.id) for found in find_changes(store, 0, 9)] == [(1, "gate-2"), (2, "gate-1")]
        store.record(make_event(3))
        assert last_change(store) == 3


def test_a_database_of_a_newer_program_is_refused(address):
    Store(address).close()
    engine = connection.connect(parse_address(address))
    with engine.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'of_next_year'"))
    engine.dispose()
    with pytest.raises(DatabaseError, match=r"received that of a newer one .*`of_next_year`.*; install the newer"):
        Store(address)


def test_a_database_of_another_program_is_refused(tmp_path):
    sqlite3.connect(tmp_path / "x.db").execute("CREATE TABLE events (id INTEGER)").connection.close()
    with pytest.raises(DatabaseError, match="expected an empty database or one of this program, received another"):
        Store(f"sqlite:///{tmp_path / 'x.db'}")


def test_programs_that_open_a_new_database_at_a_time_make_it_once(address, monkeypatch):
    monkeypatch.setattr(schema, "_MIGRATING", threading.RLock())
    stores, failures = [], []

    def open_store() -> None:
        try:
            stores.append(Store(address))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_store) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(stores), failures) == (3, [])
    for store in stores:
        store.close()


def test_a_killed_upgrade_leaves_nothing(address, monkeypatch):
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(schema.MigrationContext, "stamp", killed)
        Store(address)
    with Store(address) as store:
        assert store.record(make_event(1))


def test_a_full_disk_is_an_error_that_may_pass_and_keeps_nothing(tmp_path):
    address = f"sqlite:///{tmp_path / 'plates.db'}"
    with Store(address) as store:
        assert store.record(make_event(1))
        raw = store._engine.raw_connection()
        pages = raw.execute("PRAGMA page_count").fetchone()[0]
        raw.execute(f"PRAGMA max_page_count = {pages}")
        raw.close()
        with pytest.raises(DatabaseUnavailableError, match=r"plates.db: the disk is full; make room"):
            for number in range(2, 200):
                store.record(make_event(number))
        kept = [found.event for found in find_events(store, Query())]
        pictures = list(store.pictures.folder.rglob("*.jpg"))
        assert len(pictures) == 2 * len(kept)
        raw = store._engine.raw_connection()
        raw.execute("PRAGMA max_page_count = 100000")
        raw.close()
        assert store.record(make_event(number))


def test_a_database_that_another_program_keeps_locked(tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "BUSY_SECONDS", 0.05)
    with Store(f"sqlite:///{tmp_path / 'plates.db'}") as store:
        other = sqlite3.connect(tmp_path / "plates.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseUnavailableError, match="locked by another program"):
            store.record(make_event(1))
        assert not list(store.pictures.folder.rglob("*.jpg"))
        other.execute("ROLLBACK")
        assert store.record(make_event(1))
        other.close()
