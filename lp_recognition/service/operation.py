"""What operators look at: health, figures, and a line a request."""

from __future__ import annotations

import logging
import re
import time
import uuid
from typing import TYPE_CHECKING

from fastapi import APIRouter, Response
from pydantic import BaseModel
from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse

import lp_recognition
from lp_recognition.service.documents import error_answers
from lp_recognition.service.errors import error_response
from lp_recognition.service.logs import tell

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lp_recognition.service.serving import Service

_log = logging.getLogger(__name__)

#: Asked for again and again by programs: told only where somebody looks for a fault.
_OFTEN = {"/healthz", "/readyz", "/metrics"}


class HealthAnswer(BaseModel):
    """How the service gets on; `refused_share` is of the requests of the last half minute."""

    status: str
    version: str
    keeps_up: bool
    refused_share: float
    workers: int
    waiting: int


def operation_router(service: Service) -> APIRouter:
    """Health and figures."""
    router = APIRouter(tags=["operation"])

    def health_of(status: str) -> HealthAnswer:
        state = service.engine.state()
        return HealthAnswer(
            status=status,
            version=lp_recognition.__version__,
            keeps_up=service.health.keeps_up,
            refused_share=round(service.health.refused_share, 3),
            workers=state.workers,
            waiting=state.waiting,
        )

    @router.get("/healthz")
    @router.head("/healthz", include_in_schema=False)
    async def health() -> HealthAnswer:
        """Whether the program lives."""
        return health_of("ok")

    @router.get("/readyz", response_model=HealthAnswer, responses={503: {"model": HealthAnswer}})
    @router.head("/readyz", include_in_schema=False)
    async def ready() -> Response:
        """Whether requests are answered: `ready`, `cannot keep up`, and with 503 `no workers` and `stopping`.

        One that cannot keep up is ready all the same: it answers what it can, and others would have more to do.
        """
        state = service.engine.state()
        status = "ready" if service.health.keeps_up and not state.is_full else "cannot keep up"
        if not state.workers:
            status = "no workers"
        if service.stopping.is_set():
            status = "stopping"
        is_ready = status in ("ready", "cannot keep up")
        return JSONResponse(health_of(status).model_dump(), 200 if is_ready else 503)

    @router.get(
        "/metrics", response_class=Response,
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **error_answers(401, 403)},
    )  # fmt: skip
    async def metrics() -> Response:
        """The figures for Prometheus."""
        return Response(service.metrics.text(), media_type="text/plain; version=0.0.4")

    return router


class Observed:
    """Counts and tells each request, and answers what no handler expected.

    Paths may end with a slash or without: clients of other services do either, and follow no redirection.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = uuid.uuid4().hex[:12]
        path = re.sub("/+", "/", scope["path"]).rstrip("/") or "/"
        scope = {**scope, "path": path, "state": {**scope.get("state", {}), "request": number}}
        began, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = number
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            _log.exception("failed", extra={"fields": {"request": number, "method": scope["method"], "path": path}})
            if status:
                raise
            await error_response(path, 500, "the service failed; its log says why")(scope, receive, noting)
        finally:
            self._tell(scope, status, time.perf_counter() - began)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")  # not the path: anybody can make up any number of them
        self._service.metrics.note_request(route, status, seconds)
        path = route if "{" in route else scope["path"]  # a known plate is no business of a log
        tell(
            _log, logging.DEBUG if scope["path"] in _OFTEN and status == 200 else logging.INFO, "request",
            request=scope["state"]["request"], method=scope["method"], path=path, status=status,
            ms=round(1000 * seconds, 1), client=scope["state"].get("client_name", ""),
        )  # fmt: skip
