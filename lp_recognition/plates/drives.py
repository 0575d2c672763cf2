"""Videos of cars that drive past a camera, drawn without end: drive number `index` of a seed is always the same.

They are for measuring what is made of frames, not how well a network reads: bodies are simple shapes, but plates move,
grow, blur and hide as real ones do, and what stands on them is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates import effects
from lp_recognition.plates.assortment import Assortment
from lp_recognition.plates.degradations import Defocus, Degradations, Exposure, Jpeg, LowLight, Noise
from lp_recognition.plates.drawing import Drawing
from lp_recognition.plates.formats import FormatError
from lp_recognition.plates.roads import RoadCamera, Way, crossing_ways, parked_way, straight_way
from lp_recognition.plates.scenes import PlacedPlate, lay_plate
from lp_recognition.plates.streets import backdrop, draw_decoy, draw_vehicle

Image = NDArray[Any]  # uint8; OpenCV's own types are wider

#: What happens in a drive: a car passes, by day or by night; two cars cross; one is parked; one comes back after ten
#: minutes; one is hidden for half a second.
Kind = Literal["pass", "night", "crossing", "parked", "return", "hidden"]
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Frames a second of a drive, one of these.
_RATES = (5.0, 8.0, 10.0, 15.0)
#: How long a drive shows the empty road before and after its cars.
_EMPTY_S = 0.6
_RETURN_S = 600.0
_HIDDEN_S = 0.5
_PARKED_S = 10.0
#: How long the shutter is open, by day and by night.
_SHUTTER_S = {False: 1 / 250, True: 1 / 100}
#: A plate of which more than this is covered is hidden.
_COVERED = 0.15


@dataclass(frozen=True)
class Car:
    """One passage: a plate on its way.

    Attributes:
        text: What the plate reads.
        format: The name of its format.
        size_mm: Its width and height.
        way: Where it goes.
        drawing: The plate.
        body: The seed of the body around it.
    """

    text: str
    format: str
    size_mm: tuple[float, float]
    way: Way
    drawing: Drawing
    body: int


@dataclass(frozen=True)
class DriveFrame:
    """A frame of a drive.

    Attributes:
        number: From 0.
        seconds: Since the start of the drive. Times may jump.
        image: uint8 BGR.
        plates: The corners of each plate that can be seen whole, by the number of its passage; as of a `SeenPlate`.
    """

    number: int
    seconds: float
    image: Image
    plates: Mapping[int, NDArray[np.float32]]


@dataclass(frozen=True)
class Drive:
    """A drawn video.

    Attributes:
        kind: What happens in it.
        seed: Of its noise and light.
        camera: Where it is seen from.
        rate: Frames a second, but for jumps.
        times: When each frame is taken, in seconds.
        cars: Its passages.
        street: What is behind them, uint8 BGR.
        hidden: From when to when a plate is covered by a post, in seconds; None where it is not.
    """

    kind: Kind
    seed: str
    camera: RoadCamera
    rate: float
    times: tuple[float, ...]
    cars: tuple[Car, ...]
    street: Image
    hidden: tuple[float, float] | None = None

    def frames(self) -> Iterator[DriveFrame]:
        """Draws the frames, in order."""
        night = self.kind == "night"
        settings = drive_degradations(night)
        for number, seconds in enumerate(self.times):
            image, plates = self._draw(seconds, _SHUTTER_S[night])
            by_chance = Random(f"{self.seed}/{number}")
            image = effects.blur(image, settings, by_chance, self.camera.size[1] / 320)
            image = effects.light(image, settings, Random(self.seed))
            image = effects.develop(image, settings, Random(self.seed))
            image = effects.spoil(image, settings, by_chance)
            yield DriveFrame(number, seconds, image, plates)

    def _draw(self, seconds: float, shutter_s: float) -> tuple[Image, dict[int, NDArray[np.float32]]]:
        """The road and its cars, the far ones first, as they are before a camera; and which plates can be seen."""
        image = self.street.copy()
        placed: list[tuple[float, int, NDArray[np.float64]]] = []
        for number, car in enumerate(self.cars):
            pose = car.way.at(seconds)
            corners = None if pose is None else self.camera.corners(pose, car.size_mm)
            if pose is not None and corners is not None:
                placed.append((pose.z, number, corners))
        shown: dict[int, NDArray[np.float64]] = {}
        plain: dict[int, Image] = {}
        for _, number, corners in sorted(placed, key=lambda item: -item[0]):
            car = self.cars[number]
            plate = PlacedPlate.at(0, car.size_mm[1] / car.size_mm[0] / 2, corners)
            draw_vehicle(image, plate.project, plate.half, Random(car.body))
            lay_plate(image, car.drawing, corners)
            _smear(image, corners, self._moved(car, seconds, shutter_s, corners))
            shown[number], plain[number] = corners, _piece(image, corners).copy()
        if self.hidden and self.hidden[0] <= seconds < self.hidden[1]:
            for corners in shown.values():
                _cover(image, corners)
        plates = {
            number: corners.astype(np.float32)
            for number, corners in sorted(shown.items())
            if self.camera.holds(corners) and not _is_covered(_piece(image, corners), plain[number])
        }
        return image, plates

    def _moved(self, car: Car, seconds: float, shutter_s: float, corners: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far the middle of a plate moves while the shutter is open, in pixels."""
        pose = car.way.at(seconds + shutter_s)
        after = None if pose is None else self.camera.corners(pose, car.size_mm)
        return np.zeros(2) if after is None else np.asarray((after - corners).mean(axis=0))


class DriveGenerator:
    """Draws drives with plates of one or several formats.

    Args:
        formats: Names of shipped formats or paths of a user's own `.yaml`; a mapping gives each its weight.
        seed: Another seed is another endless set of drives.
        size: Height and width of the pictures, in pixels.
        kinds: What happens in them: drive number `index` is of the kind `index` modulo their number.

    Raises:
        FormatError: a format is unknown or wrong, a weight is not positive, or a seed or size is.
    """

    def __init__(
        self,
        formats: Sequence[str | Path] | Mapping[str, float],
        seed: int = 1,
        size: tuple[int, int] = (480, 640),
        kinds: Sequence[Kind] = KINDS,
    ) -> None:
        if seed < 0:
            raise FormatError(f"expected a seed of 0 or more, received {seed}")
        if min(size) < 96 or max(size) > 4096:
            raise FormatError(f"expected a size (height, width) of 96 to 4096 pixels, received {tuple(size)}")
        self.seed, self.size, self.kinds = seed, size, tuple(kinds)
        self._plates = Assortment(formats, Degradations().without("dirt", "stickers", "scratches"))

    def draw(self, index: int) -> Drive:
        """Draws drive number `index` (0 or more); its frames are drawn as they are asked for."""
        if index < 0:
            raise IndexError(f"expected a drive number of 0 or more, received {index}")
        random = Random(f"drive {self.seed} {index}")
        kind = self.kinds[index % len(self.kinds)]
        camera, rate = RoadCamera.draw(self.size, random), random.choice(_RATES)
        ways, hidden = _ways(kind, camera, random)
        first = self._car(ways[0], random)
        others = [_again(first, way) if kind == "return" else self._car(way, random) for way in ways[1:]]
        street = backdrop(random, self.size)
        for _ in range(random.choice((0, 1, 2))):
            draw_decoy(street, random)
        return Drive(kind, f"{self.seed}/{index}", camera, rate, _times(ways, rate), (first, *others), street, hidden)

    def _car(self, way: Way, random: Random) -> Car:
        which = self._plates.choose(random)
        form = self._plates.formats[which]
        drawing, text = self._plates.draw(which, 1000, random)  # as large as they come; the way averages it down
        return Car(text.label, form.name, (form.size_mm[0], form.size_mm[1]), way, drawing, random.getrandbits(32))


def drive_degradations(night: bool) -> Degradations:
    """What the camera of a drive does to its frames; the noise is another one in each, the light the same in all."""
    calm = Degradations.none()
    families = {
        "defocus": Defocus(probability=0.6, sigma=(0.1, 0.6)),
        "exposure": Exposure(probability=1.0, brightness=(0.8, 1.25), contrast=(0.8, 1.1), gamma=(0.85, 1.15)),
        "noise": Noise(probability=1.0, sigma=(3, 9) if night else (2, 9)),
        "jpeg": Jpeg(probability=1.0, quality=(25, 85)),
    }
    if night:
        families["low_light"] = LowLight(probability=1.0, brightness=(0.4, 0.75))
    return calm.model_copy(update=families)


def _ways(kind: Kind, camera: RoadCamera, random: Random) -> tuple[tuple[Way, ...], tuple[float, float] | None]:
    """The ways of the cars of a drive, and when a post hides what there is to see."""
    if kind == "crossing":
        return crossing_ways(camera, random, _EMPTY_S, (2.0, 3.5)), None
    if kind == "parked":
        return (parked_way(camera, random, _EMPTY_S, _PARKED_S),), None
    way = straight_way(camera, random, _EMPTY_S, (2.5, 3.5) if kind == "hidden" else (1.5, 3.0))
    if kind == "return":
        return (way, straight_way(camera, random, way.seconds + _RETURN_S, (1.5, 3.0))), None
    middle = way.begin_s + way.seconds * random.uniform(0.35, 0.55)
    return (way,), (middle, middle + _HIDDEN_S) if kind == "hidden" else None


def _times(ways: Sequence[Way], rate: float) -> tuple[float, ...]:
    """When frames are taken: at an even rate around each way, with a jump where nothing is to be seen."""
    found: list[float] = []
    for way in ways:
        begin, end = way.begin_s - _EMPTY_S, way.begin_s + way.seconds + _EMPTY_S
        count = int((end - begin) * rate)
        found += [round(begin + i / rate, 6) for i in range(count) if not found or begin + i / rate > found[-1]]
    return tuple(found)


def _again(car: Car, way: Way) -> Car:
    """The same car, another time."""
    return Car(car.text, car.format, car.size_mm, way, car.drawing, car.body)


def _piece(image: Image, corners: NDArray[np.float64], margin: float = 0.0) -> Image:
    """The part of a picture around a plate, with a margin in its widths: a view, empty where that is outside."""
    around = margin * float(np.ptp(corners[:, 0]))
    low, high = np.floor(corners.min(axis=0) - around), np.ceil(corners.max(axis=0) + around)
    (left, top), (right, bottom) = np.maximum(low, 0).astype(int), np.maximum(high, 0).astype(int)
    return image[top:bottom, left:right]


def _smear(image: Image, corners: NDArray[np.float64], moved: NDArray[np.float64]) -> None:
    """Smears the car around a plate by how far it moves, in place."""
    piece = _piece(image, corners, 1.0)
    if piece.size and float(np.hypot(*moved)) > 0.7:
        piece[:] = effects.smear(piece, float(moved[0]), float(moved[1]))


def _cover(image: Image, corners: NDArray[np.float64]) -> None:
    """Puts a post before a plate, in place."""
    piece = _piece(image, corners, 0.4)
    if piece.size:
        left = max(int(corners[:, 0].min() - 0.4 * np.ptp(corners[:, 0])), 0)
        cv2.rectangle(image, (left, 0), (left + piece.shape[1], image.shape[0]), (70, 75, 80), -1)


def _is_covered(now: Image, before: Image) -> bool:
    """Whether something stands before what was drawn."""
    return not now.size or bool(np.mean(np.any(now != before, axis=2)) > _COVERED)
