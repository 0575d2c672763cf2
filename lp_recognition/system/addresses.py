"""Addresses of cameras, databases and brokers in messages: never with what lets one in."""

from __future__ import annotations

import re

_USER = re.compile(r"(?<=://)[^/\s]*@")
_VALUE = re.compile(r"(?<=[?&])([^=&\s#]+=)[^&\s#'\"]+")


def without_credentials(text: str) -> str:
    """A text in which every address has lost its user, its password and the values of its query.

    `rtsp://admin:secret@camera/stream?token=1` becomes `rtsp://camera/stream?token=***`. It is for single addresses and
    for whole messages of libraries, which may hold some.
    """
    return _VALUE.sub(r"\1***", _USER.sub("", text))
