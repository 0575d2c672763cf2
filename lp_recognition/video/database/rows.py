"""Events, looks and known plates as rows of tables, and back."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import numpy as np

from lp_recognition.texts.vocabulary import plate_of
from lp_recognition.video.database.tables import EventRow, LookRow
from lp_recognition.video.events import Candidate, Event, EventType, KnownMatch, Look, utc_text
from lp_recognition.video.known import known_key


def write_event(row: EventRow, event: Event) -> None:
    """Sets the columns of a passage to what an event says of it."""
    row.type = event.type
    row.text = event.text
    row.plate_key = plate_of(event.text)
    row.confidence = float(event.confidence)
    row.confidences = list(event.confidences)
    row.candidates = [{"text": one.text, "confidence": one.confidence} for one in event.candidates]
    row.first_time = event.first_time
    row.last_time = event.last_time
    row.look_count = event.look_count
    row.agreeing_count = event.agreeing_count
    row.direction_deg = None if event.direction_deg is None else float(event.direction_deg)
    row.best = look_values(event.best) | {"time": utc_text(event.best.time)}
    row.known_plate = None if event.known is None else known_key(event.known.plate)
    row.known = None if event.known is None else event.known.to_json()


def read_event(row: EventRow) -> Event:
    """The event that a row is of, without its looks and pictures."""
    return Event(
        id=row.id,
        type=cast(EventType, row.type),
        source=row.source.name,
        text=row.text,
        confidence=row.confidence,
        confidences=tuple(row.confidences),
        candidates=tuple(Candidate(**one) for one in row.candidates),
        first_time=row.first_time,
        last_time=row.last_time,
        look_count=row.look_count,
        agreeing_count=row.agreeing_count,
        best=_look_of({**row.best, "time": _moment(row.best["time"])}),
        direction_deg=row.direction_deg,
        known=None if row.known is None else KnownMatch(**row.known),
    )


def look_values(look: Look) -> dict[str, Any]:
    """A look's columns."""
    return {
        "time": look.time,
        "frame": look.frame,
        "position_s": look.position_s,
        "corners": [[round(float(value), 2) for value in point] for point in look.corners],
        "detection_confidence": float(look.detection_confidence),
        "text": look.text,
        "confidence": float(look.confidence),
        "confidences": [float(value) for value in look.confidences],
        "reader": look.reader,
    }


def read_look(row: LookRow) -> Look:
    """The look that a row is of."""
    names = ("time", "frame", "position_s", "corners", "detection_confidence", "text", "confidence", "confidences")
    return _look_of({name: getattr(row, name) for name in (*names, "reader")})


def _look_of(values: dict[str, Any]) -> Look:
    corners, confidences = np.array(values["corners"], np.float32), tuple(values["confidences"])
    return Look(**{**values, "corners": corners, "confidences": confidences})


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
