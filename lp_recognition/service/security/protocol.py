"""HTTP with limits on what a client may take its time for: heads, bodies and connections.

Uvicorn waits for the head of a request as long as it takes; clients that send a byte a minute would hold all
connections.
"""

from __future__ import annotations

import asyncio
import json
from asyncio.events import TimerHandle
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from lp_recognition.settings.service import LimitSettings

#: Of the head of a request: the first line and all headers.
_MOST_HEAD_BYTES = 65_536
#: A body that is too slow is told so by the application, which knows its endpoint; after so much longer it is cut off.
_LATER_S = 2.0


def bounded_protocol(limits: LimitSettings) -> type[asyncio.Protocol]:
    """Uvicorn's protocol within limits."""

    class BoundedProtocol(HttpToolsProtocol):
        """Closes connections that are too slow, or too many."""

        _timer: TimerHandle | None = None
        _is_in_head = True
        _head_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._expect(limits.header_seconds)
            if len(self.connections) > limits.max_clients:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many clients; try again later")

        def connection_lost(self, exc: Exception | None) -> None:
            self._expect(None)
            super().connection_lost(exc)

        def data_received(self, data: bytes) -> None:
            if self.transport.is_closing():
                return
            self._head_bytes += len(data)
            super().data_received(data)
            if self._is_in_head and self._head_bytes > _MOST_HEAD_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head of the request is too large")

        def on_message_begin(self) -> None:
            self._is_in_head = True
            self._expect(limits.header_seconds)
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._is_in_head = False
            self._expect(limits.body_seconds + _LATER_S)
            super().on_headers_complete()

        def on_message_complete(self) -> None:
            self._expect(None)
            self._is_in_head, self._head_bytes = True, 0
            super().on_message_complete()

        def send_400_response(self, msg: str) -> None:
            self._refuse(HTTPStatus.BAD_REQUEST, "this is no HTTP request")

        def _expect(self, seconds: float | None) -> None:
            """Closes the connection unless something comes in time; None waits for nothing."""
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None if seconds is None else self.loop.call_later(seconds, self._give_up)

        def _give_up(self) -> None:
            if self._is_in_head and self._head_bytes:
                self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the head of the request came too slowly")
            else:
                self.transport.close()

        def _refuse(self, status: HTTPStatus, message: str) -> None:
            if not self.transport.is_closing():
                self.transport.write(_answer(status, {"error": message}))
                self.transport.close()

    return BoundedProtocol


def _answer(status: HTTPStatus, values: dict[str, Any]) -> bytes:
    body = json.dumps(values).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
