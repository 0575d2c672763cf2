"""Image files: which they are, and reading one with its bytes."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path

from lp_recognition.images.headers import SUFFIXES
from lp_recognition.images.image import Image, UnreadableImageError, opened_image
from lp_recognition.system.errors import ImageError

#: How the names of image files end.
IMAGE_SUFFIXES = SUFFIXES


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
        with opened_image(path) as image_and_bytes:
            return image_and_bytes
    except UnreadableImageError as error:
        raise ImageError(f"{error.kind}: {error.details}") from None
