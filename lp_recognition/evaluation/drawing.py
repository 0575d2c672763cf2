"""What was found and read, drawn for a person: plates on their photograph; a crop, its text and each symbol's bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.evaluation.metrics import align
from lp_recognition.images.canvas import draw_text, draws_chinese, text_width
from lp_recognition.images.image import Image
from lp_recognition.lists.scenes import Scene
from lp_recognition.reading.detector import Detection
from lp_recognition.texts.vocabulary import PROVINCE_NAMES, split_symbols

# Sizes are in pixels, colours BGR.
_WIDTH = 400
_IMAGE_HEIGHT = 160
_MARGIN = 14
_CELL_WIDTH, _CELL_HEIGHT = 38, 64
_PAPER, _INK, _FAINT, _TRACK = (255, 255, 255), (45, 38, 32), (135, 125, 118), (232, 228, 224)
_BACKDROP = (70, 62, 56)
_GREEN, _AMBER, _RED = (86, 150, 40), (28, 150, 230), (52, 48, 205)
_RIGHT = (80, 220, 80)

#: No line is drawn further out: OpenCV counts in 16 bits and more here.
_FAR = 1 << 20

_CHARACTERS = {name: character for character, name in PROVINCE_NAMES.items()}


def draw_reading(
    image: Image, text: str, confidence: float, confidences: Sequence[float], label: str | None = None
) -> Image:
    """Draws an image with what was read on it.

    Args:
        image: uint8, gray `(h, w)`, `(h, w, 1)` or BGR `(h, w, 3)`, of any size.
        text: What was read.
        confidence: Probability of the whole text, in [0, 1].
        confidences: Probability of each symbol of the text, in [0, 1].
        label: What is right, if known, in the merged form of the vocabulary: the picture is then marked green where
            the text is right and red where it is wrong.

    Returns:
        uint8 BGR, always of the same width. Below the image stands each symbol over a bar and its confidence in
        percent; then the confidence of the whole text, and the label where the text is wrong.

    Raises:
        ValueError: not as many confidences as symbols.
    """
    symbols = split_symbols(text)
    if len(symbols) != len(confidences):
        raise ValueError(f"expected {len(symbols)} confidences for '{text}', received {len(confidences)}")
    cells = [_shown(symbol) for symbol in symbols]
    widths = [max(_CELL_WIDTH, text_width(cell, _symbol_size(cell)) + 8) for cell in cells]
    places, rows = _flow(widths, _WIDTH - 2 * _MARGIN + 8)

    wrong = label is not None and label != text
    footer = 52 if wrong else 30
    panel = np.full((_MARGIN + rows * _CELL_HEIGHT + footer, _WIDTH, 3), _PAPER, np.uint8)
    for cell, width, share, (x, row) in zip(cells, widths, confidences, places, strict=True):
        _draw_cell(panel, cell, width, share, _MARGIN - 4 + x, _MARGIN + row * _CELL_HEIGHT)
    if not symbols:
        draw_text(panel, "nothing read", _MARGIN, _MARGIN + 36, 22, _FAINT)
    bottom = _MARGIN + rows * _CELL_HEIGHT + 16
    draw_text(panel, f"confidence {100 * confidence:.1f}%", _MARGIN, bottom, 15, _FAINT)
    if label is not None:
        verdict, color = ("wrong", _RED) if wrong else ("right", _GREEN)
        draw_text(panel, verdict, _WIDTH - _MARGIN - text_width(verdict, 15, 700), bottom, 15, color, 700)
        if wrong:
            _draw_label(panel, symbols, split_symbols(label), bottom + 24)
        panel[:, :5] = color
    return np.concatenate([_enlarged(image), panel])


def draw_detections(
    picture: Image, detections: Sequence[Detection], scene: Scene | None = None, captions: Sequence[str] = ()
) -> Image:
    """Draws what was found, by its score from red to yellow, over what is right, thin and green where it is known.

    Args:
        picture: uint8, gray or BGR, of any size.
        detections: The plates: their corners, and the upright box around them.
        scene: What is right.
        captions: What stands over each plate; none where there are no words.

    Returns:
        uint8 BGR of the picture's size.
    """
    image = _in_color(picture).copy()
    for plate in scene.plates if scene is not None else ():
        left, top, right, bottom = plate.box
        points = plate.corners or ((left, top), (right, top), (right, bottom), (left, bottom))
        cv2.polylines(image, [np.round(points).astype(np.int32)], True, _RIGHT, 1, cv2.LINE_AA)
    thickness = max(1, round(max(image.shape[:2]) / 500))
    for detection in detections:
        color = (0, round(255 * detection.score), 255)
        # Lines go along the edges of pixels, which OpenCV counts from their centres.
        corners = np.round(np.clip(detection.corners, -_FAR, _FAR) - 0.5).astype(np.int32)
        cv2.rectangle(image, corners.min(axis=0).tolist(), corners.max(axis=0).tolist(), color, 1)
        cv2.polylines(image, [corners], True, color, thickness, cv2.LINE_AA)
        for point in corners.tolist():
            cv2.circle(image, point, 2 * thickness, color, -1, cv2.LINE_AA)
    for detection, caption in zip(detections, captions, strict=bool(captions)):
        _draw_caption(image, caption, detection)
    return np.asarray(image, np.uint8)


@dataclass(frozen=True)
class Mark:
    """A plate to be drawn.

    Attributes:
        corners: Left-up, right-up, right-bottom, left-bottom in pixels, `(4, 2)`.
        caption: What stands over it, in one line or several; nothing where it is empty.
        color: BGR, of its outline and of a bar beside the caption.
    """

    corners: NDArray[np.float32]
    caption: str
    color: tuple[int, int, int]


def draw_marks(picture: Image, marks: Sequence[Mark]) -> Image:
    """Draws plates, each in its colour and with its caption: a copy, uint8 BGR."""
    image = _in_color(picture).copy()
    thickness = max(2, round(max(image.shape[:2]) / 400))
    for mark in marks:
        corners = np.round(np.clip(mark.corners, -_FAR, _FAR) - 0.5).astype(np.int32)
        cv2.polylines(image, [corners], True, mark.color, thickness, cv2.LINE_AA)
    for mark in marks:
        if mark.caption:
            _draw_caption(image, mark.caption, Detection(mark.corners, 1.0), mark.color)
    return np.asarray(image, np.uint8)


def plate_caption(text: str, confidence: float) -> str:
    """What stands over a plate that was read: its text, and how sure of it the reader is."""
    return f"{''.join(map(_shown, split_symbols(text))) or '?'} {math.floor(100 * confidence)}%"


def _draw_caption(image: Image, caption: str, detection: Detection, color: Sequence[int] = _INK) -> None:
    """Words in a strip above a plate, or below where there is no room, as large as the picture asks for."""
    height, width = image.shape[:2]
    size = max(12, round(max(height, width) / 40))
    lines = caption.split("\n")
    line_high = round(1.4 * size)
    long, high = max(text_width(line, size, 600) for line in lines) + size // 2, line_high * len(lines)
    left, top, _, bottom = np.clip(detection.box, -_FAR, _FAR)
    x = max(0, min(round(left), width - long))
    y = round(top) - high - size // 4
    y = max(0, min(y if y >= 0 else round(bottom) + size // 4, height - high))
    image[y : y + high, x : x + long] = _INK
    image[y : y + high, x : x + max(2, size // 6)] = color
    for number, line in enumerate(lines):
        draw_text(image, line, x + size // 4, y + number * line_high + size + size // 8, size, _PAPER, 600)


def _in_color(image: Image) -> Image:
    """BGR of a gray or BGR picture."""
    is_gray = image.ndim == 2 or image.shape[2] == 1
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), np.uint8) if is_gray else image


def _enlarged(image: Image) -> Image:
    """The image as large as fits, in the middle of a strip of the picture's width."""
    image = _in_color(image)
    height, width = image.shape[:2]
    factor = min(_WIDTH / width, _IMAGE_HEIGHT / height)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    image = np.asarray(
        cv2.resize(image, size, interpolation=cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA), np.uint8
    )
    strip: Image = np.full((size[1], _WIDTH, 3), _BACKDROP, np.uint8)
    left = (_WIDTH - size[0]) // 2
    strip[:, left : left + size[0]] = image
    return strip


def _flow(widths: Sequence[int], available: int) -> tuple[list[tuple[int, int]], int]:
    """Places cells like words on lines: `(x, row)` of each, and the number of rows, at least one."""
    places = []
    x = row = 0
    for width in widths:
        if x and x + width > available:
            x, row = 0, row + 1
        places.append((x, row))
        x += width
    return places, row + 1


def _draw_cell(panel: Image, cell: str, width: int, share: float, x: int, y: int) -> None:
    """A symbol over its confidence: a bar as long as it is high, and percent."""
    size = _symbol_size(cell)
    draw_text(panel, cell, x + (width - text_width(cell, size, 600)) // 2, y + 28, size, _INK, 600)
    color = _GREEN if share >= 0.9 else _AMBER if share >= 0.5 else _RED
    left, right = x + 4, x + width - 4
    panel[y + 38 : y + 43, left:right] = _TRACK
    panel[y + 38 : y + 43, left : left + max(1, round((right - left) * share))] = color
    percent = str(math.floor(100 * share))  # not rounded up: 100 is sure
    draw_text(panel, percent, x + (width - text_width(percent, 13)) // 2, y + 57, 13, _FAINT)


def _draw_label(panel: Image, symbols: Sequence[str], true_symbols: Sequence[str], baseline: int) -> None:
    """The label, with the symbols that were read wrong or missed in red."""
    x = draw_text(panel, "label", _MARGIN, baseline, 15, _FAINT) + 8
    for true, read in align(true_symbols, symbols):
        if true:
            color = _INK if true == read else _RED
            x = draw_text(panel, _shown(true), x, baseline, 17, color, 600) + 2


def _symbol_size(cell: str) -> int:
    return 30 if len(cell) == 1 else 16


def _shown(symbol: str) -> str:
    """How a symbol is drawn: Chinese as a character where OpenCV has a font for it, else by its name."""
    if draws_chinese():
        return _CHARACTERS.get(symbol, symbol)
    if symbol.isascii():
        return symbol
    return PROVINCE_NAMES.get(symbol, "<?>")
