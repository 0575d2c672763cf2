"""What the endpoints share: the pictures of a request read by the engine, and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TYPE_CHECKING, TypeVar

from starlette.requests import Request

from lp_recognition.service.bodies import Body, read_body
from lp_recognition.service.engine.jobs import Answer, Engine, Job
from lp_recognition.service.errors import RequestError
from lp_recognition.service.metrics import Metrics
from lp_recognition.service.usage import Usage
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import UserError

if TYPE_CHECKING:
    from lp_recognition.video.database.store import Store

Result = TypeVar("Result")


class Service:
    """What the endpoints of one application work with.

    Attributes:
        config: The settings.
        engine: What finds and reads.
        store: Where events are kept, if anywhere.
        metrics: The figures for Prometheus.
        usage: How many pictures were read.
        failure: What prevented the start, if anything did.
        stopping: Is set when the service is to end: answers that go on for ever end by it.
    """

    def __init__(self, config: ServiceConfig, engine: Engine, store: Store | None) -> None:
        self.config = config
        self.engine = engine
        self.store = store
        self.metrics = Metrics(engine)
        self.usage = Usage(store)
        self.stopping = asyncio.Event()
        self.failure: UserError | None = None

    async def receive(self, request: Request) -> Body:
        """The body of a request; refused before it is received where it could not be answered.

        Raises:
            BusyError, EngineDownError: the engine's.
            RequestError: as `read_body`.
        """
        self.engine.check_room()
        return await read_body(request, self.config.limits)

    async def read(self, request: Request, job: Job) -> Answer:
        """Has a job done as long as its client waits for it.

        Raises:
            ImageError, BusyError, EngineDownError: the engine's.
            RequestError: the client has gone.
        """
        answer = await _while_waited_for(request, self.engine.read(job))
        self.metrics.note_answer(answer)
        self.usage.count(len(job.pictures))
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
