"""The web server: one process and one event loop in front of the workers, ended gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from lp_recognition.service.serving import Service
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import UserError
from lp_recognition.system.interrupts import graceful


class _Server(uvicorn.Server):
    """Uvicorn's, whose signals are handled as elsewhere in this package, and which tells its application of its end.

    Attributes:
        service: What the application works with.
    """

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self.service = service

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to `graceful`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the application, and tells where it is found."""
        await super().startup(sockets)
        if not self.should_exit and sockets:
            print(f"alpr serves {address_of(sockets[0])}", file=sys.stderr, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends answers that would go on for ever, waits for the others, and ends the application."""
        self.service.stopping.set()
        await super().shutdown(sockets)


def run(app: FastAPI, config: ServiceConfig) -> None:
    """Serves an application until Ctrl-C or SIGTERM; a second one ends it at once.

    Raises:
        UserError: the port cannot be had, or the engine cannot be started.
    """
    service: Service = app.state.service
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)  # what goes wrong is told by the application
    listening = _listen(config)
    server = _Server(
        uvicorn.Config(
            app, log_config=None, access_log=False, server_header=False, lifespan="on", ws="none",
            timeout_graceful_shutdown=round(config.stop_seconds),
        ),
        service,
    )  # fmt: skip

    def interrupt() -> bool:
        was_asked, server.should_exit = server.should_exit, True
        return was_asked

    with graceful(interrupt, stopping="ending what is under way", ended="what was kept is whole"):
        asyncio.run(server.serve([listening]))
    if service.failure is not None:
        raise service.failure


def address_of(listening: socket.socket) -> str:
    """What to type into a browser at this machine."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _listen(config: ServiceConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family, backlog=2048)
    except OSError as error:
        raise UserError(
            f"port: expected a free port of {config.host}, received {config.port}: {error.strerror or error}; name "
            "another --port"
        ) from None
