"""Many small jobs in several processes, with a progress bar, and a clean end on Ctrl-C or a lost process."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import cv2

from lp_recognition.system.errors import UserError
from lp_recognition.system.progress import progress_bar

Item = TypeVar("Item")
Result = TypeVar("Result")

_CHUNK = 32


def run_parallel(
    function: Callable[[Item], Result], items: Sequence[Item], *, workers: int, description: str
) -> Iterator[Result]:
    """Yields `function(item)` of every item, in the order in which they get done.

    Args:
        function: A function of a module (it travels to other processes); what it raises is raised here.
        items: The arguments.
        workers: Processes to use; with 1 everything runs in this one. Each uses one thread of OpenCV.
        description: The name on the progress bar, which goes to standard error.

    Raises:
        UserError: fewer than one worker, or a process that was killed from outside.
    """
    if workers < 1:
        raise UserError(f"workers: expected at least 1, received {workers}")
    results = _in_one_process(function, items) if workers == 1 else _in_processes(function, items, workers)
    with progress_bar(len(items), "image", description) as advance:
        for result in results:
            advance(1)
            yield result


def shared_memory_room() -> str:
    """How much room there is in the shared memory that processes hand each other data by, for messages."""
    try:
        usage = shutil.disk_usage("/dev/shm")
    except OSError:
        return "/dev/shm, which is not there"
    return f"/dev/shm, {usage.free / 2**20:.1f} of {usage.total / 2**20:.1f} MiB free"


def _in_one_process(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield from map(function, items)
    finally:
        cv2.setNumThreads(threads)


def _in_processes(function: Callable[[Item], Result], items: Sequence[Item], workers: int) -> Iterator[Result]:
    size = max(1, min(_CHUNK, len(items) // (4 * workers)))
    chunks = [items[start : start + size] for start in range(0, len(items), size)]
    # Fresh processes, not forks: a fork of a process with threads (OpenCV's, TensorFlow's) can hang.
    context = multiprocessing.get_context("spawn")
    try:
        executor = ProcessPoolExecutor(min(workers, max(1, len(chunks))), mp_context=context, initializer=_start_worker)
    except OSError as error:  # its locks lie in shared memory
        raise UserError(
            f"no worker process can be started ({error.strerror or error}): memory is short, or shared memory "
            f"({shared_memory_room()}); make room there (for a container --shm-size=1g), or run again with one worker"
        ) from None
    try:
        with _IgnoringCtrlC():  # the workers start here and inherit it: Ctrl-C is for the parent alone
            futures = [executor.submit(_run_chunk, function, chunk) for chunk in chunks]
        for future in as_completed(futures):
            yield from future.result()
    except BrokenProcessPool:
        raise UserError(
            f"a worker process was killed, perhaps for lack of memory or shared memory ({shared_memory_room()}); run "
            "again with fewer workers"
        ) from None
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _run_chunk(function: Callable[[Any], Result], items: Sequence[Any]) -> list[Result]:
    return [function(item) for item in items]


class _IgnoringCtrlC:
    """Ignores SIGINT for a moment; outside of the main thread, where no handler can be set, does nothing."""

    def __enter__(self) -> None:
        self._is_main = threading.current_thread() is threading.main_thread()
        if self._is_main:
            self._before = signal.signal(signal.SIGINT, signal.SIG_IGN)

    def __exit__(self, *_: object) -> None:
        if self._is_main:
            signal.signal(signal.SIGINT, self._before)


def _start_worker() -> None:
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    """Ends this process when its parent is gone: a parent that was killed cannot tell its workers."""
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
