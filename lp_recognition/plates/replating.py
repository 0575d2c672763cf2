"""Other plates on real photographs: a drawn plate takes the place of a real one, in its light and as blurred.

A thousand photographs show the plates of the few countries where they were taken. Replated, each shows any country's,
on a real car in a real street, which drawn scenes do not have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.corners import mean_sides
from lp_recognition.plates.assortment import Assortment
from lp_recognition.plates.drawing import Drawing
from lp_recognition.plates.scenes import lay_plate, scene_degradations

Image = NDArray[Any]  # uint8; OpenCV's own types are wider

#: A plate takes the place of another whose width over height differs by less than this factor.
_ALIKE = 1.35
#: The real plate is looked at in so many rows at most: enough for its light and blur.
_LOOKED_AT = 48
#: Dark and bright of a plate are these percentiles of its brightness: ink and ground, but for reflections.
_ENDS = (6, 94)
#: An edge that was blurred by a Gaussian of sigma 1 is so steep, as a share of its height a pixel.
_STEEPNESS = 0.4
#: Rows and columns of patches whose mean brightness tells the light on a plate.
_LIGHT = (2, 4)
#: A plate of fewer pixels in height is left alone: nothing of it can be told.
_SMALLEST = 4.0


@dataclass(frozen=True)
class _Look:
    """How a plate looks in a photograph: its dark and bright ends, its blur in pixels, the light that falls on it."""

    dark: float
    bright: float
    sigma: float
    light: NDArray[np.float32]


class Replater:
    """Lays drawn plates over the plates of photographs.

    Args:
        formats: Of the plates that are drawn, as `SceneGenerator` takes them.

    Raises:
        FormatError: a format is unknown or wrong, or a weight is not positive.
    """

    def __init__(self, formats: Sequence[str | Path] | Mapping[str, float]) -> None:
        self._plates = Assortment(formats, scene_degradations())

    def replate(self, image: Image, corners: NDArray[np.floating], random: Random) -> str | None:
        """Lays a plate of about the same proportions over one of a photograph, in place.

        Args:
            image: uint8 `(h, w, 3)` BGR or `(h, w, 1)` gray.
            corners: Of the plate that is there: `(4, 2)`, from the outer corner of the first pixel.
            random: Decides what comes there.

        Returns:
            The text of the new plate; None where no format has such proportions, or the plate is too small to tell.
        """
        width, height = mean_sides([(float(x), float(y)) for x, y in corners])
        which = self._plates.choose_alike(width / max(height, 1e-6), _ALIKE, random)
        if which is None or height < _SMALLEST:
            return None
        look = _look_at(image, corners, (width, height))
        drawing, text = self._plates.draw(which, width, random)
        plate = _dressed(drawing, look, width, random)
        if image.shape[2] == 1:
            plate = Drawing(cv2.cvtColor(plate.image, cv2.COLOR_BGR2GRAY), plate.corners, plate.margins)
            lay_plate(image[:, :, 0], plate, np.asarray(corners, np.float64))
        else:
            lay_plate(image, plate, np.asarray(corners, np.float64))
        return text.label


def _look_at(image: Image, corners: NDArray[np.floating], sides: tuple[float, float]) -> _Look:
    """Looks at a plate: laid flat, at the photograph's own resolution or below."""
    shrink = min(1.0, _LOOKED_AT / sides[1])
    width, height = (max(4, round(side * shrink)) for side in sides)
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(np.asarray(corners, np.float32) - np.float32(0.5), target - np.float32(0.5))
    flat = cv2.warpPerspective(image, matrix, (width, height), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE)
    gray = flat if flat.ndim == 2 else cv2.cvtColor(flat, cv2.COLOR_BGR2GRAY)
    gray = gray.astype(np.float32)
    dark, bright = (float(end) for end in np.percentile(gray, _ENDS))
    steepest = float(np.percentile(np.abs(np.diff(gray, axis=1)), 97)) / max(bright - dark, 1.0)
    sigma = float(np.clip(_STEEPNESS / max(steepest, 0.05), 0.3, 0.04 * width)) / shrink
    spread = np.asarray(cv2.resize(gray, _LIGHT[::-1], interpolation=cv2.INTER_AREA), np.float32)
    light = np.clip(spread / max(float(spread.mean()), 1.0), 0.6, 1.5)
    return _Look(dark, bright, sigma, np.asarray(light, np.float32))


def _dressed(drawing: Drawing, look: _Look, shown: float, random: Random) -> Drawing:
    """A drawn plate as the camera would have shown it: between the ends of the other, in its light, as blurred."""
    image = drawing.image.astype(np.float32)
    low, high = (float(end) for end in np.percentile(cv2.cvtColor(drawing.image, cv2.COLOR_BGR2GRAY), _ENDS))
    gain = (look.bright - look.dark) / max(high - low, 1.0) * random.uniform(0.85, 1.15)
    image = (image - low) * gain + look.dark * random.uniform(0.9, 1.1)
    light = np.asarray(cv2.resize(look.light, (image.shape[1], image.shape[0]), interpolation=cv2.INTER_LINEAR))
    image = np.asarray(image * light[:, :, None], np.float32)
    sigma = look.sigma * random.uniform(0.7, 1.2) * float(np.ptp(drawing.corners[:, 0])) / shown
    if sigma > 0.3:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.float32)
    return Drawing(np.clip(image + 0.5, 0, 255).astype(np.uint8), drawing.corners, drawing.margins)
