"""Events produced to a Kafka cluster."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from lp_recognition.settings.deliveries import KafkaConfig
from lp_recognition.video.database.outbox import Message
from lp_recognition.video.deliveries import forms
from lp_recognition.video.deliveries.target import DeliveryError, RefusedError, StoppedError

#: Without a confirmation for so long the cluster is away.
_SILENCE_SECONDS = 10.0
#: What is wrong with a message itself.
_REFUSALS = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG}


class KafkaTarget:
    """A topic that events are produced to, keyed by their source, so that those of one keep their order.

    The producer is idempotent and waits for all replicas. Its own time limit is off: of messages that it gave up one by
    one, a later one could arrive before an earlier one that is tried again.

    Raises:
        DeliveryError: the settings are wrong.
    """

    batch = 200

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._problem = ""
        self._confirmed = 0
        self._failed: list[tuple[Message, KafkaError]] = []
        options = {name: value.get_secret_value() for name, value in config.options.items()}
        self._secrets = [value for value in options.values() if len(value) > 3]
        settings = {
            "bootstrap.servers": config.bootstrap,
            "client.id": "lp-recognition",
            "acks": "all",
            "enable.idempotence": True,
            "message.timeout.ms": 0,
            "linger.ms": 5,
            "reconnect.backoff.max.ms": 2000,
            "log_level": 0,  # what goes wrong comes back, and is told with the target's state
            "error_cb": self._went_wrong,
        }
        try:
            self._producer = Producer(settings | options)
        except (KafkaException, ValueError, TypeError) as error:
            raise DeliveryError(self._said(error)) from None

    def send(self, messages: Sequence[Message], stopped: Callable[[], bool]) -> None:
        """As of `Target`."""
        self._confirmed, self._failed, self._problem = 0, [], ""
        refused: RefusedError | None = None
        produced = 0
        for message in messages:
            try:
                self._produce(message)
            except KafkaException as error:
                if error.args[0].code() not in _REFUSALS:
                    raise DeliveryError(self._said(error)) from None
                refused = RefusedError(message, self._said(error))
                break  # it is told once those before it have arrived
            produced += 1
        self._wait(produced, stopped)
        if refused is not None:
            raise refused

    def close(self) -> None:
        """Gives up what is not confirmed: it is still in the outbox."""
        self._producer.purge()
        self._producer.flush(1.0)

    def _wait(self, count: int, stopped: Callable[[], bool]) -> None:
        """Waits until so many messages are confirmed."""
        seen, since = 0, time.monotonic()
        while self._confirmed + len(self._failed) < count:
            self._producer.poll(0.1)
            if self._confirmed > seen:
                seen, since = self._confirmed, time.monotonic()
            if time.monotonic() - since > _SILENCE_SECONDS:
                raise DeliveryError(
                    self._problem or f"{self._config.address}: no answer in {_SILENCE_SECONDS:g} seconds"
                )
            if stopped():
                raise StoppedError
        for message, error in self._failed:
            # Those before it have arrived: they are confirmed in order.
            if error.code() in _REFUSALS:
                raise RefusedError(message, self._said(error))
            raise DeliveryError(self._said(error))

    def _produce(self, message: Message) -> None:
        event = message.event
        content = forms.deepstream(event) if self._config.form == "deepstream" else event
        self._producer.produce(
            self._config.topic,
            key=message.source.encode("utf-8", "backslashreplace"),
            value=json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace"),
            # What receivers tell repeats by, also where the form has no place for it.
            headers={name: str(event.get(name, "")) for name in ("id", "sequence", "type")},
            on_delivery=lambda error, _: self._arrived(message, error),
        )

    def _arrived(self, message: Message, error: KafkaError | None) -> None:
        if error is None:
            self._confirmed += 1
        else:
            self._failed.append((message, error))

    def _went_wrong(self, error: KafkaError) -> None:
        self._problem = self._said(error)

    def _said(self, error: Any) -> str:
        inner = error.args[0] if isinstance(error, KafkaException) and error.args else error
        said = inner.str() if isinstance(inner, KafkaError) else str(inner)
        for secret in self._secrets:
            said = said.replace(secret, "***")
        return f"{self._config.address}: {said}"
