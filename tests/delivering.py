"""What the tests of deliveries share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

from tiny_events import passage

from lp_recognition.settings.deliveries import DeliveriesConfig, Target
from lp_recognition.video.deliveries.delivering import Deliveries
from lp_recognition.video.deliveries.worker import Pauses

QUICK = Pauses(first=0.05, longest=0.2, idle=0.05)


def wait_until(true: Callable[[], object], seconds: float = 60) -> None:
    """Waits until something is true, and fails where it never is."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come to be"
        time.sleep(0.01)


def configs(*targets: dict[str, object]) -> tuple[Target, ...]:
    """Targets as a config has them."""
    return DeliveriesConfig.model_validate({"deliveries": targets}).deliveries


def without_repeats(marks: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    """What a receiver keeps that drops what it had before."""
    return list(dict.fromkeys(marks))


class Recording:
    """Records passages in a thread."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries
        self._stop = threading.Event()
        self.marks: list[tuple[str, int]] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while len(self.marks) < 15 or not self._stop.is_set():
            for event in passage(len(self.marks) // 3 + 1):
                assert self._deliveries.record(event)
                self.marks.append((event.id, len(self.marks) % 3 + 1))
            time.sleep(0.005)

    def end(self) -> list[tuple[str, int]]:
        """Stops it; returns the marks of all messages, in order."""
        self._stop.set()
        self._thread.join()
        return self.marks
