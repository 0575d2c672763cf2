"""Measures watching: a 1280x720 file with one plate and with two, on one core and on two; and cameras, and their drops.

examples:
  python -m benchmarks.video_speed
  python -m benchmarks.video_speed --detector lpdnet_mcu --seconds 8

Plates are drawn. *File*: frames a second of the whole chain (decode, find, read, follow and vote), and milliseconds of
processor time by stage, each measured alone, a frame or a plate; where others use the machine, too, processor time
tells more. *Cameras*: drawn frames at 10 a second from sources in this process, for as long as asked; the share that
was dropped, and how long it takes from the first look to the preview, and from the last to the end of a passage, which
waits for `absent_seconds`.
"""

from __future__ import annotations

import math
import os
import statistics
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime, timezone
from fractions import Fraction
from functools import partial
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from lp_recognition.model_files.pretrained import DEFAULT_DETECTOR, DEFAULT_READERS
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.images.image import Image
    from lp_recognition.video.sources import Captured, Source
    from lp_recognition.video.workers import Models

_SIZE = (720, 1280)
#: Frames a second of the file and of cameras.
_FILE_RATE, _CAMERA_RATE = 25, 10
#: Of the seconds that a car takes, those in which it is seen.
_PASSAGE_S, _SEEN = 2.0, 0.6


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--detector", default=DEFAULT_DETECTOR, help="what finds plates (%(default)s)")
    parser.add_argument("--reader", action="append", help=f"what reads them ({' and '.join(DEFAULT_READERS)})")
    parser.add_argument("--seconds", type=float, default=12.0, help="of the file and of the cameras (%(default)s)")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 2, 4, 8], help="cameras at once (%(default)s)")
    arguments = parser.parse_args(argv)
    if arguments.seconds < _PASSAGE_S:
        raise UserError(f"--seconds: expected at least {_PASSAGE_S:g}, received {arguments.seconds:g}")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from lp_recognition.system.tables import format_table
    from lp_recognition.video.workers import Models

    models = Models(arguments.detector, tuple(arguments.reader or DEFAULT_READERS))
    cores = sorted(os.sched_getaffinity(0))[:2]
    print(f"{models.detector} with {' and '.join(models.readers)}; {len(cores)} cores; load {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for lanes in (1, 2):
            path = _write_file(Path(folder) / f"{lanes}.mp4", lanes, arguments.seconds)
            stages = _stages(path, models)
            for count in range(1, len(cores) + 1):
                speed, used_ms = _watched(path, models, count, set(cores[:count]))
                rows.append((lanes, count, f"{speed:.1f}", f"{used_ms:.1f}", *(f"{one:.2f}" for one in stages)))
    header = ("plates", "cores", "frames/s", "ms of a core", "decode", "find", "read a plate", "follow, vote")
    print(format_table(header, rows))
    print()
    cameras = [_cameras(count, models, arguments.seconds, len(cores)) for count in arguments.streams]
    print(
        format_table(("cameras", "frames/s each", "dropped", "preview, median", "95 of 100", "final, median"), cameras)
    )
    return 0


def _frame(number: int, rate: int, lanes: int, plates: Sequence[Sequence[Image]], back: Image) -> Image:
    """A frame of a drive: in each lane a car comes nearer, and then there is none for a while."""
    import cv2

    image = back.copy()
    time_s = number / rate
    share = time_s % _PASSAGE_S / _PASSAGE_S
    if share > _SEEN:
        return image
    for lane in range(lanes):
        plate = plates[int(time_s // _PASSAGE_S) % len(plates)][lane]
        width = round(110 + 140 * share)
        height = round(width * plate.shape[0] / plate.shape[1])
        x, y = round(120 + 600 * lane + 250 * share), round(200 + 350 * share)
        image[y - 60 : y + height + 40, x - 70 : x + width + 70] = (60, 50, 45)
        image[y : y + height, x : x + width] = cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA)
    return image


def _drawn(lanes: int, seed: int = 7) -> tuple[list[list[Image]], Image]:
    """Plates of some passages, and what is behind them."""
    from lp_recognition.plates import Degradations, PlateGenerator
    from lp_recognition.plates.streets import backdrop

    generator = PlateGenerator(["cn_blue"], seed=seed, size=None, degradations=Degradations().good_photograph())
    plates = [[generator.draw(lanes * passage + lane).image for lane in range(lanes)] for passage in range(8)]
    return plates, backdrop(Random(seed), _SIZE)


def _write_file(path: Path, lanes: int, seconds: float) -> Path:
    import av

    plates, back = _drawn(lanes)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=_FILE_RATE, options={"preset": "veryfast"})
        stream.height, stream.width, stream.pix_fmt = *_SIZE, "yuv420p"
        for number in range(round(seconds * _FILE_RATE)):
            frame = av.VideoFrame.from_ndarray(_frame(number, _FILE_RATE, lanes, plates, back), format="bgr24")
            frame.pts, frame.time_base = number, Fraction(1, _FILE_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def _stages(path: Path, models: Models) -> list[float]:
    """Milliseconds of processor time: to decode a frame, find in it, read a plate, follow and vote in a frame."""
    from lp_recognition.reading.alpr import AlprPlate
    from lp_recognition.reading.readers import read_at
    from lp_recognition.video.decoding import Video
    from lp_recognition.video.opening import open_source
    from lp_recognition.video.passages import Passages

    alpr, passages = models.open(), Passages("file")
    assert alpr.detector is not None
    with Video(str(path)) as video:
        began = time.process_time()
        count = sum(decoded.picture() is not None for decoded in video.frames())
        decode = time.process_time() - began
    find = read = follow = 0.0
    plate_count = 0
    for frame in open_source(str(path)).frames():
        marks = [time.thread_time()]
        found = alpr.detector.detect(frame.image)
        marks.append(time.thread_time())
        plates = [AlprPlate(one.corners, one.score, *read_at(alpr.readers, frame.image, one.corners)) for one in found]
        marks.append(time.thread_time())
        passages.see(frame, plates)
        marks.append(time.thread_time())
        find, read, follow = find + marks[1] - marks[0], read + marks[2] - marks[1], follow + marks[3] - marks[2]
        plate_count += len(plates)
    return [1000 * decode / count, 1000 * find / count, 1000 * read / max(1, plate_count), 1000 * follow / count]


def _watched(path: Path, models: Models, workers: int, cores: set[int]) -> tuple[float, float]:
    """Frames a second of watching a file on some cores, and milliseconds of processor time that a frame takes."""
    from lp_recognition.video.opening import open_source
    from lp_recognition.video.passages import Passages
    from lp_recognition.video.streams import started_workers
    from lp_recognition.video.watching import Stream, Watch

    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        stream = Stream(open_source(str(path)), models, Passages("file"))
        with started_workers(workers, [stream]) as started:
            used, began = _processor_time(started), time.perf_counter()
            for _ in Watch([stream], started).events():
                pass
            seconds = time.perf_counter() - began
            used = _processor_time(started) - used
    finally:
        os.sched_setaffinity(0, before)
    return stream.figures.looked / seconds, 1000 * used / stream.figures.looked


def _processor_time(workers: Sequence[Any]) -> float:
    """Seconds of this process and of its workers."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = time.process_time()
    for worker in workers:
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        total += (int(fields[11]) + int(fields[12])) / ticks
    return total


@dataclass
class _Camera:
    """Drawn frames at their moments, as a camera gives them."""

    frames: Sequence[Image]
    seconds: float
    delay_s: float

    def capture(self, source: Source) -> Generator[Captured, None, None]:
        from lp_recognition.video.sources import Captured

        began = time.monotonic() + self.delay_s
        for number in range(round(self.seconds * _CAMERA_RATE)):
            source.wait(max(0.0, began + number / _CAMERA_RATE - time.monotonic()))
            picture = partial(self.frames.__getitem__, number % len(self.frames))
            source.tell("live")
            yield Captured(datetime.now(timezone.utc), number, None, source.name, picture)


def _cameras(count: int, models: Models, seconds: float, workers: int) -> list[object]:
    """The row of so many cameras at once."""
    from lp_recognition.video.passages import Passages
    from lp_recognition.video.sources import Source
    from lp_recognition.video.streams import started_workers
    from lp_recognition.video.watching import Stream, Watch

    plates, back = _drawn(1)
    period = round(len(plates) * _PASSAGE_S * _CAMERA_RATE)
    frames = [_frame(number, _CAMERA_RATE, 1, plates, back) for number in range(period)]
    streams = []
    for number in range(count):
        camera = _Camera(frames, seconds, 0.1 * number / count)
        source = Source(f"camera {number}", camera.capture, is_live=True)
        streams.append(Stream(source, models, Passages(source.name)))
    previews, finals = [], []
    with ExitStack() as opened:
        started = opened.enter_context(started_workers(workers, streams))
        for told in Watch(streams, started).events():
            if told is not None:
                now = datetime.now(timezone.utc)
                if told[1].type == "start":
                    previews.append((now - told[1].first_time).total_seconds())
                elif told[1].type == "end":
                    finals.append((now - told[1].last_time).total_seconds())
    captured = sum(stream.figures.captured for stream in streams)
    dropped = sum(sum(stream.figures.dropped.values()) for stream in streams)
    looked = sum(stream.figures.looked for stream in streams)
    ordered = sorted(previews)
    return [
        count,
        f"{looked / count / seconds:.1f}",
        f"{100 * dropped / captured:.1f}%",
        f"{1000 * statistics.median(ordered):.0f} ms" if ordered else "-",
        f"{1000 * ordered[math.ceil(0.95 * len(ordered)) - 1]:.0f} ms" if ordered else "-",
        f"{statistics.median(finals):.1f} s" if finals else "-",
    ]


if __name__ == "__main__":
    run_script(main)
