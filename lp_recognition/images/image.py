"""Images as the network sees them: reading, gray, resizing, value range, and the 8-bit contract.

Preprocessing is written here once, for training, evaluation, boards and reports. A chip that follows these steps (area
or linear resize in 8 bits, then `quantize_input`) gets the very numbers the training saw.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.system.errors import ImageError
from lp_recognition.system.files import write_bytes

Image = NDArray[np.uint8]

#: An image larger than this is no plate crop, and a few bytes of a hostile file could ask for gigabytes.
MAX_PIXELS = 64_000_000


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
        if channels == 3 and image.shape[2] == 1:
            return np.repeat(image, 3, axis=2)
        if channels == 3 and not self.convert_to_gray:
            return image
        gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[:, :, None] if image.shape[2] == 3 else image
        return np.repeat(gray, channels, axis=2)

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
    lines = _overlaps(rows, height) @ image.reshape(rows, -1).astype(dtype)  # (height, columns * channels)
    lines = lines.reshape(height, columns, channels).transpose(0, 2, 1)
    sums = lines @ _overlaps(columns, width).T.astype(dtype, copy=False)  # (height, channels, width)
    return np.floor(sums.transpose(0, 2, 1) / np.float64(area) + 0.5).astype(np.uint8)


@lru_cache(maxsize=256)
def _overlaps(size: int, parts: int) -> NDArray[np.float32]:
    """How much of each of `size` pixels lies in each of `parts` equal parts, in 1/parts of a pixel: `(parts, size)`."""
    begins = np.arange(parts)[:, None] * size
    pixels = np.arange(size)[None, :] * parts
    overlap = np.minimum(begins + size, pixels + parts) - np.maximum(begins, pixels)
    return np.maximum(overlap, 0).astype(np.float32)


def decode_image(data: bytes, name: str) -> Image:
    """Decodes JPEG, PNG, BMP, ... bytes to BGR uint8 `(h, w, 3)`; `name` is for the message.

    Raises:
        ImageError: the bytes are no image, or one of absurd size.
    """
    width, height = _claimed_size(data)
    if width * height > MAX_PIXELS:
        raise ImageError(f"{name}: expected a plate crop, received {width}x{height} pixels; crop the plate first")
    buffer = np.frombuffer(data, np.uint8)
    try:
        image = cv2.imdecode(buffer, cv2.IMREAD_COLOR) if buffer.size else None
    except cv2.error:  # OpenCV raises on sizes past its own limit
        image = None
    if image is None:
        raise ImageError(f"{name}: expected an image, received {len(data)} bytes that OpenCV cannot decode")
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise ImageError(
            f"{name}: expected a plate crop, received {image.shape[1]}x{image.shape[0]} pixels; crop the plate first"
        )
    return np.asarray(image, np.uint8)


def _claimed_size(data: bytes) -> tuple[int, int]:
    """Width and height by the header of a PNG, JPEG or BMP, before the pixels take memory; (0, 0) of other files."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return struct.unpack_from(">II", data, 16)
        if data.startswith(b"BM"):
            width, height = struct.unpack_from("<ii", data, 18)
            return abs(width), abs(height)
        position = 2 if data.startswith(b"\xff\xd8") else len(data)
        while True:  # segments of a JPEG: 0xff, kind, length, ... until the one that begins a frame
            prefix, kind, length = struct.unpack_from(">BBH", data, position)
            if prefix != 0xFF:
                return 0, 0
            if kind == 0xFF:  # padding
                position += 1
            elif 0xC0 <= kind <= 0xCF and kind not in (0xC4, 0xC8, 0xCC):
                height, width = struct.unpack_from(">HH", data, position + 5)
                return width, height
            else:
                position += 2 + length
    except struct.error:
        return 0, 0


def read_image(path: str | Path) -> Image:
    """Reads an image file to BGR uint8 `(h, w, 3)`.

    The bytes are read by Python, not by OpenCV, which does not understand every file name on every system.

    Raises:
        ImageError: the file is missing or no image.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ImageError(f"{path}: expected an image, received an error: {error.strerror}") from None
    return decode_image(data, str(path))


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
