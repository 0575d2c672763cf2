"""All deliveries of a program: which target gets which event, and how each of them goes."""

from __future__ import annotations

import importlib
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING

from lp_recognition.settings.deliveries import (
    CsvConfig,
    JsonlConfig,
    KafkaConfig,
    MqttConfig,
    TargetConfig,
    WebhookConfig,
)
from lp_recognition.settings.deliveries import Target as AnyTargetConfig
from lp_recognition.video.database.connection import DatabaseError
from lp_recognition.video.database.outbox import Outbox, Waiting
from lp_recognition.video.database.pictures import Pictures
from lp_recognition.video.database.store import Store
from lp_recognition.video.deliveries.files import open_csv, open_jsonl
from lp_recognition.video.deliveries.target import Target
from lp_recognition.video.deliveries.worker import Pauses, Worker, WorkerState
from lp_recognition.video.events import Event

if TYPE_CHECKING:
    from typing_extensions import Self

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TargetState:
    """How the deliveries to a target go.

    Attributes:
        label: The target's name.
        pending: Messages that wait; None where the database cannot say.
        refused: Messages that the target will never take: they are kept, and no longer tried.
        worker: What its thread has seen: what has arrived, and what went wrong.
    """

    label: str
    pending: int | None
    refused: int | None
    worker: WorkerState


class Deliveries:
    """Records events and brings them to their targets, each in a thread of its own.

    Args:
        store: The database.
        configs: The targets, each of another `label`.
        pauses: How long a thread waits after failures.

    Raises:
        ModuleNotFoundError: the library of a broker is not installed; `run_script` says how to.
    """

    def __init__(self, store: Store, configs: Sequence[AnyTargetConfig], pauses: Pauses | None = None) -> None:
        _refuse_missing_libraries(configs)
        self._store = store
        self._configs = list(configs)
        self._workers = {
            config.label: Worker(config.label, store, partial(open_target, config, store.pictures), pauses or Pauses())
            for config in self._configs
        }
        for worker in self._workers.values():
            worker.start()
        for label, waiting in Outbox(store).count().items():
            if label not in self._workers and waiting.pending:
                _log.warning("%d messages wait for `%s`, which is no target now", waiting.pending, label)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def record(self, event: Event) -> bool:
        """Keeps an event, together with the messages for its targets; see `Store.record`.

        Raises:
            DatabaseError: nothing was kept.
        """
        labels = [config.label for config in self._configs if gets(config, event)]
        is_new = self._store.record(event, labels)
        if is_new:
            self._wake(labels)
        return is_new

    def close_open(self, source: str) -> list[Event]:
        """Ends the passages that a killed program left open; see `Store.close_open`.

        Raises:
            DatabaseError: nothing was changed.
        """
        events = self._store.close_open(
            source, lambda event: [config.label for config in self._configs if gets(config, event)]
        )
        self._wake(self._workers)
        return events

    def states(self) -> list[TargetState]:
        """How the deliveries to each target go, in the order of the config."""
        try:
            waiting = Outbox(self._store).count()
        except DatabaseError:
            return [TargetState(label, None, None, worker.state) for label, worker in self._workers.items()]
        counts = {label: waiting.get(label, Waiting(0, 0)) for label in self._workers}
        return [
            TargetState(label, counts[label].pending, counts[label].refused, worker.state)
            for label, worker in self._workers.items()
        ]

    def close(self, timeout_s: float = 5.0) -> None:
        """Delivers what waits, for so long at most, and ends all threads; what still waits goes with the next start."""
        deadline = time.monotonic() + timeout_s
        for worker in self._workers.values():
            worker.stop(deadline)
        for worker in self._workers.values():
            worker.join()

    def _wake(self, labels: Iterable[str]) -> None:
        for label in labels:
            self._workers[label].wake()


def gets(config: TargetConfig, event: Event) -> bool:
    """Whether a target is to get an event."""
    is_known = event.known is not None
    return event.type in config.events and config.plates in ("all", "known" if is_known else "unknown")


def open_target(config: AnyTargetConfig, pictures: Pictures) -> Target:
    """Opens a target.

    Args:
        config: Which one.
        pictures: Where the pictures of events lie, for targets that get them.

    Raises:
        DeliveryError: there is no connection.
        UserError: a file cannot be opened.
    """
    if isinstance(config, JsonlConfig):
        return open_jsonl(config.path)
    if isinstance(config, CsvConfig):
        return open_csv(config.path)
    # Libraries of brokers are imported where there is one.
    if isinstance(config, WebhookConfig):
        from lp_recognition.video.deliveries.webhook import WebhookTarget

        return WebhookTarget(config, pictures)
    if isinstance(config, MqttConfig):
        from lp_recognition.video.deliveries.mqtt import MqttTarget

        return MqttTarget(config)
    from lp_recognition.video.deliveries.kafka import KafkaTarget

    return KafkaTarget(config)


def _refuse_missing_libraries(configs: Sequence[AnyTargetConfig]) -> None:
    """Says at the start, not in a thread, what has to be installed."""
    for kind, module in ((MqttConfig, "paho.mqtt"), (KafkaConfig, "confluent_kafka")):
        if any(isinstance(config, kind) for config in configs):
            importlib.import_module(module)
