"""Pictures of the network: fetched only where a user allows it, over HTTP alone, bounded in size and time."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Iterable
from typing import Any

from lp_recognition.system.errors import ImageError

#: A larger picture, or a slower answer, is given up.
MAX_BYTES, MAX_SECONDS = 64_000_000, 30.0
_CHUNK = 1 << 16
#: Those of `urllib.request.build_opener` without the ones for files, FTP and data.
_HANDLERS = (
    "ProxyHandler", "UnknownHandler", "HTTPHandler", "HTTPSHandler", "HTTPDefaultErrorHandler", "HTTPRedirectHandler",
    "HTTPErrorProcessor",
)  # fmt: skip


def is_url(text: str) -> bool:
    """Whether a word is the address of something on the network."""
    return text.lower().startswith(("http://", "https://"))


class AllowedHosts:
    """The hosts that pictures may be fetched from on behalf of others, who shall not reach into a private network.

    Args:
        hosts: Names, addresses and networks, as `camera.example`, `192.0.2.7` or `192.168.1.0/24`. A name is allowed at
            public addresses alone, unless its address is among them, too.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self._names: set[str] = set()
        self._networks: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
        for host in hosts:
            try:
                self._networks.append(ipaddress.ip_network(host, strict=False))
            except ValueError:
                self._names.add(host.lower().rstrip("."))

    def address_of(self, host: str, port: int) -> str:
        """The address to connect to, of those that a host has.

        Raises:
            ValueError: it is not allowed.
            OSError: it has none.
        """
        found = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        for text in found:
            address = ipaddress.ip_address(text.partition("%")[0])
            is_named = any(address in network for network in self._networks)
            if is_named or (host.lower().rstrip(".") in self._names and address.is_global):
                return text
        raise ValueError(f"{host} is not among the hosts that are allowed")


def fetch(
    url: str, allowed: AllowedHosts | None = None, max_bytes: int | None = None, max_seconds: float | None = None
) -> bytes:
    """Reads what an `http` or `https` address gives, redirections and the proxies of the environment included.

    Args:
        url: The address.
        allowed: Hosts that are connected to, for redirections, too, and by no proxy; None for any.
        max_bytes: A larger answer is given up; None for `MAX_BYTES`.
        max_seconds: So is a slower one; None for `MAX_SECONDS`.

    Raises:
        ImageError: there is no answer in time, or an error, or more than a picture may have.
    """
    max_bytes, max_seconds = max_bytes or MAX_BYTES, max_seconds or MAX_SECONDS
    outcome: list[bytes | str] = []
    too_late = threading.Event()

    def read() -> None:
        outcome.append(_read(url, allowed, max_bytes, max_seconds, too_late))

    # In a thread, as no timeout of the standard library bounds the whole of an answer that trickles.
    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    thread.join(max_seconds)
    too_late.set()
    received = outcome[0] if outcome else f"no whole answer in {max_seconds:g} seconds"
    if isinstance(received, str):
        raise ImageError(f"{url}: expected an image, received {received}")
    return received


def _read(
    url: str, allowed: AllowedHosts | None, max_bytes: int, max_seconds: float, too_late: threading.Event
) -> bytes | str:
    """The bytes, or what was received in place of them."""
    # Imported here: it takes longer than reading a plate does.
    import urllib.error
    from http.client import HTTPException

    data = bytearray()
    try:
        with _opener(allowed).open(url, timeout=max_seconds) as response:
            while (chunk := response.read1(_CHUNK)) and not too_late.is_set():
                data += chunk
                if len(data) > max_bytes:
                    return f"more than {max_bytes:,} bytes"
            expected = response.headers.get("Content-Length")
    except urllib.error.HTTPError as error:
        return f"status {error.code} {error.reason}"
    except urllib.error.URLError as error:
        return f"an error: {error.reason}"
    except (OSError, HTTPException, ValueError) as error:
        return f"an error: {error}"
    if expected is not None and expected.isdecimal() and int(expected) != len(data):
        return f"{len(data)} of {expected} bytes"
    return bytes(data)


def _opener(allowed: AllowedHosts | None) -> Any:
    """What opens addresses; where hosts are named, it connects to them alone."""
    import urllib.request

    opener = urllib.request.OpenerDirector()
    opener.addheaders = [("User-Agent", "lp_recognition")]
    for name in _HANDLERS:
        is_guarded = allowed is not None and name in ("ProxyHandler", "HTTPHandler", "HTTPSHandler")
        if hasattr(urllib.request, name) and not is_guarded:  # a Python without SSL has no HTTPSHandler
            opener.add_handler(getattr(urllib.request, name)())
    if allowed is not None:
        for handler in _guarded_handlers(allowed):
            opener.add_handler(handler)
    return opener


def _guarded_handlers(allowed: AllowedHosts) -> list[Any]:
    """Handlers that look up a name once: what was checked is what is connected to."""
    import http.client
    import urllib.request

    class Plain(http.client.HTTPConnection):
        def connect(self) -> None:
            self.sock = socket.create_connection((allowed.address_of(self.host, self.port), self.port), self.timeout)

    class PlainHandler(urllib.request.HTTPHandler):
        def http_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Plain, req)

    if not hasattr(http.client, "HTTPSConnection"):
        return [PlainHandler()]

    class Encrypted(http.client.HTTPSConnection):
        def connect(self) -> None:
            plain = socket.create_connection((allowed.address_of(self.host, self.port), self.port), self.timeout)
            self.sock = self._context.wrap_socket(plain, server_hostname=self.host)  # type: ignore[attr-defined]

    class EncryptedHandler(urllib.request.HTTPSHandler):
        def https_open(self, req: urllib.request.Request) -> Any:
            return self.do_open(Encrypted, req)

    return [PlainHandler(), EncryptedHandler()]
