"""Pictures that are in memory already: arrays in either order of colours, and images of Pillow."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np

from lp_recognition.images.image import MAX_PIXELS, MAX_SIDE, TOO_LARGE, read_image
from lp_recognition.images.pixels import Image, to_bgr, turn
from lp_recognition.system.errors import ImageError

#: The order of the channels of an array: OpenCV's, or that of nearly everything else.
ColorOrder = Literal["bgr", "rgb"]


def open_picture(picture: Any, color: ColorOrder = "bgr") -> Image:
    """Reads a file, `str` or `Path`, by `read_image`; takes anything else by `as_image`.

    Raises:
        ImageError: a file that is missing or no image, or an array that is none.
    """
    return read_image(picture) if isinstance(picture, (str, Path)) else as_image(picture, color)


def as_image(picture: Any, color: ColorOrder = "bgr") -> Image:
    """Gives gray `(h, w)`, `(h, w, 1)` or BGR `(h, w, 3)`, contiguous uint8, of an array or of a Pillow image.

    An image of Pillow knows its own colours, transparency and EXIF orientation, and is taken accordingly.

    Args:
        picture: A uint8 array of one of these shapes, however it lies in memory; or an image of Pillow.
        color: The order of an array's channels.

    Raises:
        ImageError: anything else, no pixels, or absurdly many.
    """
    if _is_pillow(picture):
        return _from_pillow(picture)
    is_image = isinstance(picture, np.ndarray) and picture.dtype == np.uint8 and picture.size > 0
    if not is_image or not (picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (1, 3))):
        is_array = isinstance(picture, np.ndarray)
        received = f"{picture.dtype} of shape {picture.shape}" if is_array else type(picture).__name__
        raise ImageError(
            "expected a file, an image of Pillow, or a uint8 image of shape (height, width), (height, width, 1) or "
            f"(height, width, 3), received {received}"
        )
    _check_size(picture.shape[1], picture.shape[0])
    swapped = picture.ndim == 3 and color == "rgb"
    return np.ascontiguousarray(picture[:, :, ::-1] if swapped else picture)


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ImageError(TOO_LARGE.format(received=f"{width}x{height} pixels"))


def _is_pillow(picture: Any) -> bool:
    """Known by its face, so that Pillow need not be there."""
    return all(hasattr(picture, name) for name in ("mode", "size", "getbands", "convert"))


def _from_pillow(picture: Any) -> Image:
    _check_size(*picture.size)
    if 0 in picture.size:
        raise ImageError(f"expected an image, received one of {picture.size[0]}x{picture.size[1]} pixels")
    try:
        if picture.mode[0] in "IF":  # gray of 16 or 32 bits
            pixels = to_bgr(np.asarray(picture))
        elif picture.mode[-1] in "Aa" or "transparency" in picture.info:
            pixels = to_bgr(np.asarray(picture.convert("RGBA"))[:, :, [2, 1, 0, 3]])
        else:
            pixels = np.ascontiguousarray(np.asarray(picture.convert("RGB"))[:, :, ::-1])
        orientation = picture.getexif().get(274, 1)
    except (OSError, ValueError, SyntaxError) as error:  # Pillow reads the pixels of a file only now
        raise ImageError(f"expected an image, received one that Pillow cannot read: {error}") from None
    return turn(pixels, orientation)
