"""Replays recorded events to a Kafka cluster: at the pace at which they happened, or faster.

The file holds an event a line, as `alpr watch --events` and deliveries of the type `jsonl` write it. For trying what
consumes events without a camera, and for bringing to a cluster what was recorded elsewhere.

examples:
  python -m utils.messages_to_kafka events.jsonl --bootstrap localhost:9092
  python -m utils.messages_to_kafka events.jsonl --bootstrap localhost:9092 --topic plates --speed 60 --form deepstream
  python -m utils.messages_to_kafka events.jsonl --bootstrap localhost:9092 --speed 0 --resume

--speed 1 sends them as they happened, 60 an hour in a minute, 0 as fast as the cluster takes them. What it has
confirmed is noted in EVENTS.position: after Ctrl-C, or a kill, --resume goes on behind it. A cluster that is away is
waited for.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.files import write_text
from lp_recognition.system.options import ScriptParser
from lp_recognition.system.progress import progress_bar

if TYPE_CHECKING:
    from lp_recognition.settings.deliveries import KafkaConfig
    from lp_recognition.video.database.outbox import Message
    from lp_recognition.video.deliveries.target import Target

_LONGEST_PAUSE = 60.0


@dataclass(frozen=True)
class _Recorded:
    """An event of the file: what is sent, when it happened, and where the next one begins."""

    message: Message
    time: float
    end: int


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("events", type=Path, help="a file with an event a line, as JSON")
    parser.add_argument("--bootstrap", required=True, metavar="HOST:PORT", help="brokers to begin with, by commas")
    parser.add_argument("--topic", default="plates", help="where to produce them (%(default)s)")
    parser.add_argument("--form", default="ours", choices=("ours", "deepstream"), help="in whose words (%(default)s)")
    parser.add_argument("--speed", type=float, default=1.0, help="times as fast as they happened; 0: at once (1)")
    parser.add_argument("--resume", action="store_true", help="go on where the last run ended")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE",
        help="a setting of librdkafka, as security.protocol=SSL; env:NAME takes a value from the environment",
    )  # fmt: skip
    arguments = parser.parse_args(argv)
    if not 0 <= arguments.speed < float("inf"):
        raise UserError(f"--speed: expected 0 or more, received {arguments.speed}")
    events = list(_read(arguments.events, _position(arguments)))
    sent = 0
    try:
        with progress_bar(len(events), "event", arguments.topic) as advance:
            for count in _replay(arguments, events):
                sent += count
                advance(count)
    except KeyboardInterrupt:
        print(f"sent: {sent} of {len(events)}; --resume goes on", file=sys.stderr)
        raise
    print(f"sent: {sent}")
    return 0


def _config(arguments: argparse.Namespace) -> KafkaConfig:
    from lp_recognition.settings.deliveries import DeliveriesConfig
    from lp_recognition.settings.loading import validate

    options = dict(option.partition("=")[::2] for option in arguments.option)
    target = {"type": "kafka", **{name: getattr(arguments, name) for name in ("bootstrap", "topic", "form")}}
    config = validate(DeliveriesConfig, {"deliveries": [target | {"options": options}]}, "command line")
    return config.deliveries[0]  # type: ignore[return-value]


def _replay(arguments: argparse.Namespace, events: Sequence[_Recorded]) -> Iterator[int]:
    """Sends the events; yields how many the cluster has confirmed since the last time."""
    from lp_recognition.video.deliveries.kafka import KafkaTarget

    config = _config(arguments)
    target: Target | None = None
    begun, next_one = time.monotonic(), 0
    try:
        while next_one < len(events):
            due = _due(events, next_one, begun, arguments.speed)
            target = target or KafkaTarget(config)
            batch = events[next_one : max(due, next_one + 1)][: target.batch]
            _wait_for(batch[0], events[0], begun, arguments.speed)
            target = _send(config, target, batch)
            next_one += len(batch)
            write_text(_position_file(arguments.events), json.dumps({"bytes": batch[-1].end}))
            yield len(batch)
    finally:
        if target is not None:
            target.close()


def _due(events: Sequence[_Recorded], start: int, begun: float, speed: float) -> int:
    """Behind which event the time has not come yet."""
    if speed == 0:
        return len(events)
    now = events[0].time + (time.monotonic() - begun) * speed
    return next((place for place in range(start, len(events)) if events[place].time > now), len(events))


def _wait_for(event: _Recorded, first: _Recorded, begun: float, speed: float) -> None:
    if speed:
        time.sleep(max(0.0, begun + (event.time - first.time) / speed - time.monotonic()))


def _send(config: KafkaConfig, target: Target, batch: Sequence[_Recorded]) -> Target:
    """Sends events until the cluster has them; returns the connection that it went by in the end."""
    from lp_recognition.video.deliveries.kafka import KafkaTarget
    from lp_recognition.video.deliveries.target import DeliveryError, RefusedError

    pause = 1.0
    while True:
        try:
            target.send([event.message for event in batch], lambda: False)
            return target
        except RefusedError as error:
            raise UserError(f"{error}; leave this event out of the file, or raise message.max.bytes") from None
        except DeliveryError as error:
            print(f"waiting {pause:g} s: {error}", file=sys.stderr)
        target.close()
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, 2 * pause)
        target = KafkaTarget(config)


def _position_file(events: Path) -> Path:
    return events.with_name(f"{events.name}.position")


def _position(arguments: argparse.Namespace) -> int:
    """From which byte on the events are sent."""
    path = _position_file(arguments.events)
    if not arguments.resume:
        return 0
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["bytes"])
    except FileNotFoundError:
        return 0
    except (ValueError, KeyError, TypeError):
        raise UserError(f"{path}: expected a position of an earlier run, received another file; remove it") from None


def _read(path: Path, start: int) -> Iterator[_Recorded]:
    """The events from a byte of the file on."""
    from lp_recognition.video.database.outbox import Message

    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        raise UserError(f"{path}: expected a file with an event a line, received no such file") from None
    end = 0
    for number, line in enumerate(lines, start=1):
        end += len(line)
        if end <= start or not line.strip():
            continue
        try:
            event = json.loads(line)
            moment = datetime.fromisoformat(event["last_time"].replace("Z", "+00:00")).timestamp()
            message = Message(number, event["source"], event)
            _ = event["id"], event["type"], event["best"]["box"], event["confidence"]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise UserError(
                f"{path}:{number}: expected an event as JSON, as alpr watch --events writes it, received "
                f"{line[:80].decode('utf-8', 'replace').strip()!r}; mend or remove this line"
            ) from None
        yield _Recorded(message, moment, end)


if __name__ == "__main__":
    run_script(main)
