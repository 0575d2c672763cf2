"""Images as the network sees them: reading, gray, resizing, value range, and the 8-bit contract.

Preprocessing is written here once, for training, evaluation, boards and reports. A chip that follows these steps (area
or linear resize in 8 bits, then `quantize_input`) gets the very numbers the training saw.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.headers import UNREAD, Header, kind_of, read_header
from lp_recognition.images.memory import DECODING
from lp_recognition.images.pixels import Image, Reduced, decode_pixels
from lp_recognition.images.truncation import is_damaged, is_truncated
from lp_recognition.system.errors import ImageError
from lp_recognition.system.files import write_bytes

#: No camera's photograph is larger, and a few bytes of a hostile file could ask for gigabytes.
MAX_PIXELS = 64_000_000
#: Nor longer; preparing it would take as much as all its pixels.
MAX_SIDE = 65_535
#: What is said of one that is.
TOO_LARGE = "expected a smaller image, received {received}; shrink it, or crop the plate first"

# Samples that are shrunk at once, and the longest side whose weights are kept for the next crop.
_SHRINK_SAMPLES = 1 << 18
_KEPT_SIZE = 1024
# What a file's header nearly always fits into.
_HEAD_BYTES = 65_536
_READABLE = "a JPEG, PNG, BMP, WebP, TIFF or another image that OpenCV reads"


@dataclass(frozen=True)
class Preprocessing:
    """What happens between a crop and the network's input.

    Attributes:
        input_shape: `(height, width, channels)`, with 1 or 3 channels (BGR).
        symmetric_range: Values in [-1, 1], real = (q - 128) / 127, clipped at -1; else in [0, 1], real = q / 255.
        convert_to_gray: Show the network gray, also where it has 3 channels (three times the same plane).
    """

    input_shape: tuple[int, int, int]
    symmetric_range: bool
    convert_to_gray: bool

    def prepare(self, image: Image) -> Image:
        """Turns a crop of any size, `(h, w)`, `(h, w, 1)` or `(h, w, 3)` BGR, into uint8 of `input_shape`."""
        return self.resize(self.to_channels(image))

    def to_channels(self, image: Image) -> Image:
        """Gives a uint8 crop the network's channels: `(h, w, 1)` or `(h, w, 3)`."""
        if image.ndim == 2:
            image = image[:, :, None]
        channels = self.input_shape[2]
        if image.shape[2] == 3:
            if channels == 3 and not self.convert_to_gray:
                return image
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)[:, :, None]
        return image if channels == 1 else np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8)

    def resize(self, image: Image) -> Image:
        """Resizes to the network's height and width: by area where it shrinks (no aliasing), else linearly."""
        height, width, channels = self.input_shape
        if image.shape[0] >= height and image.shape[1] >= width:
            return _shrink(image.reshape(*image.shape[:2], channels), height, width)
        image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        return image.reshape(height, width, channels)

    @property
    def scale(self) -> float:
        """The real value of one step of an 8-bit pixel."""
        return 1 / 127 if self.symmetric_range else 1 / 255

    @property
    def zero_point(self) -> int:
        """The 8-bit pixel whose real value is zero."""
        return 128 if self.symmetric_range else 0

    @property
    def value_range(self) -> tuple[float, float]:
        """The real values of pixels 0 and 255."""
        return (-self.zero_point * self.scale, (255 - self.zero_point) * self.scale)

    def normalize(self, images: Image) -> NDArray[np.float32]:
        """Turns uint8 pixels into real values: `(q - zero_point) * scale`, float32."""
        return (images.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


def _shrink(image: Image, height: int, width: int) -> Image:
    """The mean over the area that each output pixel covers, halves rounded up, exactly.

    OpenCV's INTER_AREA sums in float32, so its last digit depends on the processor and no chip can repeat it. Here the
    weights are whole numbers, and so is every sum: floats hold them exactly, and matrix products are fast.

    Args:
        image: uint8 `(h, w, channels)`, not smaller than the result.
        height: Rows of the result.
        width: Columns of the result.
    """
    rows, columns, channels = image.shape
    if (rows, columns) == (height, width):
        return image
    area = rows * columns
    dtype = np.float32 if 255 * area < 1 << 24 else np.float64
    weights = _overlaps(rows, height)
    lines = np.zeros((height, columns * channels), dtype)
    band = max(1, _SHRINK_SAMPLES // (columns * channels))
    for top in range(0, rows, band):  # in one, but for photographs, of which 8 bytes a sample would be too much
        lines += weights[:, top : top + band] @ image[top : top + band].reshape(-1, columns * channels).astype(dtype)
    lines = lines.reshape(height, columns, channels).transpose(0, 2, 1)
    sums = lines @ _overlaps(columns, width).T.astype(dtype, copy=False)  # (height, channels, width)
    return np.floor(sums.transpose(0, 2, 1) / np.float64(area) + 0.5).astype(np.uint8)


def _overlaps(size: int, parts: int) -> NDArray[np.float32]:
    return (_kept_overlaps if size <= _KEPT_SIZE else _new_overlaps)(size, parts)


def _new_overlaps(size: int, parts: int) -> NDArray[np.float32]:
    """How much of each of `size` pixels lies in each of `parts` equal parts, in 1/parts of a pixel: `(parts, size)`."""
    dtype = np.int32 if size * parts < 1 << 30 else np.int64
    begins = np.arange(parts, dtype=dtype)[:, None] * size
    pixels = np.arange(size, dtype=dtype)[None, :] * parts
    overlap = np.minimum(begins + size, pixels + parts) - np.maximum(begins, pixels)
    return np.maximum(overlap, 0).astype(np.float32)


_kept_overlaps = lru_cache(maxsize=256)(_new_overlaps)


class UnreadableImageError(ImageError):
    """An image file that cannot be read.

    Attributes:
        kind: `missing image`, `empty image`, `truncated image` or `unreadable image`.
        details: What is wrong, without the name of the file.
    """

    def __init__(self, name: str, message: str, kind: str = "unreadable image", details: str = "") -> None:
        super().__init__(name, message, kind, details)  # all of them, so that it comes back from another process
        self.kind = kind
        self.details = details or message

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"


def decode_image(data: bytes, name: str, reduced: Reduced = 1) -> Image:
    """Decodes JPEG, PNG, BMP, WebP, TIFF, ... bytes to BGR uint8 `(h, w, 3)`, upright by EXIF; `name` is for messages.

    The same bytes give the same pixels, or an error, with every supported OpenCV (GIF needs version 5). Transparent
    pixels are laid on white; samples of more than 8 bits are shown in the range that the picture uses
    (`pixels.to_bgr`). Threads share the memory that decoding may take, and wait for each other where it is much.

    Args:
        data: The bytes.
        name: What the picture is called in messages.
        reduced: JPEG is decoded to this part of its sides, which is quicker; other formats are not.

    Raises:
        UnreadableImageError: the bytes are no image, not all of one, more than one, or one of absurd size.
    """
    header = checked_header(data, len(data), name)
    with DECODING.take(len(data) + header.peak_bytes):
        return _decode(data, header, name, reduced)


def read_image(path: str | Path) -> Image:
    """Reads an image file to BGR uint8 `(h, w, 3)`, as `decode_image` does.

    The bytes are read by Python, not by OpenCV, which does not understand every file name on every system.

    Raises:
        UnreadableImageError: the file is missing or no image.
    """
    with opened_image(path) as (image, _):
        return image


@contextmanager
def opened_image(path: str | Path) -> Iterator[tuple[Image, bytes]]:
    """Gives an image and the bytes of its file, and holds its share of the memory while the block runs.

    For large pictures of which little is kept: threads that read them take turns.

    Raises:
        UnreadableImageError: the file is missing or no image.
    """
    name = str(path)
    with ExitStack() as held:
        try:
            data = _read(Path(path), name, held)
        except OSError as error:
            kind = "missing image" if isinstance(error, FileNotFoundError) else "unreadable image"
            raise UnreadableImageError(name, f"expected an image, received an error: {error.strerror}", kind) from None
        yield decode_image(data, name), data


def _read(path: Path, name: str, held: ExitStack) -> bytes:
    """The bytes of a file, once its first ones promise an image for which there is memory."""
    status = path.stat()
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):  # it may never end
        raise UnreadableImageError(name, "expected an image, received a pipe or a device; save it to a file first")
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        header = read_header(head)
        if header is not None or kind_of(head) in (None, *UNREAD):
            header = checked_header(head, status.st_size, name)
        elif status.st_size > DECODING.limit:
            raise _too_large(name, f"a file of {status.st_size:,} bytes")
        # A large profile, or a directory at the end, can hide the size: then nobody else decodes meanwhile.
        size = status.st_size + header.peak_bytes if header is not None else DECODING.limit
        held.enter_context(DECODING.take(size))
        return head + file.read() if len(head) == _HEAD_BYTES else head


def checked_header(data: bytes, size: int, name: str) -> Header:
    """What an image claims, found fit to be decoded, before a pixel of it is.

    Args:
        data: Its bytes, or but the beginning of them.
        size: How many bytes it has.
        name: For messages.

    Raises:
        UnreadableImageError: it is no image, or one that is not decoded: too large, animated, cut off.
    """
    if size == 0:
        raise UnreadableImageError(name, "expected an image, received 0 bytes", "empty image", "0 bytes")
    kind = kind_of(data)
    if kind in UNREAD:
        raise UnreadableImageError(name, f"expected {_READABLE}, received {kind}; save it as PNG or JPEG")
    header = read_header(data)
    if header is None:
        raise _truncated(name, size) if kind and is_truncated(data) else _undecodable(name, size)
    if header.width * header.height > MAX_PIXELS or max(header.width, header.height) > MAX_SIDE:
        raise _too_large(name, f"{header.width}x{header.height} pixels")
    if size + header.peak_bytes > DECODING.limit:
        needed = (size + header.peak_bytes) // 1_000_000
        raise _too_large(
            name, f"{header.width}x{header.height} pixels as {header.kind}, which takes {needed} MB to decode"
        )
    if header.is_animated:
        raise UnreadableImageError(name, f"expected one picture, received an animated {header.kind}; save a frame")
    if header.kind == "TIFF" and header.channels == 2:  # OpenCV drops the opacity
        raise UnreadableImageError(name, "expected an opaque gray TIFF, received one with transparency; save it as PNG")
    return header


def _decode(data: bytes, header: Header, name: str, reduced: Reduced) -> Image:
    if is_truncated(data):
        raise _truncated(name, len(data))
    try:
        pixels = None if is_damaged(data) else decode_pixels(data, header, reduced)
    except MemoryError:
        raise _too_large(name, f"{header.width}x{header.height} pixels for which there is no memory") from None
    except cv2.error:
        pixels = None
    if pixels is None and header.kind == "GIF" and cv2.__version__.startswith("4."):
        raise UnreadableImageError(name, f"expected {_READABLE}, received GIF, which needs OpenCV 5; save it as PNG")
    if pixels is None:
        raise _undecodable(name, len(data))
    return pixels


def _truncated(name: str, size: int) -> UnreadableImageError:
    message = f"expected an image, received {size} bytes that end in the middle of the picture"
    details = f"the file ends after {size} bytes, in the middle of the picture"
    return UnreadableImageError(name, message, "truncated image", details)


def _undecodable(name: str, size: int) -> UnreadableImageError:
    return UnreadableImageError(name, f"expected an image, received {size} bytes that OpenCV cannot decode")


def _too_large(name: str, received: str) -> UnreadableImageError:
    return UnreadableImageError(name, TOO_LARGE.format(received=received))


def write_image(path: str | Path, image: NDArray[Any]) -> None:
    """Writes a uint8 image, in the format of the path's suffix, whole or not at all.

    Raises:
        ImageError: a suffix that OpenCV has no encoder for.
    """
    try:
        done, data = cv2.imencode(Path(path).suffix, image)
    except cv2.error:
        done = False
    if not done:
        raise ImageError(f"{path}: expected a file name ending in .jpg or .png, received '{Path(path).suffix}'")
    write_bytes(path, data.tobytes())
