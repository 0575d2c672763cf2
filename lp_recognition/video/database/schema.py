"""Bringing a database to the tables of this program, by the migrations of the package."""

from __future__ import annotations

import threading
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from lp_recognition.video.database.connection import DatabaseError, writing

_FOLDER = Path(__file__).parent / "migrations"
#: `alembic.op`, by which migrations speak, is one for all threads.
_MIGRATING = threading.Lock()
#: Any number: programs that upgrade a PostgreSQL database wait for each other by it.
_LOCK_NUMBER = 0x504C4154


def upgrade(engine: Engine, name: str) -> None:
    """Makes the tables of a new database, or changes those of an older program; else does nothing.

    It is one transaction: a killed upgrade leaves the database as it was. Two programs wait for each other.

    Args:
        engine: The database.
        name: Its name, for messages.

    Raises:
        DatabaseError: it was made by a newer program, or is that of another one.
    """
    script = ScriptDirectory(_FOLDER, version_locations=[_FOLDER])
    with engine.connect() as connection:  # who only reads waits for no writer
        if MigrationContext.configure(connection).get_current_revision() == script.get_current_head():
            return
    with _MIGRATING, writing(engine).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _LOCK_NUMBER})
        context = MigrationContext.configure(connection)
        current = context.get_current_revision()
        _refuse_foreign(connection, script, current, name)
        for revision in reversed(list(script.iterate_revisions("head", current or "base"))):
            with Operations.context(context):
                revision.module.upgrade()
            context.stamp(script, revision.revision)


def _refuse_foreign(connection: Connection, script: ScriptDirectory, current: str | None, name: str) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if current is not None and current not in known:
        raise DatabaseError(
            f"{name}: expected a database of this program, received that of a newer one (its tables are of version "
            f"`{current}`); install the newer lp-recognition, or name another database"
        )
    if current is None and connection.dialect.has_table(connection, "events"):
        raise DatabaseError(
            f"{name}: expected an empty database or one of this program, received another one's; name another"
        )
