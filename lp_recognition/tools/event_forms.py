"""Passages printed as they end, in the forms that commands offer: a table for people, lines, CSV, JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from lp_recognition.tools.printing import TEXT_COLUMNS, padded, print_json

if TYPE_CHECKING:
    from lp_recognition.video.events import Event

#: What each form prints, for the help.
ABOUT = {
    "table": "a table for people, a row a passage",
    "lines": "stream, time, text and confidence, a line a passage",
    "csv": "CSV with a header, a row a passage",
    "json": "a JSON object a line, for each passage",
}
_COLUMNS = (
    "id", "source", "first_time", "last_time", "position_s", "text", "confidence", "look_count", "agreeing_count",
    "direction_deg", "known", "note",
)  # fmt: skip

#: Prints a passage.
ShowEvent = Callable[["Event"], None]


def printer(form: str, streams: list[str]) -> ShowEvent:
    """What prints passages in a form; `streams` are the names of all, for the width of their column."""
    if form == "json":
        return lambda event: print_json(event.to_json())
    if form == "lines":
        return lambda event: print(event.source, moment(event), event.text, f"{event.confidence:.3f}")
    return _csv() if form == "csv" else _table(streams)


def moment(event: Event) -> str:
    """When a passage began: the position in a recording, else the time of day here."""
    look = event.looks[0] if event.looks else event.best
    if look.position_s is None:
        return f"{event.first_time.astimezone():%Y-%m-%d %H:%M:%S}"
    minutes, seconds = divmod(look.position_s, 60)
    return f"{int(minutes):02}:{seconds:04.1f}"


def _table(streams: list[str]) -> ShowEvent:
    from lp_recognition.system.tables import display_width

    width = max(map(display_width, ["stream", *streams]))
    heads = iter([f"{'stream':{width}}  {'time':19}  {'text':{TEXT_COLUMNS}}  confidence  looks  known"])

    def show(event: Event) -> None:
        for head in heads:  # above the first row, once
            print(head)
        known = "" if event.known is None else f"{event.known.plate} {event.known.note}".strip()
        votes = f"{event.agreeing_count}/{event.look_count}"
        text = padded(event.text, TEXT_COLUMNS)
        row = (
            f"{padded(event.source, width)}  {moment(event):19}  {text}  {event.confidence:10.3f}  {votes:>5}  {known}"
        )
        print(row.rstrip())

    return show


def _csv() -> ShowEvent:
    writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()

    def show(event: Event) -> None:
        known = (
            {"known": "", "note": ""} if event.known is None else event.known.to_json() | {"known": event.known.plate}
        )
        record = event.to_json() | {"position_s": event.best.position_s} | known
        writer.writerow({name: "" if record[name] is None else record[name] for name in _COLUMNS})

    return show
