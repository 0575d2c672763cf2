"""Where the glyphs of a crop of a plate stand: how the line of text lies, and how its layout fits into it.

The crop is cut along the plate, more or less: the plate may begin beside the crop's edge, and lie askew.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]  # uint8; OpenCV's own types are wider

#: Slopes of a line of text, in rows a column; and how far its upright strokes may lean, in columns a row.
_SLOPES, _SLANTS = np.linspace(-0.16, 0.16, 17), np.linspace(-0.5, 0.5, 17)
#: The slope is looked for on so many parts of the width.
_PARTS = 24
#: Where a plate may begin in a crop, and how wide it may be, in widths of the crop.
_OFFSETS, _SCALES = np.linspace(-0.1, 0.25, 36), np.linspace(0.7, 1.12, 22)
#: Strokes are thinner than this share of the crop's height.
_STROKE = 0.16
#: So much clearer than gaps must glyphs be. Of drawn crops with all that happens to plates 7 in 10 are, and on 95 in
#: 100 of these the first glyph is found within a third of its width.
_CLEAR = 0.75


@dataclass(frozen=True)
class GlyphRow:
    """How a line of text lies in a crop, and where its first glyph stands in the crop that is laid straight.

    Attributes:
        slope: Rows that the line falls a column.
        slant: Columns that upright strokes lean a row.
        left, right: Edges of the first glyph, in columns.
        top, bottom: Its first row, and the one after its last.
        is_bright: Whether the ink is brighter than what is around it.
    """

    slope: float
    slant: float
    left: float
    right: float
    top: int
    bottom: int
    is_bright: bool

    def straightened(self, image: Image) -> Image:
        """A crop of which the line is level and its strokes upright, in the same shape."""
        return sheared(sheared(image, slope=-self.slope), slant=-self.slant)

    def laid_back(self, image: Image) -> Image:
        """The reverse of `straightened`."""
        return sheared(sheared(image, slant=self.slant), slope=self.slope)


def find_row(light: NDArray[np.float32], spans: Sequence[tuple[float, float]], gap: float) -> GlyphRow | None:
    """Finds the glyphs of a layout in a crop.

    Args:
        light: The crop's brightness, float32 `(h, w)`.
        spans: Left and right edge of each glyph, in widths of the plate.
        gap: Between two glyphs, likewise.

    Returns:
        The row; None where no such row of glyphs is clear.
    """
    ink, is_bright = _ink_of(light)
    slope = _slope_of(ink)
    level = sheared(ink, slope=-slope)
    width = light.shape[1]
    top, bottom = _band(level[:, int(0.08 * width) : int(0.92 * width) + 1].mean(axis=1))
    slant = _slant_of(level[top:bottom])
    straight = sheared(level, slant=-slant)
    fit = _fit_row(straight[top:bottom].mean(axis=0), spans, gap)
    if fit is None:
        return None
    offset, scale = fit
    left, right = (width * (offset + scale * edge) for edge in spans[0])
    # A plate that is seen from the side is higher at one end.
    top, bottom = _band(straight[:, : max(1, int(right + 2 * (right - left)))].mean(axis=1))
    return GlyphRow(slope, slant, max(0.0, left), max(right, 3.0), top, bottom, is_bright)


def sheared(image: Image, *, slope: float = 0.0, slant: float = 0.0) -> Image:
    """Moves columns down by `slope` rows a column, or rows right by `slant` columns a row; the middle stays."""
    height, width = image.shape[:2]
    matrix = np.array([[1, slant, -slant * (height - 1) / 2], [slope, 1, -slope * (width - 1) / 2]])
    moved = cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved).reshape(image.shape)


def _ink_of(light: NDArray[np.float32]) -> tuple[NDArray[np.float32], bool]:
    """What is thin and brighter than its surroundings, or darker, levelled over the crop; and which of both it is."""
    size = max(3, round(_STROKE * light.shape[0]))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    bright = cv2.morphologyEx(light, cv2.MORPH_TOPHAT, kernel)
    dark = cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, kernel)
    height, width = light.shape
    middle = (slice(int(0.2 * height), int(0.8 * height) + 1), slice(int(0.15 * width), int(0.85 * width) + 1))
    is_bright = bool(bright[middle].mean() > dark[middle].mean())
    ink = bright if is_bright else dark
    return np.asarray(ink / (cv2.GaussianBlur(ink, (0, 0), height / 3) + 4), np.float32), is_bright


def _slope_of(ink: NDArray[np.float32]) -> float:
    """The slope of the line of text, in rows a column: where rows of it differ most in how much ink they hold."""
    height, width = ink.shape
    parts = np.asarray(cv2.resize(ink, (_PARTS, height), interpolation=cv2.INTER_AREA), np.float32)
    levelled = parts[_levelled_rows(height, width), np.arange(_PARTS)]  # (slopes, height, parts)
    return float(_SLOPES[int(np.argmax(levelled.mean(axis=2).var(axis=1)))])


@functools.lru_cache(maxsize=64)
def _levelled_rows(height: int, width: int) -> NDArray[np.intp]:
    """For each slope, row and part of the width: the row that comes there when that slope is levelled."""
    from_middle = ((np.arange(_PARTS) + 0.5) / _PARTS - 0.5) * width
    rows = np.arange(height)[None, :, None] + np.rint(_SLOPES[:, None, None] * from_middle[None, None, :])
    return np.clip(rows, 0, height - 1).astype(np.intp)


def _slant_of(band: NDArray[np.float32]) -> float:
    """How far upright strokes of a level line lean, in columns a row: where columns differ most in their ink."""
    height, width = band.shape
    rows = np.arange(height) - (height - 1) / 2
    columns = np.arange(width)[None, None, :] + np.rint(_SLANTS[:, None, None] * rows[None, :, None])
    upright = band[np.arange(height)[None, :, None], np.clip(columns, 0, width - 1).astype(np.intp)]
    return float(_SLANTS[int(np.argmax(upright.mean(axis=1).var(axis=1)))])


def _fit_row(
    columns: NDArray[np.float32], spans: Sequence[tuple[float, float]], gap: float
) -> tuple[float, float] | None:
    """Where a plate's left edge is, and how wide it is, in widths of the crop: glyphs hold ink, and gaps hold none.

    None where glyphs are hardly clearer than gaps.
    """
    glyphs = np.array(spans)
    beside = np.concatenate([glyphs[:, :1] - gap * np.array([0.6, 0.1]), glyphs[:, 1:] + gap * np.array([0.1, 0.6])])
    inside, outside = (_means(columns, strips).mean(axis=1) for strips in (glyphs, beside))
    offsets, scales = _fits()
    unusual = (offsets / 0.15) ** 2 + ((scales - 1) / 0.2) ** 2
    clearness = (inside - outside) / (float(columns.mean()) + 1e-6) - 0.1 * unusual
    best = int(np.argmax(clearness))
    first = _means(columns, glyphs[:1])[best, 0]
    if clearness[best] < _CLEAR or first < 0.5 * inside[best]:
        return None
    return float(offsets[best]), float(scales[best])


def _means(columns: NDArray[np.float32], strips: NDArray[np.float64]) -> NDArray[np.float64]:
    """What strips of a plate hold in the middle, for each way a plate may lie: `(fits, strips)`; 0 outside the crop."""
    width = len(columns)
    sums = np.concatenate([[0.0], np.cumsum(columns, dtype=np.float64)])
    offsets, scales = _fits()
    at = np.clip((offsets[:, None, None] + scales[:, None, None] * strips) * width, 0, width)
    low = at.astype(np.intp)
    held = sums[low] + (at - low) * (sums[np.minimum(low + 1, width)] - sums[low])
    length = at[:, :, 1] - at[:, :, 0]
    return np.asarray(np.where(length > 0.5, (held[:, :, 1] - held[:, :, 0]) / np.maximum(length, 0.5), 0.0))


@functools.lru_cache(maxsize=1)
def _fits() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Offset and scale of each way a plate may lie in a crop."""
    offsets, scales = np.meshgrid(_OFFSETS, _SCALES, indexing="ij")
    return offsets.ravel(), scales.ravel()


def _band(rows: NDArray[np.float32]) -> tuple[int, int]:
    """The rows in which ink is dense: the two-level profile that fits best, over 0.45 to 0.92 of the height."""
    height = len(rows)
    top, bottom = _bands(height)
    sums = np.concatenate([[0.0], np.cumsum(rows)])
    count, inside = bottom - top, sums[bottom] - sums[top]
    # The difference of means, weighted as in an analysis of variance.
    score = (inside / count - (sums[-1] - inside) / (height - count)) * np.sqrt(count * (height - count))
    best = int(np.argmax(score))
    return int(top[best]), int(bottom[best])


@functools.lru_cache(maxsize=64)
def _bands(height: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First row and the row after the last of all bands of 0.45 to 0.92 of a height."""
    top, bottom = (grid.ravel() for grid in np.meshgrid(np.arange(height), np.arange(1, height + 1), indexing="ij"))
    fits = (bottom - top >= 0.45 * height) & (bottom - top <= 0.92 * height)
    return top[fits], bottom[fits]
