"""Image files: which they are, and reading one with its bytes."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from lp_recognition.images.image import Image, decode_image
from lp_recognition.images.truncation import is_truncated
from lp_recognition.system.errors import ImageError

#: How the names of image files end: what OpenCV's wheels read (4.10 all but .gif and .avif).
IMAGE_SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".webp", ".tif", ".tiff", ".gif", ".jp2", ".avif",
    ".pbm", ".pgm", ".ppm", ".pnm",
)  # fmt: skip


def find_images(folder: Path) -> list[Path]:
    """All image files below a folder, sorted; see `find_files`."""
    return find_files(folder)[0]


def find_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """The image files below a folder, and its other files, both sorted; hidden files and folders are passed over.

    Links to folders are followed, after all folders themselves; each folder is entered once, by whatever name, so a
    link to a folder above leads in no circle.
    """
    images: list[Path] = []
    others: list[Path] = []
    entered: set[tuple[int, int]] = set()
    tops = deque([folder])
    while tops:
        for place, folders, names in os.walk(tops.popleft()):
            status = Path(place).stat()
            if (status.st_dev, status.st_ino) in entered:
                folders.clear()
                continue
            entered.add((status.st_dev, status.st_ino))
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            tops.extend(path for path in (Path(place, name) for name in folders) if path.is_symlink())
            for name in names:
                if not name.startswith("."):
                    found = images if name.lower().endswith(IMAGE_SUFFIXES) else others
                    found.append(Path(place, name))
    return sorted(images), sorted(others)


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
