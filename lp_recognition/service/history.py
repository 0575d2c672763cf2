"""What has passed: search, page by page; an event with its looks and its pictures; and what comes, as it comes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Response

from lp_recognition.service.audience import Audience
from lp_recognition.service.documents import error_answers
from lp_recognition.service.feed import Feed, event_json
from lp_recognition.service.live import Live
from lp_recognition.video.database.search import (
    FoundEvent,
    count_events,
    find_event,
    find_looks,
    find_page,
    find_sources,
    last_change,
)
from lp_recognition.video.database.search import (
    Query as Search,
)
from lp_recognition.video.database.store import Store

_Text = Annotated[str, Query(max_length=200)]


def history_router(store: Store | None, audience: Audience, live: Live | None = None) -> APIRouter:
    """The endpoints below `/v1/events`."""
    router = APIRouter(prefix="/v1/events", tags=["events"], responses=error_answers(401, 403, 404, 422, 503))
    opened = Depends(opened_store(store))
    feed = Feed(store, live)

    @router.get("", summary="Search what has passed")
    def events(
        search: Annotated[Search, Depends(_search)],
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        before: Annotated[str, Query(max_length=200)] = "",
        store: Store = opened,
    ) -> dict[str, Any]:
        """The latest passages first. `next` is what to give as `before` for those before them.

        The first page has also how many there are, the names of all streams, and the number of the newest change, with
        which `/v1/events/stream` goes on.
        """
        change = last_change(store)  # before the search: what comes meanwhile is told, if twice
        found = find_page(store, search, limit + 1, before)
        told: dict[str, Any] = {"events": [event_json(one) for one in found[:limit]]}
        told["next"] = found[limit - 1].event.id if len(found) > limit else None
        if not before:
            told |= {"total": count_events(store, search), "sources": find_sources(store), "change": change}
        return told

    @router.get("/stream", summary="Events as they come", response_class=Response)
    async def stream(
        after: Annotated[int | None, Query(description="the last change that the client has")] = None,
        last_event_id: Annotated[str, Header(max_length=40)] = "",
    ) -> Response:
        """Server-sent events: `passage` for each change of a passage, `streams` with how the streams get on.

        The id of an event is the number of its change. A client that comes back names the last one that it has, as
        `Last-Event-ID` or `after`, and gets what it has missed, also after the service was started again. Where events
        are kept nowhere, only the streams are told.
        """
        place = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else after
        return audience.answer(feed.messages(place, audience), "text/event-stream")

    @router.get("/{event_id}", summary="An event with its looks")
    def event(event_id: str, store: Store = opened) -> dict[str, Any]:
        """All that is known of a passage, and each look that took part in the vote."""
        found = _found(store, event_id)
        return event_json(found) | {"looks": [look.to_json() for look in find_looks(store, event_id)]}

    @router.get("/{event_id}/picture", summary="The frame behind an event", response_class=Response)
    def picture(event_id: str, if_none_match: Annotated[str, Header()] = "", store: Store = opened) -> Response:
        """The frame of the look that agrees best with the answer, as a JPEG."""
        return _file(_found(store, event_id).picture, if_none_match)

    @router.get("/{event_id}/crop", summary="The plate behind an event", response_class=Response)
    def crop(event_id: str, if_none_match: Annotated[str, Header()] = "", store: Store = opened) -> Response:
        """The plate of that look, laid flat, as a JPEG."""
        return _file(_found(store, event_id).crop, if_none_match)

    return router


def opened_store(store: Store | None) -> Callable[[], Store]:
    """What gives the database to an endpoint, or says that there is none."""

    def given() -> Store:
        if store is None:
            raise HTTPException(404, "expected a database, received a service without one; start it with --database")
        return store

    return given


def _search(
    plate: Annotated[_Text, Query(description="`?` stands for one character, `*` for any number")] = "",
    since: Annotated[datetime | None, Query(description="the passage ended then or later")] = None,
    until: Annotated[datetime | None, Query(description="it began before then")] = None,
    source: _Text = "",
    known: Annotated[Literal["any", "yes", "no"], Query(description="whether the plate is known")] = "any",
) -> Search:
    """Which events are meant; moments without a zone are local ones of the service."""
    return Search(
        plate.replace("\0", ""),
        _moment("since", since),
        _moment("until", until),
        source.replace("\0", ""),
        {"any": None, "yes": True, "no": False}[known],
    )


def _moment(name: str, time: datetime | None) -> datetime | None:
    try:
        return None if time is None else time.astimezone(timezone.utc)
    except (OverflowError, ValueError, OSError):
        raise HTTPException(422, f"{name}: expected a moment, as 2026-11-26T08:00, received {time}") from None


def _found(store: Store, event_id: str) -> FoundEvent:
    found = None if "\0" in event_id else find_event(store, event_id)
    if found is None:
        raise HTTPException(404, f"expected the id of an event, received {event_id[:100]!r}, which is none")
    return found


def _file(path: Path | None, if_none_match: str) -> Response:
    """A picture; it is asked for anew each time, for that of a passage changes until its end."""
    try:
        if path is None:
            raise FileNotFoundError
        change = path.stat().st_mtime_ns
        headers = {"ETag": f'"{path.name}-{change:x}"', "Cache-Control": "private, no-cache"}
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(path.read_bytes(), media_type="image/jpeg", headers=headers)
    except FileNotFoundError:  # also where it was replaced or forgotten a moment ago
        raise HTTPException(404, "there is no picture, or no longer") from None
