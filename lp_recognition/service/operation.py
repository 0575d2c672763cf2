"""What operators look at: health, figures, and a line a request."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

import lp_recognition
from lp_recognition.service.errors import error_response

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lp_recognition.service.serving import Service

_log = logging.getLogger(__name__)


def operation_router(service: Service) -> APIRouter:
    """Health and figures."""
    router = APIRouter(tags=["operation"])

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def health() -> dict[str, Any]:
        """Whether the program lives, and whether it keeps up."""
        return {"status": "ok", "version": lp_recognition.__version__}

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def ready() -> Response:
        """Whether requests are answered."""
        state = service.engine.state()
        if not state.workers:
            return JSONResponse({"status": "no worker"}, 503)
        return JSONResponse({"status": "cannot keep up" if state.is_full else "ready", "workers": state.workers})

    @router.get("/metrics")
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
        scope = {**scope, "path": re.sub("/+", "/", scope["path"]).rstrip("/") or "/"}
        began, status = time.perf_counter(), 0

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            _log.exception("%s %s", scope["method"], scope["path"])
            if status:
                raise
            status = 500
            answer = error_response(scope["path"], 500, "the service failed; its log says why")
            await answer(scope, receive, send)
        finally:
            route = scope.get("route")
            path = getattr(route, "path", "other")
            self._service.metrics.note_request(path, status, time.perf_counter() - began)
