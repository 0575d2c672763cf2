"""How watching gets on, on standard error: a bar for one recording, a table for many streams and for cameras."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from lp_recognition.system.progress import progress_bar
from lp_recognition.system.tables import format_table

if TYPE_CHECKING:
    from lp_recognition.video.watching import Stream

#: The table is drawn anew so often.
_EVERY_S = 1.0


@contextlib.contextmanager
def shown_status(streams: Sequence[Stream]) -> Iterator[Callable[[bool], None]]:
    """Shows how streams get on while the block runs, and in the end what came of them.

    Yields:
        What to call often; with True before something else is printed, which makes room for it.
    """
    [first, *others] = streams
    shown = _bar(first) if not others and not first.source.is_live else _table(streams)
    with shown as update:
        yield update
    print(summary(streams), file=sys.stderr)


def status_table(streams: Sequence[Stream]) -> str:
    """A row a stream: frames a second, what was dropped, how late events are, and its state."""
    header = ("stream", "frames", "frames/s", "dropped", "events late by", "passages", "state")
    rows = []
    for stream in streams:
        figures = stream.figures
        late = "-" if figures.latency_ms is None else f"{figures.latency_ms:.0f} ms"
        dropped = ", ".join(f"{count} {reason}" for reason, count in figures.dropped.items()) or "0"
        rate = f"{figures.frames_per_second:.1f}"
        rows.append((stream.name, figures.looked, rate, dropped, late, figures.events["end"], figures.state))
    return format_table(header, rows)


def summary(streams: Sequence[Stream]) -> str:
    """What came of the streams, in a line each."""
    lines = []
    for stream in streams:
        figures = stream.figures
        dropped = "; ".join(f"{count:,} dropped: {reason}" for reason, count in figures.dropped.items())
        ended = figures.events["end"]
        told = f"{ended:,} passage{'' if ended == 1 else 's'} in {figures.looked:,} frames"
        lines.append(f"{stream.name}: {told}{f'; {dropped}' if dropped else ''}")
    return "\n".join(lines)


@contextlib.contextmanager
def _bar(stream: Stream) -> Iterator[Callable[[bool], None]]:
    done = 0
    with progress_bar(stream.source.total, "frame", stream.name) as advance:

        def update(prints: bool) -> None:
            nonlocal done
            if prints:
                _clear_line()
            now = min(stream.figures.looked * stream.source.every, stream.source.total or sys.maxsize)
            advance(now - done)
            done = now

        yield update


@contextlib.contextmanager
def _table(streams: Sequence[Stream]) -> Iterator[Callable[[bool], None]]:
    """On a terminal the table, drawn over itself; elsewhere a line when the state of a stream changes."""
    if sys.stderr.isatty():
        yield _DrawnTable(streams).update
    else:
        states: dict[str, str] = {}

        def update(prints: bool) -> None:
            for stream in streams:
                if states.get(stream.name) != stream.figures.state:
                    states[stream.name] = stream.figures.state
                    print(f"{stream.name}: {stream.figures.state}", file=sys.stderr, flush=True)

        yield update


class _DrawnTable:
    def __init__(self, streams: Sequence[Stream]) -> None:
        self._streams = streams
        self._drawn_at = -_EVERY_S
        self._height = 0

    def update(self, prints: bool) -> None:
        if not prints and time.monotonic() - self._drawn_at < _EVERY_S:
            return
        if self._height:
            print(f"\x1b[{self._height}A\x1b[J", end="", file=sys.stderr, flush=True)  # up, and clear to the end
            self._height = 0
        if not prints:
            table = status_table(self._streams)
            print(table, file=sys.stderr, flush=True)
            self._height = table.count("\n") + 1
        self._drawn_at = time.monotonic() if not prints else -_EVERY_S


def _clear_line() -> None:
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
