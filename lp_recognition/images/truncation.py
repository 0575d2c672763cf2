"""Finding image files that end too early, or that were damaged on their way.

Decoders differ in what they do with half a file: some refuse it, some return a picture whose lower part is gray, or
whatever was in memory before. A crop of that with a label would poison a training set, and a reading of it would be
made up, so the end of the file is looked for before decoding.
"""

from __future__ import annotations

import struct
import zlib

from lp_recognition.images.headers import Header, jpeg_segments, kind_of, png_chunks, read_header


def is_truncated(data: bytes) -> bool:
    """Whether an image file ends in the middle of its picture; what may follow the picture is not asked for.

    HDR, Sun raster and GIF are left to their decoders, which refuse a part of a file.
    """
    kind = kind_of(data)
    try:
        if kind == "JPEG":
            markers = [marker for marker, _, _ in jpeg_segments(data)]  # raises where it ends too early
            return 0xDA not in markers
        if kind == "PNG":
            return all(chunk != b"IEND" for chunk, _, _ in png_chunks(data))
    except struct.error:
        return True
    if kind == "WebP":
        return len(data) < 8 + int.from_bytes(data[4:8], "little")
    header = read_header(data)
    return header is not None and len(data) < _end_of_pixels(data, header)


def is_damaged(data: bytes) -> bool:
    """Whether a checksum of a PNG is wrong; other formats have none."""
    if kind_of(data) != "PNG":
        return False
    return any(
        zlib.crc32(data[start - 4 : start + length]) != struct.unpack_from(">I", data, start + length)[0]
        for _, start, length in png_chunks(data)
    )


def _end_of_pixels(data: bytes, header: Header) -> int:
    """The least that a file must hold, in formats that say so."""
    width, height = header.width, header.height
    if header.kind == "BMP":
        (start,) = struct.unpack_from("<I", data, 10)
        bits, compression = (24, 0) if data[14] == 12 else struct.unpack_from("<HI", data, 28)
        return start + (bits * width + 31) // 32 * 4 * height if compression in (0, 3) else 0
    if header.kind in ("PAM", "PFM") or (header.kind == "PNM" and data[1:2] in b"56"):
        return header.data_start + width * height * header.channels * header.sample_bytes
    if header.kind == "PNM" and data[1:2] == b"4":
        return header.data_start + (width + 7) // 8 * height
    if header.kind == "TIFF":
        directory = header.directory
        starts = directory.get(273) or directory.get(324) or ()
        counts = directory.get(279) or directory.get(325) or ()
        return max((start + count for start, count in zip(starts, counts, strict=False)), default=0)
    return 0
