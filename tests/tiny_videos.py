"""Small videos whose every frame is known: the n-th shows its number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lp_recognition.images.image import Image

#: The clock of the files: times are exact to one of it.
TICKS = 90_000


def numbered(number: int, size: tuple[int, int] = (48, 64)) -> Image:
    """A picture of `(height, width)`: red left above; below, bars that are its number in five binary digits."""
    image = np.full((*size, 3), 128, np.uint8)
    image[:16, :16] = (0, 0, 255)
    for bit in range(5):
        image[24:, 12 * bit : 12 * bit + 12] = 220 if number >> bit & 1 else 40
    return image


def grainy(number: int, size: tuple[int, int] = (48, 64)) -> Image:
    """The same with grain, which makes files of some kilobytes a frame."""
    grain = np.random.default_rng(number).integers(-20, 21, (*size, 3))
    return np.clip(numbered(number, size) + grain, 0, 255).astype(np.uint8)


def number_of(image: Image) -> int:
    """The number that a picture shows, also where a codec has changed its colours."""
    return sum(int(image[28:44, 12 * bit + 3 : 12 * bit + 9].mean() > 128) << bit for bit in range(5))


def write_video(
    path: Path,
    times: Sequence[float],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    size: tuple[int, int] = (48, 64),
    picture: Callable[[int, tuple[int, int]], Image] = numbered,
    options: Mapping[str, str] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> Path:
    """Writes a video with a frame at each of the times, in seconds; `size` is height and width."""
    av = pytest.importorskip("av")
    with av.open(str(path), "w", options=dict(options or {})) as container:
        container.metadata.update(metadata or {})
        stream = container.add_stream(codec, rate=10, options={"crf": "10", "g": "5"} if codec == "libx264" else {})
        stream.height, stream.width, stream.pix_fmt = *size, pixels
        stream.codec_context.time_base = Fraction(1, TICKS)
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="bgr24")
            frame.pts, frame.time_base = round(time * TICKS), Fraction(1, TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def turned(path: Path) -> Path:
    """Marks an MP4 as one that is to be shown turned by 90 degrees clockwise, as phones do."""
    data = path.read_bytes()
    place = data.index(b"tkhd") + 4 + 40  # the matrix, 16.16 fixed and 2.30
    matrix = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30], ">i4").tobytes()
    path.write_bytes(data[:place] + matrix + data[place + 36 :])
    return path
