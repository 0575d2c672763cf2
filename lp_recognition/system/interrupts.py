"""Ctrl-C and SIGTERM in what runs for long: what is under way is finished, and a second one ends it at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from typing import Any

_STOPPING = (signal.SIGINT, signal.SIGTERM)
#: So long may Python take to act on the second signal.
_PATIENCE_SECONDS = 5.0


@contextlib.contextmanager
def graceful(interrupt: Callable[[], bool], *, stopping: str, ended: str) -> Iterator[None]:
    """Asks a run to stop on Ctrl-C or SIGTERM; a second one ends it at once.

    Outside of the main thread it does nothing: whoever started that one handles signals.

    Args:
        interrupt: Asks it, and returns whether it had been asked before.
        stopping: What is told of the first signal, such as `stopping after this step`.
        ended: What is told where the second one has to end the process, such as `the last checkpoint is whole`.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: Any) -> None:
        if interrupt():
            raise KeyboardInterrupt
        print(f"\n{stopping} ... (once more to stop at once)", file=sys.stderr)

    with _ending_what_waits(ended):
        previous = {number: signal.signal(number, handle) for number in _STOPPING}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def holding_back() -> Iterator[None]:
    """Holds Ctrl-C back from this thread for a moment: a process that is started meanwhile never gets one.

    A terminal sends it to all processes at once, and one that is just being started would end as a traceback. Other
    threads get it as ever, and so does this one afterwards.
    """
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # it lets signals through again where it is started by what comes
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _ending_what_waits(ended: str) -> Iterator[None]:
    """Ends the process on a second signal that Python does not come to act on.

    Python handles signals between two instructions of its main thread, which may wait in native code for batches that
    never come: for an image on a disk that has gone away, say. A thread is told of signals all the same.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    over = threading.Event()

    def watch() -> None:
        count = 0
        with os.fdopen(reading, "rb", buffering=0) as signals:
            while number := signals.read(1):
                count += number[0] in _STOPPING
                if count > 1 and not over.wait(_PATIENCE_SECONDS):
                    print(f"\nended at once; {ended}", file=sys.stderr, flush=True)
                    os._exit(130)

    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    threading.Thread(target=watch, daemon=True).start()
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(before)
        os.close(writing)  # which ends the thread
