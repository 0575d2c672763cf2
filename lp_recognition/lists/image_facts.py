"""What is known of an image after opening it once: whether it can be read, its size, light, sharpness and hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image
from lp_recognition.images.near_duplicates import perceptual_hash
from lp_recognition.images.photographs import read_photograph
from lp_recognition.system.errors import ImageError
from lp_recognition.system.parallel import run_parallel

#: Standard deviation of the gray values below which an image shows nothing, and its hash means nothing.
BLANK_DEVIATION = 2.0


@dataclass(frozen=True)
class ImageFacts:
    """What is known of an image after opening it once.

    Attributes:
        path: The file.
        problem: `kind: details`, empty where all is well; then the rest has meaning.
        digest: Of the pixels.
        bits: The perceptual hash.
        size: `(height, width)`.
        brightness: Mean gray value.
        contrast: Standard deviation of the gray values.
        sharpness: Variance of the Laplacian at a height of 32 rows: low is blurred.
    """

    path: Path
    problem: str = ""
    digest: bytes = b""
    bits: NDArray[np.bool_] | None = None
    size: tuple[int, int] = (0, 0)
    brightness: float = 0.0
    contrast: float = 0.0
    sharpness: float = 0.0


def inspect_images(paths: Iterable[Path], workers: int) -> dict[Path, ImageFacts]:
    """Opens images in several processes: the facts of each, by path."""
    facts = run_parallel(inspect_image, sorted(paths), workers=workers, description="images")
    return {fact.path: fact for fact in facts}


def inspect_image(path: Path) -> ImageFacts:
    """Opens an image and measures it."""
    try:
        image, _ = read_photograph(path)
    except ImageError as error:
        return ImageFacts(path, problem=str(error))
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    height, width = gray.shape
    upright = cv2.resize(gray, (max(1, round(32 * width / height)), 32), interpolation=cv2.INTER_AREA)
    digest = hashlib.blake2b(
        np.ascontiguousarray(image).tobytes() + repr(image.shape).encode(), digest_size=16
    ).digest()
    return ImageFacts(
        path,
        digest=digest,
        bits=perceptual_hash(image),
        size=(height, width),
        brightness=float(gray.mean()),
        contrast=float(gray.std()),
        sharpness=float(cv2.Laplacian(upright, cv2.CV_32F).var()),
    )


def read_thumbnail(path: Path, height: int = 48, max_width: int = 220) -> Image | None:
    """A small picture of an image for a page; None where it cannot be read."""
    try:
        image, _ = read_photograph(path)
    except ImageError:
        return None
    scale = min(height / image.shape[0], max_width / image.shape[1])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)
