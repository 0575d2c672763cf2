"""The application: its endpoints, what stands around them, and its life."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

import lp_recognition
from lp_recognition.service.api import api_router
from lp_recognition.service.audience import Audience
from lp_recognition.service.code_project import code_project_router
from lp_recognition.service.engine.jobs import BusyError, Engine, EngineDownError
from lp_recognition.service.errors import RequestError, error_response, told_of
from lp_recognition.service.history import history_router
from lp_recognition.service.known import known_router
from lp_recognition.service.live import Live
from lp_recognition.service.operation import Observed, operation_router
from lp_recognition.service.page.router import page_router
from lp_recognition.service.plate_recognizer import plate_recognizer_router
from lp_recognition.service.security.guard import Guard
from lp_recognition.service.security.session import session_router
from lp_recognition.service.security.tokens import Tokens
from lp_recognition.service.serving import Service
from lp_recognition.service.streams import streams_router
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import ImageError
from lp_recognition.video.database.connection import DatabaseError
from lp_recognition.video.metrics import StreamMetrics

if TYPE_CHECKING:
    from lp_recognition.video.database.store import Store

_ABOUT = "Finds and reads license plates. Pictures come as a file of a form, as they are, or as base64 in JSON."


def create_app(
    config: ServiceConfig, *, engine: Engine, store: Store | None = None, live: Live | None = None
) -> FastAPI:
    """Makes an application; any number of them can live beside each other.

    Args:
        config: The settings.
        engine: What finds and reads; started and stopped with the application.
        store: Where events, known plates and counts are kept; it is closed by who opened it.
        live: The streams that are watched; begun and ended with the application.

    Raises:
        ConfigError: the file of tokens is broken.
    """
    service = Service(config, engine, store)
    audience = Audience(service.stopping)
    if live is not None:
        service.metrics.add(StreamMetrics(lambda: live.figures))
    tokens = Tokens(config.token_file) if config.token_file else None

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        try:
            await service.start()
            if live is not None:
                live.start()
            yield
        except Exception as error:  # the server that is started with it tells of none
            service.failure = error
            raise
        finally:
            service.stopping.set()
            if live is not None:
                await run_in_threadpool(live.stop)
            await service.stop()

    app = FastAPI(
        title="alpr", version=lp_recognition.__version__, description=_ABOUT, lifespan=life, redirect_slashes=False,
        docs_url=None, redoc_url=None,
    )  # fmt: skip
    app.state.service = service
    app.include_router(api_router(service))
    app.include_router(plate_recognizer_router(service))
    app.include_router(code_project_router(service))
    app.include_router(operation_router(service))
    app.include_router(session_router(tokens))
    app.include_router(history_router(store, audience, live))
    app.include_router(known_router(store))
    app.include_router(streams_router(live, audience))
    app.include_router(page_router())
    _add_error_handlers(app, service)
    app.add_middleware(Guard, config=config, tokens=tokens, metrics=service.metrics)
    app.add_middleware(Observed, service=service)
    return app


def _add_error_handlers(app: FastAPI, service: Service) -> None:
    """Errors are JSON, and tell what a client can mend."""

    def handle(kind: type[Exception], answer: Callable[[Request, Any], Response]) -> None:
        async def handler(request: Request, error: Exception) -> Response:
            return answer(request, error)

        app.add_exception_handler(kind, handler)

    def busy(request: Request, error: BusyError) -> Response:
        service.metrics.note_refusal("busy")
        service.health.note(refused=True)
        return error_response(request.url.path, 503, str(error), {"Retry-After": str(error.retry_after_s)})

    def invalid(request: Request, error: RequestValidationError) -> Response:
        return error_response(request.url.path, 422, told_of(error.errors()))

    handle(RequestError, lambda request, error: error_response(
        request.url.path, error.status, error.message, error.headers
    ))  # fmt: skip
    handle(BusyError, busy)
    handle(EngineDownError, lambda request, error: error_response(
        request.url.path, 503, str(error), {"Retry-After": "5"}
    ))  # fmt: skip
    handle(DatabaseError, lambda request, error: error_response(
        request.url.path, 503, str(error), {"Retry-After": "5"}
    ))  # fmt: skip
    handle(ImageError, lambda request, error: error_response(request.url.path, 400, str(error)))
    handle(RequestValidationError, invalid)
    handle(HTTPException, lambda request, error: error_response(
        request.url.path, error.status_code, str(error.detail), error.headers
    ))  # fmt: skip
