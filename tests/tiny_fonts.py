"""A font made by hand, for tests of what is drawn."""

from __future__ import annotations

import struct


def build_font(characters: str) -> bytes:
    """A TrueType font of square boxes, by hand: the smallest that has the tables a reader asks for."""
    codes = sorted(ord(character) for character in characters)
    box = struct.pack(">hhhhh", 1, 100, 0, 900, 1000) + struct.pack(">HH", 3, 0) + b"\x01" * 4
    box += struct.pack(">4h", 100, 800, 0, -800) + struct.pack(">4h", 0, 0, 1000, 0)
    glyphs = b"" + box * len(codes)  # glyph 0, the missing one, is empty
    offsets = [0, 0, *(len(box) * (i + 1) for i in range(len(codes)))]
    ends, starts = [*codes, 0xFFFF], [*codes, 0xFFFF]
    deltas = [(i + 1 - code) & 0xFFFF for i, code in enumerate(codes)] + [1]
    count = len(ends)
    segments = struct.pack(f">{count}HH{count}H{count}H{count}H", *ends, 0, *starts, *deltas, *[0] * count)
    steps = count.bit_length() - 1
    search = (2 << steps, steps, 2 * count - (2 << steps))
    subtable = struct.pack(">7H", 4, 14 + len(segments), 0, count * 2, *search) + segments
    tables = {
        b"cmap": struct.pack(">HHHHI", 0, 1, 3, 1, 12) + subtable,
        b"glyf": glyphs,
        b"head": struct.pack(">IIIIHH", 0x10000, 0, 0, 0x5F0F3CF5, 0, 1000) + b"\0" * 16
        + struct.pack(">hhhhHHhhh", 0, 0, 1000, 1000, 0, 8, 2, 1, 0),
        b"hhea": struct.pack(">Ihhh", 0x10000, 1000, -200, 0) + b"\0" * 24 + struct.pack(">H", count),
        b"hmtx": struct.pack(">Hh", 1000, 100) * count,
        b"loca": struct.pack(f">{len(offsets)}I", *offsets),
        b"maxp": struct.pack(">IH", 0x10000, count) + b"\0" * 26,
    }  # fmt: skip
    header, body = struct.pack(">IHHHH", 0x10000, len(tables), 0, 0, 0), b""
    for tag, data in tables.items():
        header += struct.pack(">4sIII", tag, 0, 12 + 16 * len(tables) + len(body), len(data))
        body += data + b"\0" * (-len(data) % 4)
    return header + body
