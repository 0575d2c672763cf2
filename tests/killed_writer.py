"""A program of the tests that keeps and delivers events until it is killed, again and again.

It imports what it needs once. For each line on standard input, a number of seconds, it forks a child that records all
passages, from the first one on, as a program does that reads a video again, and kills it after that time; 0 lets it
end. It prints how the child ended.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from dataclasses import replace

from delivering import QUICK, configs
from tiny_events import passage

from lp_recognition.video.database.store import Store
from lp_recognition.video.deliveries.delivering import Deliveries


def write(address: str, folder: str, count: int) -> None:
    target = {"type": "jsonl", "path": f"{folder}/events.jsonl"}
    with (
        Store(address, pictures=f"{folder}/pictures") as store,
        store.claim_source("gate"),
        Deliveries(store, configs(target), QUICK) as deliveries,
    ):
        for number in range(count):
            for event in passage(number):
                deliveries.record(event if number % 5 == 0 else replace(event, picture=None))
                time.sleep(0.001)
        while deliveries.states()[0].pending:
            time.sleep(0.01)


def main() -> None:
    address, folder, count = sys.argv[1:]
    print("ready", flush=True)
    for line in sys.stdin:
        seconds = float(line)
        child = os.fork()
        if child == 0:
            status = 1
            try:
                write(address, folder, int(count))
                status = 0
            finally:
                os._exit(status)
        if seconds:
            time.sleep(seconds)
            os.kill(child, signal.SIGKILL)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
