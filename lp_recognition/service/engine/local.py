"""Worker processes of this machine behind one queue.

Whoever is idle takes what waits, at once: with several waiting, each worker takes its share of them, so that none of
them waits behind another while somebody is idle. A worker answers its requests one by one. One that is killed is
started again, and what it had not answered is done by another, once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from weakref import WeakSet

from lp_recognition.model_files.pretrained import (
    DEFAULT_CORNERS,
    DEFAULT_DETECTOR,
    DEFAULT_READERS,
    NO_CORNERS,
    of_precision,
)
from lp_recognition.reading.text_reader import RAPIDOCR
from lp_recognition.service.engine.jobs import Answer, BusyError, EngineDownError, EngineState, Job
from lp_recognition.service.engine.reading import do_job
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import ImageError, UserError
from lp_recognition.system.options import default_workers
from lp_recognition.video.workers import Models, Worker, WorkerLostError

_log = logging.getLogger(__name__)

#: A worker that is lost is started again after a pause, which doubles as long as new ones do not live so long.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S, _STABLE_S = 0.5, 30.0, 60.0
#: How long a job is thought to take before the first one was done.
_FIRST_GUESS_S = 0.05
#: More processes than this wait for each other, and for memory.
_MOST_A_CORE = 16
_STOPPED = "the service is being stopped"
_DOWN = "no process is there that could answer; the log of the service says why"


@dataclass(eq=False)
class _Waiting:
    """A job on its way."""

    job: Job
    outcome: asyncio.Future[Answer]
    since: float = field(default_factory=time.perf_counter)
    queue_ms: float = 0.0
    was_lost: bool = False


class LocalEngine:
    """Finds and reads with worker processes of this machine.

    Args:
        config: The models, how many processes, and how long the queue may be.

    Raises:
        UserError: more processes are asked for than this machine could ever use.
    """

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self._models = models_of(config)
        self._count = config.workers or default_workers()
        most = _MOST_A_CORE * default_workers()
        if self._count > most:
            raise UserError(f"workers: expected at most {most}, {_MOST_A_CORE} a core, received {self._count}")
        self._batches: Counter[int] = Counter()
        self._queue: deque[_Waiting] = deque()
        self._changed = asyncio.Condition()
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="worker")
        self._slots: list[asyncio.Task[None]] = []
        self._workers: set[Worker] = set()
        self._ended: WeakSet[Worker] = WeakSet()
        self._working = self._restarts = 0
        self._job_s = _FIRST_GUESS_S
        self._is_down = self._is_stopping = False
        self._waking: asyncio.Task[None] | None = None  # a task that nobody holds may be collected

    async def start(self) -> None:
        """Starts the processes and opens their models.

        Raises:
            UserError: a model cannot be opened, or no process can be started.
        """
        started = await asyncio.gather(*(self._start_worker() for _ in range(self._count)), return_exceptions=True)
        workers = [one for one in started if isinstance(one, Worker)]
        for outcome in started:
            if isinstance(outcome, BaseException):
                for worker in workers:
                    worker.close()
                raise outcome
        self._slots = [asyncio.create_task(self._serve(worker)) for worker in workers]

    async def stop(self) -> None:
        """Ends the processes; what still waits gets an `EngineDownError`."""
        self._is_stopping = True
        for slot in self._slots:
            slot.cancel()
        while self._queue:
            _settle(self._queue.popleft(), EngineDownError(_STOPPED))
        loop = asyncio.get_running_loop()
        for worker in self._workers:
            loop.remove_reader(worker.sentinel)
        await asyncio.gather(*(loop.run_in_executor(None, worker.close) for worker in list(self._workers)))
        self._workers.clear()
        await asyncio.gather(*self._slots, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def read(self, job: Job) -> Answer:
        """Does a job; see `Engine`."""
        self.check_room()
        waiting = _Waiting(job, asyncio.get_running_loop().create_future())
        async with self._changed:
            self._queue.append(waiting)
            self._changed.notify()
        try:
            answer = await waiting.outcome
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):  # a worker has it already
                self._queue.remove(waiting)
            raise
        return replace(answer, stages_ms={"queue": waiting.queue_ms, **answer.stages_ms})

    def check_room(self) -> None:
        """Raises where the next job would be refused; see `Engine`."""
        if self._is_down or self._is_stopping:
            raise EngineDownError(_DOWN)
        if len(self._queue) >= self._config.queue:
            wait_s = len(self._queue) * self._job_s / max(1, len(self._workers))
            raise BusyError(max(1, math.ceil(wait_s)))

    def state(self) -> EngineState:
        """How it gets on."""
        is_full = len(self._queue) >= self._config.queue
        counts = dict(self._batches)
        return EngineState(len(self._queue), self._working, len(self._workers), self._restarts, is_full, counts)

    @property
    def pids(self) -> list[int]:
        """The numbers of the worker processes."""
        return [worker.pid for worker in self._workers if worker.pid is not None]

    async def _start_worker(self) -> Worker:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._open_worker)

    def _open_worker(self) -> Worker:
        worker = Worker()
        try:
            worker.open(self._models)
        except BaseException:
            worker.close()
            raise
        self._workers.add(worker)
        return worker

    async def _serve(self, worker: Worker) -> None:
        """Gives a worker its jobs, and starts another in its place when it is lost."""
        loop = asyncio.get_running_loop()
        pause_s, born = _FIRST_PAUSE_S, time.monotonic()
        self._watch(worker)
        while not self._is_stopping:
            batch = await self._next_batch(worker)
            if await self._has_done(worker, batch):
                continue
            self._workers.discard(worker)
            loop.remove_reader(worker.sentinel)  # before its number is another file's
            await loop.run_in_executor(self._threads, worker.close)
            self._restarts += 1
            pause_s = _FIRST_PAUSE_S if time.monotonic() - born > _STABLE_S else min(2 * pause_s, _LONGEST_PAUSE_S)
            worker = await self._started_again(pause_s)
            born = time.monotonic()
            self._watch(worker)

    def _watch(self, worker: Worker) -> None:
        """Wakes who waits for jobs when a worker ends."""
        loop = asyncio.get_running_loop()

        async def wake() -> None:
            async with self._changed:
                self._changed.notify_all()

        def ended() -> None:
            loop.remove_reader(worker.sentinel)
            self._ended.add(worker)
            self._waking = loop.create_task(wake())

        loop.add_reader(worker.sentinel, ended)

    async def _started_again(self, pause_s: float) -> Worker:
        """A new worker, tried for until there is one; the first time at once."""
        wait_s = 0.0 if pause_s <= 2 * _FIRST_PAUSE_S else pause_s
        while True:
            self._note_whether_down(wait_s)
            await asyncio.sleep(wait_s)
            try:
                worker = await self._start_worker()
            except UserError as error:
                wait_s = min(max(2 * wait_s, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
                _log.error("no worker can be started, it is tried again in %g s: %s", wait_s, error)
                continue
            self._is_down = False
            _log.warning("worker process %s took the place of one that was lost", worker.pid)
            return worker

    def _note_whether_down(self, wait_s: float) -> None:
        """Where nobody works, and nobody will soon, jobs are refused in place of waiting."""
        self._is_down = not self._workers and wait_s > 0
        while self._is_down and self._queue:
            _settle(self._queue.popleft(), EngineDownError(_DOWN))

    async def _next_batch(self, worker: Worker) -> list[_Waiting]:
        """What a worker does next: no more than its share of those that wait; nothing where it has ended."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._queue) or worker in self._ended)
        if worker in self._ended:
            return []
        if self._config.batch_wait_ms and len(self._queue) < self._config.max_batch:
            await asyncio.sleep(self._config.batch_wait_ms / 1000)
        share = math.ceil(len(self._queue) / max(1, len(self._workers)))
        return [self._queue.popleft() for _ in range(min(share, self._config.max_batch, len(self._queue)))]

    async def _has_done(self, worker: Worker, batch: Sequence[_Waiting]) -> bool:
        """Has a worker do some jobs; returns whether it is still there."""
        if not batch:  # it has ended, or another was quicker
            return worker not in self._ended
        now = time.perf_counter()
        for one in batch:
            one.queue_ms = 1000 * (now - one.since)
        self._batches[len(batch)] += 1
        self._working += len(batch)
        loop = asyncio.get_running_loop()
        left = deque(batch)

        def settle(outcome: Any) -> None:
            self._working -= 1
            _settle(left.popleft(), outcome)

        try:
            await loop.run_in_executor(self._threads, self._ask, worker, batch, loop, settle)
        except WorkerLostError as error:
            _log.error("worker process %s is lost: %s", worker.pid, error)
            await self._do_again(left)
            return False
        except BaseException as error:  # it is being stopped; or what it said cannot be understood
            for one in left:
                _settle(one, error if isinstance(error, Exception) else EngineDownError(_STOPPED))
            if not isinstance(error, Exception):
                raise
            return False
        finally:
            self._working -= len(left)
        self._job_s += 0.1 * ((time.perf_counter() - now) / len(batch) - self._job_s)
        return True

    def _ask(
        self,
        worker: Worker,
        batch: Sequence[_Waiting],
        loop: asyncio.AbstractEventLoop,
        settle: Callable[[Any], None],
    ) -> None:
        items = [(self._models, one.job) for one in batch]
        for outcome in worker.ask_each(do_job, items, self._config.answer_seconds):
            loop.call_soon_threadsafe(settle, outcome)

    async def _do_again(self, lost: Sequence[_Waiting]) -> None:
        """Jobs whose worker was lost go to the front of the queue, once: one of them may be what killed it."""
        for one in reversed(lost):
            if one.was_lost:
                _settle(one, EngineDownError("the process that worked on this request was lost, twice"))
            elif not one.outcome.done():
                one.was_lost = True
                self._queue.appendleft(one)
        async with self._changed:
            self._changed.notify(len(lost))


def models_of(config: ServiceConfig) -> Models:
    """What finds and reads the plates of requests."""

    def file_of(model: str) -> str:
        is_other = model in (NO_CORNERS, RAPIDOCR)
        return model if is_other else of_precision(model, config.precision, config.models)

    return Models(
        file_of(config.detector or DEFAULT_DETECTOR),
        tuple(file_of(reader) for reader in config.readers or DEFAULT_READERS),
        config.vehicles,
        config.finding.tiles,
        file_of(config.corners or DEFAULT_CORNERS),
        config.delegate,
    )


def _settle(waiting: _Waiting, outcome: Any) -> None:
    """Tells who waits what came of a job; who has gone is told nothing."""
    if waiting.outcome.done():
        return
    if not isinstance(outcome, BaseException):
        waiting.outcome.set_result(outcome)
    elif isinstance(outcome, (ImageError, EngineDownError)):
        waiting.outcome.set_exception(outcome)
    else:
        _log.error("a request could not be answered", exc_info=outcome)
        waiting.outcome.set_exception(outcome)
