"""What names a source: a file, a folder, the number of a camera, an address; and its name without a password."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
#: Schemes of streams that are opened.
SCHEMES = ("rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "srt", "udp", "tcp", "rtp")


def is_address(text: str) -> bool:
    """Whether a word is the address of a stream, and not a file."""
    return bool(_SCHEME.match(text))


def is_camera(text: str) -> bool:
    """Whether a word is the number of a camera: `0`."""
    return text.isascii() and text.isdigit() and not Path(text).exists()


def without_credentials(address: str) -> str:
    """An address without user, password and query, any of which may be a secret: `rtsp://camera/stream`."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # no address at all: nothing of it is told
        return address.partition("://")[0] + "://"
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{parts.path}"


def name_of(source: str) -> str:
    """What a source is called where nobody named it: an address without its secrets, a file's name, `camera 0`."""
    if is_address(source):
        return without_credentials(source)
    return f"camera {source}" if is_camera(source) else PurePosixPath(Path(source).resolve().as_posix()).name
