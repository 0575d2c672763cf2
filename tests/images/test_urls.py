"""Fetching pictures: over HTTP alone, bounded in size and time. The server is this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lp_recognition.images import urls
from lp_recognition.images.urls import fetch, is_url
from lp_recognition.system.errors import ImageError

PICTURE = bytes(range(256)) * 10


class Handler(BaseHTTPRequestHandler):
    """Answers by path."""

    stopped = threading.Event()

    def do_GET(self) -> None:
        """Gives a picture, all or part of it, slowly, from elsewhere, or not at all."""
        if self.path == "/moved":
            self._answer(302, Location="/picture")
        elif self.path == "/file":
            self._answer(302, Location="file:///etc/hostname")
        elif self.path == "/slow":
            self._answer(200)
            self.stopped.wait(10)
        elif self.path == "/short":
            self._answer(200, **{"Content-Length": str(len(PICTURE) + 1)})
            self.wfile.write(PICTURE)
        elif self.path == "/picture":
            self._answer(200)
            self.wfile.write(PICTURE)
        else:
            self.send_error(404)

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Says nothing."""


@pytest.fixture
def server(monkeypatch) -> Iterator[str]:
    """Its address."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    Handler.stopped.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        Handler.stopped.set()
        server.shutdown()


def test_a_picture_is_fetched_wherever_it_has_moved(server):
    assert fetch(f"{server}/picture") == fetch(f"{server}/moved") == PICTURE


@pytest.mark.parametrize(
    ("path", "received"),
    [("/none", "status 404 Not Found"), ("/file", "status 302 "), ("/short", "2560 of 2561 bytes")],
)
def test_what_is_none_is_told(server, path, received):
    with pytest.raises(ImageError, match=rf"{path}: expected an image, received {received}"):
        fetch(f"{server}{path}")


def test_a_server_that_is_not_there_is_told():
    with pytest.raises(ImageError, match="expected an image, received an error: "):
        fetch("http://127.0.0.1:1/x")


def test_size_and_time_are_bounded(server, monkeypatch):
    monkeypatch.setattr(urls, "MAX_BYTES", len(PICTURE) - 1)
    with pytest.raises(ImageError, match="received more than 2,559 bytes"):
        fetch(f"{server}/picture")
    monkeypatch.setattr(urls, "MAX_SECONDS", 0.2)
    with pytest.raises(ImageError, match=r"received (an error: timed out|no whole answer in 0\.2 seconds)"):
        fetch(f"{server}/slow")


@pytest.mark.parametrize("address", ["file:///etc/hostname", "ftp://127.0.0.1/x", "data:,x", "no address"])
def test_nothing_but_http_is_fetched(address):
    assert not is_url(address)
    with pytest.raises(ImageError, match=r"expected an image, received an error: unknown "):
        fetch(address)
