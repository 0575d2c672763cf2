"""Events of passages to keep and to deliver."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np

from lp_recognition.video.events import Candidate, Event, Look

NOON = datetime(2026, 11, 26, 12, 0, 0, 250_000, timezone.utc)


def make_event(number: int = 1, type: str = "end", seconds: float = 2, **values: object) -> Event:
    """An event of passage `number` at `gate`, `seconds` after it began; a minute lies between passages."""
    began = NOON + timedelta(minutes=number)
    text = f"AB{number:03}"
    look = Look(
        time=began,
        frame=25 * number,
        position_s=float(number),
        corners=np.array([(10, 20), (60, 22), (58, 40), (9, 36)], np.float32),
        detection_confidence=0.9,
        text=text,
        confidence=0.5,
        confidences=(0.9, 0.8, 0.9, 0.9, 0.86),
        reader="lprnet_mcu_latin",
    )
    event = Event(
        id=f"gate-{number}",
        type=type,
        source="gate",
        text=text,
        confidence=0.75,
        confidences=(0.9, 0.9, 0.95, 0.99, 0.99),
        candidates=(Candidate(text, 0.75), Candidate("AB128", 0.125)),
        first_time=began,
        last_time=began + timedelta(seconds=seconds),
        look_count=3,
        agreeing_count=2,
        best=look,
        looks=(look, replace(look, frame=25 * number + 1)) if type == "end" else (),
        crop=np.full((20, 60, 3), 90, np.uint8),
        picture=np.full((48, 64, 3), 60, np.uint8),
    )
    return replace(event, **values)


def passage(number: int) -> list[Event]:
    """All events of a passage."""
    return [
        make_event(number, "start", 0, text="A8001"),
        make_event(number, "update", 1),
        make_event(number, "end", 2),
    ]
