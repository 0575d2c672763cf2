"""What the endpoints share: the pictures of a request read by the engine, and counted."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request

from lp_recognition.service.bodies import Body, Budget, received
from lp_recognition.service.engine.jobs import Answer, Engine, Job
from lp_recognition.service.engine.local import models_of
from lp_recognition.service.errors import RequestError
from lp_recognition.service.health import Health
from lp_recognition.service.keeping import KeptReads, Upkeep
from lp_recognition.service.metrics import Metrics
from lp_recognition.service.usage import Usage
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import UserError

if TYPE_CHECKING:
    from lp_recognition.video.database.store import Store

Result = TypeVar("Result")

_log = logging.getLogger(__name__)


class Service:
    """What the endpoints of one application work with.

    Attributes:
        config: The settings.
        engine: What finds and reads.
        store: Where events are kept, if anywhere.
        health: Whether it keeps up.
        metrics: The figures for Prometheus.
        usage: How many pictures were read.
        failure: What prevented the start, or spoilt the end, if anything did.
        stopping: Is set when the service is to end: answers that go on for ever end by it.
    """

    def __init__(self, config: ServiceConfig, engine: Engine, store: Store | None) -> None:
        self.config = config
        self.engine = engine
        self.store = store
        self.health = Health()
        models = models_of(config)
        named = {"detector": models.detector, "corners": models.corners, "readers": " ".join(models.readers)}
        self.metrics = Metrics(engine, self.health, named)
        self.usage = Usage(store)
        self.stopping = asyncio.Event()
        self.failure: Exception | None = None
        self._budget = Budget(config.limits.max_waiting_bytes)
        self._kept: KeptReads | None = None
        self._upkeep: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Opens models, and reads what was counted before.

        Raises:
            UserError: a model cannot be opened, or the database cannot be read.
        """
        await self.engine.start()
        if self.store is not None:
            await asyncio.to_thread(self.usage.load)
            if self.config.keep_reads:
                self._kept = await asyncio.to_thread(KeptReads, self.store, self.config)
            self._upkeep = asyncio.create_task(Upkeep(self.usage, self.store, self.config.keep_days).run())

    async def stop(self) -> None:
        """Ends the engine, and keeps what was counted."""
        self.stopping.set()
        await self.engine.stop()
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.gather(self._upkeep, return_exceptions=True)
            try:
                await asyncio.to_thread(self.usage.save)
            except UserError as error:
                self.failure = self.failure or error

    @asynccontextmanager
    async def receiving(self, request: Request) -> AsyncIterator[Body]:
        """The body of a request, for a block; refused before it is received where it could not be answered.

        Raises:
            BusyError, EngineDownError: the engine's.
            RequestError: as `received`.
        """
        self.engine.check_room()
        async with received(request, self.config.limits, self._budget) as body:
            yield body

    async def read(self, request: Request, job: Job, source: str = "", when: str = "") -> Answer:
        """Has a job done as long as its client waits for it, and keeps what was read where that is asked for.

        Args:
            request: Whose client waits.
            job: What is done.
            source: What the client calls its camera.
            when: When the picture was taken, by ISO 8601; now where that is not told.

        Raises:
            ImageError, BusyError, EngineDownError: the engine's.
            RequestError: the client has gone; or what was read cannot be kept.
        """
        answer = await _while_waited_for(request, self.engine.read(job))
        self.health.note(refused=False)
        self.metrics.note_answer(answer)
        self.usage.count(len(job.pictures))
        if self._kept is not None and job.kind == "alpr":
            try:
                await asyncio.to_thread(self._kept.keep, job.pictures[0], answer.pictures[0], source, when)
            except UserError as error:
                _log.error("what was read in %s is not kept: %s", job.pictures[0].name, error)
                raise RequestError(503, "what was read cannot be kept; the log of the service says why") from None
        return answer


async def _while_waited_for(request: Request, work: Awaitable[Result]) -> Result:
    """Does some work, and gives it up when the client has gone."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_until_gone(request))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise RequestError(400, "the client has gone")
    finally:
        for one in (working, gone):
            one.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
