"""Characters of fonts, as masks: OpenCV's built-in ones and a user's TrueType file."""

from __future__ import annotations

import functools
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.system.errors import UserError
from lp_recognition.system.extras import install_hint

Mask = NDArray[Any]  # uint8; OpenCV's own types are wider

_SIZE = 160
#: What TrueType and OpenType files begin with, and collections of them.
_MAGIC = (b"\x00\x01\x00\x00", b"OTTO", b"true", b"ttcf")


class FontError(UserError):
    """A font that cannot be read, or lacks a glyph that is asked for."""


@functools.lru_cache(maxsize=8192)
def outline(font: str, character: str, weight: int) -> Mask:
    """A character, large, cropped to its ink: uint8, of any size.

    Args:
        font: `sans` or `uni`, or the path of a font file.
        character: What to draw.
        weight: 400 is regular, 700 bold; fonts without weights ignore it.
    """
    canvas = np.zeros((_SIZE * 2, _SIZE * 2), np.uint8)
    cv2.putText(canvas, character, (40, _SIZE + 60), (255,), _load(font), _SIZE, weight)
    x, y, width, height = cv2.boundingRect(canvas)
    return canvas[y : y + height, x : x + width].copy()


def check_built_in(characters: Sequence[str]) -> None:
    """Refuses characters that the built-in fonts cannot draw.

    Raises:
        FontError: names them; or OpenCV is too old to have fonts.
    """
    _load("uni")
    missing = [c for c in characters if c != "?" and np.array_equal(outline("uni", c, 400), outline("uni", "?", 400))]
    if missing:
        raise FontError(f"the built-in fonts have no glyph for {''.join(missing)!r}; name a font of your own that has")


def check_font(path: str, characters: Sequence[str]) -> None:
    """Refuses a font file that cannot be read or lacks one of `characters`.

    Raises:
        FontError: names the file and what it lacks.
    """
    # OpenCV draws what a font lacks in another font, without a word: so ask the file. It also crashes on files that are
    # no fonts: so ask before it sees them.
    present = _code_points(path)
    _load(path)
    missing = "".join(character for character in characters if ord(character) not in present)
    if missing:
        raise FontError(f"{path}: the font has no glyph for {missing!r}; use a font that has, or other formats")


@functools.lru_cache(maxsize=16)
def _load(name: str) -> Any:
    if not hasattr(cv2, "FontFace"):
        raise FontError(
            f"drawing plates needs the fonts of OpenCV 5, received OpenCV {cv2.__version__}; {install_hint('train')}"
        )
    try:
        face = cv2.FontFace(name)
        readable = bool(face.getName())
    except cv2.error:
        readable = False
    if not readable:
        raise FontError(f"{name}: expected a TrueType font, received no file that OpenCV can read as one")
    return face


@functools.lru_cache(maxsize=4)
def _code_points(path: str) -> frozenset[int]:
    """The characters a TrueType file has glyphs for, read from its `cmap` table (formats 4 and 12)."""
    found: set[int] = set()
    try:
        data = Path(path).read_bytes()
        if data[:4] not in _MAGIC:
            raise StopIteration
        start = struct.unpack_from(">I", data, 12)[0] if data[:4] == b"ttcf" else 0
        (tables,) = struct.unpack_from(">H", data, start + 4)
        records = [struct.unpack_from(">4sIII", data, start + 12 + 16 * i) for i in range(tables)]
        cmap = next(offset for tag, _, offset, _ in records if tag == b"cmap")
        (count,) = struct.unpack_from(">H", data, cmap + 2)
        for i in range(count):
            table = cmap + struct.unpack_from(">HHI", data, cmap + 4 + 8 * i)[2]
            (kind,) = struct.unpack_from(">H", data, table)
            if kind == 4:
                found.update(_segments(data, table))
            elif kind == 12:
                (groups,) = struct.unpack_from(">I", data, table + 12)
                for j in range(groups):
                    first, last, _ = struct.unpack_from(">III", data, table + 16 + 12 * j)
                    found.update(range(first, min(last, 0x10FFFF) + 1))
    except OSError as error:
        raise FontError(f"{path}: expected a TrueType font, received an error: {error.strerror}") from None
    except (struct.error, StopIteration):
        raise FontError(f"{path}: expected a TrueType font, received a file without a table of characters") from None
    return frozenset(found)


def _segments(data: bytes, table: int) -> set[int]:
    """The characters of a `cmap` subtable of format 4 whose glyph is not the missing one."""
    (double,) = struct.unpack_from(">H", data, table + 6)
    found = set()
    for i in range(0, double, 2):
        (last,) = struct.unpack_from(">H", data, table + 14 + i)
        (first,) = struct.unpack_from(">H", data, table + 16 + double + i)
        (delta,) = struct.unpack_from(">H", data, table + 16 + 2 * double + i)
        place = table + 16 + 3 * double + i
        (offset,) = struct.unpack_from(">H", data, place)
        for code in range(first, min(last, 0xFFFE) + 1):
            glyph = code
            if offset:
                (glyph,) = struct.unpack_from(">H", data, place + offset + 2 * (code - first))
            if offset == 0 or glyph:
                glyph += delta
            if glyph & 0xFFFF:
                found.add(code)
    return found
