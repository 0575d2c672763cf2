"""Measures the service at this machine: requests a second and latencies, more clients than it can serve, memory, kills.

examples:
  python -m benchmarks.serving
  python -m benchmarks.serving --seconds 5 --clients 1 8 --requests 500
  python -m benchmarks.serving engine=ray workers=2          # two replicas of Ray Serve, one of which is killed

A service of its own is started, and asked by clients in this process, which use the same cores: with as many workers as
cores, about a tenth of what the machine can do is theirs. Photographs are drawn, 1280x720 with one plate. *Load*: each
client sends its next request when the last one is answered; clients beyond the queue are refused, and counted apart.
*Twice the capacity*: requests come at a steady pace, twice as many as were answered at best; the share that is answered
still, and how soon the others are refused. *Memory*: of all processes, while so many requests are answered. *A worker
is killed* while 8 clients ask: what they were answered, and when the service was whole again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

_SIZE = (720, 1280)
_FORMATS = ("cn_blue", "cz", "de", "br_mercosur")
_PICTURES = 32
_WARM_S = 3.0
_MOST_SECONDS = 600.0


@dataclass
class Tally:
    """What clients were answered.

    Attributes:
        latencies: Seconds of each answer, by its status; 0 is no answer at all.
        seconds: How long it was measured.
    """

    latencies: dict[int, list[float]] = field(default_factory=dict)
    seconds: float = 0.0

    def note(self, status: int, seconds: float) -> None:
        """Takes in an answer."""
        self.latencies.setdefault(status, []).append(seconds)

    def rate(self, status: int = 200) -> float:
        """Answers of a status in a second."""
        return len(self.latencies.get(status, ())) / self.seconds

    def latency_ms(self, share: float, status: int = 200) -> str:
        """The latency that so many answers do not exceed."""
        ordered = sorted(self.latencies.get(status, ()))
        return f"{1000 * ordered[min(int(share * len(ordered)), len(ordered) - 1)]:.0f}" if ordered else "-"

    def statuses(self) -> str:
        """How many answers of each status there were."""
        counts = Counter({status: len(times) for status, times in self.latencies.items()})
        return ", ".join(f"{count} x {status or 'no answer'}" for status, count in sorted(counts.items()))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64, 256], help="at a time (%(default)s)")
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement (%(default)s)")
    parser.add_argument("--requests", type=int, default=10_000, help="while memory is looked at (%(default)s)")
    parser.add_argument("--path", default="/v1/alpr", help="the endpoint (%(default)s)")
    parser.add_argument("settings", nargs="*", default=[], metavar="key=value", help="settings of the service")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.seconds <= _MOST_SECONDS:
        raise UserError(f"--seconds: expected at most {_MOST_SECONDS:g}, received {arguments.seconds:g}")
    pictures = draw_pictures(_PICTURES)
    with tempfile.TemporaryDirectory() as folder, service(Path(folder), arguments.settings) as (address, process):
        target = Target(address, arguments.path, pictures)
        kilobytes = sum(map(len, pictures)) / len(pictures) / 1000
        cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
        print(f"{arguments.path}; photographs of {kilobytes:.0f} kB; {cores} cores; load {load:.1f}\n")
        asyncio.run(_measure(target, arguments.clients, arguments.seconds, arguments.requests, process.pid))
    return 0


async def _measure(target: Target, clients: Sequence[int], seconds: float, requests: int, pid: int) -> None:
    from lp_recognition.system.tables import format_table

    await load(target, 2, _WARM_S)
    rows, capacity = [], 0.0
    for count in clients:
        tally = await load(target, count, seconds)
        capacity = max(capacity, tally.rate())
        percentiles = (tally.latency_ms(share) for share in (0.5, 0.95, 0.99))
        rows.append((count, f"{tally.rate():.1f}", *percentiles, f"{tally.rate(503):.0f}"))
    print(format_table(("clients", "answers/s", "median ms", "95%", "99%", "refused/s"), rows))
    tally = await pace(target, 2 * capacity, seconds)
    print(
        f"\ntwice the capacity, {2 * capacity:.0f} requests/s: {tally.rate():.1f} answered a second, "
        f"{100 * tally.rate() / capacity:.0f}% of the capacity, in {tally.latency_ms(0.5)} ms (median), 99% in "
        f"{tally.latency_ms(0.99)}; {tally.rate(503):.1f} refused a second, in {tally.latency_ms(0.5, 503)} ms, 99% in "
        f"{tally.latency_ms(0.99, 503)}; {tally.statuses()}"
    )
    await _watch_memory(target, requests, pid)
    await _kill_a_worker(target, seconds, pid)


async def _watch_memory(target: Target, requests: int, pid: int) -> None:
    print(f"\nmemory: {memory_of(pid)}")
    for tenth in range(10):
        tally = await load(target, 8, _MOST_SECONDS, -(-requests // 10))
        print(f"after {(tenth + 1) * -(-requests // 10):,} requests: {memory_of(pid)}; {tally.statuses()}")


async def _kill_a_worker(target: Target, seconds: float, pid: int) -> None:
    loading = asyncio.create_task(load(target, 8, seconds))
    await asyncio.sleep(seconds / 3)
    before = workers_of(pid)
    os.kill(before[0], signal.SIGKILL)
    killed = time.perf_counter()
    await asyncio.sleep(0.2)  # until it is noticed
    while len({*workers_of(pid)} - {before[0]}) < len(before):
        await asyncio.sleep(0.05)
    while (await asyncio.to_thread(_health, target))["workers"] < len(before):
        await asyncio.sleep(0.05)
    took = time.perf_counter() - killed
    tally = await loading
    print(f"\na worker is killed: {tally.statuses()}; another one was ready after {took:.1f} s")


def _health(target: Target) -> dict[str, Any]:
    with urllib.request.urlopen(f"{target.address}/healthz", timeout=10) as answer:
        return json.load(answer)


@dataclass(frozen=True)
class Target:
    """Where requests go, and with which pictures."""

    address: str
    path: str
    pictures: Sequence[bytes]

    def request(self, number: int) -> bytes:
        """The bytes of a request."""
        picture = self.pictures[number % len(self.pictures)]
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {urlsplit(self.address).netloc}\r\nContent-Type: image/jpeg\r\n"
            f"Content-Length: {len(picture)}\r\n\r\n"
        )
        return head.encode() + picture


class Client:
    """A connection that is opened again where it was closed."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, number: int) -> int:
        """Sends a request, and returns the status of its answer; 0 where there is none."""
        try:
            if self._streams is None:
                parts = urlsplit(self._target.address)
                self._streams = await asyncio.open_connection(parts.hostname, parts.port)
            reader, writer = self._streams
            writer.write(self._target.request(number))
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            length = next(int(line.partition(":")[2]) for line in lines if line.startswith("content-length:"))
            await reader.readexactly(length)
            if "connection: close" in lines:
                self.close()
            return int(lines[0].split()[1])
        except (OSError, asyncio.IncompleteReadError):
            self.close()
            return 0

    def close(self) -> None:
        """Closes the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def load(target: Target, count: int, seconds: float, requests: int = sys.maxsize) -> Tally:
    """Has clients ask as fast as they are answered, for some time or for so many requests together."""
    tally, began = Tally(), time.perf_counter()
    numbers = iter(range(requests))

    async def ask_on() -> None:
        client = Client(target)
        while time.perf_counter() - began < seconds and (number := next(numbers, None)) is not None:
            asked = time.perf_counter()
            status = await client.ask(number)
            tally.note(status, time.perf_counter() - asked)
            if status == 503:  # as a client does that obeys Retry-After, but sooner
                await asyncio.sleep(0.1)
        client.close()

    await asyncio.gather(*(ask_on() for _ in range(count)))
    tally.seconds = time.perf_counter() - began
    return tally


async def pace(target: Target, rate: float, seconds: float) -> Tally:
    """Sends requests at a steady pace, however fast they are answered."""
    tally, began = Tally(), time.perf_counter()
    idle: list[Client] = []
    asking: set[asyncio.Task[None]] = set()

    async def ask(number: int) -> None:
        client = idle.pop() if idle else Client(target)
        asked = time.perf_counter()
        tally.note(await client.ask(number), time.perf_counter() - asked)
        idle.append(client)

    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        task = asyncio.create_task(ask(number))
        asking.add(task)
        task.add_done_callback(asking.discard)
    tally.seconds = time.perf_counter() - began
    await asyncio.gather(*asking)
    for client in idle:
        client.close()
    return tally


@contextlib.contextmanager
def service(folder: Path, settings: Sequence[str]) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A service with the models that ship: its address, and its process."""
    command = [sys.executable, "-m", "lp_recognition.tools.alpr_serve", "--port", "0", "log=json", *settings]
    with (folder / "log").open("w+") as log:
        process = subprocess.Popen(command, stderr=log, text=True)
        try:
            yield _address_in(folder / "log", process), process
        finally:
            process.terminate()
            process.wait()


def _address_in(log: Path, process: subprocess.Popen[str]) -> str:
    while process.poll() is None:
        for line in log.read_text("utf-8").splitlines():
            if line.startswith("alpr serves "):
                return line.split()[-1]
        time.sleep(0.1)
    raise UserError(f"the service did not start: {log.read_text('utf-8')}")


def workers_of(pid: int) -> list[int]:
    """The processes that a service has started to find and read: its own, and those of Ray Serve."""
    pids: set[int] = set()
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that has ended meanwhile
            pids.update(map(int, path.read_text().split()))
    replicas = (int(path.name) for path in Path("/proc").glob("[0-9]*") if _says(path.name, f"alpr {pid}:Plates"))
    return sorted({*(one for one in pids if _says(one, "spawn_main")), *replicas})


def _says(pid: int | str, word: str) -> bool:
    """Whether a word stands in the command line of a process."""
    try:
        return word in Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return False


def memory_of(pid: int) -> str:
    """The memory that the service and its workers have for themselves, in MB."""
    sizes = [_private_mb(one) for one in [pid, *workers_of(pid)]]
    return f"{sum(sizes):.0f} MB ({' + '.join(f'{size:.0f}' for size in sizes)})"


def _private_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1000


def draw_pictures(count: int) -> list[bytes]:
    """Photographs of 1280x720 with one plate each, as JPEG."""
    import cv2

    from lp_recognition.plates.scenes import SceneGenerator

    generator = SceneGenerator(_FORMATS, seed=7, size=_SIZE, plate_widths=(0.08, 0.3))
    scenes = (generator.draw(number) for number in itertools.count())
    with_one = itertools.islice((scene for scene in scenes if len(scene.plates) == 1), count)
    return [bytes(cv2.imencode(".jpg", scene.image)[1]) for scene in with_one]


if __name__ == "__main__":
    run_script(main)
