"""What becomes of events while streams are watched: a database and its deliveries, files, pictures, figures."""

from __future__ import annotations

import logging
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from lp_recognition.images.image import write_image
from lp_recognition.settings.deliveries import JsonlConfig
from lp_recognition.settings.streams import WatchConfig
from lp_recognition.system.errors import UserError
from lp_recognition.system.files import check_folder
from lp_recognition.video.database.connection import DatabaseUnavailableError
from lp_recognition.video.database.known_plates import StoredKnownPlates
from lp_recognition.video.database.outbox import Message
from lp_recognition.video.database.retention import forget
from lp_recognition.video.database.store import Store
from lp_recognition.video.deliveries.delivering import Deliveries, TargetState
from lp_recognition.video.deliveries.files import open_jsonl
from lp_recognition.video.deliveries.target import DeliveryError
from lp_recognition.video.events import Event, KnownMatch
from lp_recognition.video.known import KnownPlates
from lp_recognition.video.known_lists import read_known_list
from lp_recognition.video.watching import Stream

if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger(__name__)

#: A database that is away is tried again after so long; meanwhile events wait, of which so many keep their pictures.
_RETRY_S, _WITH_PICTURES = 5.0, 50
#: Passages whose events are counted: those that may still have some.
_PASSAGES = 10_000
#: What is old is forgotten so often.
_FORGET_EVERY_S = 3600.0


class Kept:
    """Keeps events as settings ask for, within a `with` block.

    Args:
        config: What is asked for.
        streams: The streams that are watched.

    Raises:
        UserError: a file or the database cannot be written, a list is broken, a port cannot be had, or another program
            keeps the passages of one of the streams.
    """

    def __init__(self, config: WatchConfig, streams: Sequence[Stream]) -> None:
        self._crops = Path(config.crops) if config.crops else None
        self._sinks: list[Callable[[Event], None]] = []
        self._matches: list[Callable[[str], KnownMatch | None]] = []
        self._database: _Database | None = None
        with ExitStack() as opening:
            if self._crops is not None:
                check_folder(self._crops)
                self._sinks.append(self._write_crop)
            if config.known:
                self._matches.append(KnownPlates(read_known_list(config.known), config.matching).match)
            if config.database_address:
                self._database = opening.enter_context(_Database(config, streams))
                self._matches.append(self._database.known.match)
                self._sinks.append(self._database.keep)
            elif config.events:
                self._sinks.append(opening.enter_context(EventsFile(config.events)).write)
            if config.metrics_port is not None:
                from lp_recognition.video.metrics import serve_metrics

                _, server = serve_metrics([stream.figures for stream in streams], config.metrics_port)
                opening.callback(server.shutdown)
            self._opened = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._opened.close()

    def match(self, text: str) -> KnownMatch | None:
        """The known plate that a text is taken for: of the list that was named, else of the database."""
        return next(filter(None, (match(text) for match in self._matches)), None)

    def keep(self, event: Event) -> None:
        """Keeps an event.

        Raises:
            UserError: it cannot be written.
        """
        for sink in self._sinks:
            sink(event)

    def tick(self) -> None:
        """To be called now and then: keeps what waits, and forgets what is old."""
        if self._database is not None:
            self._database.tick()

    def delivering(self) -> list[TargetState]:
        """How deliveries go."""
        return [] if self._database is None else self._database.deliveries.states()

    def _write_crop(self, event: Event) -> None:
        if self._crops is not None and event.type == "end" and event.crop is not None:
            write_image(self._crops / crop_name(event), event.crop)


class _Database:
    """A database that events are kept in. While it is away they wait, in order."""

    def __init__(self, config: WatchConfig, streams: Sequence[Stream]) -> None:
        self._waiting: deque[Event] = deque()
        self._try_at = self._forget_at = 0.0
        self._keep_days = config.keep_days
        targets = list(config.deliveries)
        if config.events:
            targets.append(JsonlConfig(type="jsonl", path=config.events))
        with ExitStack() as opening:
            self._store = opening.enter_context(Store(config.database_address))
            for stream in streams:
                opening.enter_context(self._store.claim_source(stream.name))
            self.known = StoredKnownPlates(self._store, config.matching)
            self.deliveries = opening.enter_context(Deliveries(self._store, targets))
            for stream in streams:
                if stream.source.is_live:  # nobody will tell how passages went on that a killed program left open
                    self.deliveries.close_open(stream.name)
            self._opened = opening.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            problem = self._record()
            self.deliveries.close()
            for state in self.deliveries.states():
                if state.pending:
                    _log.warning("%d messages wait for %s: they go with the next start", state.pending, state.label)
        finally:
            self._opened.close()
        if problem is not None:
            raise UserError(f"{len(self._waiting)} events are lost: {problem}")

    def keep(self, event: Event) -> None:
        """Keeps an event, behind those that wait."""
        self._waiting.append(event if len(self._waiting) < _WITH_PICTURES else replace(event, picture=None, crop=None))
        self.tick()

    def tick(self) -> None:
        """Keeps what waits, where it is time to try, and forgets what is old."""
        now = time.monotonic()
        if self._waiting and now >= self._try_at:
            problem = self._record()
            if problem is not None:
                self._try_at = now + _RETRY_S
                _log.error("%d events wait: %s", len(self._waiting), problem)
        if self._keep_days is not None and not self._waiting and now >= self._forget_at:
            self._forget_at = now + _FORGET_EVERY_S
            try:
                forget(self._store, self._keep_days)
            except DatabaseUnavailableError as error:  # the cameras go on, and it is tried again
                _log.error("what is older than %d days is not deleted yet: %s", self._keep_days, error)

    def _record(self) -> DatabaseUnavailableError | None:
        """Keeps what waits; returns what prevents it, if something does that may pass."""
        try:
            while self._waiting:
                self.deliveries.record(self._waiting[0])
                self._waiting.popleft()
        except DatabaseUnavailableError as error:
            return error
        return None


class EventsFile:
    """A file of JSON lines that every event is added to, where there is no database to deliver from.

    Events that an earlier run wrote, of the same video, are not written again.

    Args:
        path: The file.

    Raises:
        UserError: it cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file = open_jsonl(self._path)
        self._written = Counter(re.findall(r'^\{"id": "([^"]+)"', self._path.read_text("utf-8"), re.MULTILINE))
        self._told: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._file.close()

    def write(self, event: Event) -> None:
        """Adds an event; its `sequence` is its number among those of the passage, from 1.

        Raises:
            UserError: it cannot be written.
        """
        sequence = self._told.pop(event.id, 0) + 1
        self._told[event.id] = sequence  # the newest last
        if len(self._told) > _PASSAGES:
            del self._told[next(iter(self._told))]
        if sequence > self._written[event.id]:
            try:
                self._file.send([Message(0, event.source, event.to_json() | {"sequence": sequence})], lambda: False)
            except DeliveryError as error:
                raise UserError(str(error)) from None


def crop_name(event: Event) -> str:
    """The file of a passage's crop: when, where, what, and its id, so that no two share one."""
    words = (f"{event.first_time:%Y%m%dT%H%M%S}", event.source, event.text, event.id)
    return "_".join(re.sub(r"[^\w.-]+", "-", word) for word in words) + ".jpg"
