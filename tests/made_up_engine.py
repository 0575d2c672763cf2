"""An engine that finds what it is told to, without a model; and clients of an application around it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import cv2
import numpy as np
from fastapi.testclient import TestClient

from lp_recognition.service.app import create_app
from lp_recognition.service.engine.jobs import Answer, Engine, EngineState, Job, Plate, SearchedPicture
from lp_recognition.service.server import Server, listen
from lp_recognition.settings.loading import validate
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.video.database.store import Store
from lp_recognition.video.events import Candidate

#: What clients call the service, so that it answers.
ADDRESS = "http://127.0.0.1:8000"
PLATE = Plate(
    corners=((10.4, 20.0), (90.0, 22.0), (90.6, 44.0), (11.0, 41.5)),
    score=0.75,
    text="AB-123",
    confidence=0.9,
    confidences=(0.99, 0.98, 0.99, 0.97, 0.96, 0.99),
    candidates=(Candidate("AB-123", 0.9), Candidate("A8-123", 0.05)),
    reader="lprnet_mcu_latin",
)


def jpeg(height: int = 60, width: int = 120) -> bytes:
    """A gray picture."""
    return bytes(cv2.imencode(".jpg", np.full((height, width, 3), 128, np.uint8))[1])


class MadeUpEngine:
    """Finds the same plates in every picture; `jobs` are those it was given, `error` what it raises instead."""

    def __init__(self, plates: Sequence[Plate] = (PLATE,)) -> None:
        self.plates = tuple(plates)
        self.jobs: list[Job] = []
        self.error: Exception | None = None
        self.is_full = False

    async def start(self) -> None:
        """Is ready."""

    async def stop(self) -> None:
        """Has nothing to end."""

    def check_room(self) -> None:
        """Raises the error."""
        if self.error is not None:
            raise self.error

    async def read(self, job: Job) -> Answer:
        """Finds the plates."""
        self.check_room()
        self.jobs.append(job)
        annotated = jpeg() if job.annotated else None
        pictures = [
            SearchedPicture(one.header.width, one.header.height, self.plates, annotated) for one in job.pictures
        ]
        return Answer(tuple(pictures), {"queue": 0.5, "decode": 1.0, "detect": 2.0, "read": 3.0})

    def state(self) -> EngineState:
        """Has one worker."""
        return EngineState(0, 0, 1, 0, self.is_full)


@contextlib.contextmanager
def served(engine: Engine | None = None, store: Store | None = None, **settings: Any) -> Iterator[TestClient]:
    """A client of an application that finds what the engine says; nothing is kept unless there is a store."""
    config = validate(ServiceConfig, {"database": "", **settings}, "test")
    app = create_app(config, engine=engine or MadeUpEngine(), store=store)
    with TestClient(app, base_url=ADDRESS, raise_server_exceptions=False, follow_redirects=False) as client:
        yield client


@contextlib.contextmanager
def served_over_http(engine: Engine | None = None, **settings: Any) -> Iterator[Server]:
    """A service at a port of this machine, as `alpr serve` has it, in a thread."""
    config = validate(ServiceConfig, {"database": "", "port": 0, **settings}, "test")
    server = Server(create_app(config, engine=engine or MadeUpEngine()), config, listen(config))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve_until_asked()))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.005)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join()
