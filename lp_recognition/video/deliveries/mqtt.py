"""Events published to an MQTT broker."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from lp_recognition.settings.deliveries import MqttConfig
from lp_recognition.video.database.outbox import Message
from lp_recognition.video.deliveries import forms
from lp_recognition.video.deliveries.target import DeliveryError, StoppedError

#: A broker that is silent for so long is gone.
_KEEPALIVE_SECONDS = 30
_ANSWER_SECONDS = 10.0
_ONCE_AT_LEAST = 1


class MqttTarget:
    """A broker that events are published to; each is confirmed by it (quality of service 1).

    `TOPIC/available` says `online`, and `offline` after the end, by last will also after a kill. It is retained;
    events are not: who comes later shall not take an old plate for a new one.

    Raises:
        DeliveryError: there is no connection.
    """

    batch = 20  # as many as may be on their way at a time

    def __init__(self, config: MqttConfig) -> None:
        self._config = config
        self._topic = config.topic.rstrip("/")
        self._announced: set[str] = set()
        self._answered = threading.Event()
        self._problem = ""
        self._client = client = paho.Client(CallbackAPIVersion.VERSION2)
        if config.username is not None:
            password = None if config.password is None else config.password.get_secret_value()
            client.username_pw_set(config.username.get_secret_value(), password)
        if config.tls:
            client.tls_set()
        client.will_set(f"{self._topic}/available", "offline", qos=_ONCE_AT_LEAST, retain=True)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        try:
            client.connect(config.host, config.port, keepalive=_KEEPALIVE_SECONDS)
        except OSError as error:
            raise DeliveryError(f"{self._where}: {error.strerror or error}") from None
        client.loop_start()
        if not self._answered.wait(_ANSWER_SECONDS) or self._problem:
            self.close()
            raise DeliveryError(self._problem or f"{self._where}: no answer in {_ANSWER_SECONDS:g} seconds")

    def send(self, messages: Sequence[Message], stopped: Callable[[], bool]) -> None:
        """As of `Target`."""
        published = [self._publish(*one) for message in messages for one in self._published_for(message)]
        for one in published:
            while not one.is_published():
                if self._problem:  # what was on its way is sent again by the next connection
                    raise DeliveryError(self._problem)
                if stopped():
                    raise StoppedError
                time.sleep(0.002)

    def close(self) -> None:
        """Says `offline`, and ends the connection."""
        if self._client.is_connected():
            told = self._client.publish(f"{self._topic}/available", "offline", qos=_ONCE_AT_LEAST, retain=True)
            with contextlib.suppress(ValueError, RuntimeError):
                told.wait_for_publish(1.0)
        self._client.disconnect()
        self._client.loop_stop()

    @property
    def _where(self) -> str:
        return f"{self._config.host}:{self._config.port}"

    def _connected(self, client: paho.Client, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._problem = f"{self._where}: {reason}" if reason.is_failure else ""
        if not reason.is_failure:
            client.publish(f"{self._topic}/available", "online", qos=_ONCE_AT_LEAST, retain=True)
        self._announced = set()
        self._answered.set()

    def _disconnected(self, client: paho.Client, _: Any, flags: Any, reason: Any, properties: Any) -> None:
        self._problem = self._problem or f"{self._where}: the connection is lost ({reason})"
        self._answered.set()

    def _published_for(self, message: Message) -> list[tuple[str, dict[str, Any], bool]]:
        """What is published of a message: topic, content, and whether the broker keeps it."""
        event, source = message.event, message.source
        told: list[tuple[str, dict[str, Any], bool]] = []
        if self._config.form == "frigate":
            told.append((f"{self._topic}/tracked_object_update", forms.frigate(event), False))
        else:
            told.append((f"{self._topic}/events/{forms.topic_level(source)}", event, False))
        if self._config.home_assistant:
            if source not in self._announced:
                entity = f"{forms.topic_level(self._topic)}/{forms.topic_level(source)}"
                place = f"{self._config.discovery_prefix.rstrip('/')}/event/{entity}/config"
                told.insert(0, (place, forms.home_assistant_entity(source, self._topic), True))
                self._announced.add(source)
            told.append((forms.home_assistant_topic(source, self._topic), forms.home_assistant_event(event), False))
        return told

    def _publish(self, topic: str, content: dict[str, Any], retain: bool) -> paho.MQTTMessageInfo:
        payload = json.dumps(content, ensure_ascii=False).encode("utf-8", "backslashreplace")
        published = self._client.publish(topic, payload, qos=_ONCE_AT_LEAST, retain=retain)
        if published.rc != paho.MQTT_ERR_SUCCESS:
            raise DeliveryError(self._problem or f"{self._where}: {paho.error_string(published.rc)}")
        return published
