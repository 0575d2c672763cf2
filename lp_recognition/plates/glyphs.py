"""Glyphs as masks: the toolkit's own strokes, OpenCV's built-in fonts, or a user's fonts and pictures of characters.

A *face* is one way of lettering a plate: which shapes, how wide, how heavy, how round, how slanted. There are a fixed
number of faces; face `k` is always the same, so that masks can be cached and every process draws alike.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates.fonts import outline
from lp_recognition.plates.format_schema import Lettering
from lp_recognition.plates.glyph_pictures import characters_of, pictured
from lp_recognition.plates.strokes import SHAPES

Mask = NDArray[Any]  # uint8; OpenCV's own types are wider

#: Masks are drawn this much larger and then averaged down: smooth edges, and strokes of any width.
_OVERSAMPLING = 4
#: A glyph may reach beyond its box (a Q's tail, slant) by this fraction of the box's height.
_PADDING = 0.08


@dataclass(frozen=True)
class Face:
    """One way of lettering a plate.

    Attributes:
        kind: `strokes`, or the built-in font `sans` or `uni`, or `font` for the user's.
        seed: Chooses among the shapes of a character.
        usual: Whether every character has the format's usual shape.
        width: Width of the glyphs as a fraction of their box.
        heaviness: Width of the strokes as a factor of the format's.
        roundness: How far round corners are rounded.
        slant: Horizontal lean as a fraction of the height.
        square: Whether strokes end flat, at the edges of the box.
    """

    kind: str
    seed: int
    usual: bool
    width: float
    heaviness: float
    roundness: float
    slant: float
    square: bool


def make_face(index: int, lettering: Lettering, font: str | None) -> Face:
    """The face number `index` of a format; face 0 is the plainest."""
    random = Random(index)
    if index == 0:
        roundness = sum(lettering.roundness) / 2
        return Face("font" if font else "strokes", 0, True, 0.97, 1.0, roundness, 0.0, True)
    kind = "font" if font else random.choices(["strokes", "sans", "uni"], [0.84, 0.1, 0.06])[0]
    return Face(
        kind=kind,
        seed=index,
        usual=random.random() < 0.4,
        width=random.uniform(0.82, 1.03),
        heaviness=random.uniform(0.72, 1.3),
        roundness=random.uniform(*lettering.roundness),
        slant=random.uniform(*lettering.slant),
        square=random.random() < 0.6,
    )


class GlyphBook:
    """Draws and caches the glyphs of one format.

    Args:
        lettering: How the format's glyphs look.
        stroke_ratio: Width of a stroke over the height of a glyph box.
        font: A user's font for all glyphs; None for the built-in lettering.
        extra_fonts: A user's fonts that share the work of the built-in one for characters without strokes.
    """

    def __init__(
        self, lettering: Lettering, stroke_ratio: float, font: str | None, extra_fonts: Sequence[str] = ()
    ) -> None:
        self._lettering = lettering
        self._stroke_ratio = stroke_ratio
        self._font = font
        self._folders = tuple(name for name in extra_fonts if Path(name).is_dir())
        self._extra_fonts = tuple(name for name in extra_fonts if name not in self._folders)
        self._faces: dict[int, Face] = {}
        self._masks: dict[tuple[int, str, int, int], Mask] = {}

    def __getstate__(self) -> dict[str, Any]:
        """What is pickled: no cache."""
        return {**self.__dict__, "_faces": {}, "_masks": {}}

    def mask(self, face_index: int, character: str, width: int, height: int) -> tuple[Mask, int]:
        """The mask of a character for a box of `width` x `height` pixels.

        Returns:
            The mask, uint8 `(height + 2 * padding, width + 2 * padding)`, and the padding in pixels.
        """
        padding = padding_of(height)
        key = (face_index, character, width, height)
        found = self._masks.get(key)
        if found is None:
            found = self._draw(self.face(face_index), character, width, height, padding)
            self._masks[key] = found
        return found, padding

    def face(self, index: int) -> Face:
        """The face number `index`."""
        if index not in self._faces:
            self._faces[index] = make_face(index, self._lettering, self._font)
        return self._faces[index]

    def _draw(self, face: Face, character: str, width: int, height: int, padding: int) -> Mask:
        scale = _OVERSAMPLING
        box = (width * scale, height * scale)
        folder = self._folder(face, character)
        if folder is not None:
            picture = pictured(folder, character, box, Random(f"{face.seed} {character} picture"))
            glyph = _draw_picture(picture, character, box, padding * scale, face)
        elif face.kind == "strokes" and character in SHAPES:
            stroke = self._stroke_ratio * face.heaviness * box[1] * (0.84 if character in "MW" else 1.0)
            glyph = _draw_strokes(self._shape(face, character), box, padding * scale, stroke, face)
        elif face.kind == "font":
            glyph = _draw_font(str(self._font), character, box, padding * scale, face)
        elif character in SHAPES:
            glyph = _draw_font(face.kind, character, box, padding * scale, face)
        else:
            font = Random(f"{face.seed} {character} font").choice(["uni", *self._extra_fonts]) if face.seed else "uni"
            glyph = _draw_font(font, character, box, padding * scale, face)
        if face.slant:
            middle = glyph.shape[0] / 2
            lean = np.array([[1, -face.slant, face.slant * middle], [0, 1, 0]])
            glyph = cv2.warpAffine(glyph, lean, (glyph.shape[1], glyph.shape[0]))
        size = (width + 2 * padding, height + 2 * padding)
        return np.asarray(cv2.resize(glyph, size, interpolation=cv2.INTER_AREA), np.uint8)

    def _folder(self, face: Face, character: str) -> str | None:
        """The folder of pictures that a character of a face is drawn from, if any: all sources share the work alike."""
        if not face.seed:
            return None
        folders = [name for name in self._folders if character in characters_of(name)]
        others = 1 if character in SHAPES else 1 + len(self._extra_fonts)
        # The letters and digits of a plate are of one lettering; the Chinese character beside them has its own.
        random = Random(f"{face.seed} letters" if character in SHAPES else f"{face.seed} {character} folder")
        return random.choice([*[None] * others, *folders]) if folders else None

    def _shape(self, face: Face, character: str) -> list[str]:
        shapes = SHAPES[character]
        usual = self._lettering.shapes.get(character, next(iter(shapes)))
        random = Random(f"{face.seed} {character}")
        if face.usual or random.random() < 0.7:
            return shapes[usual]
        return shapes[random.choice(list(shapes))]


def padding_of(height: int) -> int:
    """How many pixels a mask for a box of this height reaches beyond it on each side."""
    return int(height * _PADDING) + 1


@functools.lru_cache(maxsize=512)
def _parse(stroke: str) -> tuple[list[tuple[float, float]], list[bool], bool]:
    points, rounded, closed = [], [], False
    for word in stroke.split():
        if word == "z":
            closed = True
            continue
        x, y = word.rstrip("o").split(",")
        points.append((float(x) / 100, float(y) / 100))
        rounded.append(word.endswith("o"))
    return points, rounded, closed


def _draw_strokes(shape: list[str], box: tuple[int, int], padding: int, stroke: float, face: Face) -> Mask:
    canvas = np.zeros((box[1] + 2 * padding, box[0] + 2 * padding), np.uint8)
    thickness = max(1, round(stroke))
    inner = (box[0] * min(face.width, 1.0) - thickness, box[1] - thickness)
    left = padding + (box[0] - inner[0]) / 2
    top = padding + (box[1] - inner[1]) / 2
    for text in shape:
        points, rounded, closed = _parse(text)
        path = np.array([(left + x * inner[0], top + y * inner[1]) for x, y in points])
        if not closed and face.square:
            _extend_to_edge(path, points, 0, 1, thickness / 2)
            _extend_to_edge(path, points, -1, -2, thickness / 2)
        smooth = _round_corners(path, rounded, closed, face.roundness)
        fixed = np.round(smooth * 16).astype(np.int32)
        cv2.polylines(canvas, [fixed], closed, (255,), thickness, cv2.LINE_AA, shift=4)
    if face.square and max(y for text in shape for _, y in _parse(text)[0]) <= 1:
        half = thickness / 2
        clipped = np.zeros_like(canvas)
        rows = slice(round(top - half), round(top + inner[1] + half))
        columns = slice(round(left - half), round(left + inner[0] + half))
        clipped[rows, columns] = canvas[rows, columns]
        return clipped
    return canvas


def _extend_to_edge(
    path: NDArray[Any], points: list[tuple[float, float]], end: int, neighbour: int, distance: float
) -> None:
    """Moves a stroke's end that runs out of the box further out, so that the box cuts it off flat."""
    x, y = points[end]
    dx, dy = x - points[neighbour][0], y - points[neighbour][1]
    if (x == 0 and dx < 0) or (x == 1 and dx > 0) or (y == 0 and dy < 0) or (y == 1 and dy > 0):
        path[end] += _unit(path[end] - path[neighbour]) * distance


def _unit(vector: NDArray[Any]) -> NDArray[Any]:
    return vector / max(float(np.hypot(*vector)), 1e-6)


def _round_corners(path: NDArray[Any], rounded: list[bool], closed: bool, roundness: float) -> NDArray[Any]:
    """Replaces corners by arcs whose legs reach as far along both sides as the neighbours leave room for."""
    count = len(path)
    steps = np.linspace(0, 1, 9)[:, None]
    pieces: list[NDArray[Any]] = []
    for i in range(count):
        if not rounded[i] or (not closed and i in (0, count - 1)):
            pieces.append(path[i : i + 1])
            continue
        before, after = path[i - 1], path[(i + 1) % count]
        to_before, to_after = before - path[i], after - path[i]
        # A side between two round corners is shared by both.
        room_before = np.hypot(*to_before) / (2 if rounded[i - 1] else 1)
        room_after = np.hypot(*to_after) / (2 if rounded[(i + 1) % count] else 1)
        reach = min(room_before, room_after) * roundness
        start, end = path[i] + _unit(to_before) * reach, path[i] + _unit(to_after) * reach
        # A cubic with handles at 0.55 of the legs is a quarter circle where the legs are square.
        handle_start, handle_end = start + (path[i] - start) * 0.55, end + (path[i] - end) * 0.55
        pieces.append(
            (1 - steps) ** 3 * start
            + 3 * (1 - steps) ** 2 * steps * handle_start
            + 3 * (1 - steps) * steps**2 * handle_end
            + steps**3 * end
        )
    return np.concatenate(pieces)


def _draw_font(font: str, character: str, box: tuple[int, int], padding: int, face: Face) -> Mask:
    canvas = np.zeros((box[1] + 2 * padding, box[0] + 2 * padding), np.uint8)
    weight = 300 + 50 * round(9 * face.heaviness) if font != "uni" else 400  # which has one weight
    # The built-in `sans` has a slashed zero, which no plate has: the letter does instead.
    drawn = "O" if character == "0" and font == "sans" else character
    shape = outline(font, drawn, weight)
    # Chinese characters fill their box, whatever the width of the letters.
    width = box[0] * (min(face.width, 1.0) if character in SHAPES else 0.6 + 0.44 * face.width)
    if character in SHAPES:  # narrow characters stay narrow
        reference = outline(font, "H", weight).shape[1] or shape.shape[1]
        width = min(width, max(shape.shape[1] * width / reference, 0.2 * width))
    size = (max(1, round(width)), box[1])
    if character not in SHAPES and face.seed:
        shape, size = _reshape(shape, size, Random(f"{face.seed} {character}"))
    glyph = cv2.resize(shape, size, interpolation=cv2.INTER_AREA)
    if character not in SHAPES:
        # Squeezed to the narrow box of a plate, upright strokes have become thin: widen them again.
        squeeze = shape.shape[1] / shape.shape[0] * box[1] / size[0]
        sparse = 1.5 - 2 * min(float(glyph.mean()) / 255, 0.5)
        wider = max(0, round(box[1] * 0.019 * (face.heaviness - 0.35) * min(squeeze, 2.2) * sparse))
        taller = round(box[1] * 0.03 * (face.heaviness - 1.0))
        glyph = cv2.dilate(glyph, np.ones((max(taller, 0) + 1, wider + 1), np.uint8))
        if taller < 0:
            glyph = cv2.erode(glyph, np.ones((1 - taller, 1), np.uint8))
    left, top = padding + (box[0] - size[0]) // 2, padding + (box[1] - size[1]) // 2
    canvas[top : top + size[1], left : left + size[0]] = glyph
    return canvas


def _draw_picture(picture: Mask, character: str, box: tuple[int, int], padding: int, face: Face) -> Mask:
    """Lays a picture of a character into its box: Chinese characters fill it, narrow letters stay narrow."""
    width = box[0] * (0.94 + 0.06 * min(face.width, 1.0))
    if character in SHAPES:
        width = min(box[0] * min(face.width, 1.0), picture.shape[1] * box[1] / picture.shape[0])
    size = (max(1, round(width)), box[1])
    canvas = np.zeros((box[1] + 2 * padding, box[0] + 2 * padding), np.uint8)
    rows, left = slice(padding, padding + size[1]), padding + (box[0] - size[0]) // 2
    canvas[rows, left : left + size[0]] = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    return canvas


def _reshape(shape: Mask, size: tuple[int, int], random: Random) -> tuple[Mask, tuple[int, int]]:
    """Another hand's proportions: parts of a character wider, narrower, higher or lower, and all a little smaller."""
    height, width = shape.shape
    grids = []
    for length in (width, height):
        at = np.linspace(0, 1, length, dtype=np.float32)
        bend = random.uniform(-0.045, 0.045) * np.sin(2 * np.pi * at) + random.uniform(-0.04, 0.04) * np.sin(np.pi * at)
        grids.append(((at + bend) * (length - 1)).astype(np.float32))
    columns, rows = np.meshgrid(*grids)
    bent = np.asarray(cv2.remap(shape, columns, rows, cv2.INTER_LINEAR), np.uint8)
    width, height = (max(1, round(side * random.uniform(0.9, 1.02))) for side in size)
    return bent, (width, height)
