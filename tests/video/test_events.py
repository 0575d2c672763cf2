import json
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from lp_recognition.video.events import Candidate, Event, KnownMatch, Look, utc_text

NOON = datetime(2026, 11, 26, 12, 0, 0, 250_000, timezone.utc)
LOOK = Look(
    time=NOON,
    frame=7,
    position_s=0.25,
    corners=np.array([(10, 20), (60, 22), (58, 40), (9, 36)], np.float32),
    detection_confidence=0.9,
    text="AB123",
    confidence=0.5,
    confidences=(0.9, 0.8, 0.9, 0.9, 0.86),
    reader="lprnet_mcu_latin",
)
EVENT = Event(
    id="gate-1",
    type="end",
    source="gate",
    text="AB123",
    confidence=0.75,
    confidences=(0.9, 0.9, 0.95, 0.99, 0.99),
    candidates=(Candidate("AB123", 0.75), Candidate("AB128", 0.125)),
    first_time=NOON,
    last_time=NOON + timedelta(seconds=2),
    look_count=3,
    agreeing_count=2,
    best=LOOK,
    looks=(LOOK,),
    known=KnownMatch("A?123", "pattern", note="the baker", record={"flat": "7"}),
    picture=np.zeros((4, 4, 3), np.uint8),
)


def test_the_box_of_a_look_is_the_upright_one_around_its_corners():
    assert LOOK.box == (9, 20, 51, 20)


def test_an_event_is_plain_json_without_pictures():
    told = json.loads(json.dumps(EVENT.to_json()))
    assert told["first_time"] == "2026-11-26T12:00:00.250Z"
    assert told["last_time"] == "2026-11-26T12:00:02.250Z"
    assert told["candidates"] == [{"text": "AB123", "confidence": 0.75}, {"text": "AB128", "confidence": 0.125}]
    assert told["known"] == {
        "plate": "A?123",
        "kind": "pattern",
        "cost": 0,
        "note": "the baker",
        "record": {"flat": "7"},
    }
    assert told["best"]["corners"][1] == [60, 22]
    assert not {"looks", "picture", "crop"} & set(told)


def test_moments_are_told_in_utc_and_need_a_time_zone():
    assert utc_text(NOON.astimezone(timezone(timedelta(hours=8)))) == "2026-11-26T12:00:00.250Z"
    with pytest.raises(ValueError, match="expected a moment with a time zone"):
        utc_text(NOON.replace(tzinfo=None))
