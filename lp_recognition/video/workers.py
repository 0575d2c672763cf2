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
from collections.abc import Iterator
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
    """

    detector: str = DEFAULT_DETECTOR
    readers: tuple[str, ...] = DEFAULT_READERS
    vehicles: str = ""
    tiles: Tiles = "off"
    corners: str = DEFAULT_CORNERS

    def open(self) -> Alpr:
        """Opens them.

        Raises:
            ModelError, ConfigError: as `Alpr`.
        """
        corners = named_corners(self.corners)
        return Alpr(self.detector, self.readers, corners=corners, vehicles=self.vehicles or None)


class Worker:
    """A process that reads frames, one at a time.

    Raises:
        UserError: no process can be started.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with threads can hang
        self._connection, other = context.Pipe()
        self._memory: SharedMemory | None = None
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        try:
            with _environment(_ONE_THREAD):
                self._process.start()
        except OSError as error:
            raise UserError(f"no worker process can be started ({error.strerror or error}); is memory short?") from None
        other.close()

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    def open(self, models: Models) -> None:
        """Opens models before the first frame comes.

        Raises:
            UserError: one cannot be opened; or the process was killed.
        """
        self._ask(None, (), models)

    def read(self, image: Image, models: Models) -> list[AlprPlate]:
        """Finds and reads the plates of a frame, as `Alpr.read` does; models are opened when they are first named.

        Raises:
            UserError: a model cannot be opened; or the process was killed.
        """
        memory = self._room(image.nbytes)
        np.ndarray(image.shape, image.dtype, memory.buf)[:] = image
        return self._ask(memory.name, image.shape, models)

    def _ask(self, memory: str | None, shape: tuple[int, ...], models: Models) -> list[AlprPlate]:
        try:
            self._connection.send((memory, shape, models))
            outcome = self._connection.recv()
        except (EOFError, OSError):
            raise UserError(
                "a worker process was killed, perhaps for lack of memory; run again with fewer workers"
            ) from None
        if isinstance(outcome, BaseException):
            raise outcome
        return list(outcome)

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(OSError):
            self._connection.send(None)
        self._process.join(1)
        self._process.terminate()
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
    """What the process does: reads frames until there is no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    cv2.setNumThreads(1)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    opened: dict[Models, Alpr] = {}
    memory: SharedMemory | None = None
    while True:
        try:
            request = connection.recv()
        except EOFError:
            return
        if request is None:
            return
        name, shape, models = request
        try:
            if models not in opened:
                opened[models] = models.open()
            if name is None:
                connection.send([])
                continue
            if memory is None or memory.name != name:
                memory = SharedMemory(name)
            # Not a copy: the answer is on its way before the next frame takes its place.
            image = np.ndarray(shape, np.uint8, memory.buf)
            connection.send(opened[models].read(image, tiles=models.tiles))
        except Exception as error:  # it belongs to who asked
            connection.send(error)


def _end_with(sentinel: Any) -> None:
    """Ends this process when its parent is gone: a parent that was killed cannot tell its workers."""
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
