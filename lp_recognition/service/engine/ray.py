"""The same work by replicas of Ray Serve, on one machine or a cluster.

One deployment finds and reads. A detector and a reader apart would hand plates over a second time, which takes ten
times as long as reading one (16 ms and 1.4 ms, on a busy machine).

A replica that dies takes its requests with it; they are asked of another one, for a picture can be read twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import re
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import ray
from ray import serve
from ray.exceptions import NodeDiedError, ObjectLostError, RayActorError, RayError, WorkerCrashedError
from ray.serve.exceptions import RayServeException, ReplicaUnavailableError
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from lp_recognition.service.engine.jobs import Answer, BusyError, EngineDownError, EngineState, Job
from lp_recognition.service.engine.local import models_of
from lp_recognition.service.engine.reading import search
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import UserError
from lp_recognition.video.workers import Models

# Ray reports its use to its makers unless it is told not to before it is started: nothing is reported here.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

#: What the deployment is called.
PLATES = "Plates"
#: A request is asked of so many replicas, should each die of something else.
_ATTEMPTS = 3
#: What says that a replica, or its machine, died.
_LOST = (RayActorError, WorkerCrashedError, ObjectLostError, NodeDiedError, ReplicaUnavailableError)
#: So often is Ray asked how many replicas there are.
_LOOK_S = 1.0
#: Memory in which pictures travel on a machine of its own.
_STORE_BYTES = 256 << 20
_QUIET = LoggingConfig(log_level="WARNING", enable_access_log=False)
#: Threads of BLAS wait for each other at every small product.
_ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}


class Plates:
    """A replica: finds and reads, a batch at a time.

    Args:
        models: What finds and reads.
        max_batch: Requests that are taken at once.
        wait_s: So long is waited for more of them.
    """

    def __init__(self, models: Models, max_batch: int, wait_s: float) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._alpr = models.open()
        self._thread = ThreadPoolExecutor(1)  # beside the one that answers whether the replica lives
        self.read.set_max_batch_size(max_batch)  # type: ignore[attr-defined]
        self.read.set_batch_wait_timeout_s(wait_s)  # type: ignore[attr-defined]

    @serve.batch(max_batch_size=1, batch_wait_timeout_s=0.0)
    async def read(self, jobs: list[Job]) -> list[tuple[Answer | Exception, int]]:
        """What comes of each job; and beside the first of them how many there are."""
        loop = asyncio.get_running_loop()
        outcomes = [await loop.run_in_executor(self._thread, self._outcome, job) for job in jobs]
        return [(outcome, len(jobs) if number == 0 else 0) for number, outcome in enumerate(outcomes)]

    def _outcome(self, job: Job) -> Answer | Exception:
        try:
            return search(self._alpr, job)
        except Exception as error:
            return error


def plates(config: ServiceConfig) -> serve.Application:
    """The deployment that finds and reads, by the settings of a service."""
    scaling: dict[str, Any] = {"num_replicas": config.workers}
    if config.workers is None:
        scaling = {
            "num_replicas": "auto",
            "autoscaling_config": {
                "min_replicas": config.ray.min_replicas,
                "max_replicas": config.ray.max_replicas,
                "target_ongoing_requests": config.ray.target_requests,
                "upscale_delay_s": config.ray.up_seconds,
                "downscale_delay_s": config.ray.down_seconds,
            },
        }
    deployment: Any = serve.deployment(
        Plates,
        name=PLATES,
        max_ongoing_requests=2 * config.max_batch,  # what else waits is not lost with a replica
        ray_actor_options={"num_cpus": 1, "runtime_env": {"env_vars": _ONE_THREAD}},
        health_check_period_s=2.0,
        graceful_shutdown_timeout_s=config.stop_seconds,
        logging_config=_QUIET,
        **scaling,
    )
    return deployment.bind(models_of(config), config.max_batch, config.batch_wait_ms / 1000)


class RayEngine:
    """Finds and reads with replicas of Ray Serve.

    Args:
        config: The models, how many replicas, and how long the queue may be.
        application: The application of Ray Serve whose deployment it is; None deploys one, on the cluster that
            `RAY_ADDRESS` names, that was started on this machine, or that is started here.
    """

    def __init__(self, config: ServiceConfig, *, application: str | None = None) -> None:
        self._config = config
        self._handle: DeploymentHandle | None = None
        self._application = application or f"alpr {os.getpid()}"
        self._deploys = application is None
        self._has_connected = self._is_ours = False
        self._running = self._replicas = 0
        self._lost: set[object] = set()
        self._batches: Counter[int] = Counter()
        self._is_stopping = False
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Deploys, where that is to be done, and waits for the first replica.

        Raises:
            UserError: Ray cannot be started, or a model cannot be opened.
        """
        if self._deploys:
            self._handle = await asyncio.to_thread(self._deploy)
        else:
            self._handle = serve.get_deployment_handle(PLATES, self._application)
        await self._look_once()  # else it would say that nobody is there
        self._looking = asyncio.create_task(self._look())

    async def stop(self) -> None:
        """Takes back what was deployed, and ends Ray where it was started here."""
        self._is_stopping = True
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._deploys:
            await asyncio.to_thread(self._withdraw)

    async def read(self, job: Job) -> Answer:
        """Does a job; see `Engine`."""
        self.check_room()
        assert self._handle is not None
        began = time.perf_counter()
        self._running += 1
        try:
            outcome, batch = await asyncio.wait_for(self._asked(self._handle, job), self._config.answer_seconds)
        except asyncio.TimeoutError:
            raise EngineDownError("no replica answered this request in time") from None
        finally:
            self._running -= 1
        if batch:
            self._batches[batch] += 1
        if isinstance(outcome, Exception):
            raise outcome
        passed_ms = 1000 * (time.perf_counter() - began)
        # Waiting, and the way there and back.
        return replace(outcome, stages_ms={"queue": passed_ms - sum(outcome.stages_ms.values()), **outcome.stages_ms})

    def check_room(self) -> None:
        """Raises where the next job would be refused; see `Engine`."""
        if self._is_stopping or self._handle is None:
            raise EngineDownError("the service is being stopped")
        if self._waiting >= self._config.queue:
            raise BusyError()

    def state(self) -> EngineState:
        """How it gets on."""
        waiting = self._waiting
        working = self._running - waiting
        is_full = waiting >= self._config.queue
        return EngineState(waiting, working, self._replicas, len(self._lost), is_full, dict(self._batches))

    @property
    def _waiting(self) -> int:
        """Requests that no replica works on yet, as far as this process knows."""
        return max(0, self._running - max(1, self._replicas))

    async def _asked(self, handle: DeploymentHandle, job: Job) -> tuple[Answer | Exception, int]:
        """What a replica says, or another where it dies."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await handle.read.remote(job)
            except _LOST as error:
                self._lost.add(getattr(error, "actor_id", None))
                if attempt == _ATTEMPTS:
                    raise EngineDownError("the replica that worked on this request was lost, again and again") from None
            except (RayServeException, RayError) as error:
                raise EngineDownError(f"Ray Serve cannot answer: {type(error).__name__}") from error
        raise AssertionError

    def _deploy(self) -> DeploymentHandle:
        try:
            self._connect()
            serve.start(proxy_location="Disabled", logging_config=_QUIET)  # the application listens itself
            return serve.run(plates(self._config), name=self._application, route_prefix=None)
        except (RayError, RuntimeError, ConnectionError, OSError) as error:
            reason = self._why_not() or " ".join(str(error).split())[:300]
            self._withdraw()
            raise UserError(f"engine: expected replicas of Ray Serve, received none: {reason}") from None

    def _why_not(self) -> str:
        """What the last replica said that could not start, in a line."""
        with contextlib.suppress(RayError, RayServeException, KeyError):
            told = serve.status().applications[self._application].deployments[PLATES].message
            errors = re.findall(r"^(?:\w+\.)*\w*Error: (.+)", told, re.MULTILINE)
            return str(errors[-1]) if errors else ""
        return ""

    def _connect(self) -> None:
        logging.getLogger("ray.serve").setLevel(logging.WARNING)
        if ray.is_initialized():
            return
        common: dict[str, Any] = {"namespace": "serve", "log_to_driver": False, "logging_level": "ERROR"}
        self._has_connected = True
        try:
            ray.init(address="auto", **common)
        except ConnectionError:
            self._is_ours = True
            ray.init(address="local", include_dashboard=False, object_store_memory=_STORE_BYTES, **common)

    def _withdraw(self) -> None:
        if not self._is_ours:  # else it goes with Ray
            with contextlib.suppress(RayError, RayServeException, RuntimeError):
                serve.delete(self._application)
        if self._has_connected:
            ray.shutdown()

    async def _look(self) -> None:
        """Keeps in mind how many replicas there are."""
        while True:
            await asyncio.sleep(_LOOK_S)
            await self._look_once()

    async def _look_once(self) -> None:
        with contextlib.suppress(RayError, RayServeException, KeyError):
            self._replicas = await asyncio.to_thread(self._count)

    def _count(self) -> int:
        states = serve.status().applications[self._application].deployments[PLATES].replica_states
        return sum(count for state, count in states.items() if state == "RUNNING")
