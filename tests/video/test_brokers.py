"""Deliveries to real brokers, which go away in mid-run and come back: nothing is lost, and nothing out of order."""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Iterator

import pytest
from brokers import KAFKA_VARIABLE, MockKafka, Mosquitto, find_mosquitto
from consuming import consumed
from delivering import QUICK, Recording, configs, wait_until, without_repeats
from tiny_events import make_event, passage

from lp_recognition.video.database.store import Store
from lp_recognition.video.deliveries.delivering import Deliveries
from lp_recognition.video.events import KnownMatch


@pytest.fixture
def sqlite_store(tmp_path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'plates.db'}") as store:
        yield store


# ---- MQTT ----------------------------------------------------------------------------------------------------------


class Subscriber:
    """Keeps all that is published."""

    def __init__(self, port: int, **login: str) -> None:
        from paho.mqtt import client as paho
        from paho.mqtt.enums import CallbackAPIVersion

        self.received: list[tuple[str, object, bool]] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="tester", clean_session=False)
        self._client.reconnect_delay_set(0.05, 0.2)
        self._client.on_message = lambda client, _, message: self.received.append(
            (message.topic, message.payload.decode(), message.retain)
        )
        subscribed = threading.Event()
        self._client.on_subscribe = lambda *_: subscribed.set()
        self._client.connect("127.0.0.1", port)
        self._client.subscribe("#", qos=1)
        self._client.loop_start()
        assert subscribed.wait(10)

    def of(self, topic: str) -> list[dict[str, object]]:
        return [json.loads(payload) for name, payload, _ in list(self.received) if name == topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@pytest.fixture
def mosquitto(tmp_path) -> Iterator[Mosquitto]:
    program = find_mosquitto()
    if program is None:
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    pytest.importorskip("paho.mqtt")
    (tmp_path / "broker").mkdir()
    broker = Mosquitto(tmp_path / "broker", program)
    yield broker
    broker.stop()


@pytest.fixture
def subscriber(mosquitto) -> Iterator[Subscriber]:
    subscriber = Subscriber(mosquitto.port)
    yield subscriber
    subscriber.close()


def marks_of(events: list[dict[str, object]]) -> list[tuple[str, int]]:
    return without_repeats((event["id"], event["sequence"]) for event in events)


def test_mqtt_loses_nothing_while_the_broker_is_away(sqlite_store, mosquitto, subscriber):
    target = {"type": "mqtt", "host": "127.0.0.1", "port": mosquitto.port}
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        recording = Recording(deliveries)
        for _ in range(2):
            count = len(subscriber.received)
            wait_until(lambda count=count: len(subscriber.received) > count + 5)
            mosquitto.stop()
            wait_until(lambda: deliveries.states()[0].worker.failures)
            mosquitto.start()
        marks = recording.end()
        wait_until(lambda: set(marks) <= set(marks_of(subscriber.of("alpr/events/gate"))))
        wait_until(lambda: deliveries.states()[0].pending == 0)
        assert deliveries.states()[0].worker.last_error == ""
    assert marks_of(subscriber.of("alpr/events/gate")) == marks


def test_mqtt_in_the_words_of_frigate_and_home_assistant(sqlite_store, mosquitto, subscriber):
    target = {"type": "mqtt", "host": "127.0.0.1", "port": mosquitto.port, "topic": "cars/", "form": "frigate",
              "home_assistant": True}  # fmt: skip
    event = make_event(1, source="gate 1/a", known=KnownMatch("AB0O1", "edits", 0.25, "the baker"))
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        deliveries.record(event)
        wait_until(lambda: subscriber.of("cars/tracked_object_update"))
        wait_until(lambda: ("cars/available", "online", False) in subscriber.received)
    [update] = subscriber.of("cars/tracked_object_update")
    assert update == {
        "type": "lpr", "id": "gate-1", "name": "the baker", "plate": "AB001", "score": 0.75, "camera": "gate 1/a",
        "timestamp": event.last_time.timestamp(), "plate_box": [9, 20, 60, 40], "event": "end", "sequence": 1,
    }  # fmt: skip
    [(topic, entity)] = [
        (topic, json.loads(payload)) for topic, payload, _ in subscriber.received if topic.endswith("/config")
    ]
    level = entity["unique_id"].removeprefix("alpr_cars_")
    assert topic == f"homeassistant/event/cars/{level}/config"
    assert level.startswith("gate_1_a_")
    [state] = subscriber.of(entity["state_topic"])
    assert state["event_type"] in entity["event_types"]
    assert (state["text"], state["known"]["note"]) == ("AB001", "the baker")
    wait_until(lambda: ("cars/available", "offline", False) in subscriber.received)
    late = {topic for topic, _, retained in retained_by(mosquitto) if retained}
    assert late == {"cars/available", topic}  # no plate is told to who comes later


def retained_by(mosquitto: Mosquitto) -> list[tuple[str, object, bool]]:
    from paho.mqtt import subscribe

    found = []
    for topic in ("cars/available", "homeassistant/#"):
        message = subscribe.simple(topic, hostname="127.0.0.1", port=mosquitto.port, qos=1)
        found.append((message.topic, message.payload, message.retain))
    return found


def test_mqtt_says_that_a_killed_program_is_offline(mosquitto, subscriber):
    from lp_recognition.video.deliveries.mqtt import MqttTarget

    [config] = configs({"type": "mqtt", "host": "127.0.0.1", "port": mosquitto.port})
    target = MqttTarget(config)
    wait_until(lambda: ("alpr/available", "online", False) in subscriber.received)
    target._client.loop_stop()
    target._client.socket().close()  # as the system does with the sockets of a killed program
    wait_until(lambda: ("alpr/available", "offline", False) in subscriber.received)


def test_mqtt_says_why_there_is_no_connection_and_no_password(sqlite_store, tmp_path):
    program = find_mosquitto()
    if program is None:
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    (tmp_path / "strict").mkdir()
    broker = Mosquitto(tmp_path / "strict", program, "allow_anonymous false")
    login = {"username": "eve", "password": "sesame"}
    target = {"type": "mqtt", "host": "127.0.0.1", "port": broker.port, **login}
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        wait_until(lambda: deliveries.states()[0].worker.failures)
        assert deliveries.states()[0].worker.last_error == f"127.0.0.1:{broker.port}: Not authorized"
        broker.stop()
        wait_until(lambda: "refused" in deliveries.states()[0].worker.last_error)
        deliveries.close(timeout_s=0)


# ---- Kafka ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def kafka() -> Iterator[MockKafka]:
    pytest.importorskip("confluent_kafka")
    cluster = MockKafka()
    yield cluster
    cluster.stop()


def test_kafka_loses_nothing_while_the_cluster_is_away(sqlite_store, kafka, monkeypatch):
    from lp_recognition.video.deliveries import kafka as kafka_target

    monkeypatch.setattr(kafka_target, "_SILENCE_SECONDS", 0.3)
    target = {"type": "kafka", "bootstrap": kafka.bootstrap, "topic": "plates"}
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        recording = Recording(deliveries)
        wait_until(lambda: deliveries.states()[0].worker.delivered > 5)
        kafka.halt()
        wait_until(lambda: deliveries.states()[0].worker.failures > 1)
        kafka.go_on()
        marks = recording.end()
        wait_until(lambda: deliveries.states()[0].pending == 0)
        found = consumed(kafka.bootstrap, "plates", len(marks))
    assert marks_of([event for _, event, _ in found]) == marks
    assert {key for key, _, _ in found} == {"gate"}


@pytest.mark.parametrize(
    "bootstrap",
    [
        None,
        pytest.param(
            os.environ.get(KAFKA_VARIABLE),
            marks=pytest.mark.skipif(KAFKA_VARIABLE not in os.environ, reason=f"{KAFKA_VARIABLE} names no cluster"),
        ),
    ],
    ids=["mock", "real"],
)
def test_kafka_in_the_words_of_deepstream(bootstrap, sqlite_store, request):
    if bootstrap is None:
        bootstrap = request.getfixturevalue("kafka").bootstrap
    topic = f"plates-{uuid.uuid4().hex}"
    target = {"type": "kafka", "bootstrap": bootstrap, "topic": topic, "form": "deepstream"}
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        for event in passage(1):
            deliveries.record(event)
        wait_until(lambda: deliveries.states()[0].worker.delivered == 3)
    found = consumed(bootstrap, topic, 3)
    key, message, headers = found[-1]
    assert (key, headers) == ("gate", {"id": "gate-1", "sequence": "3", "type": "end"})
    assert message == {
        "version": "4.0", "id": "25", "@timestamp": "2026-11-26T12:01:00.250Z", "sensorId": "gate",
        "objects": ["gate-1|9|20|60|40|Vehicle|#|||||AB001||0.75"],
    }  # fmt: skip
    [vehicle] = message["objects"]
    assert vehicle.split("|")[11] == "AB001"  # behind its type, make, model and color, which are empty


def test_a_message_that_is_too_large_for_kafka_is_set_aside(sqlite_store, kafka):
    target = {"type": "kafka", "bootstrap": kafka.bootstrap, "topic": "plates",
              "options": {"message.max.bytes": "2000"}}  # fmt: skip
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        deliveries.record(make_event(1))
        deliveries.record(make_event(2, text="X" * 3000))
        deliveries.record(make_event(3))
        wait_until(lambda: deliveries.states()[0].worker.delivered == 2)
        assert (deliveries.states()[0].pending, deliveries.states()[0].refused) == (0, 1)
    assert [event["id"] for _, event, _ in consumed(kafka.bootstrap, "plates", 2)] == ["gate-1", "gate-3"]


def test_wrong_settings_of_kafka_are_told_without_secrets(sqlite_store):
    pytest.importorskip("confluent_kafka")
    target = {"type": "kafka", "bootstrap": "host:1", "topic": "plates", "options": {"security.protocol": "sesame"}}
    with Deliveries(sqlite_store, configs(target), QUICK) as deliveries:
        wait_until(lambda: deliveries.states()[0].worker.failures)
        error = deliveries.states()[0].worker.last_error
        assert "security.protocol" in error
        assert "sesame" not in error
        deliveries.close(timeout_s=0)
