"""Pages for this machine: served to a browser here, and to nobody else."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from lp_recognition.system.errors import UserError
from lp_recognition.system.serving import Answer, LocalServer


def get(address: str, host: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(address, headers={"Host": host}), timeout=10) as answer:
        return answer.read()


def test_a_page_of_elsewhere_is_refused():
    with LocalServer(lambda path: Answer("text/plain", b"secret")) as server:
        assert get(server.address, "localhost:1234") == b"secret"
        with pytest.raises(urllib.error.HTTPError, match="403"):
            get(server.address, "evil.example")


def test_a_port_that_is_taken_is_told():
    with LocalServer(lambda path: None) as server:
        port = int(server.address.rsplit(":", 1)[1].strip("/"))
        with pytest.raises(UserError, match=f"expected a free port, received {port}"):
            LocalServer(lambda path: None, port)
