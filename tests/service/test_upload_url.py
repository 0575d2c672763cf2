"""Pictures by their addresses: only where the operator names the hosts, and never into a private network."""

from __future__ import annotations

import http.server
import threading

import pytest
from made_up_engine import MadeUpEngine, jpeg, served

from lp_recognition.images.urls import AllowedHosts

JPEG = jpeg()


@pytest.fixture(scope="module")
def server():
    """A server of a picture, of a way to another host, and of more than may be fetched."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/moved":
                self.send_response(302)
                self.send_header("Location", f"http://localhost:{self.server.server_address[1]}/car.jpg")
                self.end_headers()
                return
            self.send_response(200)
            self.end_headers()
            self.wfile.write(JPEG if self.path.startswith("/car.jpg") else bytes(50_000))

        def log_message(self, *_: object) -> None:
            """Is quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def asked(address: str, **settings: object) -> tuple[int, dict, MadeUpEngine]:
    engine = MadeUpEngine()
    with served(engine, **settings) as client:
        answer = client.post("/v1/plate-reader/", data={"upload_url": address})
    return answer.status_code, answer.json(), engine


def test_a_host_that_is_named_is_fetched_from(server):
    status, record, engine = asked(f"{server}/car.jpg?size=1", upload_hosts=["127.0.0.0/8"])
    assert (status, record["filename"]) == (200, "car.jpg")
    assert engine.jobs[0].pictures[0].data == JPEG


@pytest.mark.parametrize(
    ("path", "hosts", "told"),
    [
        ("/car.jpg", [], "fetches nothing"),
        ("/car.jpg", ["pictures.example", "192.168.0.0/16"], "127.0.0.1 is not among the hosts"),
        ("/moved", ["127.0.0.1"], None),  # to another name of an address that is named
        ("/large", ["127.0.0.1"], "received more than 20,000 bytes"),
    ],
)
def test_what_may_not_be_fetched_is_told(server, path, hosts, told):
    status, record, _ = asked(f"{server}{path}", upload_hosts=hosts, limits={"max_bytes": 20_000})
    assert (status, told is None or told in record["error"]) == (200 if told is None else 400, True), record


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[", "x", "http://127.0.0.1:x/"])
def test_nothing_but_http_is_fetched(address):
    assert asked(address, upload_hosts=["127.0.0.1"])[0] == 400


def test_a_name_is_allowed_at_public_addresses_alone(monkeypatch):
    addresses = {"pictures.example": "93.184.216.34", "inner.example": "10.0.0.5", "mapped.example": "::ffff:10.0.0.5"}

    def look_up(host, port, **_):
        return [(2, 1, 6, "", (addresses.get(host.lower(), host), port))]

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    hosts = AllowedHosts(["pictures.example", "Inner.example.", "mapped.example", "192.168.1.0/24"])
    assert hosts.address_of("Pictures.example", 80) == "93.184.216.34"
    assert hosts.address_of("192.168.1.9", 80) == "192.168.1.9"
    for host in ("inner.example", "mapped.example", "93.184.216.34", "192.168.2.1", "169.254.169.254"):
        with pytest.raises(ValueError, match="not among the hosts"):
            hosts.address_of(host, 80)
    assert AllowedHosts(["inner.example", "10.0.0.5"]).address_of("inner.example", 80) == "10.0.0.5"
