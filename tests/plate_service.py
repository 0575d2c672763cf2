"""A service of the tests: of a numbered picture it says that the plate `N` and its number is in it, or it fails."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np
from tiny_videos import number_of

#: Corners of every plate, in pixels of a picture of 64x48.
CORNERS = [[4.0, 4.0], [36.0, 4.0], [36.0, 14.0], [4.0, 14.0]]


def said_of(number: int, confidence: float = 0.9) -> dict[str, Any]:
    """What the service says of a picture."""
    plate = {"text": f"N{number}", "confidence": confidence, "score": 0.75, "corners": CORNERS, "reader": "tiny"}
    return {"plates": [plate], "more": "that is kept"}


class PlateService:
    """A web server that can be stopped, and started again on its port.

    Args:
        delay_s: So long it thinks about each picture.
        answers: What it says of pictures, by their numbers.

    Attributes:
        failures: Status and headers to answer first, in turn.
        requests: Headers, number and port of the client of each picture that was answered.
    """

    def __init__(
        self,
        delay_s: Callable[[int], float] = lambda number: 0.0,
        answers: Callable[[int], Any] = said_of,
    ) -> None:
        self.failures: list[tuple[int, Mapping[str, str]]] = []
        self.requests: list[tuple[dict[str, str], int, int]] = []
        self.asked = 0
        self._delay_s, self._answers, self._port = delay_s, answers, 0
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Begins to serve, at the same port as before."""
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                service.asked += 1
                if service.failures:
                    status, headers = service.failures.pop(0)
                    self._answer(status, headers, {"error": f"failed\nby {status}"})
                    return
                picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
                number = number_of(cv2.resize(picture, (64, 48)))
                time.sleep(service._delay_s(number))
                service.requests.append((dict(self.headers), number, self.client_address[1]))
                self._answer(200, {}, service._answers(number))

            def _answer(self, status: int, headers: Mapping[str, str], told: Any) -> None:
                body = json.dumps(told).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

            def shutdown_request(self, request: Any) -> None:
                open_connections.discard(request)
                super().shutdown_request(request)

            def process_request(self, request: Any, client_address: Any) -> None:
                open_connections.add(request)
                super().process_request(request, client_address)

            def handle_error(self, request: Any, client_address: Any) -> None:
                pass  # who asked has gone, or the server was stopped

        open_connections: set[Any] = set()
        self._connections = open_connections
        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Dies: all clients lose their connections."""
        self._server.shutdown()
        self._server.server_close()
        for connection in list(self._connections):
            self._server.shutdown_request(connection)
