"""Image files: which they are, and reading one with its bytes."""

from __future__ import annotations

import os
from pathlib import Path

from lp_recognition.images.image import Image, decode_image
from lp_recognition.images.truncation import is_truncated
from lp_recognition.system.errors import ImageError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")


def find_images(folder: Path) -> list[Path]:
    """All image files below a folder, sorted; hidden files and folders are passed over."""
    found = []
    for place, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [
            Path(place, name) for name in names if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
        ]
    return sorted(found)


def read_photograph(path: Path) -> tuple[Image, bytes]:
    """Reads an image and its bytes, once.

    Raises:
        ImageError: missing, empty, truncated or no image; as `kind: details`.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ImageError("missing image: no such file") from None
    except OSError as error:
        raise ImageError(f"unreadable image: {error.strerror}") from None
    if not data:
        raise ImageError("empty image: 0 bytes")
    if is_truncated(data):
        raise ImageError(f"truncated image: the file ends after {len(data)} bytes, in the middle of the picture")
    try:
        return decode_image(data, "unreadable image"), data
    except ImageError as error:
        raise ImageError(str(error)) from None
