"""The plate itself, seen straight on: paint, border, badges, text, and what age and the car do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.format_schema import Badge, Disc, Format, Paint, Panel, Stars, Stripes
from lp_recognition.plates.glyphs import GlyphBook
from lp_recognition.plates.text import Text
from lp_recognition.plates.wear import clip, vary, wear

Image = NDArray[Any]  # uint8; OpenCV's own types are wider
Color = tuple[int, int, int]

#: Plates without their text are drawn this many ways a format and kept: paint, badges, holder.
_BLANKS = 64


@dataclass(frozen=True)
class Drawing:
    """A plate seen straight on.

    Attributes:
        image: uint8 BGR, the plate with its holder around it.
        corners: float32 `(4, 2)`, the plate's corners x, y in `image`: left-up, right-up, right-bottom, left-bottom;
            0, 0 is the outer corner of the first pixel.
        margins: How far the text is from the plate's left, upper, right and lower edge, in parts of its width and
            height.
    """

    image: Image
    corners: NDArray[np.float32]
    margins: tuple[float, float, float, float]


@dataclass(frozen=True)
class _Blank:
    image: Image
    left: int
    top: int
    ink: Color


class PlateDrawer:
    """Draws plates of one format, `width` pixels wide."""

    def __init__(
        self,
        plate_format: Format,
        width: int,
        font: str | None,
        degradations: Degradations,
        extra_fonts: Sequence[str] = (),
    ) -> None:
        self._format = plate_format
        self._font = font
        self._degradations = degradations
        self._scale = width / plate_format.size_mm[0]
        self._size = (width, max(8, round(plate_format.size_mm[1] * self._scale)))
        # Pixels by which jitter and spreading were tuned belong to a plate 200 pixels wide.
        self._unit = width / 200
        lettering = plate_format.lettering
        self._glyphs = GlyphBook(lettering, lettering.stroke_mm / plate_format.box_mm[1], font, extra_fonts)
        self._blanks: dict[int, _Blank] = {}
        self._margins_of: dict[str, tuple[float, float, float, float]] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: no cache."""
        return {**self.__dict__, "_blanks": {}}

    def draw(self, text: Text, random: Random) -> Drawing:
        """Draws a plate with a text."""
        index = random.randrange(_BLANKS)
        blank = self._blanks.get(index)
        if blank is None:
            blank = self._blanks[index] = self._draw_blank(index)
        width, height = self._size
        image = blank.image.copy()
        area = image[blank.top : blank.top + height, blank.left : blank.left + width]
        self._draw_text(area, text, blank.ink, random)
        wear(area, self._degradations, self._scale, self._format.bolts_mm, random)
        left, top = blank.left, blank.top
        right, bottom = left + width, top + height
        corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)
        return Drawing(image, corners, self._margins(text.layout))

    def _margins(self, layout: str) -> tuple[float, float, float, float]:
        found = self._margins_of.get(layout)
        if found is None:
            fmt = self._format
            width, height = fmt.size_mm
            rows = list(zip(layout.split("/"), fmt.lines, strict=True))
            half_widths = [(line.center_mm[0], fmt.row_width_mm(row, line) / 2) for row, line in rows]
            spans = [fmt.row_span_mm(row, line) for row, line in rows]
            found = (
                min(x - half for x, half in half_widths) / width,
                min(top for top, _ in spans) / height,
                1 - max(x + half for x, half in half_widths) / width,
                1 - max(bottom for _, bottom in spans) / height,
            )
            self._margins_of[layout] = found
        return found

    def _draw_text(self, area: Image, text: Text, ink: Color, random: Random) -> None:
        """Draws all glyphs and marks: as masks, one for each ink, which are then laid on the plate."""
        settings = self._degradations
        scale, fmt = self._scale, self._format
        mask = np.zeros((self._size[1], self._size[0]), np.uint8)
        masks: dict[str | None, Image] = {None: mask}
        face = random.randrange(settings.lettering.faces) if settings.lettering.happens(random) else 0
        jitter = settings.placement.jitter_px if settings.placement.happens(random) else (0.0, 0.0)
        shift = random.uniform(*settings.placement.shift_mm) if jitter[1] else 0.0
        symbols = iter(text.symbols)
        for row, line in zip(text.layout.split("/"), fmt.lines, strict=True):
            x = line.center_mm[0] + shift - fmt.row_width_mm(row, line) / 2
            previous = ""
            for name in row:
                symbol = next(symbols)
                if name in fmt.marks:
                    self._draw_mark(mask, area, name, x, line.center_mm[1], random)
                    x += fmt.marks[name].advance_mm
                else:
                    if previous in fmt.alphabets:
                        x += line.gap_mm
                    box = fmt.box_of(name)
                    y = line.center_mm[1] - box[1] / 2 - fmt.alphabets[name].raise_mm
                    width, height = max(3, round(box[0] * scale)), max(5, round(box[1] * scale))
                    glyph, padding = self._glyphs.mask(face, symbol, width, height)
                    left = round(x * scale + random.uniform(*jitter) * self._unit) - padding
                    top = round(y * scale + random.uniform(*jitter) * self._unit) - padding
                    own_ink = fmt.alphabets[name].ink
                    if own_ink not in masks:
                        masks[own_ink] = np.zeros_like(mask)
                    _paste(masks[own_ink], glyph, left, top)
                    x += box[0]
                previous = name
            next(symbols, None)  # the line break
        spread = random.uniform(*settings.ink.spread_px) * self._unit if settings.ink.happens(random) else 0.0
        for own_ink, mask in masks.items():
            if spread:
                _spread(mask, spread)
            self._emboss(area, mask, random)
            self._lay_ink(area, mask, ink if own_ink is None else _bgr(own_ink), random)

    def _draw_mark(self, mask: Image, area: Image, name: str, x: float, y: float, random: Random) -> None:
        mark = self._format.marks[name]
        if mark.shape == "gap" or random.random() >= mark.probability:
            return
        scale = self._scale
        width, height = mark.size_mm[0] * scale, mark.size_mm[1] * scale
        center_x, center_y = (x + mark.advance_mm / 2) * scale, (y - mark.raise_mm) * scale
        if mark.shape in ("dot", "ring"):
            middle = (round(center_x * 16), round(center_y * 16))
            thickness = -1 if mark.shape == "dot" else max(1, round(width / 5))
            cv2.circle(mask, middle, round(width * 8), (255,), thickness, cv2.LINE_AA, 4)
            return
        if mark.shape == "seals":
            for side in (-1, 1):
                place = (center_x, center_y + side * height * 0.68)
                _draw_seal(area, place, width / 2, _bgr(random.choice(mark.colors)), random)
            return
        if mark.shape == "bar":
            height = float(self._size[1])
            center_y = height / 2
        first = (round((center_x - width / 2) * 16), round((center_y - height / 2) * 16))
        last = (round((center_x + width / 2) * 16 - 16), round((center_y + height / 2) * 16 - 16))
        cv2.rectangle(mask, first, last, (255,), -1, cv2.LINE_AA, 4)

    def _emboss(self, area: Image, mask: Image, random: Random) -> None:
        settings = self._degradations.embossing
        if not settings.happens(random):
            return
        step = max(1, round(self._unit))
        strength = random.uniform(*settings.strength)
        lit, dark = np.zeros_like(mask), np.zeros_like(mask)
        lit[:-step, :-step], dark[step:, step:] = mask[step:, step:], mask[:-step, :-step]
        if random.random() < 0.5:
            lit, dark = dark, lit
        cv2.add(area, cv2.cvtColor(cv2.convertScaleAbs(lit, alpha=strength), cv2.COLOR_GRAY2BGR), dst=area)
        cv2.subtract(area, cv2.cvtColor(cv2.convertScaleAbs(dark, alpha=strength), cv2.COLOR_GRAY2BGR), dst=area)

    def _lay_ink(self, area: Image, mask: Image, ink: Color, random: Random) -> None:
        paintwork = self._degradations.paintwork
        fade = 0.0
        if paintwork.happens(random):
            ink = vary(ink, paintwork.ink, random)
            fade = random.uniform(*paintwork.fade)
        if fade > 0.02:
            mask = cv2.convertScaleAbs(mask, alpha=1 - fade)
        steps = np.arange(256, dtype=np.float32) / 255
        painted = cv2.merge([cv2.LUT(mask, (steps * channel).astype(np.uint8)) for channel in ink])
        rest = cv2.cvtColor(cv2.bitwise_not(mask), cv2.COLOR_GRAY2BGR)
        cv2.multiply(area, rest, dst=area, scale=1 / 255)
        cv2.add(area, painted, dst=area)

    def _draw_blank(self, index: int) -> _Blank:
        """The plate without its text, number `index`, with its holder."""
        random = Random(f"{self._format.name} {index}")
        fmt, settings = self._format, self._degradations
        height = self._size[1]
        paint = random.choices(fmt.paints, [paint.weight for paint in fmt.paints])[0]
        image = self._paint_background(paint, random)
        for badge in fmt.badges:
            if random.random() < badge.probability:
                self._draw_badge(image, badge, paint, random)
        border = _bgr(paint.border or paint.ink)
        if fmt.border is not None and random.random() < fmt.border.probability:
            inset, line = fmt.border.inset_mm * self._scale, fmt.border.width_mm * self._scale
            _rounded_frame(image, inset, line, max(fmt.corner_mm * self._scale - inset, 1), border)
        left = top = 0
        if settings.holder.happens(random):
            side = round(random.uniform(*settings.holder.side) * height)
            below = round(random.uniform(*settings.holder.below) * height)
            left, top = side, max(0, round(side * random.uniform(0.5, 1.2)))
            image = _add_holder(image, side, top, below, random, settings.holder.words_probability)
        elif settings.surroundings.probability > 0 and fmt.corner_mm:
            _shade_corners(image, fmt.corner_mm * self._scale, random)
        return _Blank(image, left, top, _bgr(paint.ink))

    def _paint_background(self, paint: Paint, random: Random) -> Image:
        paintwork = self._degradations.paintwork
        colors = [_bgr(color) for color in paint.background]
        if paintwork.happens(random):
            delta = [random.uniform(*paintwork.background) for _ in range(3)]
            colors = [clip([c + d for c, d in zip(color, delta, strict=True)]) for color in colors]
        width, height = self._size
        share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
        rows = np.array(colors[0], np.float32) * (1 - share) + np.array(colors[-1], np.float32) * share
        return np.ascontiguousarray(np.broadcast_to(np.round(rows), (height, width, 3)).astype(np.uint8))

    def _draw_badge(self, image: Image, badge: Badge, paint: Paint, random: Random) -> None:
        scale = self._scale
        if isinstance(badge, Disc):
            center = (badge.center_mm[0] * scale, badge.center_mm[1] * scale)
            _draw_seal(image, center, badge.diameter_mm / 2 * scale, _bgr(random.choice(badge.colors)), random)
            return
        x, y, width, height = (round(value * scale) for value in badge.box_mm)
        if isinstance(badge, Panel):
            image[y : y + height, x : x + width] = _bgr(badge.color)
        elif isinstance(badge, Stripes):
            edges = np.linspace(y, y + height, len(badge.colors) + 1)
            for color, start, end in zip(badge.colors, edges[:-1], edges[1:], strict=True):
                image[round(start) : max(round(end), round(start) + 1), x : x + width] = _bgr(color)
        elif isinstance(badge, Stars):
            for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
                star_x = x + width / 2 * (1 + np.cos(angle))
                star_y = y + height / 2 * (1 + np.sin(angle))
                star = (round(star_x * 16), round(star_y * 16))
                cv2.circle(image, star, round(width / 14 * 16) + 4, _bgr(badge.color), -1, cv2.LINE_AA, 4)
        else:
            ink = _bgr(paint.ink if badge.color == "ink" else badge.color)
            small_print(image, random.choice(badge.texts), (x, y, width, height), ink)


def _draw_seal(image: Image, center: tuple[float, float], radius: float, color: Color, random: Random) -> None:
    middle = (round(center[0] * 16), round(center[1] * 16))
    cv2.circle(image, middle, round(radius * 16), color, -1, cv2.LINE_AA, 4)
    inner = vary(color, (-70, 70), random)
    cv2.circle(image, middle, round(radius * 9), inner, max(1, round(radius / 4)), cv2.LINE_AA, 4)


def small_print(image: Image, text: str, box: tuple[int, int, int, int], color: Color) -> None:
    """Fills a box (left, top, width, height) with a text in a built-in font."""
    x, y, width, height = box
    if width < 2 or height < 2:
        return
    canvas = np.zeros((80, 60 * len(text) + 40), np.uint8)
    cv2.putText(canvas, text, (10, 60), (255,), cv2.FontFace("sans"), 50, 600)
    x0, y0, w, h = cv2.boundingRect(canvas)
    if w == 0 or h == 0:
        return
    mask = cv2.resize(canvas[y0 : y0 + h, x0 : x0 + w], (width, height), interpolation=cv2.INTER_AREA)
    area = image[max(y, 0) : y + height, max(x, 0) : x + width]
    _blend(area, mask[: area.shape[0], : area.shape[1]], color)


def _paste(mask: Image, glyph: Image, left: int, top: int) -> None:
    """Lays a glyph on a mask, clipped at its edges."""
    height, width = mask.shape
    x0, y0 = max(left, 0), max(top, 0)
    x1, y1 = min(left + glyph.shape[1], width), min(top + glyph.shape[0], height)
    if x0 < x1 and y0 < y1:
        area = mask[y0:y1, x0:x1]
        np.maximum(area, glyph[y0 - top : y1 - top, x0 - left : x1 - left], out=area)


def _spread(mask: Image, pixels: float) -> None:
    """Thickens (or thins, where negative) what a mask holds by about so many pixels, in place."""
    share = min(abs(pixels), 1.0)
    kernel = np.ones((3, 3), np.uint8)
    other = cv2.dilate(mask, kernel) if pixels > 0 else cv2.erode(mask, kernel)
    # Half a pixel on each side of the line is one pixel of width: blend towards the full step.
    cv2.addWeighted(mask, 1 - share / 2, other, share / 2, 0, dst=mask)


def _rounded_frame(image: Image, inset: float, width: float, radius: float, color: Color) -> None:
    """Draws the plate's border line, anti-aliased, with round corners."""
    scale = 4
    height_px, width_px = image.shape[:2]
    mask = np.zeros((height_px * scale, width_px * scale), np.uint8)
    for grow, value in ((0.0, 255), (width, 0)):
        left = top = (inset + grow) * scale
        right, bottom = width_px * scale - 1 - left, height_px * scale - 1 - top
        corner = max((radius - grow) * scale, 1)
        _fill_rounded(mask, (left, top, right, bottom), corner, value)
    _blend(image, cv2.resize(mask, (width_px, height_px), interpolation=cv2.INTER_AREA), color)


def _fill_rounded(mask: Image, box: tuple[float, float, float, float], corner: float, value: int) -> None:
    """Fills a box (left, top, right, bottom) with round corners."""
    left, top, right, bottom = (round(side) for side in box)
    radius = round(corner)
    cv2.rectangle(mask, (left + radius, top), (right - radius, bottom), (value,), -1)
    cv2.rectangle(mask, (left, top + radius), (right, bottom - radius), (value,), -1)
    for x in (left + radius, right - radius):
        for y in (top + radius, bottom - radius):
            cv2.circle(mask, (x, y), radius, (value,), -1)


def _blend(image: Image, mask: Image, color: Color) -> None:
    """Lays a colour on an image where a mask is, in place."""
    share = mask[:, :, None].astype(np.float32) / 255
    image[:] = np.round(image * (1 - share) + np.array(color, np.float32) * share).astype(np.uint8)


def _shade_corners(image: Image, radius: float, random: Random) -> None:
    """Round corners: what is outside them shows the car, here a dark or a bright tone."""
    height, width = image.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    _fill_rounded(mask, (0, 0, width - 1, height - 1), max(1, radius), 255)
    tone = random.choice((25, 25, 60, 110, 200))
    image[mask == 0] = (tone, tone, tone)


def _add_holder(image: Image, side: int, top: int, below: int, random: Random, words_probability: float) -> Image:
    """Puts a frame around the plate, with words below where there is room."""
    tone = random.choice((18, 25, 40, 40, 70, 150, 215))
    color = vary((tone, tone, tone), (-12, 12), random)
    if random.random() < 0.12:
        color = (random.randrange(256), random.randrange(256), random.randrange(256))
    framed = np.asarray(cv2.copyMakeBorder(image, top, below, side, side, cv2.BORDER_CONSTANT, value=color), np.uint8)
    height, width = framed.shape[:2]
    if below >= 6 and random.random() < words_probability:
        alphabet = "ABCDEFGHIKLMNOPRSTUVWXYZabcdeghiklmnoprstuvz.-0123456789"
        count = random.randrange(1, 4)
        words = " ".join("".join(random.choices(alphabet, k=random.randrange(3, 9))) for _ in range(count))
        words_width = round(width * random.uniform(0.3, 0.9))
        words_height = max(3, round(below * random.uniform(0.45, 0.75)))
        x = random.randrange(max(1, width - words_width))
        y = height - below + (below - words_height) // 2
        bright = 255 - tone if random.random() < 0.8 else random.randrange(256)
        ink = vary((bright, bright, bright), (-60, 60), random)
        small_print(framed, words, (x, y, words_width, words_height), ink)
    return framed


def _bgr(color: str) -> Color:
    return int(color[5:7], 16), int(color[3:5], 16), int(color[1:3], 16)
