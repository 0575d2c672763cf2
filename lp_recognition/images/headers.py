"""What an image file says of itself before a pixel of it is decoded: format, size, depth, transparency, orientation.

A file of a few bytes can ask for gigabytes, so its size is looked at first. The formats are those that every supported
OpenCV decodes, and GIF, which version 5 decodes. Files that claim no size are not decoded at all.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from lp_recognition.images.tiff import TiffDirectory, exif_orientation, read_directory

#: The suffixes of the formats, in lower case.
SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif", ".pbm", ".pgm", ".ppm",
    ".pnm", ".pam", ".pfm", ".hdr", ".ras",
)  # fmt: skip

_SIGNATURES = {
    "JPEG": b"\xff\xd8\xff",
    "PNG": b"\x89PNG\r\n\x1a\n",
    "BMP": b"BM",
    "WebP": b"RIFF....WEBP",
    "TIFF": b"(?:II[*+]\0|MM\0[*+])",
    "GIF": b"GIF8[79]a",
    "PNM": rb"P[1-6]\s",
    "PAM": rb"P7\s",
    "PFM": rb"P[Ff]\s",
    "HDR": rb"#\?R(?:GBE|ADIANCE)",
    "Sun raster": b"\x59\xa6\x6a\x95",
    "JPEG 2000": b"(?:\0\0\0\x0cjP  |\xff\x4f\xff\x51)",
    "OpenEXR": b"\x76\x2f\x31\x01",
    "AVIF or HEIC": b"....ftyp(?:avi|hei|mif|hev)",
}
_KINDS = {kind: re.compile(pattern, re.DOTALL) for kind, pattern in _SIGNATURES.items()}

#: Images by their first bytes, but not to be decoded: OpenCV 4.10 crashes on damaged JPEG 2000, does not know AVIF, and
#: has OpenEXR switched off.
UNREAD = ("JPEG 2000", "OpenEXR", "AVIF or HEIC")

# Bytes a pixel that the decoder takes at its peak, measured on both OpenCV 4.10 and 5; others: twice the result.
_PEAK_BYTES = {"HDR": 26, "PFM": 26, "GIF": 12, "TIFF": 12}


@dataclass(frozen=True)
class Header:
    """What a file claims.

    Attributes:
        kind: The format, such as `PNG`.
        width: In pixels.
        height: In pixels.
        channels: Samples of a pixel, transparency among them.
        sample_bytes: Bytes of a sample, once decoded.
        has_alpha: Whether pixels can be transparent.
        is_premultiplied: Whether the decoder's colours are already multiplied by their opacity.
        transparent_gray: The gray of a PNG that stands for transparent pixels.
        orientation: That of EXIF, 1 to 8, where it is left to the reader to turn the picture.
        is_animated: Whether more pictures follow.
        scratch_bytes: Bytes a pixel that the decoder takes beside its result.
        maximum: The largest value of a sample, where the file states it.
        data_start: Where the pixels begin, in formats that hold them as they are.
        directory: The directory of a TIFF.
    """

    kind: str
    width: int
    height: int
    channels: int = 3
    sample_bytes: int = 1
    has_alpha: bool = False
    is_premultiplied: bool = False
    transparent_gray: int | None = None
    orientation: int = 1
    is_animated: bool = False
    scratch_bytes: int = 0
    maximum: int | None = None
    data_start: int = 0
    directory: TiffDirectory = field(default_factory=dict)

    @property
    def peak_bytes(self) -> int:
        """What decoding takes at its peak, in bytes, the result among them."""
        result = max(3, self.channels * self.sample_bytes)  # gray becomes BGR
        peak = max(2 * result, result + self.scratch_bytes, _PEAK_BYTES.get(self.kind, 0))
        return self.width * self.height * peak

    @property
    def is_plain(self) -> bool:
        """Whether the pixels are opaque and of 8 bits, as OpenCV gives them."""
        return not self.has_alpha and self.sample_bytes == 1


def kind_of(data: bytes) -> str | None:
    """The format that the first bytes of a file tell; None of what is no image."""
    return next((kind for kind, pattern in _KINDS.items() if pattern.match(data)), None)


def read_header(data: bytes) -> Header | None:
    """What an image claims; None where it is no image, claims no size, or ends before it does."""
    kind = kind_of(data)
    if kind is None or kind in UNREAD:
        return None
    try:
        header = _READERS[kind](data)
    except (struct.error, LookupError, ValueError, OverflowError):
        return None
    return header if header is not None and header.width > 0 and header.height > 0 else None


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and length of the chunks of a PNG, up to its end.

    Raises:
        struct.error: the file ends before its last chunk.
    """
    position = 8
    while True:
        length, kind = struct.unpack_from(">I4s", data, position)
        struct.unpack_from(">I", data, position + 8 + length)  # its checksum
        yield kind, position + 8, length
        if kind == b"IEND":
            return
        position += 12 + length


def jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and length of the segments of a JPEG up to its end marker, as a decoder walks through them.

    Raises:
        struct.error: the file ends before its end marker.
    """
    position = 2
    while found := _MARKER.search(data, position):
        marker, position = data[found.end() - 1], found.end()
        if marker == 0xD9:
            yield marker, position, 0
            return
        if marker == 0x01 or marker == 0xD8:  # they stand alone
            continue
        (length,) = struct.unpack_from(">H", data, position)
        if position + length > len(data):
            break
        yield marker, position + 2, length - 2
        position += max(length, 2)
    raise struct.error("no end of the image")


# Not a marker: a stuffed byte within pixels, and the restart markers.
_MARKER = re.compile(rb"\xff[^\xff\x00\xd0-\xd7]")


def _jpeg(data: bytes) -> Header | None:
    orientation, frame = 1, b""
    for marker, start, length in jpeg_segments(data):
        segment = data[start : start + length]
        if marker == 0xE1 and segment.startswith(b"Exif\0\0") and orientation == 1:
            orientation = exif_orientation(segment[6:])
        elif 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            frame = bytes([marker]) + segment
        elif marker == 0xDA:  # the first scan
            kind, _, height, width, count = struct.unpack_from(">BBHHB", frame, 0)
            scratch = 3 if count == 4 else 0
            if kind not in (0xC0, 0xC1) or segment[0] < count:  # several scans: all coefficients are held, 16 bits each
                samplings = [(frame[8 + 3 * i] >> 4, frame[8 + 3 * i] & 15) for i in range(count)]
                largest = max(wide for wide, _ in samplings) * max(high for _, high in samplings)
                scratch += -(-2 * sum(wide * high for wide, high in samplings) // max(1, largest))
            return Header("JPEG", width, height, orientation=orientation, scratch_bytes=scratch)
    return None


def _png(data: bytes) -> Header:
    width, height, depth, color = struct.unpack_from(">IIBB", data, 16)
    channels = {0: 1, 2: 3, 3: 3, 4: 4, 6: 4}[color] if color in (0, 2, 3, 4, 6) else 4
    header = Header("PNG", width, height, channels, 2 if depth == 16 else 1, has_alpha=color in (4, 6))
    try:
        for kind, start, length in png_chunks(data):
            if kind == b"tRNS" and color in (2, 3):
                header = replace(header, channels=4, has_alpha=True)
            elif kind == b"tRNS" and color == 0:
                (key,) = struct.unpack_from(">H", data, start)
                key = key if depth == 16 else (key & (1 << depth) - 1) * 255 // ((1 << depth) - 1)
                header = replace(header, has_alpha=True, transparent_gray=key)
            elif kind == b"eXIf":
                header = replace(header, orientation=exif_orientation(data[start : start + length]))
            elif kind == b"acTL":
                header = replace(header, is_animated=True)
    except struct.error:
        pass  # it ends too early, which is another's to tell
    return header


def _bmp(data: bytes) -> Header:
    (info_size,) = struct.unpack_from("<I", data, 14)
    if info_size == 12:
        width, height = struct.unpack_from("<HH", data, 18)
        return Header("BMP", width, height)
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    # Where the masks of the colours are stated, that of opacity may be.
    has_alpha = bits == 32 and compression in (3, 6) and info_size >= 56
    return Header("BMP", abs(width), abs(height), 4 if has_alpha else 3, has_alpha=has_alpha)


def _webp(data: bytes) -> Header | None:
    kind = data[12:16]
    if kind == b"VP8 ":
        if data[23:26] != b"\x9d\x01\x2a":
            return None
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("WebP", width & 0x3FFF, height & 0x3FFF, scratch_bytes=5)
    if kind == b"VP8L":
        if data[20] != 0x2F:
            return None
        (bits,) = struct.unpack_from("<I", data, 21)
        alpha = bool(bits >> 28 & 1)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
        return Header("WebP", width, height, 3 + alpha, has_alpha=alpha, scratch_bytes=5)
    if kind != b"VP8X":
        return None
    flags = data[20]
    width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    alpha = bool(flags & 0x10)
    header = Header("WebP", width, height, 3 + alpha, has_alpha=alpha, is_animated=bool(flags & 2), scratch_bytes=5)
    position = 30
    while flags & 8 and position + 8 <= len(data):
        chunk, length = struct.unpack_from("<4sI", data, position)
        if chunk == b"EXIF":
            exif = data[position + 8 : position + 8 + length]
            return replace(header, orientation=exif_orientation(exif.removeprefix(b"Exif\0\0")))
        position += 8 + length + length % 2
    return header


def _tiff(data: bytes) -> Header | None:
    directory = read_directory(data)
    bits, count = max(directory.get(258, (1,))), directory.get(277, (1,))[0]
    photometric, extra = directory.get(262, (1,))[0], directory.get(338, ())
    colors = {0: 1, 1: 1, 3: 1, 4: 1, 5: 4}.get(photometric, 3)
    if colors == 1 and count > 1:
        extra_kind = extra[0] if extra else 2  # gray, and its opacity
    else:
        # Four samples of which none is said to be opacity: OpenCV itself writes so.
        extra_kind = (extra[0] if extra else 2) if count > colors and colors == 3 else 0
    has_alpha = extra_kind in (1, 2)
    sample_bytes = max(1, bits // 8) if bits > 8 else 1
    tile = directory.get(322, (1,))[0] * directory.get(323, (1,))[0]
    width, height = directory[256][0], directory[257][0]
    return Header(
        "TIFF",
        width,
        height,
        colors % 4 + has_alpha or 3,  # CMYK becomes BGR
        sample_bytes,
        has_alpha=has_alpha,
        # libtiff multiplies 8-bit colours itself, where the file says that they are not yet.
        is_premultiplied=extra_kind == 1 or (bool(extra) and extra_kind == 2 and sample_bytes == 1),
        scratch_bytes=-(-4 * sample_bytes * tile // (width * height)) if width * height and tile > 1 else 0,
        directory=directory,
    )


def _gif(data: bytes) -> Header | None:
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    position = 13 + (3 << (flags & 7) + 1 if flags & 0x80 else 0)
    frames = 0
    while position < len(data) and data[position] != 0x3B and frames < 2:
        if data[position] == 0x2C:
            frames += 1
            position += 10 + (3 << (data[position + 9] & 7) + 1 if data[position + 9] & 0x80 else 0) + 1
        elif data[position] == 0x21:
            position += 2
        else:
            break
        while position < len(data) and data[position]:  # its blocks, each with its length before it
            position += 1 + data[position]
        position += 1
    return Header("GIF", width, height, 4, has_alpha=True, is_animated=frames > 1)


def _pnm(data: bytes) -> Header:
    kind = data[1] - ord("0")
    numbers, start = _numbers(data, 2 if kind in (1, 4) else 3)
    maximum = 1 if kind in (1, 4) else numbers[2]
    sample_bytes = 2 if maximum > 255 else 1
    channels = 3 if kind in (3, 6) else 1
    return Header("PNM", numbers[0], numbers[1], channels, sample_bytes, maximum=maximum, data_start=start)


def _numbers(data: bytes, count: int) -> tuple[list[int], int]:
    """The numbers of a PNM's header, comments left out, and where its pixels begin."""
    numbers: list[int] = []
    position = 2
    for _ in range(count):
        found = _NUMBER.match(data, position)
        if not found:
            raise ValueError
        numbers.append(int(found[1]))
        position = found.end()
    return numbers, position + 1


_NUMBER = re.compile(rb"(?:\s+|#[^\n]*\n)+(\d{1,10})(?=\s)")


def _pam(data: bytes) -> Header | None:
    end = data.find(b"ENDHDR\n", 0, 4096)
    if end < 0:
        return None
    entries = re.findall(rb"^(\w+) +(\S+)", data[:end], re.MULTILINE)
    stated = {bytes(key): bytes(value) for key, value in entries}
    width, height, channels, maximum = (int(stated.get(key, 0)) for key in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"))
    if not (1 <= channels <= 4 and 1 <= maximum <= 65535):
        return None
    sample_bytes = 2 if maximum > 255 else 1
    start = end + len(b"ENDHDR\n")
    alpha = channels in (2, 4)
    return Header("PAM", width, height, channels, sample_bytes, has_alpha=alpha, maximum=maximum, data_start=start)


def _pfm(data: bytes) -> Header:
    (width, height), scale_start = _numbers(data, 2)
    start = data.index(b"\n", scale_start) + 1
    return Header("PFM", width, height, 3 if data[1:2] == b"F" else 1, sample_bytes=4, data_start=start)


def _hdr(data: bytes) -> Header | None:
    found = re.search(rb"\n\n-Y (\d{1,9}) \+X (\d{1,9})\n", data[:4096])
    return Header("HDR", int(found[2]), int(found[1]), sample_bytes=4) if found else None


def _sun_raster(data: bytes) -> Header:
    width, height = struct.unpack_from(">II", data, 4)
    return Header("Sun raster", width, height)


_READERS = {
    "JPEG": _jpeg, "PNG": _png, "BMP": _bmp, "WebP": _webp, "TIFF": _tiff, "GIF": _gif, "PNM": _pnm, "PAM": _pam,
    "PFM": _pfm, "HDR": _hdr, "Sun raster": _sun_raster,
}  # fmt: skip
