"""What a topic of a Kafka cluster holds."""

from __future__ import annotations

import json
import uuid

from delivering import wait_until


def consumed(bootstrap: str, topic: str, count: int) -> list[tuple[str, dict[str, object], dict[str, str]]]:
    """Key, value and headers of what a topic holds, once it holds so many different messages."""
    from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition

    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": uuid.uuid4().hex, "log_level": 0})
    places = consumer.list_topics(topic, timeout=10).topics[topic].partitions
    # Without a group: joining one takes seconds.
    consumer.assign([TopicPartition(topic, place, OFFSET_BEGINNING) for place in places])
    found = []

    def have_come() -> bool:
        message = consumer.poll(0.1)
        if message is not None and message.error() is None:
            headers = {name: value.decode() for name, value in message.headers()}
            found.append((message.key().decode(), json.loads(message.value()), headers))
        return len({(headers["id"], headers["sequence"]) for _, _, headers in found}) >= count

    wait_until(have_come)
    consumer.close()
    return found
