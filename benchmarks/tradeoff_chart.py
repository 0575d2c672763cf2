"""A picture of what reading costs and what it gives: LP-RR over multiply-accumulates, drawn with OpenCV alone."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from lp_recognition.images.canvas import draw_text, text_width
from lp_recognition.images.image import Image

# Sizes are in pixels, colours BGR; the picture is meant to be shown at half its size.
_WIDTH, _HEIGHT = 1600, 1000
_LEFT, _RIGHT, _TOP = 130, 60, 200
_MARGIN = 70
_PAPER, _INK, _FAINT, _GRID, _AXIS = (255, 255, 255), (48, 40, 34), (128, 118, 110), (236, 232, 228), (176, 168, 160)
_OURS, _PEERS = (170, 98, 30), (60, 120, 205)
_MARK = 13
_NAME, _DETAIL, _TICK = 28, 23, 25
_LINE = 34

#: `(left, top, right, bottom)`.
_Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Point:
    """A model in the picture.

    Attributes:
        name: What it is called.
        detail: A second, smaller line beside it.
        mmac: Millions of multiply-accumulates a plate, more than 0.
        lp_rr: Share of plates read right, in [0, 1].
        interval: Its 95% interval.
        is_peer: It is drawn as another's.
    """

    name: str
    detail: str
    mmac: float
    lp_rr: float
    interval: tuple[float, float]
    is_peer: bool = False


def draw_tradeoff(points: Sequence[Point], title: str, subtitle: str, notes: Sequence[str] = ()) -> Image:
    """Draws the models, each with its interval.

    Args:
        points: At least one.
        title: What was measured.
        subtitle: On what.
        notes: Lines below the picture.

    Returns:
        uint8 BGR.

    Raises:
        ValueError: no point.
    """
    if not points:
        raise ValueError("expected at least one point, received none")
    panel: Image = np.full((_HEIGHT + _LINE * len(notes), _WIDTH, 3), _PAPER, np.uint8)
    size = next(size for size in range(40, 0, -1) if text_width(title, size, 600) < _WIDTH - 2 * _MARGIN or size == 20)
    draw_text(panel, title, _MARGIN, 64, size, _INK, 600)
    end = draw_text(panel, subtitle, _MARGIN, 114, 26, _FAINT)
    if any(point.is_peer for point in points):
        _draw_legend(panel, end + 60, 106)
    frame = _Frame(points)
    frame.draw(panel)
    places = [frame.place(point) for point in points]
    labels = _label_places(points, places, frame)
    for left, top, right, bottom in labels:  # no line of the grid runs through a label
        cv2.rectangle(
            panel, (round(left) - 4, round(top)), (round(right) + 4, min(round(bottom), frame.bottom - 2)), _PAPER, -1
        )
    for point, (x, _) in zip(points, places, strict=True):
        _draw_interval(panel, x, frame.y(point.interval[0]), frame.y(point.interval[1]), _color(point))
    for point, (x, y) in zip(points, places, strict=True):
        _draw_mark(panel, x, y, point.is_peer)
    for point, (x, _), (left, top, right, _) in zip(points, places, labels, strict=True):
        detail = left if left > x else right - text_width(point.detail, _DETAIL)
        draw_text(panel, point.name, round(left), round(top) + 26, _NAME, _color(point), 600)
        draw_text(panel, point.detail, round(detail), round(top) + 55, _DETAIL, _FAINT)
    for number, note in enumerate(notes):
        draw_text(panel, note, _MARGIN, _HEIGHT + 4 + _LINE * number, _DETAIL, _FAINT)
    return panel


class _Frame:
    """The axes: where a value stands in the picture."""

    left, right, top, bottom = _LEFT, _WIDTH - _RIGHT, _TOP, _HEIGHT - 130

    def __init__(self, points: Sequence[Point]) -> None:
        self._low_x = math.log10(min(point.mmac for point in points) / 2)
        self._high_x = math.log10(max(point.mmac for point in points) * 3)
        lowest = min(point.interval[0] for point in points)
        self._step = 0.05 if lowest >= 0.6 else 0.1
        self._low_y = max(0.0, self._step * math.floor(lowest / self._step - 0.2))

    def x(self, mmac: float) -> float:
        """Where a cost stands."""
        share = (math.log10(mmac) - self._low_x) / (self._high_x - self._low_x)
        return self.left + share * (self.right - self.left)

    def y(self, share: float) -> float:
        """Where an LP-RR stands."""
        return self.bottom - (share - self._low_y) / (1 - self._low_y) * (self.bottom - self.top)

    def place(self, point: Point) -> tuple[float, float]:
        """Where a point stands."""
        return self.x(point.mmac), self.y(point.lp_rr)

    def draw(self, panel: Image) -> None:
        """Draws grid, numbers and names of the axes."""
        for number in range(round((1 - self._low_y) / self._step) + 1):
            share = self._low_y + number * self._step
            y = round(self.y(share))
            cv2.line(panel, (self.left, y), (self.right, y), _GRID, 2)
            text = f"{100 * share:.0f}%"
            draw_text(panel, text, self.left - 18 - text_width(text, _TICK), y + 9, _TICK, _FAINT)
        for mmac in self._ticks():
            x = round(self.x(mmac))
            cv2.line(panel, (x, self.top), (x, self.bottom), _GRID, 2)
            text = f"{mmac:g}"
            draw_text(panel, text, x - text_width(text, _TICK) // 2, self.bottom + 38, _TICK, _FAINT)
        cv2.line(panel, (self.left, self.bottom), (self.right, self.bottom), _AXIS, 3)
        name = "million multiply-accumulates a plate (MMAC, logarithmic)"
        middle = (self.left + self.right - text_width(name, _TICK)) // 2
        draw_text(panel, name, middle, self.bottom + 84, _TICK, _INK)
        draw_text(panel, "LP-RR", _MARGIN, self.top - 26, _TICK, _INK)

    def _ticks(self) -> Iterator[float]:
        decades = range(math.floor(self._low_x), math.ceil(self._high_x) + 1)
        leading = (1, 2, 5) if self._high_x - self._low_x < 3.5 else (1,)
        for decade, first in itertools.product(decades, leading):
            if self._low_x <= decade + math.log10(first) <= self._high_x:
                yield first * 10.0**decade


def _color(point: Point) -> tuple[int, int, int]:
    return _PEERS if point.is_peer else _OURS


def _draw_mark(panel: Image, x: float, y: float, is_peer: bool) -> None:
    """A disc, or a hollow diamond of a peer."""
    center = (round(x), round(y))
    if is_peer:
        size = _MARK + 3
        corners = np.array([(0, -size), (size, 0), (0, size), (-size, 0)]) + center
        cv2.fillPoly(panel, [corners.astype(np.int32)], _PAPER, cv2.LINE_AA)
        cv2.polylines(panel, [corners.astype(np.int32)], True, _PEERS, 4, cv2.LINE_AA)
    else:
        cv2.circle(panel, center, _MARK + 3, _PAPER, -1, cv2.LINE_AA)
        cv2.circle(panel, center, _MARK, _OURS, -1, cv2.LINE_AA)


def _draw_interval(panel: Image, x: float, low: float, high: float, color: Sequence[int]) -> None:
    pale = tuple(round(value + 0.5 * (255 - value)) for value in color)
    column, ends = round(x), (round(low), round(high))
    cv2.line(panel, (column, ends[0]), (column, ends[1]), pale, 3, cv2.LINE_AA)
    for y in ends:
        cv2.line(panel, (column - 9, y), (column + 9, y), pale, 3, cv2.LINE_AA)


def _draw_legend(panel: Image, x: int, y: int) -> None:
    for is_peer, text in ((False, "measured in this run"), (True, "models of others, measured earlier")):
        _draw_mark(panel, x, y - 1, is_peer)
        x = draw_text(panel, text, x + 28, y + 8, 26, _PEERS if is_peer else _OURS) + 56


def _label_places(points: Sequence[Point], places: Sequence[tuple[float, float]], frame: _Frame) -> list[_Box]:
    """Where the labels stand: beside their points, where the fewest other things are."""
    marks = [(x - _MARK - 6, y - _MARK - 6, x + _MARK + 6, y + _MARK + 6) for x, y in places]
    bars = [
        (x - 12, frame.y(point.interval[1]), x + 12, frame.y(point.interval[0]))
        for point, (x, _) in zip(points, places, strict=True)
    ]
    found: list[_Box] = []
    for number, (point, (x, y)) in enumerate(zip(points, places, strict=True)):
        width = max(text_width(point.name, _NAME, 600), text_width(point.detail, _DETAIL))
        best = min(
            _candidates(x, y, width),
            key=lambda box: (
                sum(_overlap(box, other) for other in (*marks, *found)) * 4
                + sum(_overlap(box, bar) * (1 if other != number else 4) for other, bar in enumerate(bars))
                + 9 * (width * 64 - _overlap(box, (frame.left, frame.top - 40, _WIDTH - 12, frame.bottom)))
            ),
        )
        found.append(best)
    return found


def _candidates(x: float, y: float, width: int) -> Iterator[_Box]:
    """Places for a label of two lines, the most usual first."""
    height = 64
    for lift in (0, -34, 34, -72, 72, -110, 110):
        for left in (x + _MARK + 14, x - _MARK - 14 - width):
            top = y - height / 2 + lift
            yield left, top, left + width, top + height


def _overlap(one: _Box, other: _Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, width) * max(0.0, height)
