"""Brokers of the tests: mosquitto, where it is installed, and the mock of a Kafka cluster that librdkafka carries."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

#: Names a Kafka cluster, `host:port`, to test with beside the mock.
KAFKA_VARIABLE = "ALPR_TEST_KAFKA"


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_mosquitto() -> str | None:
    """The program of the MQTT broker; None where it is not installed."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class Mosquitto:
    """An MQTT broker that keeps sessions over a restart.

    Args:
        folder: For it alone.
        program: Its program.
        passwords: More lines of its settings.
    """

    def __init__(self, folder: Path, program: str, settings: str = "allow_anonymous true") -> None:
        self._program, self._folder, self._settings = program, folder, settings
        self._process: subprocess.Popen[bytes] | None = None
        for _ in range(5):  # another program may take the port first
            self.port = free_port()
            try:
                self.start()
                return
            except ConnectionError:
                self.stop()
        raise AssertionError("mosquitto does not start")

    def start(self) -> None:
        config = self._folder / "mosquitto.conf"
        user = "user root\n" if os.getuid() == 0 else ""
        config.write_text(
            f"listener {self.port} 127.0.0.1\n{user}persistence true\npersistence_location {self._folder}/\n"
            f"{self._settings}\n"
        )
        self._process = subprocess.Popen(
            [self._program, "-c", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 10
        while time.monotonic() < until:
            if self._process.poll() is not None:
                break
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        raise ConnectionError("mosquitto does not answer")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None


_MOCK = """
import sys
from confluent_kafka import Producer
producer = Producer({"test.mock.num.brokers": 1, "log_level": 0})
[broker] = producer.list_topics(timeout=10).brokers.values()
print(f"{broker.host}:{broker.port}", flush=True)
sys.stdin.read()
"""


class MockKafka:
    """A Kafka cluster of one broker, in a process of its own that can be halted."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _MOCK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.bootstrap = self._process.stdout.readline().strip()

    def halt(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
