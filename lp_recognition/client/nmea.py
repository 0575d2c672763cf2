"""Positions from a receiver at a serial port, which speaks NMEA 0183."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from datetime import datetime, timezone
from typing import Any

import pynmea2
import serial

from lp_recognition.client.positions import Fix, lines_of
from lp_recognition.video.live import GoneError

#: Of a port whose speed is not told.
BAUD = 115_200
_TIMEOUT_S = 10.0
_TICK_S = 0.2
_KNOT_MPS = 1852 / 3600


def nmea_fixes(port: str, baud: int, stopped: threading.Event) -> Generator[Fix, None, None]:
    """Fixes of the receiver at a serial port, as they come; see `Receiver`.

    Args:
        port: Its device, as `/dev/ttyUSB0`.
        baud: Its speed, in bits a second.
        stopped: Ends it.

    Raises:
        GoneError: it is not there, was unplugged, or is silent.
    """
    try:
        with serial.Serial(port, baud, timeout=_TICK_S) as connection:
            fix_of = Sentences()
            for line in lines_of(_reading(connection), stopped):
                fix = fix_of(line)
                if fix is not None:
                    yield fix
    except (OSError, ValueError) as error:  # of pyserial's own errors most are of both kinds
        raise GoneError(f"{port}: {getattr(error, 'strerror', None) or error}") from None


def _reading(connection: Any) -> Callable[[], bytes]:
    heard = time.monotonic()

    def read() -> bytes:
        nonlocal heard
        received = bytes(connection.read(max(1, connection.in_waiting)))
        if received:
            heard = time.monotonic()
        elif time.monotonic() - heard > _TIMEOUT_S:
            raise GoneError(f"{connection.port}: silent for {_TIMEOUT_S:g} s; is its baud right?")
        return received

    return read


class Sentences:
    """Fixes of the sentences of one receiver, which tells them in parts: RMC place, speed and course; GGA the height.

    Where no RMC comes, a GGA is a fix, too.
    """

    def __init__(self) -> None:
        self._altitude_m: float | None = None
        self._has_rmc = False

    def __call__(self, line: str) -> Fix | None:
        """The fix that a sentence completes; None of other sentences, damaged ones, and of those without a place."""
        try:
            sentence: Any = pynmea2.parse(line, check=True)
            kind = getattr(sentence, "sentence_type", "")
            if kind == "GGA" and int(sentence.gps_qual or 0) > 0:
                self._altitude_m = _number(sentence.altitude)
                return None if self._has_rmc else Fix(sentence.latitude, sentence.longitude, None, self._altitude_m)
            if kind != "RMC" or sentence.status != "A":
                return None
            self._has_rmc = True
            speed = _number(sentence.spd_over_grnd)
            return Fix(
                sentence.latitude,
                sentence.longitude,
                datetime.combine(sentence.datestamp, sentence.timestamp.replace(tzinfo=timezone.utc)),
                self._altitude_m,
                None if speed is None else speed * _KNOT_MPS,
                _number(sentence.true_course),
            )
        except (pynmea2.ParseError, ValueError, TypeError, AttributeError):
            return None


def _number(value: Any) -> float | None:
    return None if value in (None, "") else float(value)
