"""Answers that go on for as long as somebody looks: events as they come, pictures of cameras."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from fastapi import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

_log = logging.getLogger(__name__)

#: So many look on at a time; any beyond are told to come again.
_MOST = 64
#: Who takes nothing for so long is let go.
_PATIENCE_S = 20.0
#: While somebody takes nothing, it is looked so often whether the service stops.
_SLICE_S = 0.25


class Audience:
    """All who look on. The service lets them go when it stops: else it would wait for them for ever.

    Args:
        stopping: Set when the service stops.
        most: How many there may be at a time.

    Attributes:
        count: How many there are.
    """

    def __init__(self, stopping: asyncio.Event, most: int = _MOST) -> None:
        self.count = 0
        self._stopping = stopping
        self._most = most

    @property
    def is_over(self) -> bool:
        """Whether the service stops: pieces end."""
        return self._stopping.is_set()

    async def wait(self, seconds: float) -> None:
        """Waits so long, or until the service stops."""
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    def answer(self, pieces: AsyncIterator[bytes], media_type: str) -> StreamingResponse:
        """An answer of pieces, as they come.

        Raises:
            HTTPException: too many look on.
        """
        if self.is_over or self.count >= self._most:
            raise HTTPException(503, "too many look on; come again in a moment", {"Retry-After": "5"})
        return _LastingResponse(self, pieces, media_type)


class _LastingResponse(StreamingResponse):
    """Ends with who asked, with the pieces, or where who asked takes none."""

    def __init__(self, audience: Audience, pieces: AsyncIterator[bytes], media_type: str) -> None:
        # Proxies would else hold back what shall come at once.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(pieces, headers=headers, media_type=media_type)
        self._audience = audience

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._audience.count += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._audience.count -= 1

    async def stream_response(self, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            sending = asyncio.ensure_future(send(message))
            try:
                await self._until_done(sending)
            finally:
                sending.cancel()

        # Where it raises, the answer is not completed, and the server closes the connection.
        with contextlib.suppress(_TookNothingError):
            await super().stream_response(send_in_time)

    async def _until_done(self, sending: asyncio.Future[None]) -> None:
        """Waits until something is sent.

        Raises:
            _TookNothingError: it was not taken in time, or the service stops meanwhile.
        """
        waited_s = 0.0
        while not (await asyncio.wait({sending}, timeout=_SLICE_S))[0]:
            waited_s += _SLICE_S
            if waited_s >= _PATIENCE_S or self._audience.is_over:
                _log.info("one who looked on took nothing for %g s, and was let go", waited_s)
                raise _TookNothingError
        sending.result()


class _TookNothingError(Exception):
    """A client takes nothing of what it is sent."""
