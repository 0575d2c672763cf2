"""Pages for a browser, served by the standard library: to look at, at this machine unless others are let in."""

from __future__ import annotations

import http.server
import os
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lp_recognition.system.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Self

_ADDRESS = "127.0.0.1"


@dataclass(frozen=True)
class Answer:
    """What is sent for a path.

    Attributes:
        kind: Its type, as `text/html; charset=utf-8`.
        data: Its bytes; or pieces that are sent as they come, until there are no more or nobody listens.
    """

    kind: str
    data: bytes | Iterable[bytes]


class LocalServer:
    """Serves a browser at this machine, within a `with` block.

    Args:
        answer: Gives what stands at a path, as `/pictures/1.jpg`; None where nothing does. It is called by several
            threads.
        port: The port; 0 for one that is free.
        host: The address of this machine to serve at; `0.0.0.0` lets in everybody who reaches it.
        option: What names the port on the command line, for the error.

    Raises:
        UserError: the port cannot be had.
    """

    def __init__(
        self,
        answer: Callable[[str], Answer | None],
        port: int = 0,
        *,
        host: str = _ADDRESS,
        option: str = "--port",
    ) -> None:
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                # A page of elsewhere, whose name leads here, may not read what this one shows.
                asked = urlsplit(f"//{self.headers.get('Host', '')}").hostname
                if host == _ADDRESS and asked not in (_ADDRESS, "localhost"):
                    self.send_error(HTTPStatus.FORBIDDEN)
                    return
                found = answer(unquote(urlsplit(self.path).path))
                if found is None:
                    self.send_error(HTTPStatus.NOT_FOUND)
                    return
                self.send_response(HTTPStatus.OK)
                self.send_header("Content-Type", found.kind)
                if isinstance(found.data, bytes):
                    self.send_header("Content-Length", str(len(found.data)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                with suppress(ConnectionError):  # who looked has gone
                    for piece in [found.data] if isinstance(found.data, bytes) else found.data:
                        self.wfile.write(piece)

            def log_message(self, *_: object) -> None:
                """Standard error is for others."""

        try:
            self._server = http.server.ThreadingHTTPServer((host, port), Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(f"expected a free port, received {port}: {reason}; name another {option}") from None
        self._server.daemon_threads = True
        self._host = host
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        """What to type into a browser."""
        return f"http://{self._host}:{self._server.server_address[1]}/"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()

    def wait(self) -> None:
        """Serves until Ctrl-C."""
        self._thread.join()

    def show(self) -> None:
        """Tells the address on standard error, and opens a browser where there is a screen."""
        print(f"see {self.address}", file=sys.stderr, flush=True)
        has_screen = sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
        if has_screen and sys.stderr.isatty():
            webbrowser.open(self.address)
