"""What names a source: a file, a folder, the number of a camera, or an address."""

from __future__ import annotations

import re
from pathlib import Path

from lp_recognition.system.addresses import without_credentials

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
#: Schemes of streams that are opened.
SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "srt", "udp", "tcp", "rtp")


def is_address(text: str) -> bool:
    """Whether a word is the address of a stream, and not a file."""
    return bool(_SCHEME.match(text))


def is_camera(text: str) -> bool:
    """Whether a word is the number of a camera: `0`."""
    return text.isascii() and text.isdigit() and not Path(text).exists()


def name_of(source: str) -> str:
    """What a source is called where nobody named it: an address without its secrets, a file's name, `camera 0`."""
    if is_address(source):
        return without_credentials(source)
    return f"camera {source}" if is_camera(source) else Path(source).resolve().name
