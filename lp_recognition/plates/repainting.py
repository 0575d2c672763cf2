"""Other first characters for real crops: a street's plates show few provinces, and this shows them all.

Most crops of a street carry the first character of one province. A network that learns from them and from drawn plates
sees the other provinces as drawings alone. Here the first character of a real crop is painted over: its
strokes give way to the plate's colour around them, and the glyph of another character takes their place, in the ink and
as blurred as its neighbours.

The crop must be cut along the plate, as those of CCPD are. Where the character stands is looked for near the place that
the plate's format states.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lp_recognition.plates.formats import Format, FormatError
from lp_recognition.plates.glyphs import GlyphBook, padding_of

Image = NDArray[Any]  # uint8; OpenCV's own types are wider

_FACES = 48
#: Glyphs are drawn this high and then brought to their size in the crop.
_GLYPH_HEIGHT = 120
#: Slopes of a line of text, in rows a column.
_SLOPES = np.linspace(-0.16, 0.16, 17)
#: The slope is looked for on so many parts of the width.
_PARTS = 24


@dataclass(frozen=True)
class _Place:
    """Where a layout's first glyph stands, as fractions of the plate's width, and what may stand there."""

    labels: re.Pattern[str]
    characters: str
    right: float  # edge of the first glyph's box
    width: float
    aspect: float  # its width over its height
    gap: float  # between it and the next
    glyphs: GlyphBook


@dataclass(frozen=True)
class _Box:
    left: float
    right: float
    top: int
    bottom: int


class Repainter:
    """Paints other first characters on crops of plates of some formats.

    Args:
        formats: The formats; those of several lines are passed over.
        extra_fonts: TrueType files beside the built-in font, for characters that have no strokes of the toolkit.

    Raises:
        FormatError: no format has a single line.
    """

    def __init__(self, formats: Sequence[Format], extra_fonts: Sequence[str] = ()) -> None:
        self._places = [place for fmt in formats if len(fmt.lines) == 1 for place in _places(fmt, extra_fonts)]
        if not self._places:
            raise FormatError("repainting: expected a plate format of one line, received none")

    def repaint(self, image: Image, label: str, rng: Generator) -> tuple[Image, str]:
        """Paints a first character by chance over that of a crop.

        Args:
            image: The crop, uint8 `(h, w, channels)`, cut along the plate.
            label: Its text.
            rng: Source of chance.

        Returns:
            A crop of the same shape, and its text; both as they were where the text is of none of the formats, or no
            first glyph is found.
        """
        place = next((place for place in self._places if place.labels.fullmatch(label)), None)
        if place is None or min(image.shape[:2]) < 12:
            return image, label
        light = image.mean(axis=2, dtype=np.float32)
        slope = _slope_of(light)
        straight, light = _sheared(image, -slope), _sheared(light, -slope)
        box = _find_glyph(light, place)
        if box is None:
            return image, label
        character = place.characters[int(rng.integers(len(place.characters)))]
        face, glyph_width = int(rng.integers(_FACES)), round(_GLYPH_HEIGHT * place.aspect)
        glyph, _ = place.glyphs.mask(face, character, glyph_width, _GLYPH_HEIGHT)
        painted, cover = _paint(straight, light, box, glyph, place, rng)
        # What is not painted stays as sharp as it was.
        width, middle = painted.shape[1], (image.shape[1] - 1) / 2
        cover, painted = _sheared(cover, slope, middle)[:, :, None], _sheared(painted, slope, middle)
        out = image.copy()
        out[:, :width] = np.clip(image[:, :width] * (1 - cover) + cover * painted + 0.5, 0, 255).astype(np.uint8)
        return out, character + label[1:]


def _places(fmt: Format, extra_fonts: Sequence[str]) -> list[_Place]:
    glyphs = GlyphBook(fmt.lettering, fmt.lettering.stroke_mm / fmt.box_mm[1], None, extra_fonts)
    line, plate_width = fmt.lines[0], fmt.size_mm[0]
    found = []
    for layout in fmt.layouts:
        names = [name for name in layout.pattern if name in fmt.alphabets]
        if layout.pattern[0] not in fmt.alphabets or len(names) < 3:
            continue
        width, height = fmt.box_of(names[0])
        left = line.center_mm[0] - fmt.row_width_mm(layout.pattern, line) / 2
        classes = ["[" + re.escape(fmt.alphabets[name].characters) + "]" for name in names]
        found.append(
            _Place(
                labels=re.compile("".join(classes)),
                characters=fmt.alphabets[names[0]].characters,
                right=(left + width) / plate_width,
                width=width / plate_width,
                aspect=width / height,
                gap=line.gap_mm / plate_width,
                glyphs=glyphs,
            )
        )
    return found


def _slope_of(light: NDArray[np.float32]) -> float:
    """The slope of the line of text, in rows a column: where rows of it differ most in how many strokes they hold."""
    height, width = light.shape
    steepness = np.abs(cv2.Sobel(light, cv2.CV_32F, 1, 0, ksize=3))
    parts = np.asarray(cv2.resize(steepness, (_PARTS, height), interpolation=cv2.INTER_AREA), np.float32)
    levelled = parts[_levelled_rows(height, width), np.arange(_PARTS)]  # (slopes, height, parts)
    return float(_SLOPES[int(np.argmax(levelled.mean(axis=2).var(axis=1)))])


@functools.lru_cache(maxsize=64)
def _levelled_rows(height: int, width: int) -> NDArray[np.intp]:
    """For each slope, row and part of the width: the row that comes there when that slope is levelled."""
    from_middle = ((np.arange(_PARTS) + 0.5) / _PARTS - 0.5) * width
    rows = np.arange(height)[None, :, None] + np.rint(_SLOPES[:, None, None] * from_middle[None, None, :])
    return np.clip(rows, 0, height - 1).astype(np.intp)


def _sheared(image: Image, slope: float, middle: float | None = None) -> Image:
    """Moves each column down by `slope` rows a column, the one at `middle` (of the image, or stated) by none."""
    height, width = image.shape[:2]
    middle = (width - 1) / 2 if middle is None else middle
    matrix = np.array([[1, 0, 0], [slope, 1, -slope * middle]])
    return np.asarray(
        cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    ).reshape(image.shape)


def _find_glyph(light: NDArray[np.float32], place: _Place) -> _Box | None:
    """The box of the first glyph of a straight line of text: up to the emptiest columns near the gap behind it.

    None where no strokes stand in the box, or some in the gap: the crop is not cut along the plate, or hardly legible.
    """
    width = light.shape[1]
    steepness = np.abs(cv2.Sobel(light, cv2.CV_32F, 1, 0, ksize=3))
    top, bottom = _band(steepness[:, : int(0.6 * width)].mean(axis=1))
    columns = cv2.GaussianBlur(steepness[top:bottom].mean(axis=0)[None], (0, 0), 0.006 * width)[0]
    at = (np.arange(width) + 0.5) / width
    usual = columns[: max(1, int(0.4 * width))].mean() + 1e-6
    expected = place.right + place.gap / 2
    cost = columns / usual + 0.25 * ((at - expected) / (0.4 * place.width)) ** 2
    cost[np.abs(at - expected) > 0.5 * place.width] = np.inf
    middle = int(np.argmin(cost))
    end = middle - place.gap * width / 2
    strokes = columns[max(0, int(end - place.width * width)) : max(int(end), 1)].mean() / usual
    if columns[middle] > 0.7 * usual or strokes < 0.75:
        return None
    top, bottom = _band(steepness[:, int(0.02 * width) : max(int(end), int(0.02 * width) + 1)].mean(axis=1))
    return _Box(max(0.0, end - place.width * width), max(end, 3.0), top, bottom)


def _band(rows: NDArray[np.float32]) -> tuple[int, int]:
    """The rows in which strokes are dense: the two-level profile that fits best, over 0.45 to 0.92 of the height."""
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


def _paint(
    image: Image, light: NDArray[np.float32], box: _Box, glyph: Image, place: _Place, rng: Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The crop's left part with the glyph, float32, and how much of each of its pixels is painted, in [0, 1]."""
    height, width = light.shape
    text = light[box.top : box.bottom, int(0.03 * width) : int(0.9 * width)]
    dark, middle, bright = np.percentile(text, [6, 50, 94])
    sign = 1.0 if bright - middle > middle - dark else -1.0  # bright ink on dark, or dark ink on bright

    near = slice(int(0.2 * width), int(0.8 * width))
    inks = image[box.top : box.bottom, near].reshape(-1, image.shape[2]).astype(np.float32)
    levels = sign * light[box.top : box.bottom, near].ravel()
    ink = inks[levels >= np.percentile(levels, 93)].mean(axis=0)

    margin = 0.35 * place.gap * width
    x0, x1 = int(max(0, box.left - margin)), min(width, int(box.right + 0.5 * place.gap * width) + 1)
    y0, y1 = max(0, box.top - 1), min(height, box.bottom + 1)
    region = image[y0:y1, x0:x1].astype(np.float32)
    background = _without_strokes(region, sign * light[y0:y1, x0:x1], sign * float(ink.mean()), 0.05 * width)

    contrast = abs(float(ink.mean() - background.mean())) + 1
    beside = light[box.top : box.bottom, x1 : int(0.42 * width)]
    steepest = np.percentile(np.abs(np.diff(beside, axis=1)), 97) / contrast
    # An edge that was blurred by a Gaussian of sigma is as steep as 0.4 / sigma.
    sigma = float(np.clip(0.36 / max(steepest, 0.05), 0.35, 0.02 * width)) * rng.uniform(0.8, 1.2)
    alpha = _placed(glyph, box, (x0, y0), background.shape[:2], sigma)
    painted = background + alpha[:, :, None] * (ink * rng.uniform(0.92, 1.05) - background)

    out = image[:, : x1 + 2].astype(np.float32)
    out[y0:y1, x0:x1] = painted
    cover = np.zeros(out.shape[:2], np.float32)
    cover[y0:y1, x0:x1] = 1
    return out, np.asarray(cv2.blur(cover, (3, 3), borderType=cv2.BORDER_REPLICATE), np.float32)


def _without_strokes(
    region: NDArray[np.float32], levels: NDArray[np.float32], ink: float, reach: float
) -> NDArray[np.float32]:
    """What is behind the strokes: the colours of pixels far enough from the ink's brightness, spread over the rest."""
    base = float(np.percentile(levels, 45))
    strokes = cv2.dilate((levels > base + 0.15 * abs(ink - base)).astype(np.uint8), np.ones((3, 3), np.uint8))
    weights = (1 - strokes).astype(np.float32)
    spread = [cv2.GaussianBlur(region[:, :, i] * weights, (0, 0), reach) for i in range(region.shape[2])]
    return np.asarray(
        np.stack(spread, axis=2) / (cv2.GaussianBlur(weights, (0, 0), reach)[:, :, None] + 1e-3), np.float32
    )


def _placed(
    glyph: Image, box: _Box, origin: tuple[int, int], shape: tuple[int, int], sigma: float
) -> NDArray[np.float32]:
    """The glyph as coverage in [0, 1] of the pixels of a region, blurred by `sigma` pixels of it."""
    padding = padding_of(_GLYPH_HEIGHT)
    glyph_width, glyph_height = glyph.shape[1] - 2 * padding, _GLYPH_HEIGHT
    zoom_x, zoom_y = (box.right - box.left) / glyph_width, (box.bottom - box.top) / glyph_height
    soft = cv2.GaussianBlur(glyph.astype(np.float32) / 255, (0, 0), sigma / zoom_x, sigmaY=sigma / zoom_y)
    shift_x = box.left - origin[0] - padding * zoom_x + (zoom_x - 1) / 2
    shift_y = box.top - origin[1] - padding * zoom_y + (zoom_y - 1) / 2
    matrix = np.array([[zoom_x, 0, shift_x], [0, zoom_y, shift_y]])
    return np.asarray(cv2.warpAffine(soft, matrix, (shape[1], shape[0]), flags=cv2.INTER_LINEAR), np.float32)
