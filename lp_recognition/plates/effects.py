"""What a camera makes of a scene: blur, light, exposure, noise, sharpening, compression."""

from __future__ import annotations

import math
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates import scenery
from lp_recognition.plates.degradations import Degradations

Image = NDArray[Any]  # uint8; OpenCV's own types are wider


def blur(image: Image, settings: Degradations, random: Random, scale: float) -> Image:
    """Blur of the lens and of motion.

    Args:
        image: uint8 BGR.
        settings: How much, in pixels.
        random: Decides.
        scale: Pixels of the image to one of the settings.
    """
    if settings.defocus.happens(random):
        sigma = random.uniform(*settings.defocus.sigma) * scale
        if sigma > 0.25:
            reach = 2 * math.ceil(2 * sigma) + 1
            image = cv2.GaussianBlur(image, (reach, reach), sigma)
    if settings.motion.happens(random):
        length = random.uniform(*settings.motion.length) * scale
        angle = random.uniform(0, math.pi) if random.random() < 0.5 else random.uniform(-0.2, 0.2)
        image = smear(image, math.cos(angle) * length, math.sin(angle) * length)
    return image


def smear(image: Image, dx: float, dy: float) -> Image:
    """What moves so many pixels to the right and down while the shutter is open."""
    reach = 2 * math.ceil(math.hypot(dx, dy) / 2) + 1
    kernel = np.zeros((reach, reach), np.float32)
    middle = reach // 2
    start = (round((middle - dx / 2) * 16), round((middle - dy / 2) * 16))
    end = (round((middle + dx / 2) * 16), round((middle + dy / 2) * 16))
    cv2.line(kernel, start, end, (1.0,), 1, cv2.LINE_8, 4)
    return cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1.0))


def light(image: Image, settings: Degradations, random: Random) -> Image:
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


def develop(image: Image, settings: Degradations, random: Random) -> Image:
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


def spoil(image: Image, settings: Degradations, random: Random) -> Image:
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
