"""UFPR-ALPR, Brazilian plates from a moving car: a text file beside each image -> crops and lists.

Rayson Laroca et al., "A Robust Real-Time Automatic License Plate Recognition Based on the YOLO Detector", IJCNN 2018;
https://github.com/raysonlaroca/ufpr-alpr-dataset (for research, by request): 150 tracks of 30 frames in the folders
`training`, `validation` and `testing`. A text file reads, in its older or its newer form:

    camera: GoPro Hero4 Silver
    position_vehicle: 804 367 279 244
        type: car
    plate: AQY-6388
    position_plate: 909 483 78 24                       (x y width height)
    corners: 909,483 986,484 987,507 909,507            (from the left-up corner, clockwise)
        char 1: 912 491 9 15
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lp_recognition.images.photographs import find_files
from lp_recognition.lists.converters.conversion import (
    Cut,
    Sample,
    Summary,
    check_folders,
    collect,
    convert,
    finish,
)
from lp_recognition.lists.converters.cropping import Box, Corners
from lp_recognition.lists.converters.tracks import keep_apart, write_tracks
from lp_recognition.lists.image_lists import other_files
from lp_recognition.system.errors import UserError

#: The folders of the official split and what their lists are called.
SPLITS = {"training": "train", "validation": "val", "testing": "test"}


class UfprTextError(UserError):
    """A text file that does not describe a plate: `kind: details`."""


@dataclass(frozen=True)
class UfprText:
    """What the text file beside an image says.

    Attributes:
        plate: As written, `ABC-1234`.
        vehicle: `car` or `motorcycle`; empty where it is not said. Plates of motorcycles have two lines.
        camera: Name of the camera.
        box: `(x, y, width, height)`.
        corners: Four points from the left-up corner, clockwise; empty in the older form.
    """

    plate: str
    vehicle: str
    camera: str
    box: tuple[float, float, float, float]
    corners: tuple[tuple[float, float], ...]


def parse_text(text: str) -> UfprText:
    """Reads the text file of an image.

    Raises:
        UfprTextError: no plate, no position, numbers that are none, or fewer boxes of characters than characters.
    """
    values: dict[str, str] = {}
    characters = 0
    for line in text.splitlines():
        key, colon, value = line.strip().partition(":")
        key = key.strip().lower()
        if not colon:
            continue
        if re.fullmatch(r"char\s*\d+", key):
            characters += 1
        else:
            values.setdefault(key, value.strip())
    plate = "".join(values.get("plate", "").split()).upper()
    if not plate:
        raise UfprTextError("broken text: expected a line 'plate: ABC-1234', received none")
    if not plate.isprintable():
        raise UfprTextError(f"broken text: expected a plate of printable characters, received {plate!r}")
    expected = len(plate.replace("-", ""))
    if characters not in (0, expected):
        raise UfprTextError(f"broken text: expected {expected} characters of {plate}, received boxes of {characters}")
    corners: tuple[tuple[float, float], ...] = ()
    if "corners" in values:
        numbers = _numbers(values["corners"], 8, "corners")
        corners = tuple(zip(numbers[::2], numbers[1::2], strict=True))
    if "position_plate" in values:
        x, y, width, height = _numbers(values["position_plate"], 4, "position_plate")
    elif corners:
        xs, ys = [x for x, _ in corners], [y for _, y in corners]
        x, y = min(xs), min(ys)
        width, height = max(xs) - x + 1, max(ys) - y + 1  # corners are the plate's outermost pixels
    else:
        raise UfprTextError(
            "broken text: expected a line 'position_plate: x y w h' or 'corners: ...', received neither"
        )
    vehicle = values.get("type", "").lower()
    return UfprText(plate, vehicle, values.get("camera", ""), (x, y, width, height), corners)


@dataclass(frozen=True)
class UfprOptions:
    """What to convert.

    Attributes:
        source: The folder that holds `training`, `validation` and `testing`, or one above it.
        output: Where crops and lists go.
        mode: `box`, or `corners` (rectified; where a text has no corners, that image is left out).
        size: `(height, width)` of the crops; None keeps the plates' own.
        margin: Added around the plate, as a share of its width and height.
        drop_hyphen: ABC1234 in place of ABC-1234.
        vehicles: Types of vehicles to take; empty takes all.
        image_format: `jpg` or `png`.
    """

    source: Path
    output: Path
    mode: str = "box"
    size: tuple[int, int] | None = None
    margin: float = 0.1
    drop_hyphen: bool = False
    vehicles: tuple[str, ...] = ()
    image_format: str = "jpg"


@dataclass(frozen=True)
class _Frame:
    text: UfprText
    track: str
    split: str


@dataclass
class _Found:
    """What the split folders hold: the frames with a plate to cut by their source, and what else there is to say."""

    images: int = 0
    other_vehicles: int = 0
    frames: dict[str, _Frame] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def convert_ufpr(options: UfprOptions, workers: int = 1) -> Summary:
    """Crops the plates of UFPR-ALPR and writes a list per split, `annotation.txt`, and `tracks.csv`.

    Raises:
        UserError: no such folder, no split in it, an output inside the source or made with other settings.
    """
    check_folders(options.source, options.output)
    found = _find_frames(options)
    outcomes = convert(
        found.samples, options.source, options.output,
        settings={"data set": "UFPR-ALPR", "mode": options.mode, "margin": options.margin,
                  "format": options.image_format},
        size=options.size, workers=workers, name="ufpr",
    )  # fmt: skip
    mended, problems = collect(outcomes)
    done = {source: frame for source, frame in found.frames.items() if outcomes[source].made}
    kept, wrong = keep_apart([(source, frame.track, frame.split) for source, frame in done.items()], "track")

    lists: dict[str, list[tuple[str, str]]] = {"annotation.txt": [], **{f"{name}.txt": [] for name in SPLITS.values()}}
    tracks = []
    for source, track, split in kept:
        image = outcomes[source].made[0]
        label = done[source].text.plate.replace("-", "" if options.drop_hyphen else "-")
        lists["annotation.txt"].append((image, label))
        lists[f"{split}.txt"].append((image, label))
        tracks.append((image, label, track, split))
    write_tracks(options.output, tracks)
    report = {
        "data_set": "UFPR-ALPR",
        "mode": options.mode,
        "images": found.images,
        **_facts([done[source] for source, _, _ in kept]),
        "other_vehicles": found.other_vehicles,
        "mended": dict(sorted(mended.items())),
    }
    left_out = finish(options.output, lists, [*found.failures, *problems, *wrong], report)
    return Summary("ufpr", options.output, found.images, len(kept), left_out, mended, tuple(found.remarks))


def _find_frames(options: UfprOptions) -> _Found:
    """Reads the text beside each image of the splits."""
    found = _Found()
    folders = _find_splits(options.source)
    taken: set[str] = set()
    for folder in folders:
        split = SPLITS[folder.name.lower()]
        images, others = find_files(folder)
        found.images += len(images)
        if remark := other_files(others, ignored=".txt"):
            found.remarks.append(f"{folder.name}: {remark}")
        described = {path.with_suffix(".txt") for path in images}
        for path in others:
            if path.suffix == ".txt" and path not in described:
                reason = "missing image: a text without an image of its name"
                found.failures.append((_below(path, options.source), reason))
        for path in images:
            source = _below(path, options.source)
            below = f"{split}/{path.relative_to(folder).with_suffix('').as_posix()}"
            if below in taken:
                found.failures.append((source, "name twice: another image differs in its suffix alone"))
                continue
            taken.add(below)
            try:
                text = _read_text(path.with_suffix(".txt"))
                region = _region(text, options)
            except UfprTextError as error:
                found.failures.append((source, str(error)))
                continue
            if options.vehicles and text.vehicle not in options.vehicles:
                found.other_vehicles += 1
                continue
            found.frames[source] = _Frame(text, path.parent.name, split)
            found.samples.append(Sample(source, (Cut(f"images/{below}.{options.image_format}", region),)))
    if not found.images:
        raise UserError(f"{options.source}: expected images in {', '.join(map(str, folders))}, received none")
    if found.other_vehicles:
        found.remarks.append(f"{found.other_vehicles} images of other vehicles, skipped as asked")
    return found


def _facts(frames: Sequence[_Frame]) -> dict[str, Any]:
    return {
        "rows": len(frames),
        "plates": len({frame.text.plate for frame in frames}),
        "tracks": len({frame.track for frame in frames}),
        "splits": _counts([frame.split for frame in frames]),
        "tracks_by_split": _counts([split for _, split in {(frame.track, frame.split) for frame in frames}]),
        "vehicles": _counts([frame.text.vehicle or "unknown" for frame in frames]),
        "cameras": _counts([frame.text.camera or "unknown" for frame in frames]),
    }


def _find_splits(source: Path) -> list[Path]:
    """The split folders, in the source or in a folder of it (the archive unpacks to `UFPR-ALPR dataset/`)."""
    for place in (source, *sorted(path for path in source.iterdir() if path.is_dir())):
        found = sorted(path for path in place.iterdir() if path.is_dir() and path.name.lower() in SPLITS)
        if found:
            return found
    there = ", ".join(sorted(path.name for path in source.iterdir())[:8]) or "nothing"
    raise UserError(f"{source}: expected the folders {', '.join(SPLITS)}, received {there}")


def _read_text(path: Path) -> UfprText:
    try:
        return parse_text(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise UfprTextError("missing text: no text file beside the image") from None
    except (OSError, UnicodeDecodeError):
        raise UfprTextError("broken text: expected UTF-8 text, received something else") from None


def _region(text: UfprText, options: UfprOptions) -> Box | Corners:
    if options.mode == "corners":
        if not text.corners:
            raise UfprTextError("no corners: the text gives a box alone; use --mode box")
        return Corners(text.corners, options.margin)
    x, y, width, height = text.box
    return Box(x, y, x + width, y + height, options.margin)


def _numbers(text: str, count: int, key: str) -> list[float]:
    parts = [part for part in re.split(r"[\s,]+", text) if part]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) != count or any(abs(number) > 1e6 or number != number for number in numbers):
        raise UfprTextError(f"broken text: {key}: expected {count} numbers, received '{text}'")
    return numbers


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _counts(values: Sequence[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
