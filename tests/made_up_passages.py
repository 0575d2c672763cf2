"""Plates in frames, made up without a picture of them or a network: what `Alpr.read` would give."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta, timezone

import numpy as np

from lp_recognition.reading.alpr import AlprPlate
from lp_recognition.reading.recognizer import Reading
from lp_recognition.texts.vocabulary import split_symbols
from lp_recognition.video.events import Event, Look
from lp_recognition.video.frames import Frame
from lp_recognition.video.passages import Passages

NOON = datetime(2026, 11, 26, 12, 0, tzinfo=timezone.utc)
SIZE = (480, 640)


def plate(
    text: str, x: float, y: float, width: float = 60.0, confidence: float = 0.8, score: float = 0.9, other: str = ""
) -> AlprPlate:
    """A plate whose middle is at x, y; where it may also be read in another way, as the `other` text."""
    half, tall = width / 2, width / 6
    corners = np.array([(x - half, y - tall), (x + half, y - tall), (x + half, y + tall), (x - half, y + tall)])
    symbols = split_symbols(text)
    each = confidence ** (1 / max(len(symbols), 1))
    shares = [
        ((symbol, each),) if symbol == second else ((symbol, 0.6), (second, 0.4))
        for symbol, second in zip(symbols, split_symbols(other or text), strict=True)
    ]
    reading = Reading(text, confidence, (each,) * len(symbols), tuple(shares))
    return AlprPlate(corners.astype(np.float32), score, reading, "made up", np.zeros((8, 24, 3), np.uint8))


def frame(seconds: float, number: int | None = None) -> Frame:
    """A frame so many seconds after noon; its upper left pixel tells its number modulo 256."""
    number = round(seconds * 10) if number is None else number
    image = np.full((*SIZE, 3), number % 256, np.uint8)
    return Frame(image, NOON + timedelta(seconds=seconds), number, seconds, "gate")


def look(
    text: str,
    confidence: float = 0.8,
    alternatives: Sequence[Sequence[tuple[str, float]]] = (),
    reader: str = "made up",
) -> Look:
    """A look that says this."""
    symbols = split_symbols(text)
    each = confidence ** (1 / max(len(symbols), 1))
    shares = tuple(map(tuple, alternatives)) or tuple(((symbol, each),) for symbol in symbols)
    corners = np.zeros((4, 2), np.float32)
    return Look(NOON, 0, None, corners, 0.9, text, confidence, (each,) * len(symbols), reader, shares)


def watch(passages: Passages, seen: Iterable[tuple[float, Sequence[AlprPlate]]]) -> list[Event]:
    """All events of frames with plates, at these seconds, and of the end."""
    events = [event for seconds, plates in seen for event in passages.see(frame(seconds), plates)]
    return events + passages.finish()
