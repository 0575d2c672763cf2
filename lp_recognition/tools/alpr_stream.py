"""Sends the frames of a video or a camera to a service, and keeps what it reads, with where the car was.

examples:
  python alpr.py stream drive.mp4 --url http://127.0.0.1:8000 --csv reads.csv
  python alpr.py stream 0 --url http://127.0.0.1:8000 --every 3 --workers 8 --timeout 1.2 --gps gpsd://localhost
  python alpr.py stream drive.mp4 --gps drive.gpx --json_lines frames.jsonl --mjpeg_port 8001
  python alpr.py stream rtsp://camera/stream --url https://plates.example.org --token_file token.txt

Needs the extra: pip install 'lp-recognition[client]'; no models. `alpr serve` is the service. Of a file no frame is
lost: while the service is away or has too much to do, it is waited for. Of a camera the newest frame counts. An answer
that takes longer than --timeout is lost, its frame is not: frames are shown in their order, whenever answers come.

Each read is printed, with its time, confidence and coordinates. --csv adds a row for each to a table, at once;
--json_lines an object for each frame, with everything. The position is that of the moment when the frame was captured.

Ctrl-C ends it once the frames under way have their answers. A second one ends at once.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser, parse_share
from lp_recognition.tools.remote_reading import add_service, read_token

if TYPE_CHECKING:
    from lp_recognition.client.results import Result
    from lp_recognition.client.streaming import Drive

#: The line of how it gets on is drawn anew so often; where standard error is a file, it is added so often.
_DRAWN_S, _ADDED_S = 0.5, 30.0


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    from lp_recognition.system.interrupts import graceful
    from lp_recognition.system.serving import LocalServer

    with ExitStack() as opened:
        drive = _opened_drive(arguments, opened)
        if arguments.mjpeg_port is not None:
            answer, port, host = drive.broadcast.answer, arguments.mjpeg_port, arguments.mjpeg_host
            opened.enter_context(LocalServer(answer, port, host=host, option="--mjpeg_port")).show()
        update = opened.enter_context(_shown_state(drive))
        stopping = "waiting for the answers under way"
        with graceful(drive.stop, stopping=stopping, ended="what was written so far is kept"):
            for result in drive.results():
                reads = [] if result is None else _reads(result, arguments.min_confidence)
                update(bool(reads))
                for line in reads:
                    print(line)
                sys.stdout.flush()
    return 0


def _opened_drive(arguments: argparse.Namespace, opened: ExitStack) -> Drive:
    """What a command line asks for, closed with `opened`.

    Raises:
        UserError: a source, a track or a file cannot be opened, or the address is none.
    """
    from lp_recognition.client.position_sources import open_positions
    from lp_recognition.client.records import CsvFile, JsonLinesFile
    from lp_recognition.client.remote import RemoteAlpr
    from lp_recognition.client.sending import Encoding, Sending
    from lp_recognition.client.streaming import Drive
    from lp_recognition.video.opening import open_source

    workers, min_confidence = arguments.workers, arguments.min_confidence
    source = open_source(arguments.source, every=arguments.every)
    opened.callback(source.close)
    token = read_token(arguments)
    remote = RemoteAlpr(arguments.url, token=token, timeout_s=arguments.timeout, connections=workers)
    opened.callback(remote.close)
    positions = None
    if arguments.gps:
        positions = open_positions(arguments.gps, offset_s=arguments.gps_offset, max_age_s=arguments.gps_max_age)
        opened.enter_context(positions)
    files: list[CsvFile | JsonLinesFile] = []
    if arguments.csv:
        files.append(opened.enter_context(CsvFile(arguments.csv, min_confidence)))
    if arguments.json_lines:
        files.append(opened.enter_context(JsonLinesFile(arguments.json_lines)))
    sending = Sending(source, remote, workers, Encoding(arguments.jpeg_quality, arguments.width), positions)
    return Drive(
        source, sending, buffer=arguments.buffer, min_confidence=min_confidence, files=files, positions=positions
    )


def _parser() -> ScriptParser:
    parser = ScriptParser(__doc__)
    parser.add_argument(
        "source", metavar="SOURCE",
        help="a video, a folder of pictures, an address (rtsp://, http://), or a camera's number",
    )  # fmt: skip
    add_service(parser, "http://127.0.0.1:8000")
    parser.add_argument("--every", type=_positive, default=1, metavar="N", help="send each n-th frame (%(default)s)")
    parser.add_argument(
        "--workers", type=_up_to(256), default=4, metavar="N", help="frames that are sent at once (%(default)s)"
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=1.2, metavar="SECONDS", help="so long may an answer take (%(default)s)"
    )
    parser.add_argument(
        "--buffer", type=_positive, default=10, metavar="N",
        help="answered frames that wait at most for one before them, which is then shown as it is (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--jpeg_quality",
        type=_up_to(100),
        default=95,
        metavar="N",
        help="of the frames sent, 1 to 100 (%(default)s)",
    )
    parser.add_argument(
        "--width",
        type=_up_to(8192),
        metavar="PIXELS",
        help="bring frames to this width, smaller or larger (as they are)",
    )
    parser.add_argument(
        "--min_confidence", type=parse_share, default=0.8, metavar="SHARE",
        help="leave out what is read less surely (%(default)s)",
    )  # fmt: skip
    _add_outputs(parser)
    return parser


def _add_outputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--gps", default="", metavar="WHERE",
        help="what tells where the car is: gpsd://HOST[:PORT], serial:///dev/ttyUSB0?baud=115200, or a GPX file",
    )  # fmt: skip
    parser.add_argument(
        "--gps_max_age", type=_seconds, default=10.0, metavar="SECONDS", help="older positions are none (%(default)s)"
    )
    parser.add_argument(
        "--gps_offset", type=_offset, default=0.0, metavar="SECONDS",
        help="what to add to the time of a frame to find it in a GPX file (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--csv", default="", metavar="FILE", help="add each read to this table")
    parser.add_argument("--json_lines", default="", metavar="FILE", help="add each frame to this file, all of it")
    parser.add_argument(
        "--mjpeg_port", type=int, metavar="PORT", help="show the frames at /stream.mjpg and a page; 0 for any port"
    )
    parser.add_argument(
        "--mjpeg_host", default="127.0.0.1", metavar="ADDRESS",
        help="where; 0.0.0.0 shows them to everybody who reaches this machine (%(default)s)",
    )  # fmt: skip


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"expected a number from 1, received {text!r}")
    return int(text)


def _up_to(most: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"expected a number from 1 to {most}, received {text!r}")
        return int(text)

    return parse


def _offset(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not abs(seconds) < 1e9:
        raise argparse.ArgumentTypeError(f"expected seconds, as -3600, received {text!r}")
    return seconds


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < 1e6:
        raise argparse.ArgumentTypeError(f"expected seconds above 0, as 1.2, received {text!r}")
    return seconds


def _reads(result: Result, min_confidence: float) -> list[str]:
    """A line for each plate."""
    frame, position = result.shot.frame, result.shot.position
    when = f"{frame.time.astimezone():%Y-%m-%d %H:%M:%S}.{frame.time.microsecond // 1000:03d}"
    where = f"  {position.coordinates}" if position is not None else ""
    return [f"{when}  {one.text}  {one.confidence:.3f}{where}" for one in result.plates(min_confidence)]


@contextlib.contextmanager
def _shown_state(drive: Drive) -> Iterator[_State]:
    state = _State(drive)
    try:
        yield state
    finally:
        state(True)
        print(drive.summary(), file=sys.stderr)


class _State:
    """How a drive gets on, on standard error: a line that is drawn over itself on a terminal, else added at times.

    It is called often; with True before something is printed, which makes room for it.
    """

    def __init__(self, drive: Drive) -> None:
        self._drive = drive
        self._is_terminal = sys.stderr.isatty()
        self._shown_at = time.monotonic() if not self._is_terminal else 0.0

    def __call__(self, prints: bool) -> None:
        if prints:
            if self._is_terminal:
                print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            return
        if time.monotonic() - self._shown_at < (_DRAWN_S if self._is_terminal else _ADDED_S):
            return
        self._shown_at = time.monotonic()
        ends = ("\r\x1b[K", "") if self._is_terminal else ("", "\n")
        print(f"{ends[0]}{self._drive.state()}", end=ends[1], file=sys.stderr, flush=True)


if __name__ == "__main__":
    run_script(main)
