"""What stands in the event files of a log."""

from __future__ import annotations

import math
from collections import defaultdict
from pathlib import Path
from typing import Any


def events(folder: Path) -> list[Any]:
    """The events of a folder's files, in order."""
    from tensorboardX.proto import event_pb2

    found = []
    for path in sorted(folder.glob("events.out.tfevents.*")):
        data, position = path.read_bytes(), 0
        while position < len(data):
            length = int.from_bytes(data[position : position + 8], "little")
            found.append(event_pb2.Event.FromString(data[position + 12 : position + 12 + length]))
            position += 16 + length
    return found


def logged(folder: Path) -> dict[str, dict[int, float]]:
    """The scalars of a log by name and step; a picture counts as NaN."""
    found: dict[str, dict[int, float]] = defaultdict(dict)
    for event in events(folder):
        for value in event.summary.value:
            is_picture = value.WhichOneof("value") == "image"
            found[value.tag][event.step] = math.nan if is_picture else value.simple_value
    return found
