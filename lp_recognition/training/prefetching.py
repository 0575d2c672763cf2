"""Batches prepared beside the training, by worker processes or a thread, whatever they hold."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any

import grain
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image, Preprocessing
from lp_recognition.system.errors import UserError
from lp_recognition.system.parallel import shared_memory_room


def prefetched(batches: Any, workers: int) -> Any:
    """An iterator with a `close()` over a Grain `MapDataset`, prepared by so many processes; by this one where 0.

    Raises:
        UserError: later, by the iterator: a process was ended from outside, or memory is short.
    """
    if workers == 0:
        return iter(batches.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=2)))
    _settle_workers()
    iterable = batches.to_iter_dataset(grain.ReadOptions(num_threads=0, prefetch_buffer_size=0))
    options = grain.MultiprocessingOptions(workers, per_worker_buffer_size=4)
    return _FromWorkers(iterable.mp_prefetch(options, _start_worker), workers)


class _FromWorkers:
    """Batches of worker processes, and one line where the system left these no room."""

    def __init__(self, dataset: Any, workers: int) -> None:
        self._workers = workers
        with self._naming_what_is_short():
            self._batches = iter(dataset)

    def __iter__(self) -> _FromWorkers:
        return self

    def __next__(self) -> Any:
        with self._naming_what_is_short():
            return next(self._batches)

    def close(self) -> None:
        """Ends the processes; the Grain that there is for Python 3.10 does so itself, and has no word for it."""
        if hasattr(self._batches, "close"):
            self._batches.close()

    @contextlib.contextmanager
    def _naming_what_is_short(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, OSError, MemoryError) as error:
            if isinstance(error, RuntimeError) and "terminated unexpectedly" not in str(error):
                # The Grain for Python 3.10 wraps what a process raised: its name and words are the last line.
                name, _, words = str(error).strip().rpartition("\n")[2].partition(": ")
                if name.startswith("lp_recognition."):
                    raise UserError(words) from None
                raise
            reason = " ".join((str(error) or type(error).__name__).split()).partition(". ")[0]
            raise UserError(
                f"train.workers: a process that prepares batches had to give up ({reason}): memory is short, or "
                f"shared memory ({shared_memory_room()}); make room there (for a container --shm-size=1g), lower "
                f"train.workers (now {self._workers}), or prepare batches in the training itself with train.workers=0"
            ) from None


class Normalize(grain.transforms.Map):
    """Turns a batch's pixels into real values; what is right on them stays as it is."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing

    def map(self, element: tuple[Image, Any]) -> tuple[NDArray[np.float32], Any]:
        """Normalizes the first of a pair."""
        images, targets = element
        return self._preprocessing.normalize(images), targets


def _settle_workers() -> None:
    """Lets worker processes start where JAX is installed, too, and end without noise."""
    from absl import flags

    # With JAX, Grain's profiler asks for a command line flag of its own: an error until somebody has parsed flags.
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
    # Python's tracker frees the memory of batches that nobody took any more, as it should, and complains of it.
    quiet = "ignore::UserWarning:multiprocessing.resource_tracker"
    if quiet not in sys.warnoptions:
        sys.warnoptions.append(quiet)


def _start_worker(index: int, count: int) -> None:
    """Readies a worker process: it ends with the process that started it, and leaves to it
    what stops the training."""
    logging.getLogger("absl").setLevel(logging.ERROR)  # Grain looks for profilers that need not be there
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()
