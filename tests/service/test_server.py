"""The server at its port: clients that are slow, too many or gone; and how it ends."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from made_up_engine import MadeUpEngine, jpeg, served_over_http

from lp_recognition.service.engine.jobs import Answer, Job
from lp_recognition.service.server import Server, listen
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import UserError

JPEG = jpeg()
POST = f"POST /v1/alpr HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: {len(JPEG)}\r\n\r\n"


class SlowEngine(MadeUpEngine):
    """Answers once it may; notes who did not wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = threading.Event()
        self.begun = threading.Event()
        self.left = threading.Event()

    async def read(self, job: Job) -> Answer:
        """Waits until it may."""
        self.begun.set()
        try:
            while not self.may_answer.is_set():
                await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.left.set()
            raise
        return await super().read(job)


def connect(server: Server) -> socket.socket:
    parts = urlsplit(server.address)
    return socket.create_connection((parts.hostname, parts.port), timeout=10)


def answer_of(connection: socket.socket) -> tuple[int, dict]:
    """Status and body of an answer; status 0 where the connection is closed without one."""
    response = http.client.HTTPResponse(connection)
    try:
        response.begin()
    except http.client.RemoteDisconnected:
        return 0, {}
    return response.status, json.loads(response.read())


def test_a_picture_is_answered_and_the_connection_kept():
    with served_over_http() as server, connect(server) as connection:
        for _ in range(2):
            connection.sendall(POST.encode() + JPEG)
            status, record = answer_of(connection)
            assert (status, record["plates"][0]["text"]) == (200, "AB-123")


def test_an_address_of_another_machine_is_told_apart_from_a_port_that_is_taken():
    with pytest.raises(
        UserError, match=r"^host: expected an address of this machine, received 192\.0\.2\.1: [^(]*; name"
    ):
        listen(ServiceConfig(host="192.0.2.1", no_auth=True))
    taken = r"^port: expected a free port of 127\.0\.0\.1, received \d+: [^(]*; name"
    with served_over_http() as server, pytest.raises(UserError, match=taken):
        listen(ServiceConfig(port=urlsplit(server.address).port))


@pytest.mark.parametrize(("host", "typed"), [("0.0.0.0", "127.0.0.1"), ("127.0.0.1", "127.0.0.1")])
def test_the_address_that_is_told_can_be_typed(host, typed, capsys):
    with served_over_http(host=host, no_auth=True) as server:
        assert urlsplit(server.address).hostname == typed
        with socket.create_connection((typed, urlsplit(server.address).port)):
            pass
    others = ", and at all other addresses of this machine" if host != typed else ""
    assert capsys.readouterr().err == f"alpr serves {server.address}{others}\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", 0),
        (b"GET / HTTP/1.1\r\nHost: 127", 408),
        (POST.encode() + JPEG[:100], 408),
        (b"no request\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nX: " + bytes([120]) * 70_000, 431),
    ],
    ids=["nothing", "half a head", "half a body", "no HTTP", "a long head"],
)
def test_a_client_that_takes_its_time_is_cut_off(sent, status):
    limits = {"header_seconds": 0.3, "body_seconds": 0.3}
    with served_over_http(limits=limits) as server, connect(server) as connection:
        connection.sendall(sent)
        assert answer_of(connection)[0] == status
        assert connection.recv(1) == b""


def test_clients_beyond_their_number_are_refused():
    with served_over_http(limits={"max_clients": 1}) as server, connect(server), connect(server) as second:
        status, record = answer_of(second)
        assert (status, list(record)) == (503, ["error"])


def test_a_body_that_is_too_large_is_received_before_it_is_refused():
    with served_over_http(limits={"max_bytes": 1000}) as server, connect(server) as connection:
        head = POST.replace(f"Length: {len(JPEG)}", "Length: 200000")
        connection.sendall(head.encode() + bytes(200_000))
        assert answer_of(connection)[0] == 413


def test_bodies_together_are_bounded():
    engine = SlowEngine()
    large = JPEG + bytes(700_000)
    head = POST.replace(f"Length: {len(JPEG)}", f"Length: {len(large)}").encode()
    with served_over_http(engine, limits={"max_waiting_bytes": 1_000_000}) as server:
        with connect(server) as first, connect(server) as second:
            first.sendall(head + large)
            assert engine.begun.wait(5)
            second.sendall(head + large)
            assert answer_of(second)[0] == 503
            engine.may_answer.set()
            assert answer_of(first)[0] == 200
        with connect(server) as third:
            third.sendall(head + large)
            assert answer_of(third)[0] == 200


def test_who_has_gone_is_not_worked_for():
    engine = SlowEngine()
    with served_over_http(engine) as server:
        with connect(server) as connection:
            connection.sendall(POST.encode() + JPEG)
            assert engine.begun.wait(5)
        assert engine.left.wait(5)


def test_what_is_under_way_is_answered_before_the_end():
    engine = SlowEngine()
    with served_over_http(engine) as server, connect(server) as connection:
        connection.sendall(POST.encode() + JPEG)
        assert engine.begun.wait(5)
        server.should_exit = True
        while server.servers[0].is_serving():
            time.sleep(0.01)
        engine.may_answer.set()
        assert answer_of(connection)[0] == 200


def test_the_end_waits_no_longer_than_it_may():
    engine = SlowEngine()
    with served_over_http(engine, stop_seconds=1) as server, connect(server) as connection:
        connection.sendall(POST.encode() + JPEG)
        assert engine.begun.wait(5)
        server.should_exit = True
        assert engine.left.wait(10)
