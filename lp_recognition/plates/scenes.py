"""Photographs with plates in them, drawn without end: scene number `index` of a seed is always the same."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates import effects
from lp_recognition.plates.assortment import Assortment
from lp_recognition.plates.degradations import Defocus, Degradations, Jpeg, Motion, Perspective, Tilt
from lp_recognition.plates.drawing import Drawing
from lp_recognition.plates.format_schema import Format
from lp_recognition.plates.formats import FormatError
from lp_recognition.plates.photograph import turn
from lp_recognition.plates.streets import backdrop, draw_decoy, draw_vehicle

Image = NDArray[Any]  # uint8; OpenCV's own types are wider

_OVERSAMPLING = 2
#: A plate reaches at most this share of its width and height out of the picture.
_MOST_OUTSIDE = 0.12
_TRIES = 12
#: The share of plates that a vehicle is drawn around.
_ON_VEHICLES = 0.85
#: How many plates a picture shows, and how often.
_COUNTS = ((0, 20), (1, 52), (2, 16), (3, 8), (5, 4))


@dataclass(frozen=True)
class SeenPlate:
    """A plate in a drawn scene.

    Attributes:
        corners: float32 `(4, 2)`: x, y of left-up, right-up, right-bottom, left-bottom; 0, 0 is the outer corner of
            the first pixel.
        text: What it reads.
        format: The name of its format.
    """

    corners: NDArray[np.float32]
    text: str
    format: str


@dataclass(frozen=True)
class DrawnScene:
    """A drawn photograph: uint8 BGR `(h, w, 3)`, and all plates in it."""

    image: Image
    plates: tuple[SeenPlate, ...]


@dataclass(frozen=True)
class PlacedPlate:
    """A plate that has its place, before it is drawn: its format, half its height in widths, corners, and plane."""

    which: int
    half: float
    corners: NDArray[np.float64]
    matrix: NDArray[np.float64]

    @classmethod
    def at(cls, which: int, half: float, corners: NDArray[np.float64]) -> PlacedPlate:
        """A plate of format number `which` with its corners there."""
        flat = np.array([(-0.5, -half), (0.5, -half), (0.5, half), (-0.5, half)], np.float32)
        matrix = cv2.getPerspectiveTransform(flat, corners.astype(np.float32))
        return cls(which, half, corners, np.asarray(matrix, np.float64))

    @property
    def shown(self) -> float:
        """The length of its upper edge, in pixels."""
        return math.dist(self.corners[0], self.corners[1])

    def project(self, points: list[tuple[float, float]]) -> NDArray[np.float64]:
        """Where points of its plane lie in the picture."""
        return cv2.perspectiveTransform(np.array([points], np.float64), self.matrix)[0]


def scene_degradations() -> Degradations:
    """What happens to a scene: as to a crop, but in pixels of the whole picture, and seen from further aside."""
    return Degradations(
        tilt=Tilt(degrees=(-16, 16)),
        perspective=Perspective(probability=0.8, yaw=(-58, 58), pitch=(-34, 34), distance=(2.5, 12.0)),
        defocus=Defocus(probability=0.45, sigma=(0.3, 1.3)),
        motion=Motion(probability=0.12, length=(1.5, 5.0)),
        jpeg=Jpeg(probability=0.5, quality=(18, 80)),
    )


class SceneGenerator:
    """Draws scenes with plates of one or several formats.

    `draw(index)` is a pure function of the arguments and the index: any process, in any order, draws the same.

    Args:
        formats: Names of shipped formats or paths of a user's own `.yaml`; a mapping gives each its weight.
        seed: Another seed is another endless set of scenes.
        size: Height and width of the pictures, in pixels.
        backgrounds: Photographs *without plates*, uint8 BGR, to lay scenes on in place of half of the drawn streets.
        plate_widths: The narrowest and the widest plate, as shares of the picture's width; drawn evenly over the
            logarithm, so that small plates, the hard ones, are as frequent as large ones.
        degradations: What happens to plates and pictures; None for `scene_degradations()`.

    Raises:
        FormatError: a format is unknown or wrong, a weight is not positive, or a size too small to show a plate.
    """

    def __init__(
        self,
        formats: Sequence[str | Path] | Mapping[str, float],
        seed: int = 1,
        size: tuple[int, int] = (240, 320),
        backgrounds: Sequence[Image] = (),
        plate_widths: tuple[float, float] = (0.025, 0.55),
        degradations: Degradations | None = None,
    ) -> None:
        if seed < 0:
            raise FormatError(f"expected a seed of 0 or more, received {seed}")
        if min(size) < 48 or max(size) > 4096:
            raise FormatError(f"expected a size (height, width) of 48 to 4096 pixels, received {tuple(size)}")
        if not 0 < plate_widths[0] <= plate_widths[1] <= 1:
            raise FormatError(f"expected plate widths of 0 to 1, the narrower one first, received {plate_widths}")
        self.seed = seed
        self.size = size
        self._backgrounds = list(backgrounds)
        self._plate_widths = plate_widths
        self._settings = degradations or scene_degradations()
        self._good = self._settings.good_photograph()
        self._plates = Assortment(formats, self._settings)

    @property
    def formats(self) -> list[Format]:
        """The formats of the plates."""
        return self._plates.formats

    def draw(self, index: int) -> DrawnScene:
        """Draws scene number `index` (0 or more)."""
        if index < 0:
            raise IndexError(f"expected a scene number of 0 or more, received {index}")
        random = Random((self.seed << 64) | index)
        settings = self._good if random.random() < self._settings.good_share else self._settings
        image = self._background(random)
        for _ in range(random.choice((0, 1, 2, 3, 5))):
            draw_decoy(image, random)
        counts, shares = zip(*_COUNTS, strict=True)
        plates: list[PlacedPlate] = []
        for _ in range(random.choices(counts, shares)[0]):
            placed = self._place_plate(plates, settings, random)
            if placed is not None:
                plates.append(placed)
        plates.sort(key=lambda placed: placed.shown)  # far ones first: a near vehicle stands before a far one
        for placed in plates:
            if random.random() < _ON_VEHICLES:
                draw_vehicle(image, placed.project, placed.half, random)
        seen = [self._lay(image, placed, random) for placed in plates]  # after all vehicles: none hides a plate
        image = effects.blur(image, settings, random, self.size[1] / 320)
        image = effects.light(image, settings, random)
        image = effects.develop(image, settings, random)
        image = effects.spoil(image, settings, random)
        return DrawnScene(image, tuple(seen))

    def _background(self, random: Random) -> Image:
        if self._backgrounds and random.random() < 0.5:
            return _piece_of(random.choice(self._backgrounds), self.size, random)
        return backdrop(random, self.size)

    def _place_plate(self, others: Sequence[PlacedPlate], settings: Degradations, random: Random) -> PlacedPlate | None:
        """Chooses a plate and a place where no other plate is; None where there is no room."""
        which = self._plates.choose(random)
        wide_mm, high_mm = self.formats[which].size_mm
        half = high_mm / wide_mm / 2
        width = self.size[1] * math.exp(random.uniform(*(math.log(share) for share in self._plate_widths)))
        width *= min(1.0, wide_mm / 400)  # a motorcycle's is smaller than a car's
        flat: list[tuple[float, float]] = [(-0.5, -half), (0.5, -half), (0.5, half), (-0.5, half)]
        quad = np.array(turn(flat, settings, random)) * width
        for _ in range(_TRIES):
            corners = self._place(quad, random)
            if all(not _near(corners, other.corners) for other in others):
                return PlacedPlate.at(which, half, corners)
        return None

    def _lay(self, image: Image, placed: PlacedPlate, random: Random) -> SeenPlate:
        drawing, text = self._plates.draw(placed.which, placed.shown, random)
        lay_plate(image, drawing, placed.corners)
        return SeenPlate(placed.corners.astype(np.float32), text.label, self.formats[placed.which].name)

    def _place(self, quad: NDArray[np.float64], random: Random) -> NDArray[np.float64]:
        low, high = quad.min(axis=0), quad.max(axis=0)
        outside = (high - low) * _MOST_OUTSIDE
        size = np.array(self.size[::-1], float)
        room = size - (high - low) + 2 * outside
        spot = np.array([random.uniform(0, max(room[0], 0)), random.uniform(0, max(room[1], 0))])
        # Too large for the picture: in the middle, cut on both sides alike.
        spot = np.where(room > 0, spot - outside, (size - (high - low)) / 2)
        return quad - low + spot


def lay_plate(image: Image, drawing: Drawing, corners: NDArray[np.float64], opacity: float = 1.0) -> None:
    """Lays a drawn plate with its holder into a picture at four corners, averaged as a sensor does, in place.

    Args:
        image: uint8 BGR.
        drawing: The plate.
        corners: `(4, 2)` in the picture, from the outer corner of its first pixel.
        opacity: How much of what was there is covered, in [0, 1].
    """
    plate, source = drawing.image, drawing.corners
    to_picture = cv2.getPerspectiveTransform(source, corners.astype(np.float32))
    tall, wide = plate.shape[:2]
    outline = np.array([[(0, 0), (wide, 0), (wide, tall), (0, tall)]], np.float64)
    seen = cv2.perspectiveTransform(outline, to_picture)[0]
    height, width = image.shape[:2]
    left, top = np.maximum(np.floor(seen.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.minimum(np.ceil(seen.max(axis=0)).astype(int) + 1, (width, height))
    if right <= left or bottom <= top:
        return
    shown = math.dist(seen[0], seen[1]) / wide
    while shown < 0.45 and min(plate.shape[:2]) > 8:  # the projection samples points: halve first what it would skip
        plate = cv2.resize(plate, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        source, shown = source * np.array((plate.shape[1] / wide, plate.shape[0] / tall), np.float32), shown * 2
        tall, wide = plate.shape[:2]
    target = (corners - (left, top)) * _OVERSAMPLING
    # OpenCV counts from pixel centres, corners from pixel edges.
    matrix = cv2.getPerspectiveTransform(source - np.float32(0.5), (target - 0.5).astype(np.float32))
    size = (int(right - left) * _OVERSAMPLING, int(bottom - top) * _OVERSAMPLING)
    area = image[top:bottom, left:right]
    # What the plate covers of each pixel is its own; beside it nothing changes.
    laid, cover = (
        cv2.resize(
            cv2.warpPerspective(source, matrix, size, flags=cv2.INTER_LINEAR),
            (area.shape[1], area.shape[0]),
            interpolation=cv2.INTER_AREA,
        )
        for source in (plate, np.full(plate.shape, 255, np.uint8))
    )
    behind = cv2.multiply(area, 255 - cover, scale=1 / 255)
    covered = cv2.add(behind, laid)
    area[:] = covered if opacity >= 1 else cv2.addWeighted(covered, opacity, area, 1 - opacity, 0)


def _near(corners: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Whether two plates are so near that one might hide the other."""
    spread = np.ptp(corners, axis=0).max() + np.ptp(other, axis=0).max()
    return float(np.linalg.norm(corners.mean(axis=0) - other.mean(axis=0))) < spread


def _piece_of(photograph: Image, size: tuple[int, int], random: Random) -> Image:
    """A piece of a photograph in the picture's proportions, at the picture's size."""
    height, width = photograph.shape[:2]
    aspect = size[1] / size[0]
    tall = min(height, width / aspect) * random.uniform(0.5, 1.0)
    wide = tall * aspect
    y, x = random.uniform(0, height - tall), random.uniform(0, width - wide)
    piece = photograph[int(y) : max(int(y + tall), int(y) + 1), int(x) : max(int(x + wide), int(x) + 1)]
    shrinks = piece.shape[0] > size[0]
    scene = cv2.resize(piece, size[::-1], interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(scene, np.uint8)
