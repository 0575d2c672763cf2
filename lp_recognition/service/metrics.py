"""The figures of the service for Prometheus."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

import lp_recognition
from lp_recognition.service.engine.jobs import Answer, Engine
from lp_recognition.service.health import Health

_SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
_SIZES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """Counts requests, and how long they take; each application has its own.

    Args:
        engine: What is asked for its state whenever somebody asks for figures.
        health: Likewise.
        models: What finds and reads, by what it is for.
    """

    def __init__(self, engine: Engine, health: Health, models: dict[str, str]) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "alpr_requests", "Requests, by the path of the endpoint and the status", ("path", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "alpr_request_seconds", "How long requests took", ("path",), buckets=_SECONDS, registry=self._registry
        )
        self._stages = Histogram(
            "alpr_stage_seconds", "How long the stages of reading took: queue, decode, detect, read, draw", ("stage",),
            buckets=_SECONDS, registry=self._registry,
        )  # fmt: skip
        self._refused = Counter(
            "alpr_refused", "Requests that were refused, by the reason", ("reason",), registry=self._registry
        )
        self._plates = Counter("alpr_plates", "Plates that were found", registry=self._registry)
        self._registry.register(_Engine(engine, health, models))

    def note_request(self, path: str, status: int, seconds: float) -> None:
        """Counts a request that is over."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def note_answer(self, answer: Answer) -> None:
        """Takes in the stages of an answer."""
        for stage, milliseconds in answer.stages_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1000)
        self._plates.inc(sum(len(picture.plates) for picture in answer.pictures))

    def note_refusal(self, reason: str) -> None:
        """Counts a request that was refused."""
        self._refused.labels(reason).inc()

    def add(self, collector: Collector) -> None:
        """Has figures of others told, too."""
        self._registry.register(collector)

    def text(self) -> bytes:
        """All figures as Prometheus takes them."""
        return generate_latest(self._registry)


class _Engine(Collector):
    def __init__(self, engine: Engine, health: Health, models: dict[str, str]) -> None:
        self._engine = engine
        self._health = health
        self._models = models

    def collect(self) -> Iterable[Metric]:
        """The state of the engine as it is now."""
        state = self._engine.state()
        yield GaugeMetricFamily("alpr_queue_length", "Requests that wait", state.waiting)
        yield GaugeMetricFamily("alpr_working", "Requests that are being worked on", state.working)
        yield GaugeMetricFamily("alpr_workers", "Processes that can work", state.workers)
        yield CounterMetricFamily("alpr_worker_restarts", "Processes that were started anew", state.restarts)
        yield GaugeMetricFamily("alpr_keeps_up", "Whether hardly any request is refused", float(self._health.keeps_up))
        counts = [(str(size), sum(n for one, n in state.batches.items() if one <= size)) for size in _SIZES]
        counts.append(("+Inf", sum(state.batches.values())))
        total = sum(size * count for size, count in state.batches.items())
        about = "Requests that a process was given at once"
        yield HistogramMetricFamily("alpr_batch_size", about, buckets=counts, sum_value=total)
        info = {"version": lp_recognition.__version__, **self._models}
        yield InfoMetricFamily("alpr", "The program and its models", info)
