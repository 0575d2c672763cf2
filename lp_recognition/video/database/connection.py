"""Databases by their addresses: what is taken, how it is opened, and errors that a person can act on."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError

from lp_recognition.system.addresses import without_credentials
from lp_recognition.system.errors import UserError
from lp_recognition.system.extras import missing_package
from lp_recognition.system.files import expand_home

#: So long does one program wait for another that is writing.
BUSY_SECONDS = 30.0


class DatabaseError(UserError):
    """A database that is not there, cannot be opened, read or written, or is newer than the program."""


class DatabaseUnavailableError(DatabaseError):
    """One that may be back in a while: a full disk, a server that is away, a program that keeps it locked."""


def parse_address(address: str) -> URL:
    """The address of a database: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.

    Raises:
        DatabaseError: it is none. The message holds no password.
    """
    shown = without_credentials(address)
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        hint = f" Did you mean `sqlite:///{shown}`?" if shown and ":" not in shown else ""
        raise DatabaseError(
            f"database: expected sqlite:///FILE or postgresql://HOST/NAME, received `{shown}`.{hint}"
        ) from None
    kind = url.get_backend_name()
    if kind == "sqlite":
        if url.host or not url.database or url.database == ":memory:":
            raise DatabaseError(
                f"database: expected a file, as sqlite:///plates.db, or sqlite:////folder/plates.db with its whole "
                f"path, received `{shown}`"
            )
        return url.set(drivername="sqlite", database=expand_home(url.database))
    if kind in ("postgresql", "postgres"):
        if not url.database:
            raise DatabaseError(f"database: expected a name, as postgresql://HOST/NAME, received `{shown}`")
        return url.set(drivername="postgresql+psycopg")
    raise DatabaseError(f"database: expected sqlite:///FILE or postgresql://HOST/NAME, received `{shown}`")


def name_of(url: URL) -> str:
    """A database's name for messages: its file, or its address without user and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return without_credentials(url.set(drivername="postgresql").render_as_string(hide_password=False))


def connect(url: URL) -> Engine:
    """What connections to a database come from. Nothing is opened yet.

    Raises:
        DatabaseError: the driver of PostgreSQL is not installed.
    """
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, json_serializer=_to_json, connect_args={"timeout": BUSY_SECONDS})
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        return create_engine(
            url, json_serializer=_to_json, pool_pre_ping=True, max_overflow=-1, connect_args={"connect_timeout": 10}
        )
    except ModuleNotFoundError as error:
        raise DatabaseError(missing_package(error) or str(error)) from None


def _to_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=float)  # numbers of NumPy


def writing(engine: Engine) -> Engine:
    """The same database, for transactions that write."""
    return engine.execution_options(writes=True)


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    # Transactions begin where we say so: the driver would begin them late, and let two writers run into each other.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = FULL")  # what is recorded survives a power cut, too
    connection.execute("PRAGMA journal_mode = WAL")  # readers and one writer do not wait for each other


def _begin_sqlite(connection: Connection) -> None:
    # A writer that begins as a reader can end in "database is locked" at once, whatever the time to wait.
    is_writer = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_writer else "BEGIN")


@contextlib.contextmanager
def telling_errors(url: URL) -> Iterator[None]:
    """Turns what the database reports into one line that names it, says why, and holds no password.

    Raises:
        DatabaseUnavailableError: it may pass: a full disk, a lock, a server that is away.
        DatabaseError: it will not.
    """
    try:
        yield
    except IntegrityError:
        raise
    except DBAPIError as error:
        reason = _reason(error, url)
        kind = DatabaseUnavailableError if _may_pass(error, reason) else DatabaseError
        raise kind(f"{name_of(url)}: {reason}") from None


_ADVICE = {
    "database or disk is full": "the disk is full; make room",
    "database is locked": f"locked by another program for more than {BUSY_SECONDS:g} seconds; end that program",
    "attempt to write a readonly database": "may not be written; mend its permissions, or name another database",
    "file is not a database": "expected an SQLite database, received another file; name another --database",
}


def _reason(error: DBAPIError, url: URL) -> str:
    lines = str(error.orig).strip().splitlines()
    said = without_credentials(lines[0] if lines else type(error.orig).__name__)
    for secret in (url.password, url.query.get("password")):
        if secret:
            said = said.replace(str(secret), "***")
    for sign, advice in _ADVICE.items():
        if sign in said:
            return advice
    if "unable to open database file" in said:
        path = Path(str(url.database)).absolute()
        if path.is_dir():
            return "expected a file, received a folder; name a file in it"
        if not path.parent.is_dir():
            return f"cannot be opened; there is no folder {path.parent}"
        return "cannot be opened; check its permissions"
    return f"the database reports: {said}"


def _may_pass(error: DBAPIError, reason: str) -> bool:
    if "disk" in reason or "locked" in reason or error.connection_invalidated:
        return True
    is_postgresql = not isinstance(error.orig, sqlite3.Error)
    return is_postgresql and type(error.orig).__name__ in ("OperationalError", "AdminShutdown", "DiskFull")
