"""Events as rows of a table: the columns of every CSV file that holds some."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: In the order of the cells of `event_row`.
COLUMNS = (
    "id", "sequence", "type", "source", "text", "confidence", "known", "note", "first_time", "last_time", "look_count",
    "agreeing_count", "direction_deg", "frame", "position_s", "x", "y", "width", "height", "picture", "crop",
)  # fmt: skip


def event_row(event: Mapping[str, Any]) -> list[Any]:
    """The cells of an event that is given as JSON has it; what it lacks is empty."""
    best, known = event["best"], event.get("known") or {}
    x, y, width, height = best["box"]
    cells = {
        **event,
        **{name: best[name] for name in ("frame", "position_s")},
        **{"x": x, "y": y, "width": width, "height": height},
        "known": known.get("plate"),
        "note": known.get("note"),
    }
    return ["" if cells.get(name) is None else cells[name] for name in COLUMNS]
