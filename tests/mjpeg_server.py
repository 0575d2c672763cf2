"""A camera of the tests: an HTTP server that sends numbered pictures as MJPEG, and can be killed and brought back."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable

import cv2
from tiny_videos import numbered

from lp_recognition.images.image import Image


class MjpegServer:
    """Serves pictures at a rate, to any number of clients, each from the first picture on.

    Args:
        picture: The n-th picture.
        rate: Pictures a second.
    """

    def __init__(
        self, picture: Callable[[int], Image] = lambda number: numbered(number % 32), rate: float = 50
    ) -> None:
        self._picture, self._pause_s, self._port = picture, 1 / rate, 0
        self.start()

    @property
    def address(self) -> str:
        """Where it is, with a password that nobody asks for."""
        return f"http://user:secret@127.0.0.1:{self._port}/video.mjpg"

    def start(self) -> None:
        """Begins to serve, at the same port as before."""
        self._stopped = stopped = threading.Event()
        picture, pause_s = self._picture, self._pause_s

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                number = 0
                while not stopped.wait(pause_s):
                    data = cv2.imencode(".jpg", picture(number))[1].tobytes()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                    try:
                        self.wfile.write(head.encode() + data + b"\r\n")
                    except OSError:
                        return
                    number += 1

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            allow_reuse_address = True
            daemon_threads = True

        self._server = Server(("127.0.0.1", self._port), Handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def stop(self) -> None:
        """Dies: all clients lose their connection."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._server.shutdown()
            self._server.server_close()
