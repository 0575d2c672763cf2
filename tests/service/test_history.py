"""What has passed, over HTTP: search, pages, an event with its looks and pictures, and events as they come."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from made_up_engine import served
from sqlalchemy import update
from tiny_events import make_event

from lp_recognition.images.image import decode_image
from lp_recognition.service import feed as feed_module
from lp_recognition.service.audience import Audience
from lp_recognition.service.feed import Feed
from lp_recognition.service.history import history_router
from lp_recognition.video.database.connection import DatabaseUnavailableError
from lp_recognition.video.database.search import last_change
from lp_recognition.video.database.store import Store
from lp_recognition.video.database.tables import EventRow
from lp_recognition.video.events import KnownMatch


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'plates.db'}") as opened:
        yield opened


@pytest.fixture
def client(store) -> Iterator[TestClient]:
    with served(store=store) as client:
        yield client


def texts(client: TestClient, **query: object) -> list[str]:
    answer = client.get("/v1/events", params=query)
    assert answer.status_code == 200, answer.text
    return [event["text"] for event in answer.json()["events"]]


def test_searching_gives_the_latest_first(client, store):
    store.record(make_event(2, known=KnownMatch("B-8002", "edits", 0.5)))
    store.record(make_event(1))
    store.record(make_event(3, source="road", text="CD34"))
    for query, expected in (
        ({}, ["CD34", "AB002", "AB001"]),
        ({"plate": "a?-00*"}, ["AB002", "AB001"]),
        ({"plate": "b8*"}, ["AB002"]),
        ({"source": "road"}, ["CD34"]),
        ({"known": "yes"}, ["AB002"]),
        ({"known": "no"}, ["CD34", "AB001"]),
        ({"since": "2026-11-26T12:02:00Z"}, ["CD34", "AB002"]),
        ({"until": "2026-11-26T13:02:00+01:00"}, ["AB001"]),
        ({"plate": "A\0B001"}, ["AB001"]),
    ):
        assert texts(client, **query) == expected, query


def test_pages_follow_each_other(client, store):
    for number in range(5):
        store.record(make_event(number))
    first = client.get("/v1/events", params={"limit": 3}).json()
    assert (first["total"], first["sources"], first["change"]) == (5, ["gate"], 5)
    assert [event["id"] for event in first["events"]] == ["gate-4", "gate-3", "gate-2"]
    rest = client.get("/v1/events", params={"limit": 3, "before": first["next"]}).json()
    assert rest == {"events": rest["events"], "next": None}
    assert [event["id"] for event in rest["events"]] == ["gate-1", "gate-0"]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"since": "yesterday"}, {"since": "0001-01-01T00:00:00+14:00"}, {"known": "perhaps"}]
)
def test_what_cannot_be_searched_for_is_refused(client, query):
    assert client.get("/v1/events", params=query).status_code == 422


def test_an_event_has_its_looks_and_its_pictures(client, store):
    event = make_event(1)
    store.record(event)
    told = client.get("/v1/events/gate-1").json()
    looks = [look.to_json() for look in event.looks]
    pictures = {"sequence": 1, "picture": "/v1/events/gate-1/picture", "crop": "/v1/events/gate-1/crop"}
    assert told == event.to_json() | pictures | {"looks": looks}
    for kind, shape in (("picture", (48, 64, 3)), ("crop", (20, 60, 3))):
        answer = client.get(told[kind])
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert decode_image(answer.content, kind).shape == shape
        again = client.get(told[kind], headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b"")


def test_what_is_not_there_is_not_found(client, store, tmp_path):
    store.record(make_event(1, crop=None))
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    with store.writing() as session:
        session.execute(update(EventRow).values(picture="../secret.jpg"))
    for path in ("gate-1/picture", "gate-1/crop", "gate-2", "gate-2/picture", "..%2f..%2fplates.db/picture", "a%00b"):
        answer = client.get(f"/v1/events/{path}")
        assert (answer.status_code, "secret" in answer.text) == (404, False), path


def test_a_service_without_a_database_says_so():
    with served() as client:
        answer = client.get("/v1/events")
    assert (answer.status_code, answer.json()["detail"][:19]) == (404, "expected a database")


# ---- As they come --------------------------------------------------------------------------------------------------


def listen(feed: Feed, after: int | None, *steps: Callable[[], object]) -> list[tuple[int, str, str]]:
    """What a client is told: change, passage and type; each step is done once nothing more comes."""
    told = []

    async def collect() -> None:
        left, stopping = list(steps), asyncio.Event()
        async for piece in feed.messages(after, Audience(stopping)):
            if piece.startswith(b"id: "):
                fields = dict(line.split(": ", 1) for line in piece.decode().strip().split("\n"))
                event = json.loads(fields["data"])
                told.append((int(fields["id"]), event["id"], event["type"]))
            elif piece == b": all is well\n\n":
                if not left:
                    stopping.set()
                else:
                    left.pop(0)()

    asyncio.run(asyncio.wait_for(collect(), 20))
    return told


def test_a_wrong_query_is_told_as_settings_are(client):
    told = client.get("/v1/events?limit=0&known=maybe").json()["error"].split("; ")
    assert sorted(told) == [
        "known: expected 'any', 'yes' or 'no', received 'maybe'",
        "limit: expected greater than or equal to 1, received '0'",
    ]


@pytest.fixture
def feed(store, monkeypatch) -> Feed:
    monkeypatch.setattr(feed_module, "_POLL_S", 0.005)
    monkeypatch.setattr(feed_module, "_HEARTBEAT_S", 0.05)
    return Feed(store)


def test_events_come_as_they_are_recorded(feed, store):
    store.record(make_event(1))
    steps = [partial(store.record, make_event(2, "start")), partial(store.record, make_event(2))]
    assert listen(feed, None, *steps) == [(2, "gate-2", "start"), (3, "gate-2", "end")]


def test_who_comes_back_gets_what_was_missed(feed, store, monkeypatch):
    monkeypatch.setattr(feed_module, "_CHUNK", 1)
    for number in range(3):
        store.record(make_event(number))
    assert listen(feed, 1) == [(2, "gate-1", "end"), (3, "gate-2", "end")]
    assert listen(feed, -5)[0] == (1, "gate-0", "end")


def test_a_number_of_another_database_begins_with_what_is_next(feed, store):
    store.record(make_event(1))
    assert listen(feed, 7**30, partial(store.record, make_event(2))) == [(2, "gate-2", "end")]


def test_a_database_that_is_away_for_a_while_loses_no_event(feed, store, monkeypatch):
    def away(*_: object) -> None:
        raise DatabaseUnavailableError("plates.db: locked")

    def goes() -> None:
        store.record(make_event(1))
        monkeypatch.setattr(feed_module, "last_change", away)

    def comes_back() -> None:
        monkeypatch.setattr(feed_module, "last_change", last_change)

    assert listen(feed, 0, goes, comes_back) == [(1, "gate-1", "end")]


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ({"headers": {"Last-Event-ID": "1"}}, "2"),
        ({"params": {"after": 1}}, "2"),
        ({"headers": {"Last-Event-ID": "2"}, "params": {"after": 1}}, "3"),
        ({"headers": {"Last-Event-ID": "none"}, "params": {"after": 1}}, "2"),
    ],
)
def test_a_client_names_the_last_event_that_it_has(client, store, monkeypatch, asked, first):
    for number in range(3):
        store.record(make_event(number))
    begin = Audience.answer

    def answer(audience: Audience, pieces: AsyncIterator[bytes], media_type: str) -> Any:
        async def until_the_first() -> AsyncIterator[bytes]:
            async for piece in pieces:
                yield piece
                if b"id: " in piece:
                    client.app.state.service.stopping.set()

        return begin(audience, until_the_first(), media_type)

    monkeypatch.setattr(Audience, "answer", answer)
    told = client.get("/v1/events/stream", **asked)
    assert told.headers["Content-Type"].startswith("text/event-stream")
    assert re.findall("^id: (.*)$", told.text, re.MULTILINE)[0] == first


def test_too_many_that_look_on_are_told_to_come_again(store):
    app = FastAPI()
    app.include_router(history_router(store, Audience(asyncio.Event(), most=0)))
    answer = TestClient(app).get("/v1/events/stream")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
