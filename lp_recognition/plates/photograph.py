"""The photograph of a plate: where the camera stood, how the crop was cut, light, lens, sensor and compression."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates import scenery
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
        image = _blur(image, settings, random)
        image = _light(image, settings, random)
        image = _develop(image, settings, random)
        image = _spoil(image, settings, random)
        if sensor != (height, width):
            shrinks = sensor[0] > height * 1.5
            image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        corners = np.array([(x * width, y * height) for x, y in unit_quad], np.float32)
        return image, corners


def _place(drawing: Drawing, settings: Degradations, random: Random) -> Points:
    """Where the plate's corners are in the picture, in plate widths: perspective, tilt, shear."""
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


def _blur(image: Image, settings: Degradations, random: Random) -> Image:
    scale = image.shape[1] / 94
    if settings.defocus.happens(random):
        sigma = random.uniform(*settings.defocus.sigma) * scale
        if sigma > 0.25:
            reach = 2 * math.ceil(2 * sigma) + 1
            image = cv2.GaussianBlur(image, (reach, reach), sigma)
    if settings.motion.happens(random):
        length = random.uniform(*settings.motion.length) * scale
        reach = 2 * math.ceil(length / 2) + 1
        kernel = np.zeros((reach, reach), np.float32)
        angle = random.uniform(0, math.pi) if random.random() < 0.5 else random.uniform(-0.2, 0.2)
        dx, dy = math.cos(angle) * length / 2, math.sin(angle) * length / 2
        middle = reach // 2
        start = (round((middle - dx) * 16), round((middle - dy) * 16))
        end = (round((middle + dx) * 16), round((middle + dy) * 16))
        cv2.line(kernel, start, end, (1.0,), 1, cv2.LINE_8, 4)
        image = cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1.0))
    return image


def _light(image: Image, settings: Degradations, random: Random) -> Image:
    """Shadows, gradients and reflections."""
    size = (image.shape[1], image.shape[0])
    steps = np.arange(256, dtype=np.float32)
    for family, draw in ((settings.shadow, scenery.shadow_map), (settings.gradient, scenery.gradient_map)):
        if family.happens(random):
            left = random.uniform(*family.light)
            dimming = cv2.LUT(draw(random), (255 - (1 - left) * steps).astype(np.uint8))
            dimming = cv2.resize(cv2.cvtColor(dimming, cv2.COLOR_GRAY2BGR), size, interpolation=cv2.INTER_LINEAR)
            image = cv2.multiply(image, dimming, scale=1 / 255)
    if settings.glare.happens(random):
        strength = random.uniform(*settings.glare.strength) / 255
        glare = cv2.LUT(scenery.glare_map(random), (steps * strength).astype(np.uint8))
        glare = cv2.resize(cv2.cvtColor(glare, cv2.COLOR_GRAY2BGR), size, interpolation=cv2.INTER_LINEAR)
        image = cv2.add(image, glare)
    return image


def _develop(image: Image, settings: Degradations, random: Random) -> Image:
    """Exposure, white balance, saturation, gray: one linear step for all, then gamma."""
    matrix = [[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]]
    weights = (0.114, 0.587, 0.299)
    saturation, gains = 1.0, [1.0, 1.0, 1.0]
    if settings.cast.happens(random):
        saturation = random.uniform(*settings.cast.saturation)
        gains = [random.triangular(*settings.cast.channel, 1.0) for _ in range(3)]
    if settings.infrared.happens(random):
        saturation, gains = 0.0, [1.0, 1.0, 1.0]
        raw = [random.uniform(0.1, 1) for _ in range(3)]
        weights = (raw[0] / sum(raw), raw[1] / sum(raw), raw[2] / sum(raw))
    gain, offset, gamma = 1.0, 0.0, 1.0
    if settings.exposure.happens(random):
        brightness = math.exp(random.uniform(*(math.log(bound) for bound in settings.exposure.brightness)))
        contrast = random.uniform(*settings.exposure.contrast)
        gamma = random.uniform(*settings.exposure.gamma)
        gain = brightness * contrast
        offset = brightness * (1 - contrast) * random.uniform(60, 170)
    if settings.low_light.happens(random):
        dim = random.uniform(*settings.low_light.brightness)
        gain, offset = gain * dim, offset * dim
    # A camera measures before it exposes: what is light is not lit up much more, nor night made darker.
    level = cv2.mean(image)
    gray = sum(weight * value for weight, value in zip(weights, level[:3], strict=True))
    gain = max(min(gain, 215 / max(gray, 60)), 10 / max(gray, 10))
    for i in range(3):
        for j in range(3):
            matrix[i][j] = gain * gains[i] * ((1 - saturation) * weights[j] + (saturation if i == j else 0.0))
        matrix[i][3] = offset * gains[i]
    image = cv2.transform(image, np.array(matrix, np.float32))
    if gamma != 1.0:
        curve = (np.arange(256, dtype=np.float32) / 255) ** gamma * 255
        image = cv2.LUT(image, np.round(curve).astype(np.uint8))
    return image


def _spoil(image: Image, settings: Degradations, random: Random) -> Image:
    """Sensor noise, sharpening, compression."""
    if settings.noise.happens(random):
        grain = scenery.noise(random, image.shape[:2])
        low, high = settings.noise.sigma
        image = cv2.addWeighted(image, 1.0, grain, random.triangular(low, high, low) / 64, 0, dtype=cv2.CV_8U)
    if settings.sharpening.happens(random):
        amount = random.uniform(*settings.sharpening.amount)
        image = cv2.addWeighted(image, 1 + amount, cv2.blur(image, (3, 3)), -amount, 0)
    if settings.jpeg.happens(random):
        quality = round(random.uniform(*settings.jpeg.quality))
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if done:
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return image


def _natural_size(quad: Points, random: Random) -> tuple[int, int]:
    """The size of a crop as a camera would give it: 150 to 300 pixels wide, in the proportions of the plate."""
    width = random.randrange(150, 301)
    spread_x = max(x for x, _ in quad) - min(x for x, _ in quad)
    spread_y = max(y for _, y in quad) - min(y for _, y in quad)
    return max(24, min(width, round(width * spread_y / spread_x))), width
