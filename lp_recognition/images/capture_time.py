"""When a photograph was taken: as its EXIF says, else when its file was last written."""

from __future__ import annotations

import struct
from datetime import datetime
from pathlib import Path

from lp_recognition.images.headers import jpeg_segments, kind_of, png_chunks
from lp_recognition.images.tiff import read_directory, read_texts

#: Tags of EXIF: its own directory, and in that the moment and its offset from UTC.
_EXIF_DIRECTORY, _TAKEN, _OFFSET = 0x8769, 0x9003, 0x9011


def capture_time(path: Path, data: bytes) -> datetime:
    """When a photograph was taken, with a time zone: this machine's, where EXIF names none.

    Args:
        path: Its file.
        data: The file's bytes.

    Raises:
        OSError: the file is gone.
    """
    return exif_time(data) or datetime.fromtimestamp(path.stat().st_mtime).astimezone()


def exif_time(data: bytes) -> datetime | None:
    """When EXIF says that a picture was taken, with a time zone; None where it says nothing sensible.

    Args:
        data: The bytes of a JPEG, PNG or TIFF.
    """
    try:
        exif = _exif_of(data)
        [start, *_] = read_directory(exif)[_EXIF_DIRECTORY]
        texts = read_texts(exif, start)
        taken = datetime.strptime(texts[_TAKEN], "%Y:%m:%d %H:%M:%S")
        offset = texts.get(_OFFSET)
        return datetime.fromisoformat(f"{taken.isoformat()}{offset}") if offset else taken.astimezone()
    except (struct.error, LookupError, ValueError, OSError, OverflowError):
        return None


def _exif_of(data: bytes) -> bytes:
    kind = kind_of(data)
    if kind == "JPEG":
        segments = (data[start : start + length] for marker, start, length in jpeg_segments(data) if marker == 0xE1)
        return next((one[6:] for one in segments if one.startswith(b"Exif\0\0")), b"")
    if kind == "PNG":
        return next((data[start : start + length] for name, start, length in png_chunks(data) if name == b"eXIf"), b"")
    return data if kind == "TIFF" else b""
