"""Many sources in turn: none starves, each keeps its order, files lose nothing, and errors come out."""

from __future__ import annotations

import threading
import time
from collections import Counter
from datetime import datetime, timezone

import numpy as np
import pytest
from tiny_videos import numbered

from lp_recognition.system.errors import UserError
from lp_recognition.video.sources import Captured, Source
from lp_recognition.video.turns import Ended, Looked, Turns
from lp_recognition.video.workers import Models


def source_of(name: str, count: int, *, is_live: bool = False, pause_s: float = 0.0, error: str = "") -> Source:
    """A source of so many frames, each as soon as it may come, or after a pause."""

    def capture(source: Source):
        for number in range(count):
            source.wait(pause_s)
            yield Captured(datetime.now(timezone.utc), number, None, name, lambda: numbered(0))
        if error:
            raise UserError(error)

    return Source(name, capture, is_live=is_live)


class Worker:
    """Reads nothing, in the time that it is told to take."""

    def __init__(self, seconds=lambda: 0.0):
        self.seconds = seconds

    def read(self, image, models):
        time.sleep(self.seconds())
        return []


def turns(sources, workers) -> Turns:
    return Turns(sources, [Models()] * len(sources), workers)


def test_results_keep_the_order_of_each_source_and_lose_nothing():
    random, lock = np.random.default_rng(3), threading.Lock()

    def seconds() -> float:
        with lock:
            return float(random.uniform(0, 0.004))

    results = list(turns([source_of("a", 40), source_of("b", 25)], [Worker(seconds) for _ in range(3)]).results())
    for stream, count in enumerate((40, 25)):
        of_stream = [one for one in results if one is not None and one.stream == stream]
        assert [one.frame.number for one in of_stream if isinstance(one, Looked)] == list(range(count))
        assert of_stream[-1] == Ended(stream, None)


def test_a_fast_source_does_not_starve_a_slow_one():
    given, order = threading.Semaphore(0), []

    def capture(source: Source):
        for number in range(5):
            given.acquire(timeout=10)
            yield Captured(datetime.now(timezone.utc), number, None, "slow", lambda: numbered(1))

    slow = Source("slow", capture, is_live=True)

    class Noting:
        def read(self, image, models):
            is_slow = bool(image[40, 6, 0] > 128)
            order.append(is_slow)
            if not is_slow and len(order) % 10 == 0:
                given.release()  # and see that its frame waits when this one is read
                while not slow.has_frame and not slow.is_over:
                    time.sleep(0.0005)
            return []

    list(turns([source_of("fast", 100), slow], [Noting()]).results())
    assert [number for number, is_slow in enumerate(order) if is_slow] == [10, 20, 30, 40, 50]
    assert (order.count(False), slow.dropped["reader slower"]) == (100, 0)


def test_fast_sources_share_evenly():
    seen: Counter[int] = Counter()
    running = turns([source_of("a", 100), source_of("b", 100), source_of("c", 100)], [Worker(lambda: 0.001)] * 2)
    for result in running.results():
        if isinstance(result, Looked):
            seen[result.stream] += 1
            if sum(seen.values()) == 90:
                break
    assert max(seen.values()) - min(seen.values()) <= 4


def test_a_live_source_drops_what_is_too_fast_and_counts_it():
    source = source_of("camera", 60, is_live=True, pause_s=0.001)
    numbers = [one.frame.number for one in turns([source], [Worker(lambda: 0.01)]).results() if isinstance(one, Looked)]
    assert numbers == sorted(numbers)
    assert len(numbers) + source.dropped["reader slower"] == 60
    assert source.dropped["reader slower"] > 20


def test_who_takes_results_slowly_holds_the_workers_back():
    source = source_of("file", 50)
    results = turns([source], [Worker()] * 2).results()
    next(results)
    time.sleep(0.05)
    assert source.captured < 15
    assert len([one for one in results if isinstance(one, Looked)]) == 49


def test_a_source_that_breaks_gives_its_frames_and_its_error_and_the_others_go_on():
    sources = [source_of("broken", 5, error="broken: expected more"), source_of("whole", 30)]
    results = list(turns(sources, [Worker()] * 2).results())
    assert sum(isinstance(one, Looked) for one in results) == 35
    [end] = [one for one in results if isinstance(one, Ended) and one.stream == 0]
    assert str(end.error) == "broken: expected more"


def test_a_worker_that_fails_ends_it():
    class Failing:
        def read(self, image, models):
            raise UserError("no such model")

    with pytest.raises(UserError, match="no such model"):
        list(turns([source_of("a", 5), source_of("b", 100, is_live=True, pause_s=0.01)], [Failing()]).results())


def test_stopping_gives_what_was_captured_and_ends():
    sources = [source_of("file", 10_000), source_of("camera", 10_000, is_live=True, pause_s=0.001)]
    running, numbers, is_stopped = turns(sources, [Worker(lambda: 0.001)] * 2), [], False
    for result in running.results():
        if isinstance(result, Looked) and result.stream == 0:
            numbers.append(result.frame.number)
        if len(numbers) == 10 and not is_stopped:
            running.stop()
            is_stopped = True
    assert numbers == list(range(len(numbers)))
    assert len(numbers) < 30


def test_a_tick_comes_where_nothing_else_does():
    source = source_of("quiet", 1, is_live=True, pause_s=0.2)
    assert None in list(turns([source], [Worker()]).results(tick_s=0.01))
