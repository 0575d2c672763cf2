"""Characters of a user's pictures, as masks: a folder of `<character>/<any name>.png`.

Pictures of an official lettering are such a folder, and so are characters cut from photographs of plates. The ink may
be dark or bright; the pictures of a character may differ in width, and the ones that suit a box best are taken.
"""

from __future__ import annotations

import functools
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import read_image
from lp_recognition.images.photographs import IMAGE_SUFFIXES
from lp_recognition.plates.fonts import FontError

Mask = NDArray[Any]  # uint8; OpenCV's own types are wider

#: Pictures whose width to height is that far from the box's, as a factor, would look stretched.
_STRETCH = 1.35
#: Pixels of at least so much ink are the character; a frame around it is cut off.
_INK = 0.35


def check_folder(folder: str) -> None:
    """Refuses a folder that holds no pictures of characters.

    Raises:
        FontError: names it, and what was expected in it.
    """
    if not _pictures(folder):
        raise FontError(
            f"{folder}: expected pictures of characters, as {Path(folder).name}/京/one.png, received none; name the "
            "folder that holds a folder for each character"
        )


def characters_of(folder: str) -> frozenset[str]:
    """The characters that a folder has pictures of."""
    return frozenset(_pictures(folder))


def pictured(folder: str, character: str, box: tuple[int, int], random: Random) -> Mask:
    """One of the pictures of a character, by chance, as a mask.

    Args:
        folder: A folder that has the character.
        character: What to draw.
        box: Width and height of the place it is for, in any unit: pictures of about its shape are preferred.
        random: Source of chance.

    Returns:
        The ink as coverage, uint8 of any size, cut at the edges of the ink.

    Raises:
        UnreadableImageError: the picture is missing or none.
    """
    found = _pictures(folder)[character]
    shape = box[0] / box[1]
    suitable = [path for path, aspect in found if max(aspect / shape, shape / aspect) <= _STRETCH]
    return _mask_of(random.choice(suitable or [path for path, _ in found]))


@functools.lru_cache(maxsize=16)
def _pictures(folder: str) -> dict[str, tuple[tuple[Path, float], ...]]:
    """For each character its pictures, in the order of their names, each with its width over its height.

    Raises:
        UnreadableImageError: one of them is no image.
    """
    found = {}
    for place in sorted(Path(folder).iterdir()) if Path(folder).is_dir() else ():
        if len(place.name) == 1 and place.is_dir():
            paths = sorted(path for path in place.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)
            if paths:
                found[place.name] = tuple((path, _aspect_of(path)) for path in paths)
    return found


def _aspect_of(path: Path) -> float:
    height, width = read_image(path).shape[:2]
    return width / height


@functools.lru_cache(maxsize=8192)
def _is_bright_behind(folder: str, name: str) -> bool:
    """Whether what is behind the ink is brighter than it, in the pictures of one name.

    Ink is less often at a picture's edge than what is behind it: of one character, as E, that may be wrong, and hardly
    of all that were drawn alike.
    """
    votes = []
    for path in _pictures_by_name(folder)[name]:
        gray, threshold = _gray_of(path)
        edge = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
        votes.append(float(np.mean(edge > threshold)))
    return float(np.mean(votes)) > 0.5


@functools.lru_cache(maxsize=16)
def _pictures_by_name(folder: str) -> dict[str, list[Path]]:
    """The pictures of each name: where one lettering was drawn, every character has one of that name."""
    named: dict[str, list[Path]] = {}
    for found in _pictures(folder).values():
        for path, _ in found:
            named.setdefault(path.name, []).append(path)
    return named


def _gray_of(path: Path) -> tuple[Mask, float]:
    """A picture in gray, and the brightness that parts it into ink and what is behind (Otsu)."""
    gray = np.asarray(cv2.cvtColor(read_image(path), cv2.COLOR_BGR2GRAY), np.uint8)
    return gray, cv2.threshold(gray, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[0]


@functools.lru_cache(maxsize=32768)  # of a kilobyte or two each; reading and parting one takes 2 ms
def _mask_of(path: Path) -> Mask:
    """The ink of a picture, cut at its edges: between the brightness of what is behind and that of the strokes."""
    gray, threshold = _gray_of(path)
    strokes = gray > threshold
    if _is_bright_behind(str(path.parent.parent), path.name):
        gray, strokes = 255 - gray, ~strokes
    if strokes.all() or not strokes.any():
        return np.full(gray.shape, 255, np.uint8)
    behind, ink = float(np.percentile(gray[~strokes], 75)), float(np.median(gray[strokes]))
    cover = np.clip((gray.astype(np.float32) - behind) / max(ink - behind, 1.0), 0, 1)
    rows, columns = np.flatnonzero(cover.max(axis=1) >= _INK), np.flatnonzero(cover.max(axis=0) >= _INK)
    cut = cover[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.asarray(cut * 255 + 0.5, np.uint8)
