"""Positions from gpsd, in its JSON protocol (https://gpsd.io/gpsd_json.html)."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Generator
from datetime import datetime
from typing import Any

from lp_recognition.client.positions import Fix, lines_of
from lp_recognition.video.live import GoneError

#: The port of gpsd.
PORT = 2947
#: So long may connecting take, and silence last: a receiver that works reports every second, also without a fix.
_TIMEOUT_S = 10.0
_TICK_S = 0.2


def gpsd_fixes(host: str, port: int, device: str, stopped: threading.Event) -> Generator[Fix, None, None]:
    """Fixes of a gpsd, as they come; see `Receiver`.

    Args:
        host: Where it runs.
        port: Its port.
        device: Of its receivers this one, as `/dev/ttyUSB0`; empty for any.
        stopped: Ends it.

    Raises:
        GoneError: there is none, it closed the connection, or it is silent.
    """
    watch = {"enable": True, "json": True} | ({"device": device} if device else {})
    try:
        with socket.create_connection((host, port), _TIMEOUT_S) as connection:
            connection.settimeout(_TICK_S)
            connection.sendall(f"?WATCH={json.dumps(watch)};\n".encode())
            for line in lines_of(_Reading(connection), stopped):
                fix = fix_of(line)
                if fix is not None:
                    yield fix
    except OSError as error:
        raise GoneError(f"gpsd: {error.strerror or error}".lower()) from None


class _Reading:
    """Gives what comes within a moment, and raises once nothing has come for too long."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._heard = time.monotonic()

    def __call__(self) -> bytes:
        try:
            received = self._connection.recv(1 << 16)
        except socket.timeout:  # noqa: UP041 (its own class up to Python 3.9, and mypy's)
            if time.monotonic() - self._heard > _TIMEOUT_S:
                raise GoneError(f"gpsd: silent for {_TIMEOUT_S:g} s; is a receiver attached?") from None
            return b""
        if not received:
            raise GoneError("gpsd: closed the connection")
        self._heard = time.monotonic()
        return received


def fix_of(line: str) -> Fix | None:
    """The fix that a report of gpsd holds; None of other reports, and of those without a place."""
    try:
        report = json.loads(line)
        if report["class"] != "TPV" or report.get("mode", 0) < 2:  # 2 and 3: a place, without and with a height
            return None
        return Fix(
            float(report["lat"]),
            float(report["lon"]),
            _time(report.get("time")),
            _number(report.get("altMSL", report.get("alt"))),  # `alt` before version 3.20
            _number(report.get("speed")),
            _number(report.get("track")),
        )
    except (ValueError, TypeError, LookupError, AttributeError):  # no report, or half of one
        return None


def _time(told: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(told.replace("Z", "+00:00"))
    except (ValueError, AttributeError):
        return None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
