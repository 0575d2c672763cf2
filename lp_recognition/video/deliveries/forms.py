"""Events in the words of other systems. All functions take the event as JSON has it, with its `sequence`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

Json = dict[str, Any]


def platerecognizer(event: Mapping[str, Any], target: str, filename: str) -> Json:
    """What Plate Recognizer's Stream posts to a webhook, for one plate.

    Args:
        event: The event.
        target: The webhook's address.
        filename: The name of the picture; it is in the same request or nowhere.
    """
    best = event["best"]
    x, y, width, height = (round(value) for value in best["box"])
    box = {"xmin": x, "ymin": y, "xmax": x + width, "ymax": y + height}
    moment = _moment(best["time"])
    result = {
        "box": box,
        "plate": event["text"].lower(),
        "score": event["confidence"],
        "dscore": best["score"],
        "region": {"code": "", "score": 0.0},
        "candidates": [{"score": one["confidence"], "plate": one["text"].lower()} for one in event["candidates"]],
        "vehicle": {"score": 0.0, "type": "Unknown", "box": box},  # clients read its box, also where none was found
        "direction": event["direction_deg"],
        "source_url": "",
        "position_sec": best["position_s"],
        "known": event["known"],
    }
    data = {
        "camera_id": event["source"],
        "filename": filename,
        "timestamp": best["time"].replace("Z", "000Z"),
        "timestamp_local": str(moment.astimezone()),
        "results": [result],
    }
    hook = {"target": target, "id": event["source"], "event": "recognition", "filename": filename}
    return {"hook": hook, "data": data, **_mark(event)}


def frigate(event: Mapping[str, Any]) -> Json:
    """What Frigate publishes under `tracked_object_update` for a plate; `name` is that of a known one."""
    known = event["known"]
    x, y, width, height = (round(value) for value in event["best"]["box"])
    return {
        "type": "lpr",
        "name": (known["note"] or known["plate"]) if known else None,
        "plate": event["text"],
        "score": event["confidence"],
        "camera": event["source"],
        "timestamp": _moment(event["last_time"]).timestamp(),
        "plate_box": [x, y, x + width, y + height],
        "id": event["id"],
        "event": event["type"],
        "sequence": event["sequence"],
    }


def deepstream(event: Mapping[str, Any]) -> Json:
    """A message of DeepStream's minimal schema, with one object: a vehicle of which its plate is known."""
    best = event["best"]
    x, y, width, height = best["box"]
    sides = "|".join(f"{side:g}" for side in (x, y, round(x + width, 1), round(y + height, 1)))
    identity, plate = (str(event[name]).replace("|", "/") for name in ("id", "text"))
    vehicle = f"{identity}|{sides}|Vehicle|#||||"  # its type, make, model and color are not told
    return {
        "version": "4.0",
        "id": str(best["frame"]),
        "@timestamp": best["time"],
        "sensorId": event["source"],
        "objects": [f"{vehicle}|{plate}||{event['confidence']:g}"],
    }


def home_assistant_entity(source: str, topic: str) -> Json:
    """The announcement of a source to Home Assistant: an `event` entity, which replays no old plate at a start."""
    return {
        "name": source,
        "unique_id": f"alpr_{topic_level(topic)}_{topic_level(source)}",
        "state_topic": home_assistant_topic(source, topic),
        "event_types": ["start", "update", "here", "end"],
        "availability_topic": f"{topic}/available",
        "icon": "mdi:car-search",
        "device": {"identifiers": [f"alpr_{topic_level(topic)}"], "name": f"License plates ({topic})"},
    }


def home_assistant_event(event: Mapping[str, Any]) -> Json:
    """The event as the entity's state: Home Assistant looks for its type, and shows the rest as attributes."""
    return {"event_type": event["type"], **{name: value for name, value in event.items() if name != "type"}}


def home_assistant_topic(source: str, topic: str) -> str:
    """Where the states of a source's entity are published."""
    return f"{topic}/home_assistant/{topic_level(source)}"


def topic_level(name: str) -> str:
    """A name as a level of a topic that any system takes; different names give different ones."""
    level = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    return level if level == name else f"{level}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _mark(event: Mapping[str, Any]) -> Json:
    """What a receiver tells repeats by."""
    return {"event": {"id": event["id"], "type": event["type"], "sequence": event["sequence"]}}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
