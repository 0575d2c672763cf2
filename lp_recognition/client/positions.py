"""Where the car was when a frame was captured: what satellite receivers and tracks have in common."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

from lp_recognition.video.live import FIRST_PAUSE_S, LONGEST_PAUSE_S, GoneError

if TYPE_CHECKING:
    from collections.abc import Generator

    from typing_extensions import Self

#: A position that is older says nothing of where the car is.
MAX_AGE_S = 10.0
#: Fixes that are remembered, of a minute at ten a second: a frame may wait for its turn.
_REMEMBERED = 600
#: A line of a receiver that is longer is none.
_LINE_BYTES = 1 << 16


@dataclass(frozen=True)
class Fix:
    """What a receiver knows.

    Attributes:
        latitude: Degrees, north of the equator positive, WGS 84.
        longitude: Degrees, east of Greenwich positive.
        time: By the satellites, in UTC; None where it was not told.
        altitude_m: Above the sea.
        speed_mps: Over ground, in metres a second.
        course_deg: Where to, clockwise from north.
    """

    latitude: float
    longitude: float
    time: datetime | None = None
    altitude_m: float | None = None
    speed_mps: float | None = None
    course_deg: float | None = None


@dataclass(frozen=True)
class Position:
    """Where a frame was captured.

    Attributes:
        fix: What the receiver said.
        age_s: Seconds between the fix and the frame; of a track, to the nearer one of its points.
    """

    fix: Fix
    age_s: float

    @property
    def coordinates(self) -> str:
        """Latitude and longitude in degrees, as `50.087500, 14.421300`."""
        return f"{self.fix.latitude:.6f}, {self.fix.longitude:.6f}"

    def to_json(self) -> dict[str, Any]:
        """Every value by its name; time as ISO 8601."""
        time = self.fix.time.isoformat() if self.fix.time is not None else None
        return {**asdict(self.fix), "time": time, "age_s": round(self.age_s, 3)}


class Positions(Protocol):
    """Where the car was at any moment.

    Attributes:
        is_recorded: Whether moments are those that stand in files; else those of this machine's clock.
        state: What it is doing, for people.
    """

    is_recorded: bool
    state: str

    def at(self, moment: datetime) -> Position | None:
        """The position at a moment; None where none is known that is young enough."""

    def __enter__(self) -> Self:
        """Begins to receive."""

    def __exit__(self, *_: object) -> None:
        """Ends it."""


class Receiver:
    """A satellite receiver, listened to in a thread of its own; one that is gone is opened again and again.

    A fix is dated by this machine's clock when it arrives, as frames of cameras are, so that neither clock has to be
    right.

    Args:
        connect: Gives fixes until the receiver is gone; raises `GoneError`, or ends, when it is. It is told what says
            whether to end.
        max_age_s: Older fixes are no position.
    """

    is_recorded = False

    def __init__(
        self, connect: Callable[[threading.Event], Generator[Fix, None, None]], max_age_s: float = MAX_AGE_S
    ) -> None:
        self._connect = connect
        self._max_age_s = max_age_s
        self._fixes: deque[tuple[datetime, Fix]] = deque(maxlen=_REMEMBERED)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="positions", daemon=True)
        self.state = "connecting"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(2)

    def at(self, moment: datetime) -> Position | None:
        """As of `Positions`: of the last fix before the moment."""
        received = next((one for one in reversed(self._fixes.copy()) if one[0] <= moment), None)
        if received is None:
            return None
        age_s = (moment - received[0]).total_seconds()
        return Position(received[1], age_s) if age_s <= self._max_age_s else None

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopped.is_set():
            self.state, why = "no fix yet", "it ended"
            try:
                with closing(self._connect(self._stopped)) as fixes:
                    for fix in fixes:
                        self._fixes.append((datetime.now(timezone.utc), fix))
                        self.state, pause_s = "fix", FIRST_PAUSE_S
            except GoneError as error:
                why = str(error)
            if not self._stopped.is_set():
                self.state = f"waiting {pause_s:g} s: {why}"
                self._stopped.wait(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)


def lines_of(read: Callable[[], bytes], stopped: threading.Event) -> Iterator[str]:
    """Lines of what arrives in pieces, without their ends.

    Args:
        read: Waits a moment for the next piece; empty where none has come.
        stopped: Ends it.
    """
    rest = b""
    while not stopped.is_set():
        rest += read()
        *lines, rest = rest.split(b"\n")
        for line in lines:
            yield line.decode("utf-8", "replace").strip()
        if len(rest) > _LINE_BYTES:
            rest = b""
