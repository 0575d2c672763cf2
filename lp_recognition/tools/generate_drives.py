"""Draws videos of cars that drive past a camera, and what there is to read in them: to measure what is made of frames.

Below the folder lie videos/; videos.jsonl with kind, size and frame times of each; and passages.jsonl with text, first
and last time, and the plate's corners in every frame, a line for each passing plate. What happens: cars pass by day and
by night, two cross, one is parked, one comes back after ten minutes, one is hidden for half a second. A video file has
its frames at an even rate; --pictures writes folders of pictures instead, whose file times are those of the frames.

examples:
  python -m utils.generate_drives --count 12 --output data/drives --seed 1
  python -m utils.generate_drives --count 12 --output data/drives --kind crossing night --pictures
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lp_recognition.system.errors import UserError, did_you_mean, run_script
from lp_recognition.system.options import ScriptParser, parse_size

if TYPE_CHECKING:
    from lp_recognition.plates.drives import Drive, DriveFrame, DriveGenerator

Settings = tuple[tuple[str, ...], int, tuple[int, int], tuple[str, ...]]
#: The time of the first frame of each drive, where files have times.
_START = datetime(2026, 1, 1, 12, tzinfo=timezone.utc)
_JPEG_QUALITY = 92


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--format", nargs="+", metavar="NAME", help="formats or .yaml files (all usual ones)")
    parser.add_argument("--kind", nargs="+", metavar="KIND", help="what happens (all kinds in turn)")
    parser.add_argument("--count", type=int, default=12, help="how many drives (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FOLDER", required=True, help="where to write; empty or new")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other drives (%(default)s)")
    parser.add_argument("--size", type=parse_size, default=(480, 640), metavar="HxW", help="of the pictures (480x640)")
    parser.add_argument("--pictures", action="store_true", help="folders of pictures in place of videos")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw (%(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace the drives an earlier run drew there")
    arguments = parser.parse_args(argv)
    if arguments.count < 1:
        raise UserError(f"--count: expected 1 or more, received {arguments.count}")

    from lp_recognition.plates import list_formats, load_format
    from lp_recognition.plates.drives import KINDS
    from lp_recognition.system.outputs import prepare_folder
    from lp_recognition.system.parallel import run_parallel

    for kind in arguments.kind or ():
        if kind not in KINDS:
            raise UserError(
                f"--kind: expected some of {', '.join(KINDS)}, received {kind!r}.{did_you_mean(kind, list(KINDS))}"
            )
    formats = arguments.format or [name for name in list_formats() if load_format(name).default]
    settings = (tuple(formats), arguments.seed, arguments.size, tuple(arguments.kind or KINDS))
    _make_generator(*settings)  # mistakes end here, before anything is written
    prepare_folder(
        arguments.output, arguments.overwrite, lists=("videos.jsonl", "passages.jsonl"), images="*", below="videos"
    )
    draw = functools.partial(_draw_one, settings, arguments.output, arguments.pictures)
    found = run_parallel(draw, range(arguments.count), workers=arguments.workers, description="drawing drives")
    drawn = sorted(found, key=lambda one: str(one[0]["file"]))
    _write_lines(arguments.output / "videos.jsonl", [video for video, _ in drawn])
    passages = [passage for _, some in drawn for passage in some]
    _write_lines(arguments.output / "passages.jsonl", passages)
    print(f"{arguments.output}: {arguments.count} drives with {len(passages)} passages of {', '.join(formats)}")
    return 0


@functools.lru_cache(maxsize=1)
def _make_generator(formats: tuple[str, ...], seed: int, size: tuple[int, int], kinds: Any) -> DriveGenerator:
    """Makes the generator once a process: it keeps glyphs and backgrounds."""
    from lp_recognition.plates.drives import DriveGenerator

    return DriveGenerator(formats, seed, size, kinds)


def _draw_one(
    settings: Settings, folder: Path, pictures: bool, index: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Draws a drive and writes it whole or not at all; its line of each list."""
    drive = _make_generator(*settings).draw(index)
    name = f"videos/{index:06d}" + ("" if pictures else ".mp4")
    write = _write_pictures if pictures else _write_video
    seen = write(folder / name, drive)
    height, width = drive.camera.size
    video = {"file": name, "kind": drive.kind, "size": [width, height], "fps": drive.rate, "times_s": drive.times}
    return video, [
        {"file": name, "text": car.text, "format": car.format, **_seen_as_json(seen, number)}
        for number, car in enumerate(drive.cars)
    ]


def _seen_as_json(seen: Sequence[DriveFrame], passage: int) -> dict[str, Any]:
    """When a plate is first and last seen whole, and where it is in each frame."""
    frames = [frame for frame in seen if passage in frame.plates]
    return {
        "first_time_s": frames[0].seconds if frames else None,
        "last_time_s": frames[-1].seconds if frames else None,
        "frames": {
            str(frame.number): [[round(x, 1), round(y, 1)] for x, y in frame.plates[passage].tolist()]
            for frame in frames
        },
    }


def _write_video(path: Path, drive: Drive) -> list[DriveFrame]:
    """Writes MPEG-4; the frames, without their pictures."""
    import cv2

    unfinished = path.with_name(f".{path.name}")  # OpenCV goes by the ending
    height, width = drive.camera.size
    writer = cv2.VideoWriter(str(unfinished), cv2.VideoWriter.fourcc(*"mp4v"), drive.rate, (width, height))
    if not writer.isOpened():
        raise UserError(f"{path}: expected a place for a video, received one that cannot be written")
    try:
        seen = []
        for frame in drive.frames():
            writer.write(frame.image)
            seen.append(_without_image(frame))
        writer.release()
        unfinished.replace(path)
    finally:
        writer.release()
        unfinished.unlink(missing_ok=True)
    return seen


def _write_pictures(folder: Path, drive: Drive) -> list[DriveFrame]:
    """Writes JPEG pictures whose files have the times of the frames; the frames, without their pictures."""
    import cv2

    folder.mkdir(exist_ok=True)
    seen = []
    for frame in drive.frames():
        path = folder / f"{frame.number:06d}.jpg"
        path.write_bytes(cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes())
        time = _START.timestamp() + frame.seconds
        os.utime(path, (time, time))
        seen.append(_without_image(frame))
    return seen


def _without_image(frame: DriveFrame) -> DriveFrame:
    import dataclasses

    return dataclasses.replace(frame, image=frame.image[:0])


def _write_lines(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    from lp_recognition.system.files import write_text

    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


if __name__ == "__main__":
    run_script(main)
