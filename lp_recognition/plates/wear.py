"""What age and the car do to a plate: bolts, stickers, scratches, dirt; and colours that are a little off."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.plates.degradations import Degradations

Image = NDArray[Any]  # uint8; OpenCV's own types are wider
Color = tuple[int, int, int]


def wear(
    area: Image, settings: Degradations, scale: float, bolts_mm: Sequence[tuple[float, float]], random: Random
) -> None:
    """Lays bolts, stickers, scratches and dirt over a plate and its text, in place.

    Args:
        area: The plate, uint8 BGR.
        settings: How much of each.
        scale: Pixels of a millimetre.
        bolts_mm: Where bolts may be.
        random: Decides.
    """
    height, width = area.shape[:2]
    if settings.bolts.happens(random) and bolts_mm:
        radius = random.uniform(*settings.bolts.diameter_mm) / 2 * scale
        shade = random.choice(((40, 40, 40), (90, 95, 100), (190, 190, 190), (225, 228, 230), (60, 80, 110)))
        for x, y in bolts_mm:
            if random.random() < 0.55:
                dx, dy = random.uniform(-6, 6), random.uniform(-4, 4)
                center = (round((x + dx) * scale * 16), round((y + dy) * scale * 16))
                cv2.circle(area, center, round(radius * 16), vary(shade, (-25, 25), random), -1, cv2.LINE_AA, 4)
                glint = (center[0] - round(radius * 5), center[1] - round(radius * 6))
                bright = random.randrange(60, 256)
                cv2.circle(area, glint, round(radius * 8), (bright, bright, bright), -1, cv2.LINE_AA, 4)
    if settings.stickers.happens(random):
        radius = random.uniform(*settings.stickers.diameter_mm) / 2 * scale
        x = random.choice((random.uniform(0, 0.06), random.uniform(0.94, 1))) * width
        center = (round(x * 16), round(random.uniform(0, 1) * height * 16))
        color = (random.randrange(256), random.randrange(256), random.randrange(256))
        cv2.circle(area, center, round(radius * 16), color, -1, cv2.LINE_AA, 4)
    if settings.scratches.happens(random):
        for _ in range(round(random.uniform(*settings.scratches.count))):
            start = (random.randrange(width), random.randrange(height))
            end = (start[0] + random.randrange(-60, 61), start[1] + random.randrange(-20, 21))
            tone = random.randrange(256)
            cv2.line(area, start, end, (tone, tone, tone), 1, cv2.LINE_AA)
    if settings.dirt.happens(random):
        patches = dirt_patches(random)
        strength = random.uniform(*settings.dirt.strength)
        cover = cv2.resize(patches, (width, height), interpolation=cv2.INTER_LINEAR)
        cover = cv2.cvtColor(cv2.convertScaleAbs(cover, alpha=strength), cv2.COLOR_GRAY2BGR)
        tone = random.randrange(40, 190)
        mud = np.full_like(area, (tone - 12, tone, tone + 10))
        cv2.multiply(mud, cover, dst=mud, scale=1 / 255)
        cv2.multiply(area, cv2.bitwise_not(cover), dst=area, scale=1 / 255)
        cv2.add(area, mud, dst=area)


_DIRT: list[Image] = []


def dirt_patches(random: Random) -> Image:
    """One of a fixed set of small cloudy masks: dirt, worn paint, snow."""
    if not _DIRT:
        noise = np.random.default_rng(20)
        for count in range(48):
            coarse = cv2.resize(noise.random((5, 12), np.float32), (64, 24), interpolation=cv2.INTER_CUBIC)
            fine = noise.random((24, 64), np.float32)
            field = coarse * 0.75 + cv2.GaussianBlur(fine, (3, 3), 0) * 0.5
            level = np.quantile(field, 0.45 + 0.5 * (count / 48))
            _DIRT.append((np.clip((field - level) * 5, 0, 1) * 255).astype(np.uint8))
    return random.choice(_DIRT)


def clip(values: list[float]) -> Color:
    """The nearest colour there is."""
    blue, green, red = (max(0, min(255, round(value))) for value in values)
    return blue, green, red


def vary(color: Color, step: tuple[float, float], random: Random) -> Color:
    """A color near another: one step for all channels, and a smaller one for each."""
    common = random.uniform(*step)
    return clip([channel + common + random.uniform(*step) * 0.4 for channel in color])
