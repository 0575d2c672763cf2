"""Opens what tells positions by the word that names it."""

from __future__ import annotations

from functools import partial
from urllib.parse import parse_qs, urlsplit

from lp_recognition.client.positions import MAX_AGE_S, Positions, Receiver
from lp_recognition.system.errors import UserError

_EXPECTED = "expected gpsd://localhost, serial:///dev/ttyUSB0?baud=115200 or a GPX file"


def open_positions(word: str, *, offset_s: float = 0.0, max_age_s: float = MAX_AGE_S) -> Positions:
    """Opens a satellite receiver or a recorded track; nothing is received before its `with` block.

    Args:
        word: `gpsd://HOST[:PORT][/DEVICE]`, `serial:///DEVICE[?baud=N]`, or a GPX file.
        offset_s: As of `GpxTrack`.
        max_age_s: Older positions are none.

    Raises:
        UserError: it is none of these; a file is missing or no GPX.
    """
    if "://" not in word:
        from lp_recognition.client.gpx import GpxTrack

        return GpxTrack(word, offset_s, max_age_s)
    parts = urlsplit(word)
    try:
        port = parts.port
    except ValueError:
        raise UserError(f"{word}: expected a port from 1 to 65535; gpsd://localhost:2947") from None
    if parts.scheme == "gpsd":
        from lp_recognition.client import gpsd

        connect = partial(gpsd.gpsd_fixes, parts.hostname or "localhost", port or gpsd.PORT, parts.path.rstrip("/"))
        return Receiver(connect, max_age_s)
    if parts.scheme == "serial" and parts.netloc + parts.path:
        from lp_recognition.client import nmea

        [baud] = parse_qs(parts.query).get("baud", [str(nmea.BAUD)])[:1]
        if not (baud.isascii() and baud.isdigit() and int(baud) > 0):
            raise UserError(f"{word}: expected bits a second, as ?baud=115200, received {baud}")
        return Receiver(partial(nmea.nmea_fixes, parts.netloc + parts.path, int(baud)), max_age_s)
    raise UserError(f"{word}: {_EXPECTED}")
