"""Who looks on, and who only seems to: answers that go on end with their client, or where it takes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from browsing import at_a_port
from fastapi import FastAPI

from lp_recognition.service import audience as audience_module
from lp_recognition.service.audience import Audience
from lp_recognition.service.streams import streams_router
from lp_recognition.video.live_pictures import LivePicture


class Noise:
    """A stream with a large picture that is a new one for everybody who asks."""

    names = ("gate",)

    def __init__(self) -> None:
        self._numbers = itertools.count()

    def picture(self, name: str) -> LivePicture:
        """The next one."""
        return LivePicture(next(self._numbers), bytes(1_000_000))


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, Audience]]:
    app, stopping = FastAPI(), asyncio.Event()
    audience = Audience(stopping)
    live: Any = Noise()
    app.include_router(streams_router(live, audience))
    app.state.service = SimpleNamespace(stopping=stopping)
    with at_a_port(app) as address:
        yield address, audience


@pytest.fixture
def served() -> Iterator[tuple[str, Audience]]:
    with serving() as both:
        yield both


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.01)


def looking(address: str) -> socket.socket:
    """A client that has the first bytes of a stream."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", int(address.rpartition(":")[2])))
    client.sendall(b"GET /v1/streams/gate.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    assert client.recv(15) == b"HTTP/1.1 200 OK"
    return client


def test_who_goes_is_let_go(served):
    address, audience = served
    clients = [looking(address) for _ in range(3)]
    until(lambda: audience.count == 3)
    for client in clients:
        client.close()
    until(lambda: audience.count == 0)


def test_who_takes_nothing_is_let_go(served, monkeypatch):
    monkeypatch.setattr(audience_module, "_PATIENCE_S", 0.4)
    address, audience = served
    with looking(address):
        until(lambda: audience.count == 1)
        until(lambda: audience.count == 0)


def test_the_service_ends_though_somebody_looks_on():
    with contextlib.ExitStack() as opened:
        with serving() as (address, audience):  # which ends before its client does
            opened.enter_context(looking(address))
            until(lambda: audience.count == 1)
        assert audience.count == 0
