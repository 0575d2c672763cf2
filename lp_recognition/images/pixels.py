"""Decodes bytes to pixels, and turns pixels of any depth, with or without transparency, into 8-bit BGR."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.headers import Header

Image = NDArray[np.uint8]

# Rows are converted in bands of about so many pixels, so that a large picture needs little beside itself.
_BAND = 1 << 20

#: One of so many pixels of a row and of a column is decoded.
Reduced = Literal[1, 2, 4, 8]
_REDUCED_FLAGS = {2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}


def decode_pixels(data: bytes, header: Header, reduced: Reduced = 1) -> Image | None:
    """Decodes an image to BGR uint8 `(h, w, 3)`, upright; None where OpenCV cannot.

    A JPEG is decoded to the part of its sides that `reduced` asks for; other formats to all of them.

    Raises:
        cv2.error: it says why it cannot.
        MemoryError: there is not enough memory.
    """
    if header.kind == "PAM" or (header.kind == "PNM" and data[1:2] in b"56"):
        return to_bgr(_netpbm(data, header))
    if header.kind == "PNM":  # OpenCV wants an end after the last of the numbers of a text
        data += b"\n"
    divisor = reduced if header.kind == "JPEG" else 1
    opaque = _REDUCED_FLAGS.get(divisor, cv2.IMREAD_COLOR) | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), opaque if header.is_plain else cv2.IMREAD_UNCHANGED)
    expected = sorted(-(-side // divisor) for side in (header.height, header.width))
    if pixels is None or sorted(pixels.shape[:2]) != expected:
        return None
    if header.is_plain:
        return turn(np.asarray(pixels, np.uint8), header.orientation)
    if header.transparent_gray is not None:
        full = 65535 if header.sample_bytes == 2 else 255
        opacity = np.where(pixels == header.transparent_gray, 0, full)
        pixels = np.dstack([pixels, opacity.astype(pixels.dtype)])
    if header.kind == "BMP" and pixels.ndim == 3 and pixels.shape[2] == 4 and not pixels[:, :, 3].any():
        pixels = pixels[:, :, :3]  # a fourth byte that nobody filled
    return turn(to_bgr(pixels, is_premultiplied=header.is_premultiplied), header.orientation)


def _netpbm(data: bytes, header: Header) -> NDArray[Any]:
    """The samples of a binary PGM, PPM or PAM: OpenCV swaps the colours of PAM, and leaves 0 to 100 dark."""
    dtype = np.dtype(">u2" if header.sample_bytes == 2 else np.uint8)
    count = header.height * header.width * header.channels
    samples = np.frombuffer(data, dtype, count, header.data_start).astype(dtype.newbyteorder("="))
    maximum = header.maximum or 255
    if maximum < 255:
        samples = (np.minimum(samples, maximum).astype(np.uint16) * 255 // maximum).astype(np.uint8)
    pixels = samples.reshape(header.height, header.width, header.channels)
    return pixels if header.channels < 3 else pixels[:, :, [2, 1, 0, 3][: header.channels]]


def to_bgr(pixels: NDArray[Any], *, is_premultiplied: bool = False) -> Image:
    """Turns gray, BGR, gray with opacity or BGR with opacity into 8-bit BGR `(h, w, 3)`.

    Transparent pixels are laid on white: ink on a transparent ground is meant to be seen on paper. Samples of more
    than 8 bits are shown in the range that the picture uses: the lowest 10, 12, ... bits that hold its largest value,
    for cameras of 10 and 12 bits fill the lower part of a 16-bit file. Real values are shown from 0 to 1, or to their
    largest where that is more.

    Args:
        pixels: `(h, w)` or `(h, w, channels)` with 1 to 4 channels, of 8 to 64 bits, whole or real numbers.
        is_premultiplied: Whether the colours are already multiplied by their opacity.
    """
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    height, width, channels = pixels.shape
    colors = channels - (channels in (2, 4))
    top = _largest(pixels[:, :, :colors])
    result = np.empty((height, width, 3), np.uint8)
    rows = max(1, _BAND // width)
    for start in range(0, height, rows):
        band = pixels[start : start + rows]
        shown = _in_8_bits(band[:, :, :colors], top)
        if channels != colors:
            shown = _on_white(shown, _in_8_bits(band[:, :, colors:], _full(pixels, top)), is_premultiplied)
        result[start : start + rows] = shown
    return result


def _largest(colors: NDArray[Any]) -> float:
    """The value that is shown as white, or a little above it."""
    if colors.dtype == np.uint8:
        return 255
    if colors.dtype.kind == "f":
        return max(1.0, float(np.max(colors, initial=0, where=np.isfinite(colors))))
    return (1 << max(8, int(colors.max()).bit_length())) - 1


def _full(pixels: NDArray[Any], top: float) -> float:
    """The value of full opacity: in the range of the colours, or in that of the file where it goes beyond."""
    if pixels.dtype.kind == "f":
        return 1.0
    return top if pixels[:, :, -1].max() <= top else float(np.iinfo(pixels.dtype).max)


def _in_8_bits(samples: NDArray[Any], top: float) -> Image:
    if samples.dtype == np.uint8:
        return np.asarray(samples, np.uint8)
    if samples.dtype.kind == "f":
        shares = np.nan_to_num(samples / samples.dtype.type(top), nan=0, posinf=1, neginf=0)
        return np.rint(shares.clip(0, 1) * 255).astype(np.uint8)
    return (samples.clip(0) >> (int(top).bit_length() - 8)).astype(np.uint8)


def _on_white(colors: Image, opacity: Image, is_premultiplied: bool) -> Image:
    transparency = 255 - opacity.astype(np.uint16)
    if is_premultiplied:
        return np.minimum(colors + transparency, 255).astype(np.uint8)
    mixed = colors * opacity.astype(np.uint16) + 255 * transparency  # at most 255 * 255
    return ((mixed + 127) // 255).astype(np.uint8)


def turn(image: Image, orientation: int) -> Image:
    """Turns and mirrors a picture as EXIF's orientation, 1 to 8, asks for."""
    if orientation in (5, 6, 7, 8):
        image = image.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        image = image[::-1]
    if orientation in (2, 3, 6, 7):
        image = image[:, ::-1]
    return np.ascontiguousarray(image)
