"""The figures of streams for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from lp_recognition.system.errors import UserError
from lp_recognition.video.figures import Figures

#: Only this machine is answered, unless another address is named: the numbers tell when somebody comes and goes.
ADDRESS = "127.0.0.1"

_Values = Callable[[Figures], Iterable[tuple[tuple[str, ...], int]]]
_Value = Callable[[Figures], float | None]


def serve_metrics(streams: Sequence[Figures], port: int, address: str = ADDRESS) -> tuple[int, Any]:
    """Serves the figures at `http://ADDRESS:PORT/metrics`.

    Args:
        streams: The figures; they are asked whenever somebody asks.
        port: The port; 0 for one that is free.
        address: The address of this machine.

    Returns:
        The port, and the server: it ends by its `shutdown()`.

    Raises:
        UserError: the port cannot be had.
    """
    registry = CollectorRegistry()
    registry.register(StreamMetrics(lambda: streams))
    try:
        server, _ = start_http_server(port, address, registry)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"metrics_port: expected a free port, received {port}: {reason}; name another") from None
    return server.server_port, server


class StreamMetrics(Collector):
    """The figures of streams, for a registry of Prometheus.

    Args:
        streams: Gives them whenever somebody asks.
    """

    def __init__(self, streams: Callable[[], Sequence[Figures]]) -> None:
        self._streams = streams

    def collect(self) -> Iterable[Metric]:
        """The figures as they are now."""
        yield self._counter("frames_captured", "Frames that came", lambda one: [((), one.captured)])
        yield self._counter("frames_read", "Frames that were looked at", lambda one: [((), one.looked)])
        yield self._counter("frames_dropped", "Frames that were lost", lambda one: _by(one.dropped), "reason")
        yield self._counter("events", "Events told", lambda one: _by(one.events), "type")
        yield self._counter("source_failures", "Times that the source was gone", lambda one: [((), one.failures)])
        yield self._gauge(
            "frames_per_second", "Frames looked at in a second, of late", lambda one: one.frames_per_second
        )
        yield self._gauge(
            "event_latency_p95_seconds", "From the capture of a frame to its event, of 95 in 100 events",
            lambda one: None if one.latency_ms is None else one.latency_ms / 1000,
        )  # fmt: skip
        yield self._gauge("source_up", "Whether frames come", lambda one: one.state in ("live", "reading"))

    def _counter(self, name: str, about: str, values: _Values, *labels: str) -> Metric:
        family = CounterMetricFamily(f"alpr_{name}", about, labels=("stream", *labels))
        for stream in self._streams():
            for more, value in values(stream):
                family.add_metric([stream.name, *more], value)
        return family

    def _gauge(self, name: str, about: str, value: _Value) -> Metric:
        family = GaugeMetricFamily(f"alpr_{name}", about, labels=("stream",))
        for stream in self._streams():
            found = value(stream)
            if found is not None:
                family.add_metric([stream.name], float(found))
        return family


def _by(counts: Mapping[str, int]) -> list[tuple[tuple[str, ...], int]]:
    return [((name,), count) for name, count in dict(counts).items()]
