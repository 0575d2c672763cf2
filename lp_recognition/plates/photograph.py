"""The photograph of a plate: where the camera stood, how the crop was cut, light, lens, sensor and compression."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates import effects, scenery
from lp_recognition.plates.degradations import Degradations
from lp_recognition.plates.drawing import Drawing

Image = NDArray[Any]  # uint8; OpenCV's own types are wider
Points = list[tuple[float, float]]

#: The scene is drawn at twice the sensor's resolution and averaged down, as a sensor does.
_OVERSAMPLING = 2


class Camera:
    """Takes photographs of drawn plates and crops them."""

    def __init__(self, size: tuple[int, int] | None, degradations: Degradations) -> None:
        self._size = size
        self._degradations = degradations
        self._good = degradations.good_photograph()

    def take(self, drawing: Drawing, random: Random) -> tuple[Image, NDArray[np.float32]]:
        """Photographs a plate.

        Returns:
            The crop, uint8 BGR `(h, w, 3)`, and the plate's corners in it, float32 `(4, 2)`.
        """
        good = random.random() < self._degradations.good_share
        settings = self._good if good else self._degradations
        quad = _place(drawing, settings, random)
        height, width = self._size or _natural_size(quad, random)
        unit_quad = _frame(quad, drawing.margins, settings, random)
        fraction = 1.0
        if settings.rescale.happens(random):
            fraction = random.triangular(*settings.rescale.fraction, 1.0)
        sensor = (max(7, round(height * fraction)), max(24, round(width * fraction)))
        image = _expose(drawing, unit_quad, sensor, settings, random)
        image = effects.blur(image, settings, random, image.shape[1] / 94)
        image = effects.light(image, settings, random)
        image = effects.develop(image, settings, random)
        image = effects.spoil(image, settings, random)
        if sensor != (height, width):
            shrinks = sensor[0] > height * 1.5
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        corners = np.array([(x * width, y * height) for x, y in unit_quad], np.float32)
        return image, corners


def _place(drawing: Drawing, settings: Degradations, random: Random) -> Points:
    """Where the plate's corners are in the picture, in plate widths."""
    (left, top), _, (right, bottom), _ = drawing.corners
    half = float(bottom - top) / float(right - left) / 2
    points: Points = [(-0.5, -half), (0.5, -half), (0.5, half), (-0.5, half)]
    if settings.rectified.happens(random):
        low, high = settings.rectified.corner
        # Each detected corner is off; the crop's corners then lie there, the plate's beside them.
        return [
            (x * (1 - 2 * random.uniform(low, high)), y * (1 - 2 * random.uniform(low * 2, high * 2)))
            for x, y in points
        ]
    return turn(points, settings, random)


def turn(points: Points, settings: Degradations, random: Random) -> Points:
    """Turns points in space and on the picture: perspective, shear, tilt.

    Args:
        points: `(x, y)` in plate widths around the plate's middle.
        settings: How far.
        random: Decides.
    """
    if settings.perspective.happens(random):
        yaw = math.radians(random.triangular(*settings.perspective.yaw))
        pitch = math.radians(random.triangular(*settings.perspective.pitch))
        distance = random.uniform(*settings.perspective.distance)
        cos_yaw, sin_yaw, cos_pitch, sin_pitch = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
        seen = []
        for x, y in points:
            depth = x * sin_yaw
            x, y, depth = x * cos_yaw, y * cos_pitch - depth * sin_pitch, y * sin_pitch + depth * cos_pitch
            zoom = distance / (distance + depth)
            seen.append((x * zoom, y * zoom))
        points = seen
    if settings.shear.happens(random):
        lean = random.triangular(*settings.shear.lean)
        points = [(x - lean * y, y) for x, y in points]
    if settings.tilt.happens(random):
        angle = math.radians(random.triangular(*settings.tilt.degrees))
        cos, sin = math.cos(angle), math.sin(angle)
        points = [(cos * x - sin * y, sin * x + cos * y) for x, y in points]
    return points


def _frame(quad: Points, margins: tuple[float, float, float, float], settings: Degradations, random: Random) -> Points:
    """Cuts the crop: the corners in parts of the crop's width and height."""
    left, right = min(x for x, _ in quad), max(x for x, _ in quad)
    top, bottom = min(y for _, y in quad), max(y for _, y in quad)
    width, height = right - left, bottom - top
    if settings.framing.happens(random):
        framing = settings.framing
        kinds = ((framing.close,) * 2, (framing.loose,) * 2, (framing.wide, framing.wide_above))
        sides, above = random.choices(kinds, framing.weights)[0]
        left -= random.uniform(*sides) * width
        right += random.uniform(*sides) * width
        top -= random.uniform(*above) * height
        bottom += random.uniform(*above) * height
    if settings.cut.happens(random):
        share = settings.cut.side_probability
        cuts = [random.uniform(*settings.cut.depth) * margin if random.random() < share else -1.0 for margin in margins]
        left = max(left, min(x for x, _ in quad) + cuts[0] * width)
        top = max(top, min(y for _, y in quad) + cuts[1] * height)
        right = min(right, max(x for x, _ in quad) - cuts[2] * width)
        bottom = min(bottom, max(y for _, y in quad) - cuts[3] * height)
    return [((x - left) / (right - left), (y - top) / (bottom - top)) for x, y in quad]


def _expose(
    drawing: Drawing, unit_quad: Points, sensor: tuple[int, int], settings: Degradations, random: Random
) -> Image:
    """Projects the plate into its surroundings, at the sensor's resolution."""
    height, width = sensor[0] * _OVERSAMPLING, sensor[1] * _OVERSAMPLING
    if settings.surroundings.happens(random):
        scene = scenery.surroundings(random, (height, width))
    else:
        scene = np.full((height, width, 3), 128, np.uint8)
    plate, corners = drawing.image, drawing.corners
    shown = (unit_quad[1][0] - unit_quad[0][0]) * width / float(corners[1, 0] - corners[0, 0])
    if shown < 0.6:  # the projection samples points: halve first what it would skip
        even = plate[: plate.shape[0] // 2 * 2, : plate.shape[1] // 2 * 2]  # averaged in pairs: the fast way
        plate = cv2.resize(even, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        corners = corners * np.float32(0.5)
    target = np.array([(x * width, y * height) for x, y in unit_quad], np.float32)
    # OpenCV counts from pixel centres, corners from pixel edges.
    matrix = cv2.getPerspectiveTransform(corners - np.float32(0.5), target - np.float32(0.5))
    flags, border = cv2.INTER_LINEAR, cv2.BORDER_TRANSPARENT
    scene = cv2.warpPerspective(plate, matrix, (width, height), dst=scene, flags=flags, borderMode=border)
    return np.asarray(cv2.resize(scene, sensor[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def _natural_size(quad: Points, random: Random) -> tuple[int, int]:
    """The size of a crop as a camera would give it: 150 to 300 pixels wide, in the proportions of the plate."""
    width = random.randrange(150, 301)
    spread_x = max(x for x, _ in quad) - min(x for x, _ in quad)
    spread_y = max(y for _, y in quad) - min(y for _, y in quad)
    return max(24, min(width, round(width * spread_y / spread_x))), width
