"""The first directory of a TIFF file, and of the EXIF block of other files, which is a small TIFF."""

from __future__ import annotations

import struct
from typing import Any

#: Values by tag, whole numbers alone.
TiffDirectory = dict[int, tuple[int, ...]]

_FORMATS = {1: "B", 3: "H", 4: "I", 16: "Q"}  # of the types that hold whole numbers
_TEXT = 2


def read_directory(data: bytes) -> TiffDirectory:
    """The whole numbers of the first directory.

    Raises:
        struct.error, ValueError: no TIFF, or one that ends before its directory does.
    """
    return _read(data, None, _FORMATS)


def read_texts(data: bytes, start: int) -> dict[int, str]:
    """The texts of the directory that begins at `start`, by tag, such as the times of EXIF.

    Raises:
        struct.error, ValueError: as of `read_directory`; or a text is not ASCII.
    """
    values = _read(data, start, {_TEXT: "s"})
    return {tag: text.partition(b"\0")[0].decode("ascii").strip() for tag, (text,) in values.items()}


def _read(data: bytes, at: int | None, formats: dict[int, str]) -> dict[int, tuple[Any, ...]]:
    """The values of a directory that are of some types; of the first, where `at` is None.

    Raises:
        struct.error, ValueError: no TIFF, or one that ends before its directory does.
    """
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None:
        raise ValueError("no TIFF")
    (version,) = struct.unpack_from(order + "H", data, 2)
    if version == 42:
        (start,) = struct.unpack_from(order + "I", data, 4)
        counted, entry, room = "H", "HHI", 4
    elif version == 43:
        (start,) = struct.unpack_from(order + "Q", data, 8)
        counted, entry, room = "Q", "HHQ", 8
    else:
        raise ValueError("no TIFF")
    start = start if at is None else at
    (entries,) = struct.unpack_from(order + counted, data, start)
    position = start + struct.calcsize(order + counted)
    directory: dict[int, tuple[Any, ...]] = {}
    for _ in range(min(entries, 4096)):
        tag, kind, count = struct.unpack_from(order + entry, data, position)
        place = position + struct.calcsize(order + entry)
        position = place + room
        form = formats.get(kind)
        if form is None or count < 1:
            continue
        size = struct.calcsize(order + form)
        if count * size > room:
            (place,) = struct.unpack_from(order + ("I" if room == 4 else "Q"), data, place)
        if place + count * size > len(data):
            raise struct.error("values beyond the end")
        directory.setdefault(tag, struct.unpack_from(f"{order}{count}{form}", data, place))
    return directory


def exif_orientation(data: bytes) -> int:
    """How a picture is to be turned, 1 to 8 as EXIF numbers it; 1, as it is, where nothing sensible is said."""
    try:
        orientation = read_directory(data).get(274, (1,))[0]
    except (struct.error, ValueError):
        return 1
    return orientation if 1 <= orientation <= 8 else 1
