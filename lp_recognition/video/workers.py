"""Processes that find and read the plates of frames, each with models of its own.

Processes and not threads: LiteRT's Python interpreter keeps Python's lock while a network runs, so that two threads
read no faster than one (measured: 9.7 ms a run of `lpdnet`, in two threads as in one). A frame travels through shared
memory.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import cv2
import numpy as np

from lp_recognition.images.image import Image
from lp_recognition.model_files.pretrained import DEFAULT_CORNERS, DEFAULT_DETECTOR, DEFAULT_READERS, named_corners
from lp_recognition.reading.alpr import Alpr, AlprPlate
from lp_recognition.reading.detector import Tiles
from lp_recognition.system.errors import UserError
from lp_recognition.system.interrupts import holding_back

#: Threads of BLAS: several wait for each other at every small product, four times as long as they compute where other
#: programs run, too.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


@dataclass(frozen=True)
class Models:
    """What finds and reads the plates of a stream.

    Attributes:
        detector: A detector's `.tflite`, or the name of a shipped one.
        readers: Readers' files or names.
        vehicles: What finds vehicles, inside of which plates are looked for, too; empty for none.
        tiles: Whether parts of large frames are searched, too.
        corners: What looks at each plate again, from near; `off` for nothing.
        delegate: The library of a delegate, which runs what it can on other hardware; empty for none.
    """

    detector: str = DEFAULT_DETECTOR
    readers: tuple[str, ...] = DEFAULT_READERS
    vehicles: str = ""
    tiles: Tiles = "off"
    corners: str = DEFAULT_CORNERS
    delegate: str = ""

    def open(self) -> Alpr:
        """Opens them.

        Raises:
            ModelError, ConfigError: as `Alpr`.
        """
        corners, vehicles = named_corners(self.corners), self.vehicles or None
        return Alpr(self.detector, self.readers, corners=corners, vehicles=vehicles, delegate=self.delegate)


#: What a process does: a function of a module, given what it keeps and one item.
Task = Callable[["Opened", Any], Any]


class Opened:
    """What a process keeps between its tasks: models that are open, and the frames' memory."""

    def __init__(self) -> None:
        self._alprs: dict[Models, Alpr] = {}
        self._memory: SharedMemory | None = None

    def alpr(self, models: Models) -> Alpr:
        """The models, opened when they are first named.

        Raises:
            ModelError, ConfigError: as `Alpr`.
        """
        if models not in self._alprs:
            self._alprs[models] = models.open()
        return self._alprs[models]

    def image(self, name: str, shape: tuple[int, ...]) -> Image:
        """The image in shared memory; not a copy."""
        if self._memory is None or self._memory.name != name:
            self._memory = SharedMemory(name)
        return np.ndarray(shape, np.uint8, self._memory.buf)


class WorkerLostError(UserError):
    """A worker process that was killed, or that gave no answer in time and was ended."""


class Worker:
    """A process that does tasks, one at a time: it reads frames, or whatever else a function of a module does.

    Raises:
        UserError: no process can be started.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
        self._connection, other = context.Pipe()
        self._memory: SharedMemory | None = None
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        try:
            with _environment(_ONE_THREAD), holding_back():  # it may come before the process can say what it does of it
                self._process.start()
        except OSError as error:
            raise UserError(f"no worker process can be started ({error.strerror or error}); is memory short?") from None
        other.close()

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    @property
    def sentinel(self) -> int:
        """What becomes ready when the process ends, for `select` and the like."""
        return self._process.sentinel

    def open(self, models: Models) -> None:
        """Opens models before the first frame comes.

        Raises:
            UserError: one cannot be opened; or the process was killed.
        """
        self.ask(_open, models)

    def read(self, image: Image, models: Models) -> list[AlprPlate]:
        """Finds and reads the plates of a frame, as `Alpr.read` does; models are opened when they are first named.

        Raises:
            UserError: a model cannot be opened; or the process was killed.
        """
        memory = self._room(image.nbytes)
        np.ndarray(image.shape, image.dtype, memory.buf)[:] = image
        return list(self.ask(_read_frame, (memory.name, image.shape, models)))

    def ask(self, task: Task, item: Any) -> Any:
        """Has a task done, and returns what comes of it.

        Raises:
            WorkerLostError: the process was killed.
            Exception: what the task raised.
        """
        [outcome] = self.ask_each(task, [item])
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def ask_each(self, task: Task, items: Sequence[Any], timeout_s: float | None = None) -> Iterator[Any]:
        """Has a task done of each item; all are handed over at once.

        Args:
            task: A function of a module, given an `Opened` and the item.
            items: What it is done of.
            timeout_s: A process that takes longer of one is ended.

        Yields:
            What comes of each, as soon as it does: its result, or the exception that it raised.

        Raises:
            WorkerLostError: the process was killed, or took too long.
        """
        try:
            self._connection.send((task, items))
            for _ in items:
                if not self._connection.poll(timeout_s):
                    self._process.kill()
                    raise WorkerLostError(f"a worker process gave no answer in {timeout_s:g} seconds, and was ended")
                yield self._connection.recv()
        except (EOFError, OSError):
            raise WorkerLostError(
                "a worker process was killed, perhaps for lack of memory; run again with fewer workers"
            ) from None

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(OSError):
            self._connection.send(None)
        self._process.join(1)
        self._process.terminate()
        self._process.join(1)
        self._process.kill()  # one that was stopped takes no other signal
        self._process.join()
        self._connection.close()
        if self._memory is not None:
            self._memory.close()
            self._memory.unlink()
            self._memory = None

    def _room(self, size: int) -> SharedMemory:
        """Shared memory of at least that many bytes."""
        if self._memory is None or self._memory.size < size:
            if self._memory is not None:
                self._memory.close()
                self._memory.unlink()
            try:
                self._memory = SharedMemory(create=True, size=size)
            except OSError as error:
                raise UserError(
                    f"no shared memory for a frame of {size:,} bytes ({error.strerror}); make room in /dev/shm (for a "
                    "container --shm-size=1g)"
                ) from None
        return self._memory


@contextlib.contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Sets variables that a process which starts meanwhile inherits."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _serve(connection: Connection) -> None:
    """What the process does: its tasks, until there is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    opened = Opened()
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        if request is None:
            return
        task, items = request
        for item in items:
            try:
                connection.send(task(opened, item))
            except Exception as error:  # it belongs to who asked
                connection.send(error)


def _open(opened: Opened, models: Models) -> None:
    opened.alpr(models)


def _read_frame(opened: Opened, frame: tuple[str, tuple[int, ...], Models]) -> list[AlprPlate]:
    name, shape, models = frame
    # Not a copy: the answer is on its way before the next frame takes its place.
    return opened.alpr(models).read(opened.image(name, shape), tiles=models.tiles)


def _end_with(sentinel: Any) -> None:
    """Ends this process when its parent is gone: a parent that was killed cannot tell its workers."""
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
