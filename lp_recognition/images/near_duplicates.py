"""Finding pictures that look the same: a perceptual hash, and the search for all near pairs.

The hash holds the signs of the lowest 256 coefficients of a cosine transform: it hardly moves under JPEG, scaling,
brightness and a shift by a pixel, while another text moves about half of it. Eight rows and 32 columns of coefficients,
where pictures of nature make do with 8 x 8: plates of one country differ in their characters alone.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image

HASH_BITS = 256
#: Of real crops that were shifted, scaled, brightened and compressed again, nine in ten stay within this distance; of
#: twelve million pairs of crops with different labels, five come so near, and two of these are one plate, mislabelled.
NEAR_DISTANCE = 32

_ROWS, _COLUMNS = 8, 32
_BLOCK = 4096


def perceptual_hash(image: Image) -> NDArray[np.bool_]:
    """The hash of a uint8 `(h, w)` or `(h, w, 3)` image: bool `(256,)`."""
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    small = cv2.resize(gray, (3 * _COLUMNS, 4 * _ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)
    coefficients = cv2.dct(small)[:_ROWS, :_COLUMNS].ravel()
    bits: NDArray[np.bool_] = coefficients > 0
    bits[0] = False  # the mean is positive in every picture
    return bits


def find_near_pairs(
    hashes: Sequence[NDArray[np.bool_]] | NDArray[np.bool_], distance: int = NEAR_DISTANCE
) -> list[tuple[int, int, int]]:
    """All pairs of hashes that differ in at most `distance` bits.

    Args:
        hashes: bool `(n, 256)`.
        distance: In bits.

    Returns:
        (first, second, distance) with first < second, in order.
    """
    if len(hashes) < 2:
        return []
    # With bits as -1 and 1 a product is 256 - 2 * distance: all pairs are one matrix product, in blocks.
    signs = np.where(np.asarray(hashes), np.float32(1), np.float32(-1))
    bits = signs.shape[1]
    found: list[tuple[int, int, int]] = []
    for start in range(0, len(signs), _BLOCK):
        for other in range(start, len(signs), _BLOCK):
            products = signs[start : start + _BLOCK] @ signs[other : other + _BLOCK].T
            rows, columns = np.nonzero(products >= bits - 2 * distance - 0.5)
            distances = ((bits - products[rows, columns]) / 2).round().astype(int)
            keep = rows + start < columns + other
            pairs = zip(rows[keep] + start, columns[keep] + other, distances[keep], strict=True)
            found += ((int(first), int(second), int(near)) for first, second, near in pairs)
    return sorted(found)
