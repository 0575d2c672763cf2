"""Keeping events: one row a passage, its looks and pictures, and the messages to deliver, all or none of them."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, Select, func, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from lp_recognition.system.errors import UserError
from lp_recognition.video.database import claims, connection, schema
from lp_recognition.video.database.claims import Claim
from lp_recognition.video.database.connection import DatabaseError
from lp_recognition.video.database.pictures import Pictures
from lp_recognition.video.database.rows import look_values, read_event, write_event
from lp_recognition.video.database.tables import DeliveryRow, EventRow, LookRow, SourceRow
from lp_recognition.video.events import Event

if TYPE_CHECKING:
    from typing_extensions import Self

#: So long is a source waited for that another program has.
_CLAIM_SECONDS = 3.0
#: Any number: programs that write events of a PostgreSQL database wait for each other by it.
_CHANGING = 0x504C4155

_log = logging.getLogger(__name__)


class Store:
    """A database of events, to be used by any number of threads, and by several programs at a time.

    Its tables are made, or brought to those of this program, when it is opened.

    Args:
        address: `sqlite:///FILE` or `postgresql://USER:PASSWORD@HOST/NAME`.
        pictures: The folder of pictures; unless told `NAME_pictures`, beside an SQLite file, else where the program
            was started.
        create: Make an SQLite file that is not there.

    Attributes:
        name: The database for messages, without user and password.
        pictures: The folder of pictures.

    Raises:
        DatabaseError: the address is none, or the database is missing, out of reach, or newer than the program.
    """

    def __init__(self, address: str, *, pictures: str | Path | None = None, create: bool = True) -> None:
        self._url = connection.parse_address(address)
        self.name = connection.name_of(self._url)
        is_file = self._url.get_backend_name() == "sqlite"
        path = Path(str(self._url.database))
        if is_file and not create and not path.is_file():
            raise DatabaseError(f"{path}: expected a database, received no such file; name another --database")
        self._engine = connection.connect(self._url)
        folder = path.with_name(f"{path.stem}_pictures") if is_file else Path(f"{path.name}_pictures")
        self.pictures = Pictures(folder if pictures is None else Path(pictures))
        self._lost_pictures = 0
        self._counting = threading.Lock()
        try:
            with connection.telling_errors(self._url):
                schema.upgrade(self._engine, self.name)
        except BaseException:
            self._engine.dispose()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @property
    def lost_pictures(self) -> int:
        """How many events were recorded without their pictures, as these could not be written."""
        return self._lost_pictures

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """A transaction that reads; what the database reports is a `DatabaseError`."""
        with connection.telling_errors(self._url), Session(self._engine) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """A transaction that writes: all of it, or nothing where it ends by an error."""
        engine: Engine = connection.writing(self._engine)
        with connection.telling_errors(self._url), Session(engine) as session, session.begin():
            yield session

    def record(self, event: Event, targets: Sequence[str] = ()) -> bool:
        """Keeps what an event says of its passage, with its pictures, and a message for each target.

        A passage moves on only: an event that was recorded before, or is older than what is known, changes nothing, so
        that a video can be read again; and an `end` is final.

        Args:
            event: What is told; its looks are kept with an `end`.
            targets: The names of the targets that shall get it.

        Returns:
            Whether it is new.

        Raises:
            DatabaseUnavailableError: the disk is full, or the like: nothing was kept, and trying again may help.
            DatabaseError: it cannot be written.
        """
        try:
            return self._record(event, targets)
        except IntegrityError:  # another program has just begun the same passage: now its row is there
            return self._record(event, targets)

    def _record(self, event: Event, targets: Sequence[str]) -> bool:
        with self.reading() as session:
            row = session.scalar(_passage(event))
            if row is not None and not _is_news(row, event):
                return False
            before = {} if row is None else {"picture": row.picture, "crop": row.crop}
        # Before the transaction: encoding takes its time, and an SQLite database has one writer at a time.
        written = self._write_pictures(event)
        is_kept = False
        try:
            with self.writing() as session:
                is_kept = _keep(session, event, written, targets)
        finally:
            for kind, path in written.items():
                if path != before.get(kind):  # one of the same look bears the same name
                    self.pictures.remove(before.get(kind) if is_kept else path)
        return is_kept

    def _write_pictures(self, event: Event) -> dict[str, str]:
        """Writes both pictures; an event is worth more than they are, and is kept without them where they cannot be."""
        written: dict[str, str] = {}
        try:
            for kind, image in (("picture", event.picture), ("crop", event.crop)):
                if image is not None and image.size:
                    written[kind] = self.pictures.write(event, kind, image)
        except UserError as error:
            with self._counting:
                self._lost_pictures += 1
            _log.error("the pictures of %s (%s) are lost: %s", event.text, event.id, error)
        return written

    def close_open(self, source: str, targets_of: Callable[[Event], Sequence[str]] = lambda event: ()) -> list[Event]:
        """Ends the passages of a source that a program left open when it was killed, with what was known last.

        For live sources, before their first frame: nobody will tell how those passages went on. A file that is read
        again tells it itself.

        Args:
            source: The name of the stream.
            targets_of: The names of the targets that shall get an event.

        Returns:
            The `end` of each, recorded.

        Raises:
            DatabaseError: nothing was changed.
        """
        query = select(EventRow).join(SourceRow).where(SourceRow.name == source, EventRow.type != "end")
        with self.writing() as session:
            change, events = _last_change(session), []
            for row in session.scalars(query.order_by(EventRow.key).with_for_update(of=EventRow)):
                event = replace(read_event(row), type="end")
                row.type = "end"
                row.sequence += 1
                row.change = change = change + 1
                _add_deliveries(session, row, event, targets_of(event))
                events.append(event)
        return events

    def claim(self, what: str) -> Claim | None:
        """Claims something of this database for this program alone; None where another has it."""
        try:
            with connection.telling_errors(self._url):
                return claims.claim(self._engine, what)
        except OSError as error:
            raise DatabaseError(f"{self.name}: cannot be locked: {error.strerror or error}") from None

    def claim_source(self, source: str) -> Claim:
        """Claims a stream: two programs that both tell its passages would double them.

        It is tried for some seconds: a server may take a moment to see that a program was killed.

        Raises:
            DatabaseError: another program has it.
        """
        until = time.monotonic() + _CLAIM_SECONDS
        while (claimed := self.claim(f"source {source}")) is None and time.monotonic() < until:
            time.sleep(0.05)
        if claimed is None:
            raise DatabaseError(
                f"{self.name}: expected that no other program keeps the passages of {source}, received one that does; "
                "end it, give this source another name, or name another --database"
            )
        return claimed


def _passage(event: Event) -> Select[Any]:
    return select(EventRow).where(EventRow.id == event.id)


def _keep(session: Session, event: Event, pictures: Mapping[str, str], targets: Sequence[str]) -> bool:
    """Writes the rows of an event, unless it is no news; returns whether it was."""
    change = _last_change(session)
    row = session.scalar(_passage(event).with_for_update(of=EventRow))
    if row is not None and not _is_news(row, event):
        return False
    if row is None:
        row = EventRow(id=event.id, sequence=0, source=_source(session, event.source))
        session.add(row)
    row.sequence += 1
    row.change = change + 1
    write_event(row, event)
    row.picture = pictures.get("picture") or row.picture
    row.crop = pictures.get("crop") or row.crop
    session.flush()
    if event.looks:
        session.execute(insert(LookRow), [{"event_key": row.key} | look_values(look) for look in event.looks])
    _add_deliveries(session, row, event, targets)
    return True


def _is_news(row: EventRow, event: Event) -> bool:
    """Whether an event comes after all that is known of its passage."""
    return row.type != "end" and (event.type == "end" or event.last_time > row.last_time)


def _last_change(session: Session) -> int:
    """The number of the newest change; nobody else makes one until the transaction ends.

    On SQLite one writes at a time anyway. Elsewhere a change could else be seen before one of a smaller number, and
    whoever asks for all after it would never be given that.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _CHANGING})
    return session.scalar(select(func.max(EventRow.change))) or 0


def _source(session: Session, name: str) -> SourceRow:
    row = session.scalar(select(SourceRow).where(SourceRow.name == name))
    if row is None:
        row = SourceRow(name=name)
        session.add(row)
    return row


def _add_deliveries(session: Session, row: EventRow, event: Event, targets: Sequence[str]) -> None:
    # A dictionary of Python numbers: vectors of NumPy are no JSON.
    message = event.to_json() | {"sequence": row.sequence, "picture": row.picture, "crop": row.crop}
    now = datetime.now(timezone.utc)
    session.add_all(
        DeliveryRow(
            target=target, event_id=row.id, sequence=row.sequence, source=event.source, message=message, created=now
        )
        for target in targets
    )
