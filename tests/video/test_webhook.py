"""Events posted to a web address, which answers, refuses, dies and comes back."""

from __future__ import annotations

import email
import email.policy
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import pytest
from brokers import free_port
from delivering import QUICK, Recording, configs, wait_until, without_repeats
from tiny_events import make_event, passage

from lp_recognition.video.database.store import Store
from lp_recognition.video.deliveries.delivering import Deliveries


class Receiver:
    """A web server that keeps what is posted, and can be stopped and started on its port.

    Attributes:
        requests: Path, headers and body of each.
        answers: Statuses to give first, then 200; a text is where a redirection points to.
    """

    def __init__(self) -> None:
        self.port = free_port()
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[int | str] = []
        self.start()

    def start(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer = receiver.answers.pop(0) if receiver.answers else 200
                if answer == 200:
                    receiver.requests.append((self.path, dict(self.headers), body))
                self.send_response(302 if isinstance(answer, str) else answer)
                if isinstance(answer, str):
                    self.send_header("Location", answer)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        ThreadingHTTPServer.allow_reuse_address = True
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def sqlite_store(tmp_path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'plates.db'}") as store:
        yield store


def told(receiver: Receiver) -> list[dict[str, object]]:
    return [json.loads(body) for _, _, body in receiver.requests]


def test_nothing_is_lost_while_the_receiver_is_away(sqlite_store, receiver):
    with Deliveries(sqlite_store, configs({"type": "webhook", "url": receiver.url}), QUICK) as deliveries:
        recording = Recording(deliveries)
        for _ in range(2):
            count = len(receiver.requests)
            wait_until(lambda count=count: len(receiver.requests) > count + 3)
            receiver.stop()
            wait_until(lambda: deliveries.states()[0].worker.failures)
            receiver.start()
        marks = recording.end()
        wait_until(lambda: deliveries.states()[0].pending == 0)
    assert without_repeats((event["id"], event["sequence"]) for event in told(receiver)) == marks


def test_the_request_holds_the_event_and_what_tells_repeats(sqlite_store, receiver):
    url = receiver.url.replace("//", "//eve:ses%40me@") + "/sesame?a=b"
    target = {"type": "webhook", "url": url, "headers": {"X-Gate": "7"}}
    event = make_event(1, id="tor ü-1")
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        deliveries.record(event)
        wait_until(lambda: receiver.requests)
        assert deliveries.states()[0].label.startswith(f"webhook http://127.0.0.1:{receiver.port} #")
    [(path, headers, body)] = receiver.requests
    assert path == "/hook/sesame?a=b"
    assert json.loads(body).items() >= event.to_json().items()
    assert headers["Content-Type"] == "application/json"
    assert headers["Authorization"] == "Basic ZXZlOnNlc0BtZQ=="
    assert headers["X-Gate"] == "7"
    assert headers["Idempotency-Key"] == "tor%20%C3%BC-1:1"


def test_with_its_picture_it_is_a_form(sqlite_store, receiver):
    target = {"type": "webhook", "url": receiver.url, "form": "platerecognizer", "pictures": True}
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        deliveries.record(make_event(1, direction_deg=210.0))
        wait_until(lambda: receiver.requests)
    [(_, headers, body)] = receiver.requests
    head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    fields = {part.get_param("name", header="Content-Disposition"): part for part in message.iter_parts()}
    picture = fields["upload"].get_payload(decode=True)
    assert picture.startswith(b"\xff\xd8")
    posted = json.loads(fields["json"].get_payload(decode=True))
    assert posted["hook"]["event"] == "recognition"
    assert posted["hook"]["filename"] == fields["upload"].get_filename()
    assert posted["data"]["camera_id"] == "gate"
    assert posted["data"]["timestamp"] == "2026-11-26T12:01:00.250000Z"
    [result] = posted["data"]["results"]
    box = {"xmin": 9, "ymin": 20, "xmax": 60, "ymax": 40}
    assert (result["plate"], result["box"], result["vehicle"]["box"]) == ("ab001", box, box)
    assert (result["direction"], result["position_sec"]) == (210, 1)
    assert posted["event"] == {"id": "gate-1", "type": "end", "sequence": 1}


def test_without_a_picture_plate_recognizers_form_is_urlencoded(sqlite_store, receiver):
    target = {"type": "webhook", "url": receiver.url, "form": "platerecognizer"}
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        deliveries.record(make_event(1))
        wait_until(lambda: receiver.requests)
    [(_, headers, body)] = receiver.requests
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    [posted] = parse_qs(body.decode())["json"]
    assert json.loads(posted)["data"]["results"][0]["score"] == 0.75


def test_redirections_are_not_followed(sqlite_store, receiver):
    receiver.answers = ["http://eve:sesame@127.0.0.1:1/other?key=sesame"] * 2
    with Deliveries(sqlite_store, configs({"type": "webhook", "url": receiver.url}), QUICK) as deliveries:
        deliveries.record(make_event(1))
        wait_until(lambda: deliveries.states()[0].worker.failures)
        [state] = deliveries.states()
        assert state.label == f"webhook {state.worker.last_error.partition(': ')[0]}"
        assert state.worker.last_error.endswith(
            ": answered 302 Found; name the address that it points to, http://127.0.0.1:1"
        )
        wait_until(lambda: receiver.requests)


@pytest.mark.parametrize(("status", "is_refused"), [(400, True), (413, True), (401, False), (429, False), (503, False)])
def test_what_is_wrong_with_one_event_holds_up_no_other(sqlite_store, receiver, status, is_refused):
    receiver.answers = [status]
    with Deliveries(sqlite_store, configs({"type": "webhook", "url": receiver.url}), QUICK) as deliveries:
        for event in passage(1):
            deliveries.record(event)
        wait_until(lambda: deliveries.states()[0].pending == 0)
        assert deliveries.states()[0].refused == int(is_refused)
    assert [event["sequence"] for event in told(receiver)] == ([2, 3] if is_refused else [1, 2, 3])


def test_a_receiver_that_is_silent_is_given_up(sqlite_store):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:  # which accepts, and says nothing
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        target = {"type": "webhook", "url": url, "timeout_s": 0.1}
        with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
            deliveries.record(make_event(1))
            wait_until(lambda: deliveries.states()[0].worker.failures)
            assert "timed out" in deliveries.states()[0].worker.last_error
            deliveries.close(timeout_s=0)
