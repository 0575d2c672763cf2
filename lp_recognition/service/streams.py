"""The streams that the service watches: how they get on, and their pictures, one or one after the other."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Response
from starlette.concurrency import run_in_threadpool

from lp_recognition.service.audience import Audience
from lp_recognition.service.documents import error_answers
from lp_recognition.service.live import Live
from lp_recognition.video.live_pictures import PAUSE_S

_BOUNDARY = "frame"
#: A picture that stays the same is sent again after so long: who is gone is noticed by it.
_AGAIN_S = 5.0


def streams_router(live: Live | None, audience: Audience) -> APIRouter:
    """The endpoints below `/v1/streams`; without `live` there are no streams."""
    router = APIRouter(prefix="/v1/streams", tags=["streams"], responses=error_answers(401, 403, 404, 422, 503))

    @router.get("", summary="How the streams get on")
    def streams() -> dict[str, Any]:
        """The state of each stream, its frames a second, what was dropped and why; and how deliveries go."""
        return state_of(live)

    @router.get("/{name}.jpg", summary="The newest frame of a stream", response_class=Response)
    def picture(name: str) -> Response:
        """A JPEG with what is read drawn into it; 404 for a name that is none, 503 before the first frame."""
        newest = _named(live, name).picture(name)
        if newest is None:
            raise HTTPException(503, f"{name}: there is no frame yet", {"Retry-After": "2"})
        return Response(newest.data, media_type="image/jpeg", headers={"Cache-Control": "no-store"})

    @router.get("/{name}.mjpg", summary="A stream as it is watched", response_class=Response)
    async def pictures(name: str, rate: Annotated[float, Query(ge=0.1, le=10)] = 1 / PAUSE_S) -> Response:
        """Motion JPEG, `rate` pictures a second at most, for an `img` of a page. It ends with the service."""
        return audience.answer(
            _parts(_named(live, name), name, 1 / rate, audience), f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        )

    return router


def state_of(live: Live | None) -> dict[str, Any]:
    """How all streams get on, as JSON has it."""
    if live is None:
        return {"streams": [], "deliveries": [], "error": None}
    targets = [
        {
            "target": target.label,
            "pending": target.pending,
            "refused": target.refused,
            "delivered": target.worker.delivered,
            "error": target.worker.last_error or None,
        }
        for target in live.delivering()
    ]
    return {"streams": live.states(), "deliveries": targets, "error": live.problem or None}


def _named(live: Live | None, name: str) -> Live:
    names = () if live is None else live.names
    if live is None or name not in names:
        raise HTTPException(404, f"expected one of the streams ({', '.join(names) or 'none'}), received {name[:100]!r}")
    return live


async def _parts(live: Live, name: str, pause_s: float, audience: Audience) -> AsyncIterator[bytes]:
    # A browser shows a picture once the mark behind it has come.
    yield f"--{_BOUNDARY}\r\n".encode()
    number, sent_at = -1, time.monotonic()
    while not audience.is_over:
        newest = await run_in_threadpool(live.picture, name)
        if newest is not None and (newest.number != number or time.monotonic() - sent_at > _AGAIN_S):
            number, sent_at = newest.number, time.monotonic()
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(newest.data)}\r\n\r\n"
            yield head.encode() + newest.data + f"\r\n--{_BOUNDARY}\r\n".encode()
        await audience.wait(pause_s)
