"""Other first characters for real crops: a street's plates show few provinces, and this shows them all.

Most crops of a street carry the first character of one province. A network that learns from them and from drawn plates
sees the other provinces as drawings alone. Here the first character of a real crop is painted over: its
strokes give way to the plate's colour around them, and the glyph of another character takes their place, in the ink and
as blurred as its neighbours.

The crop must be cut along the plate, as those of CCPD are. Where the character stands is told by all of
the plate's characters together, as its format spaces them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lp_recognition.plates.format_schema import Format
from lp_recognition.plates.formats import FormatError
from lp_recognition.plates.glyph_row import GlyphRow, find_row
from lp_recognition.plates.glyphs import GlyphBook, padding_of

Image = NDArray[Any]  # uint8; OpenCV's own types are wider

_FACES = 256
#: Glyphs are drawn this high and then brought to their size in the crop.
_GLYPH_HEIGHT = 120
#: A training shows each crop many times: where the glyphs stand in so many of them is remembered.
_MOST_ROWS = 100_000


@dataclass(frozen=True)
class _Place:
    """Where a layout's glyphs stand, as fractions of the plate's width, and what may stand in the first place."""

    labels: re.Pattern[str]
    characters: str
    spans: tuple[tuple[float, float], ...]  # of each glyph: its left and right edge
    aspect: float  # of the first: its width over its height
    gap: float  # between two
    glyphs: GlyphBook


class Repainter:
    """Paints other first characters on crops of plates of some formats.

    Args:
        formats: The formats; those of several lines are passed over.
        extra_fonts: As of `PlateGenerator`: fonts and folders of pictures beside the built-in font.

    Raises:
        FormatError: no format has a single line.
    """

    def __init__(self, formats: Sequence[Format], extra_fonts: Sequence[str] = ()) -> None:
        self._places = [place for fmt in formats if len(fmt.lines) == 1 for place in _places(fmt, extra_fonts)]
        if not self._places:
            raise FormatError("repainting: expected a plate format of one line, received none")
        self._rows: dict[tuple[Any, ...], GlyphRow | None] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: not what is remembered."""
        return {**self.__dict__, "_rows": {}}

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
        row = self._row_of(image, place)
        if row is None:
            return image, label
        character = place.characters[int(rng.integers(len(place.characters)))]
        face, glyph_width = int(rng.integers(_FACES)), round(_GLYPH_HEIGHT * place.aspect)
        glyph, _ = place.glyphs.mask(face, character, glyph_width, _GLYPH_HEIGHT)
        painted, cover = _paint(row.straightened(image), row, glyph, place, rng)
        # What is not painted stays as sharp as it was.
        painted, cover = row.laid_back(painted), row.laid_back(cover[:, :, None])
        out = np.clip(image * (1 - cover) + cover * painted + 0.5, 0, 255).astype(np.uint8)
        return out, character + label[1:]

    def _row_of(self, image: Image, place: _Place) -> GlyphRow | None:
        """Where the glyphs stand in a crop: found once, as that takes three times as long as painting one of them."""
        key = place.spans, image.shape, hashlib.blake2b(image.tobytes(), digest_size=16).digest()
        if key not in self._rows:
            if len(self._rows) >= _MOST_ROWS:
                self._rows.clear()
            self._rows[key] = find_row(image.mean(axis=2, dtype=np.float32), place.spans, place.gap)
        return self._rows[key]


def _places(fmt: Format, extra_fonts: Sequence[str]) -> list[_Place]:
    glyphs = GlyphBook(fmt.lettering, fmt.lettering.stroke_mm / fmt.box_mm[1], None, extra_fonts)
    line, plate_width = fmt.lines[0], fmt.size_mm[0]
    found = []
    for layout in fmt.layouts:
        names = [name for name in layout.pattern if name in fmt.alphabets]
        if layout.pattern[0] not in fmt.alphabets or len(names) < 3:
            continue
        width, height = fmt.box_of(names[0])
        classes = ["[" + re.escape(fmt.alphabets[name].characters) + "]" for name in names]
        found.append(
            _Place(
                labels=re.compile("".join(classes)),
                characters=fmt.alphabets[names[0]].characters,
                spans=tuple(
                    (left / plate_width, right / plate_width) for left, right in fmt.spans_mm(layout.pattern, line)
                ),
                aspect=width / height,
                gap=line.gap_mm / plate_width,
                glyphs=glyphs,
            )
        )
    return found


def _paint(
    image: Image, box: GlyphRow, glyph: Image, place: _Place, rng: Generator
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The crop with the glyph, float32, and how much of each of its pixels is painted, in [0, 1]."""
    light = image.mean(axis=2, dtype=np.float32)
    height, width = light.shape
    sign = 1.0 if box.is_bright else -1.0

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
    beside = light[box.top : box.bottom, x1 : x1 + int(0.25 * width)]
    steepest = np.percentile(np.abs(np.diff(beside, axis=1)), 97) / contrast
    # An edge that was blurred by a Gaussian of sigma is as steep as 0.4 / sigma.
    sigma = float(np.clip(0.36 / max(steepest, 0.05), 0.35, 0.02 * width)) * rng.uniform(0.8, 1.2)
    alpha = _placed(glyph, box, (x0, y0), background.shape[:2], sigma)
    painted = background + alpha[:, :, None] * (ink * rng.uniform(0.92, 1.05) - background)

    out = image.astype(np.float32)
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
    glyph: Image, box: GlyphRow, origin: tuple[int, int], shape: tuple[int, int], sigma: float
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
