"""What a camera sees around plates: roads, walls and sky; cars; and things that look like plates and are none.

Everything is drawn from simple shapes. A detector does not need to be shown a street that a person takes for one: it
needs edges, lettering, stripes and bright rectangles of all kinds that are *not* a plate, and plates that sit on bodies
as plates do.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from random import Random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[Any]  # uint8; OpenCV's own types are wider
Color = tuple[int, int, int]
#: From `(x, y)` of the plane of a plate, in plate widths around its middle, to pixels of the picture.
Projection = Callable[[list[tuple[float, float]]], NDArray[np.float64]]

_BACKDROPS = 96
_BACKDROP_SIZE = (360, 480)  # height, width
_LETTERS = "ABCDEFGHIJKLMNOPRSTUVWXYZ0123456789abcdefghiklmnoprstuvwz"
_CHINESE = "停车场出入口禁止电话服务中心欢迎光临超市银行酒店小心慢行公司大厦汽车维修"
_SHIFT = 4  # fractional bits of OpenCV's coordinates


def backdrop(random: Random, size: tuple[int, int]) -> Image:
    """A piece of street without cars: uint8 BGR of `size` (height, width)."""
    scene = random.choice(_backdrops())
    height, width = _BACKDROP_SIZE
    zoom = random.uniform(0.35, 1.0)
    aspect = size[1] / size[0]
    cut_height = min(height * zoom, width / aspect)
    cut_width = cut_height * aspect
    y, x = random.uniform(0, height - cut_height), random.uniform(0, width - cut_width)
    piece = scene[int(y) : int(y + cut_height), int(x) : int(x + cut_width)]
    if random.random() < 0.5:
        piece = piece[:, ::-1]
    return np.asarray(cv2.resize(piece, size[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)


def draw_vehicle(image: Image, project: Projection, half: float, random: Random) -> None:
    """Draws the end of a vehicle around a plate that will be laid over it, in place.

    Args:
        image: uint8 BGR.
        project: Where points of the plate's plane lie.
        half: Half of the plate's height, in plate widths.
        random: Decides.
    """
    body, dark = body_color(random), (random.randrange(10, 40),) * 3
    side = random.uniform(1.2, 2.4) if random.random() < 0.85 else random.uniform(0.55, 0.9)  # half of its width
    above, below = random.uniform(0.4, 2.6), random.uniform(0.1, 0.9)
    top, bottom = -half - above, half + below
    _fill(image, project([(-side, top), (side, top), (side * 1.02, bottom), (-side * 1.02, bottom)]), body)
    shade = _scaled(body, random.uniform(0.5, 1.25))
    edge = random.uniform(-half - 0.3, half + 0.3)
    _fill(image, project([(-side, edge), (side, edge), (side, bottom), (-side, bottom)]), shade)
    if above > 1.0 and random.random() < 0.7:  # the window
        low = top + random.uniform(0.25, 0.55) * above
        glass = random.choice(((45, 40, 35), (25, 25, 25), (110, 105, 95), (200, 190, 170)))
        _fill(image, project([(-side * 0.75, top), (side * 0.75, top), (side * 0.85, low), (-side * 0.85, low)]), glass)
    lamp = random.choice(((40, 40, 200), (30, 30, 130), (220, 225, 230), (120, 200, 250), (60, 60, 60)))
    y, depth, reach = random.uniform(-half - 0.6, half), random.uniform(0.08, 0.5), random.uniform(0.15, 0.6)
    for left in (-side, side - reach):
        _fill(image, project([(left, y), (left + reach, y), (left + reach, y + depth), (left, y + depth)]), lamp)
    if random.random() < 0.4:  # a grille
        count, y0 = random.randrange(2, 7), random.uniform(-half - 0.6, half + 0.05)
        for number in range(count):
            y = y0 + number * random.uniform(0.05, 0.09)
            wide = side * 0.6
            _fill(image, project([(-wide, y), (wide, y), (wide, y + 0.025), (-wide, y + 0.025)]), dark)
    if random.random() < 0.6:  # the recess that holds the plate
        margin, lift = random.uniform(0.02, 0.3), random.uniform(0.02, 0.15)
        tone = _scaled(body, random.uniform(0.3, 0.9)) if random.random() < 0.6 else dark
        x = 0.5 + margin
        _fill(image, project([(-x, -half - lift), (x, -half - lift), (x, half + lift), (-x, half + lift)]), tone)
    if random.random() < 0.35:  # a model's name or a badge
        x, y = random.uniform(-side, side * 0.6), -half - random.uniform(0.1, max(0.11, min(above, 0.9)))
        word = "".join(random.choices(_LETTERS, k=random.randrange(2, 8)))
        tone = random.choice(((200, 205, 210), (90, 90, 95), (20, 20, 20)))
        _write(
            image,
            word,
            project([(x, y), (x + 0.12 * len(word), y), (x + 0.12 * len(word), y + 0.16), (x, y + 0.16)]),
            tone,
        )
    _fill(
        image,
        project([(-side, bottom), (side, bottom), (side * 0.9, bottom + 0.25), (-side * 0.9, bottom + 0.25)]),
        dark,
    )


def draw_decoy(image: Image, random: Random) -> None:
    """Draws something that a careless detector takes for a plate, in place: signs, lettering, lights, stripes."""
    height, width = image.shape[:2]
    kind = random.choices(("sign", "letters", "stripes", "lights", "panel", "clock"), (30, 22, 14, 10, 14, 10))[0]
    reach = width * math.exp(random.uniform(math.log(0.04), math.log(0.5)))
    if kind == "clock":
        _draw_clock(image, random)
        return
    ratio = random.uniform(0.15, 1.1)
    x, y = random.uniform(-0.1, 1.0) * width - reach / 4, random.uniform(-0.05, 1.0) * height
    lean, angle = random.uniform(-0.2, 0.2), math.radians(random.gauss(0, 8))
    corners = [(0.0, 0.0), (reach, 0.0), (reach, reach * ratio), (0.0, reach * ratio)]
    cos, sin = math.cos(angle), math.sin(angle)
    quad = np.array([(x + cos * (a - lean * b) - sin * b, y + sin * a + cos * b) for a, b in corners])
    colors = random.choice(_SIGNS)
    if kind == "lights":
        _draw_lights(image, (round(x), round(y)), reach, random)
    elif kind == "stripes":
        _draw_stripes(image, quad, colors[0], random)
    if kind in ("sign", "panel"):
        _fill(image, quad, colors[0])
        if random.random() < 0.5:
            inner = quad.mean(axis=0) + (quad - quad.mean(axis=0)) * 0.9
            _outline(image, inner, colors[1], max(1, round(reach / 40)))
    if kind in ("sign", "letters"):
        rows = 1 if ratio < 0.35 else random.randrange(1, 4)
        _draw_lettering(image, quad, colors[1], rows, random, is_sign=kind == "sign")


def _draw_clock(image: Image, random: Random) -> None:
    """Date and time, as a camera burns them in."""
    height, width = image.shape[:2]
    digits = f"20{random.randrange(10, 40)}-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}"
    text = f"{digits} {random.randrange(24):02}:{random.randrange(60):02}:{random.randrange(60):02}"
    size = max(7, round(height * random.uniform(0.03, 0.06)))
    spot = (random.randrange(max(1, width // 2)), random.choice((size + 2, height - 4)))
    color = random.choice(((255, 255, 255), (0, 255, 255), (0, 0, 0)))
    cv2.putText(image, text, spot, color, _font(False), size, 500)


def _draw_lights(image: Image, center: tuple[int, int], reach: float, random: Random) -> None:
    for _ in range(random.randrange(1, 4)):
        radius = max(1, round(reach * random.uniform(0.05, 0.25)))
        color = random.choice(((255, 255, 255), (180, 230, 255), (60, 60, 255)))
        cv2.circle(image, center, radius, color, -1, cv2.LINE_AA)
        right, down = random.uniform(-1, 1) * reach, random.uniform(-0.1, 0.1) * reach
        center = center[0] + round(right), center[1] + round(down)


def _draw_stripes(image: Image, quad: NDArray[np.float64], color: Color, random: Random) -> None:
    count, down = random.randrange(3, 9), quad[3] - quad[0]
    for number in range(count):
        if random.random() < 0.02:
            continue
        left, right = (quad[0] + (quad[1] - quad[0]) * place / count for place in (number, number + 0.5))
        _fill(image, np.array([left, right, right + down, left + down]), color)


def _draw_lettering(
    image: Image, quad: NDArray[np.float64], color: Color, rows: int, random: Random, *, is_sign: bool
) -> None:
    down, inset = quad[3] - quad[0], (quad[1] - quad[0]) * 0.06
    for row in range(rows):
        letters = _CHINESE if random.random() < 0.3 else _LETTERS
        # Lettering of a plate's length on a plate's colours would be a plate: signs are longer or shorter.
        count = random.choice((1, 2, 3, 11, 12, 14, 16)) if is_sign and rows == 1 else random.randrange(2, 16)
        text = "".join(random.choices(letters, k=count))
        upper, lower = down * ((row + 0.15) / rows), down * ((row + 0.85) / rows)
        left, right = quad[0] + inset, quad[1] - inset
        _write(image, text, np.array([left + upper, right + upper, right + lower, left + lower]), color)


def body_color(random: Random) -> Color:
    """A car's paint, BGR: mostly black, gray, silver and white, sometimes a colour."""
    if random.random() < 0.7:
        tone = random.choice((12, 25, 45, 70, 110, 150, 190, 225, 245))
        blue, green, red = (max(0, min(255, tone + random.randrange(-12, 13))) for _ in range(3))
        return blue, green, red
    return random.choice(
        ((30, 30, 170), (25, 20, 110), (140, 60, 25), (90, 40, 20), (70, 130, 60), (60, 190, 220), (40, 90, 190))
    )


_SIGNS: tuple[tuple[Color, Color], ...] = (
    ((245, 245, 245), (20, 20, 20)), ((170, 80, 10), (250, 250, 250)), ((60, 130, 20), (250, 250, 250)),
    ((40, 200, 240), (20, 20, 20)), ((30, 30, 200), (250, 250, 250)), ((20, 20, 20), (240, 240, 240)),
    ((200, 200, 200), (40, 40, 150)), ((90, 90, 90), (230, 230, 230)),
)  # fmt: skip


@functools.cache
def _backdrops() -> list[Image]:
    return [_draw_backdrop(Random(f"backdrop {number}"), number) for number in range(_BACKDROPS)]


def _draw_backdrop(random: Random, number: int) -> Image:
    """Sky or wall above, road below, a few masses between, texture over all."""
    height, width = _BACKDROP_SIZE
    source = np.random.default_rng(number)
    image: Image = np.zeros((height, width, 3), np.uint8)
    horizon = round(height * random.uniform(-0.1, 0.7))
    sky, ground = _tone(random, 90, 250), _tone(random, 30, 170)
    image[: max(horizon, 0)] = sky
    image[max(horizon, 0) :] = ground
    for _ in range(random.randrange(3, 14)):  # buildings, walls, trees, other vehicles far off
        x, wide = random.randrange(-40, width), random.randrange(20, 220)
        tall = random.randrange(15, 200)
        y = horizon - random.randrange(0, tall + 1)
        color = _tone(random, 15, 230)
        if random.random() < 0.25:
            cv2.ellipse(image, (x, y), (wide // 2, tall // 2), random.uniform(-20, 20), 0, 360, color, -1, cv2.LINE_AA)
        else:
            cv2.rectangle(image, (x, y), (x + wide, y + tall), color, -1)
            if random.random() < 0.5:
                _draw_windows(image, (x, y, wide, tall), random)
    for _ in range(random.randrange(0, 5)):  # lines on the road
        start = (random.randrange(width), max(horizon, 0))
        end = (random.randrange(-width, 2 * width), height)
        cv2.line(image, start, end, _tone(random, 150, 255), random.randrange(1, 7), cv2.LINE_AA)
    for _ in range(random.randrange(0, 6)):  # poles, edges, wires
        x, lean = random.randrange(width), random.randrange(-60, 61)
        cv2.line(image, (x, 0), (x + lean, height), _tone(random, 10, 200), random.randrange(1, 9), cv2.LINE_AA)
    rough = source.standard_normal((height, width, 1), np.float32)
    grain = cv2.GaussianBlur(rough, (0, 0), random.uniform(0.5, 3))[:, :, None] * random.uniform(4, 60)
    clouds = cv2.resize(source.standard_normal((5, 7), np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    mixed = image.astype(np.float32) + grain + clouds[:, :, None] * random.uniform(2, 25)
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _draw_windows(image: Image, box: tuple[int, int, int, int], random: Random) -> None:
    x, y, wide, tall = box
    step = random.randrange(8, 30)
    color = _tone(random, 20, 240)
    for left in range(x + step // 4, x + wide - step // 2, step):
        for top in range(y + step // 4, y + tall - step // 2, step):
            cv2.rectangle(image, (left, top), (left + step // 2, top + step // 2), color, -1)


def _tone(random: Random, low: int, high: int) -> Color:
    """A muted colour."""
    tone = random.randrange(low, high)
    blue, green, red = (max(0, min(255, tone + random.randrange(-25, 26))) for _ in range(3))
    return blue, green, red


def _scaled(color: Color, factor: float) -> Color:
    blue, green, red = (min(255, round(channel * factor)) for channel in color)
    return blue, green, red


def _fixed(quad: NDArray[np.float64]) -> NDArray[np.int32]:
    # Far outside a picture OpenCV's fixed-point coordinates would overflow.
    return np.round(np.clip(quad, -4000, 8000) * (1 << _SHIFT)).astype(np.int32)


def _fill(image: Image, quad: NDArray[np.float64], color: Color) -> None:
    cv2.fillPoly(image, [_fixed(quad)], color, cv2.LINE_AA, _SHIFT)


def _outline(image: Image, quad: NDArray[np.float64], color: Color, thickness: int) -> None:
    cv2.polylines(image, [_fixed(quad)], True, color, thickness, cv2.LINE_AA, _SHIFT)


@functools.cache
def _font(chinese: bool) -> Any:
    return cv2.FontFace("uni" if chinese else "sans")


@functools.lru_cache(maxsize=512)
def _word(text: str) -> Image:
    """A word as a mask, cut to its ink."""
    canvas = np.zeros((48, 34 * len(text) + 24), np.uint8)
    cv2.putText(canvas, text, (10, 36), (255,), _font(not text.isascii()), 28, 600)
    x, y, width, height = cv2.boundingRect(canvas)
    return canvas[y : y + height, x : x + width]


def _write(image: Image, text: str, quad: NDArray[np.float64], color: Color) -> None:
    """Lays a word into a quadrilateral."""
    height, width = image.shape[:2]
    left, top = np.floor(quad.min(axis=0)).astype(int)
    right, bottom = np.ceil(quad.max(axis=0)).astype(int) + 1
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(right, width), min(bottom, height)
    if x1 - x0 < 2 or y1 - y0 < 2 or right - left > 4 * width:
        return
    mask = _word(text)
    if mask.size == 0:
        return
    while mask.shape[1] > 2.2 * (right - left) and min(mask.shape) > 8:
        mask = cv2.resize(mask, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    tall, wide = mask.shape
    corners = np.array([(0, 0), (wide, 0), (wide, tall), (0, tall)], np.float32)
    target = (quad - (x0, y0)).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corners, target)
    share = cv2.warpPerspective(mask, matrix, (int(x1 - x0), int(y1 - y0)), flags=cv2.INTER_LINEAR)
    area = image[y0:y1, x0:x1]
    share = share[:, :, None].astype(np.float32) / 255
    area[:] = (area * (1 - share) + np.array(color, np.float32) * share + 0.5).astype(np.uint8)
