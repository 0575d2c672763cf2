"""What is around and over a plate: pictures of car bodies, maps of light, sensor noise.

Each kind is a fixed set, drawn once a process from a fixed seed and then cut, flipped and tinted anew for every plate.
"""

from __future__ import annotations

import functools
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]  # uint8; OpenCV's own types are wider

_SCENES = 144
_SCENE_SIZE = (80, 240)  # height, width
_MAP_SIZE = (24, 94)
_MAPS = 96


def surroundings(random: Random, size: tuple[int, int]) -> Image:
    """A piece of car body, bumper or street: uint8 BGR of `size` (height, width)."""
    scene = random.choice(_scenes())
    height, width = _SCENE_SIZE
    cut_height, cut_width = random.randrange(24, height), random.randrange(90, width)
    y, x = random.randrange(height - cut_height), random.randrange(width - cut_width)
    piece = scene[y : y + cut_height, x : x + cut_width]
    if random.random() < 0.5:
        piece = piece[:, ::-1]
    return np.asarray(cv2.resize(piece, size[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def shadow_map(random: Random) -> Image:
    """Where a shadow with a soft edge lies: uint8 `(24, 94)`, 255 in full shadow."""
    return random.choice(_shadows())


def gradient_map(random: Random) -> Image:
    """A smooth change across the crop: uint8 `(24, 94)`."""
    return random.choice(_gradients())


def glare_map(random: Random) -> Image:
    """A reflection: uint8 `(24, 94)`, 255 at its brightest."""
    return random.choice(_glares())


def noise(random: Random, size: tuple[int, int]) -> NDArray[np.int16]:
    """Sensor noise with a standard deviation of 64: int16 `(height, width, 3)`."""
    bank = random.choice(_noises())
    height, width = size
    if height >= bank.shape[0] or width >= bank.shape[1]:  # a whole picture, not a crop
        bank = np.tile(bank, (height // bank.shape[0] + 2, width // bank.shape[1] + 2, 1))
    y, x = random.randrange(bank.shape[0] - height), random.randrange(bank.shape[1] - width)
    return bank[y : y + height, x : x + width]


@functools.cache
def _noises() -> list[NDArray[np.int16]]:
    source = np.random.default_rng(40)
    size = (512, 640)
    fine = source.standard_normal((*size, 3), np.float32)
    gray = np.repeat(source.standard_normal((*size, 1), np.float32), 3, axis=2)
    coarse = cv2.GaussianBlur(source.standard_normal((*size, 3), np.float32), (0, 0), 0.8)
    banks = [fine, gray, coarse / coarse.std(), (fine + gray) / np.float32(np.sqrt(2))]
    return [np.round(bank * 64).astype(np.int16) for bank in banks]


@functools.cache
def _gradients() -> list[Image]:
    random = Random("gradients")
    y, x = np.mgrid[0:1:24j, 0:1:94j].astype(np.float32)
    maps = []
    for _ in range(_MAPS):
        angle = random.uniform(0, 2 * np.pi)
        field = np.cos(angle) * x + np.sin(angle) * y
        field = (field - field.min()) / np.ptp(field)
        maps.append((field ** random.uniform(0.6, 2.0) * 255).astype(np.uint8))
    return maps


@functools.cache
def _shadows() -> list[Image]:
    random = Random("shadows")
    height, width = (side * 4 for side in _MAP_SIZE)
    maps = []
    for _ in range(_MAPS):
        mask: Image = np.zeros((height, width), np.uint8)
        if random.random() < 0.75:  # a straight edge across
            x, y = random.uniform(0, width), random.uniform(0.1, 0.9) * height
            slope = random.uniform(-0.25, 0.25) if random.random() < 0.6 else random.uniform(-4, 4)
            far = width * 2
            edge = [(x - far, y - far * slope), (x + far, y + far * slope)]
            down = random.choice((-1, 1)) * far * 5
            points = [*edge, (edge[1][0], edge[1][1] + down), (edge[0][0], edge[0][1] + down)]
            cv2.fillPoly(mask, [np.round(points).astype(np.int32)], (255,))
        else:  # the shadows of leaves and bars
            for _ in range(random.randrange(1, 5)):
                center = (random.randrange(width), random.randrange(height))
                axes = (random.randrange(20, 160), random.randrange(8, 60))
                cv2.ellipse(mask, center, axes, random.uniform(-30, 30), 0, 360, (255,), -1)
        mask = cv2.GaussianBlur(mask, (0, 0), random.uniform(0.8, 8))
        maps.append(np.asarray(cv2.resize(mask, _MAP_SIZE[::-1], interpolation=cv2.INTER_AREA), np.uint8))
    return maps


@functools.cache
def _glares() -> list[Image]:
    random = Random("glares")
    height, width = (side * 4 for side in _MAP_SIZE)
    maps = []
    for _ in range(_MAPS):
        mask: Image = np.zeros((height, width), np.uint8)
        center = (random.randrange(width), random.randrange(height))
        if random.random() < 0.6:
            axes = (random.randrange(8, 120), random.randrange(6, 50))
            cv2.ellipse(mask, center, axes, random.uniform(-40, 40), 0, 360, (255,), -1)
        else:
            end = (random.randrange(width), random.randrange(height))
            cv2.line(mask, center, end, (255,), random.randrange(4, 30))
        mask = cv2.GaussianBlur(mask, (0, 0), random.uniform(4, 24))
        maps.append(np.asarray(cv2.resize(mask, _MAP_SIZE[::-1], interpolation=cv2.INTER_AREA), np.uint8))
    return maps


@functools.cache
def _scenes() -> list[Image]:
    random = Random("scenes")
    return [_draw_scene(random, number) for number in range(_SCENES)]


def _draw_scene(random: Random, number: int) -> Image:
    """A car body: paint in one or two tones, edges, a grille, lamps, letters, or plain texture."""
    height, width = _SCENE_SIZE
    source = np.random.default_rng(number)
    image: NDArray[Any] = np.empty((height, width, 3), np.float32)
    first = _body_color(random)
    second = _body_color(random) if random.random() < 0.35 else tuple(c * random.uniform(0.4, 1.2) for c in first)
    share = np.linspace(0, 1, height, dtype=np.float32)[:, None, None] ** random.uniform(0.4, 2.5)
    image[:] = np.array(first, np.float32) * (1 - share) + np.array(second, np.float32) * share
    for _ in range(random.randrange(0, 5)):  # edges of bumper, boot and shadow gaps
        y = random.randrange(height)
        lean = random.uniform(-0.15, 0.15) * width
        tone = random.choice((0.15, 0.3, 0.5, 1.5, 2.2))
        start, end = (0, round(y - lean / 2)), (width, round(y + lean / 2))
        if random.random() < 0.5:
            mask = np.zeros((height, width), np.uint8)
            cv2.line(mask, start, end, (255,), random.randrange(1, 6))
        else:  # everything below is another part
            mask = np.zeros((height, width), np.uint8)
            below = [start, end, (width, height * 2), (0, height * 2)]
            cv2.fillPoly(mask, [np.array(below, np.int32)], (255,))
        soft = cv2.GaussianBlur(mask, (0, 0), random.uniform(0.5, 3))[:, :, None].astype(np.float32) / 255
        image = image * (1 - soft) + np.minimum(image * tone + 8, 255) * soft
    kind = random.random()
    if kind < 0.2:  # a grille
        step, tone = random.randrange(4, 14), random.choice((0.2, 0.45, 1.8))
        upright = random.random() < 0.35
        for position in range(random.randrange(step), width if upright else height, step):
            bar = slice(position, position + max(1, step // 3))
            image[(slice(None), bar) if upright else bar] *= tone
    elif kind < 0.35:  # lamps and reflectors
        for _ in range(random.randrange(1, 4)):
            color = random.choice(((40, 40, 220), (30, 120, 240), (245, 250, 250), (60, 60, 160)))
            center = (random.randrange(width), random.randrange(height))
            axes = (random.randrange(6, 50), random.randrange(4, 24))
            cv2.ellipse(image, center, axes, random.uniform(-30, 30), 0, 360, color, -1, cv2.LINE_AA)
    elif kind < 0.6:  # letters: a model's name, an advertisement, a telephone number
        letters = "ABCDEFGHIKLMNOPRSTUVWXYZ0123456789abcdeghiklmnoprstu-."
        for _ in range(random.randrange(1, 4)):
            text = "".join(random.choices(letters, k=random.randrange(3, 14)))
            tone = random.choice((15, 60, 180, 235))
            spot = (random.randrange(-20, width // 2), random.randrange(10, height))
            size, weight = random.randrange(8, 26), random.randrange(300, 800)
            mask = np.zeros((height, width), np.uint8)
            cv2.putText(mask, text, spot, (255,), cv2.FontFace("sans"), size, weight)
            ink = mask[:, :, None].astype(np.float32) / 255
            image = image * (1 - ink) + np.float32(tone) * ink
    elif kind < 0.7:  # street, gravel
        rough = source.standard_normal((height, width, 1), np.float32)
        image += cv2.GaussianBlur(rough, (0, 0), random.uniform(0.6, 2.5))[:, :, None] * random.uniform(20, 70)
    image += source.standard_normal((height, width, 1), np.float32) * random.uniform(0, 5)
    return np.clip(image, 0, 255).astype(np.uint8)


def _body_color(random: Random) -> tuple[float, float, float]:
    """A car's paint, BGR: mostly black, gray, silver and white, sometimes a colour."""
    if random.random() < 0.7:
        tone = random.choice((12, 25, 45, 70, 110, 150, 190, 225, 245))
        return tuple(max(0.0, tone + random.uniform(-12, 12)) for _ in range(3))  # type: ignore[return-value]
    return random.choice(
        ((30, 30, 170), (25, 20, 110), (140, 60, 25), (90, 40, 20), (70, 130, 60), (60, 190, 220), (40, 90, 190))
    )
