"""Passages printed as they end, in the forms that commands offer: a table for people, lines, CSV, JSON."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

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


class ShowEvent(Protocol):
    """Prints a passage; JSON and CSV have also what more is told of it."""

    def __call__(self, event: Event, **more: Any) -> None:
        """Prints it."""


def printer(form: str, streams: list[str], time_of: Callable[[Event], str] | None = None) -> ShowEvent:
    """What prints passages in a form.

    Args:
        form: One of `ABOUT`.
        streams: The names of all streams, for the width of their column.
        time_of: What tells people the time of a passage; unless given, `moment`.
    """
    time_of = time_of or moment
    if form == "json":
        return lambda event, **more: print_json(event.to_json() | more)
    if form == "lines":
        return lambda event, **more: print(event.source, time_of(event), event.text, f"{event.confidence:.3f}")
    return _csv() if form == "csv" else _table(streams, time_of)


def moment(event: Event) -> str:
    """When a passage began: the position in a recording, else the time of day here."""
    look = event.looks[0] if event.looks else event.best
    if look.position_s is None:
        return local_time(event)
    minutes, seconds = divmod(look.position_s, 60)
    return f"{int(minutes):02}:{seconds:04.1f}"


def local_time(event: Event) -> str:
    """When a passage began, by the clock here."""
    return f"{event.first_time.astimezone():%Y-%m-%d %H:%M:%S}"


def _table(streams: list[str], time_of: Callable[[Event], str]) -> ShowEvent:
    from lp_recognition.system.tables import display_width

    width = max(map(display_width, ["stream", *streams]))
    heads = iter([f"{'stream':{width}}  {'time':19}  {'text':{TEXT_COLUMNS}}  confidence  looks  known"])

    def show(event: Event, **more: Any) -> None:
        for head in heads:  # above the first row, once
            print(head)
        known = "" if event.known is None else f"{event.known.plate} {event.known.note}".strip()
        votes = f"{event.agreeing_count}/{event.look_count}"
        text = padded(event.text, TEXT_COLUMNS)
        row = (
            f"{padded(event.source, width)}  {time_of(event):19}  {text}  {event.confidence:10.3f}  {votes:>5}  {known}"
        )
        print(row.rstrip())

    return show


def _csv() -> ShowEvent:
    from lp_recognition.video.event_table import COLUMNS, event_row

    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    return lambda event, **more: writer.writerow(event_row(event.to_json() | more))
