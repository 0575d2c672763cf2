"""What passes, as it comes: server-sent events out of the database, which loses none, whoever wrote them."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from starlette.concurrency import run_in_threadpool

from lp_recognition.service.audience import Audience
from lp_recognition.service.live import Live
from lp_recognition.service.streams import state_of
from lp_recognition.video.database.connection import DatabaseError
from lp_recognition.video.database.search import FoundEvent, find_changes, last_change
from lp_recognition.video.database.store import Store

#: The database is asked so often whether there is something new: once for all who look on.
_POLL_S = 0.25
#: So many events are read at a time.
_CHUNK = 100
#: How the streams get on is told so often, where it has changed; a comment shows after so long that all is well.
_STATE_S, _HEARTBEAT_S = 1.0, 10.0
#: A client that lost its connection comes again after so many milliseconds.
_RETRY_MS = 1000


class Feed:
    """The events of a database for any number of clients, each of which has a place of its own in them.

    A client's place is the number of the last change that it has: after a break, also one of the service, it goes on
    from there. A passage that has changed several times meanwhile is told as it is now. Nothing is kept for a client:
    one that is slow reads from the database when it can.

    Args:
        store: The database; None where events are kept nowhere, and the state of streams alone is told.
        live: Streams whose state is told, too.
    """

    def __init__(self, store: Store | None, live: Live | None = None) -> None:
        self._store = store
        self._live = live
        self._newest, self._asked_at = 0, float("-inf")

    async def messages(self, after: int | None, audience: Audience) -> AsyncIterator[bytes]:
        """Server-sent events: `passage` with an event, its change as its id; `streams` with the state of the streams.

        Args:
            after: The last change that the client has; None begins with the next one.
            audience: Ends it.
        """
        yield f"retry: {_RETRY_MS}\n\n".encode()
        newest = await self._last_change()
        # A number beyond the newest one is of another database.
        place = newest if after is None else min(max(after, 0), newest)
        told, told_at = "", float("-inf")
        while not audience.is_over:
            now = time.monotonic()
            if place < await self._last_change():
                for found in await run_in_threadpool(self._changes, place):
                    place, told_at = found.change, now
                    yield _message("passage", event_json(found), place)
            elif now - told_at >= (_HEARTBEAT_S if self._live is None else _STATE_S):
                state = "" if self._live is None else json.dumps(await run_in_threadpool(state_of, self._live))
                if state != told:
                    told, told_at = state, now
                    yield f"event: streams\ndata: {state}\n\n".encode()
                elif now - told_at >= _HEARTBEAT_S:
                    told_at = now
                    yield b": all is well\n\n"
                await audience.wait(_POLL_S)
            else:
                await audience.wait(_POLL_S)

    async def _last_change(self) -> int:
        if time.monotonic() - self._asked_at >= _POLL_S:
            self._asked_at = time.monotonic()
            self._newest = await run_in_threadpool(self._ask)
        return self._newest

    def _ask(self) -> int:
        try:
            return 0 if self._store is None else last_change(self._store)
        except DatabaseError:  # it may be back; what came meanwhile is told then
            return self._newest

    def _changes(self, after: int) -> list[FoundEvent]:
        try:
            return [] if self._store is None else find_changes(self._store, after, _CHUNK)
        except DatabaseError:
            return []


def event_json(found: FoundEvent) -> dict[str, Any]:
    """An event as the service tells it: with where its pictures are, where it has any."""
    path = f"/v1/events/{found.event.id}"
    return found.event.to_json() | {
        "sequence": found.sequence,
        "picture": None if found.picture is None else f"{path}/picture",
        "crop": None if found.crop is None else f"{path}/crop",
    }


def _message(kind: str, values: dict[str, Any], number: int) -> bytes:
    return f"id: {number}\nevent: {kind}\ndata: {json.dumps(values, ensure_ascii=False)}\n\n".encode()
