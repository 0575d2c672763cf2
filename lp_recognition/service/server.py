"""The web server: one process and one event loop in front of the workers, ended gracefully."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import ipaddress
import socket
import sys
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from lp_recognition.service.security.protocol import bounded_protocol
from lp_recognition.service.serving import Service
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import UserError
from lp_recognition.system.interrupts import graceful


class Server(uvicorn.Server):
    """Serves an application at a port.

    Signals are handled as elsewhere in this package, by `run`, and the application is told when it is to end.

    Args:
        app: The application, as `create_app` makes it.
        config: The limits.
        listening: The port, as `listen` opens it.

    Attributes:
        address: What to type into a browser at this machine.
    """

    def __init__(self, app: FastAPI, config: ServiceConfig, listening: socket.socket) -> None:
        self._service: Service = app.state.service
        self._listening = listening
        self.address = address_of(listening)
        super().__init__(
            uvicorn.Config(
                app, log_config=None, access_log=False, server_header=False, lifespan="on", ws="none",
                http=bounded_protocol(config.limits), timeout_graceful_shutdown=round(config.stop_seconds),
            )
        )  # fmt: skip

    async def serve_until_asked(self) -> None:
        """Serves until `should_exit` is set; then what is under way is ended.

        Raises:
            UserError: the engine cannot be started.
        """
        try:
            await self.serve([self._listening])
        except SystemExit:  # its way to tell of an application that does not start
            if self._service.failure is None:
                raise
        if self._service.failure is not None:
            raise self._service.failure

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to `run`."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Starts the application, and tells where it is found."""
        await super().startup(sockets)
        if not self.should_exit:
            others = ", and at all other addresses of this machine" if _is_every_address(self._listening) else ""
            print(f"alpr serves {self.address}{others}", file=sys.stderr, flush=True)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends answers that would go on for ever, waits for the others, and ends the application."""
        self._service.stopping.set()
        await super().shutdown(sockets)


def run(app: FastAPI, config: ServiceConfig, listening: socket.socket) -> None:
    """Serves an application until Ctrl-C or SIGTERM; a second one ends it at once.

    Raises:
        UserError: the engine cannot be started.
    """
    server = Server(app, config, listening)

    def interrupt() -> bool:
        was_asked, server.should_exit = server.should_exit, True
        return was_asked

    with graceful(interrupt, stopping="ending what is under way", ended="what was kept is whole"):
        asyncio.run(server.serve_until_asked())


def listen(config: ServiceConfig) -> socket.socket:
    """Opens the port that a service is to have.

    Raises:
        UserError: it cannot be had.
    """
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    try:
        return socket.create_server((config.host, config.port), family=family, backlog=2048)
    except OSError as error:
        reason = str(error.strerror or error).partition(" (while ")[0]  # the address is told in words of ours
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise UserError(
                f"port: expected a free port of {config.host}, received {config.port}: {reason}; name another --port"
            ) from None
        raise UserError(
            f"host: expected an address of this machine, received {config.host}: {reason}; name another --host"
        ) from None


def address_of(listening: socket.socket) -> str:
    """What to type into a browser at this machine."""
    host, port = listening.getsockname()[:2]
    if _is_every_address(listening):
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _is_every_address(listening: socket.socket) -> bool:
    return ipaddress.ip_address(listening.getsockname()[0].partition("%")[0]).is_unspecified
