"""Ctrl-C and SIGTERM in a training: the step under way is finished and saved."""

from __future__ import annotations

import contextlib
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any


@contextlib.contextmanager
def graceful(interrupt: Callable[[], bool]) -> Iterator[None]:
    """Asks a run to stop on Ctrl-C or SIGTERM; a second one ends it at once.

    Args:
        interrupt: Asks it, and returns whether it had been asked before.
    """

    def handle(number: int, frame: Any) -> None:
        if interrupt():
            raise KeyboardInterrupt
        print("\nstopping after this step, saving ... (once more to stop at once)", file=sys.stderr)

    previous: dict[int, Any] = {}
    try:
        for stopping in (signal.SIGINT, signal.SIGTERM):
            previous[stopping] = signal.signal(stopping, handle)
    except ValueError:  # not the main thread: whoever started it handles signals
        pass
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
