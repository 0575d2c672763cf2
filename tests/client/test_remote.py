"""What a service answers, told apart by what to do about it."""

from __future__ import annotations

import socket
import threading
import time

import cv2
import pytest
from brokers import free_port
from plate_service import said_of
from tiny_videos import numbered

from lp_recognition.client.remote import RefusedError, RemoteAlpr, TimedOutError, UnavailableError
from lp_recognition.system.errors import UserError


def jpeg(number: int = 3) -> bytes:
    return cv2.imencode(".jpg", numbered(number))[1].tobytes()


def test_a_picture_is_read(service):
    remote = RemoteAlpr(f"{service.url}/", token="sesame")
    answer = remote.read(jpeg(5))
    [plate] = answer.plates
    assert (plate.text, plate.confidence, plate.score, plate.reader) == ("N5", 0.9, 0.75, "tiny")
    assert plate.box == (4, 4, 32, 10)
    assert answer.told == said_of(5)
    [(headers, _, _)] = service.requests
    assert headers["Authorization"] == "Token sesame"
    assert headers["Content-Type"] == "application/octet-stream"


def test_the_connection_is_kept(service):
    remote = RemoteAlpr(service.url)
    for number in range(3):
        remote.read(jpeg(number))
    assert len({port for _, _, port in service.requests}) == 1


@pytest.mark.parametrize("status", [401, 403, 404, 405, 302])
def test_what_no_waiting_mends_is_the_users_to_mend(service, status):
    service.failures = [(status, {"Location": "http://eve:secret@elsewhere/"} if status == 302 else {})]
    url = service.url.replace("//", "//eve:secret@")
    with pytest.raises(UserError, match=f"{status}") as told:
        RemoteAlpr(url).read(jpeg())
    assert "secret" not in str(told.value)
    assert str(told.value).startswith(service.url)


@pytest.mark.parametrize("status", [400, 413, 415, 422])
def test_a_picture_may_be_refused(service, status):
    service.failures = [(status, {})]
    with pytest.raises(RefusedError, match=rf"answered {status} [\w ]+: failed by {status}$"):
        RemoteAlpr(service.url).read(jpeg())


@pytest.mark.parametrize(
    ("given", "seconds"), [("7", 7), ("", None), ("soon", None), ("Thu, 01 Jan 1970 00:00:00 GMT", 0)]
)
def test_a_busy_service_says_when_to_ask_again(service, given, seconds):
    service.failures = [(503, {"Retry-After": given})]
    with pytest.raises(UnavailableError, match="answered 503") as told:
        RemoteAlpr(service.url).read(jpeg())
    assert told.value.retry_after_s == seconds


def test_a_service_that_is_away_is_told():
    with pytest.raises(UnavailableError, match=r"^connection refused$"):
        RemoteAlpr(f"http://127.0.0.1:{free_port()}").read(jpeg())


def test_a_slow_answer_is_given_up(service):
    service._delay_s = lambda number: 0.5
    began = time.monotonic()
    with pytest.raises(TimedOutError):
        RemoteAlpr(service.url, timeout_s=0.1).read(jpeg())
    assert time.monotonic() - began < 0.5


def test_an_answer_that_trickles_is_given_up():
    over = threading.Event()

    def trickle(server: socket.socket) -> None:
        connection, _ = server.accept()
        connection.recv(1 << 16)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not over.wait(0.02):
            connection.sendall(b"x")
        connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=trickle, args=(server,), daemon=True)
        thread.start()
        with pytest.raises(TimedOutError):
            RemoteAlpr(f"http://127.0.0.1:{server.getsockname()[1]}", timeout_s=0.2).read(jpeg())
        over.set()
        thread.join()


@pytest.mark.parametrize(
    "told", [[], {}, {"plates": [{"text": "A"}]}, {"plates": [{**said_of(1)["plates"][0], "confidence": 7}]}]
)
def test_another_service_is_found_out(service, told):
    service._answers = lambda number: told
    with pytest.raises(UserError, match="expected a service that `alpr serve` starts, received an answer of another"):
        RemoteAlpr(service.url).read(jpeg())


@pytest.mark.parametrize("url", ["", "127.0.0.1:8000", "ftp://host", "http://"])
def test_an_address_that_is_none_is_told(url):
    with pytest.raises(UserError, match="expected the address of a service"):
        RemoteAlpr(url)
