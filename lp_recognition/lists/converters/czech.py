"""The Czech ReId data set: a table of images, plates and tracks -> lists.

Jakub Spanhel et al., "Holistic Recognition of Low Quality License Plates by CNN using Track Annotated Data", AVSS 2017:
some 185 thousand crops of plates from highway cameras, with the plate's text, the track of the car, and the split. The
images are crops already, so by default the lists point at them where they are (absolute where the source was named so);
each is opened once, to leave out what cannot be read.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lp_recognition.lists.converters.conversion import (
    Cut,
    Sample,
    Summary,
    check_folders,
    collect,
    convert,
    finish,
)
from lp_recognition.lists.converters.tracks import MEASURED, keep_apart, write_tracks
from lp_recognition.lists.tables import read_table
from lp_recognition.system.errors import UserError

_SPLITS = {
    "1": "train", "true": "train", "train": "train", "training": "train", "trainval": "train",
    "0": "test", "false": "test", "test": "test", "testing": "test",
    "val": "val", "valid": "val", "validation": "val",
}  # fmt: skip


@dataclass(frozen=True)
class CzechOptions:
    """What to convert.

    Attributes:
        source: The folder of the data set; image paths in a table are relative to the table's folder.
        output: Where lists (and copies) go.
        tables: Tables to read, relative to `source`; empty takes all `*.csv` in it.
        columns: Role (`image`, `text`, `track`, `split`) -> name of its column, where it is not found by itself.
        apart: What may not stand on two sides of the split: `track`, or `plate`, which is stricter.
        copy: Copy the images into the output folder, byte by byte.
    """

    source: Path
    output: Path
    tables: tuple[str, ...] = ()
    columns: Mapping[str, str] | None = None
    apart: str = "track"
    copy: bool = False


@dataclass(frozen=True)
class _Row:
    """A row of a table: `source` is the image below the source folder."""

    source: str
    text: str
    track: str
    split: str


def convert_czech(options: CzechOptions, workers: int = 1) -> Summary:
    """Writes `annotation.txt`, a list per split, and `tracks.csv`.

    Raises:
        UserError: no table, unknown columns, an output inside the source.
    """
    check_folders(options.source, options.output)
    written, failures = _read_tables(options)
    rows, wrong, remarks = _one_row_an_image(written)
    images = len({row.source for row in written} | {source for source, _ in failures})
    failures += wrong

    samples = [Sample(row.source, (Cut(f"images/{row.source}", None),) if options.copy else ()) for row in rows]
    outcomes = convert(
        samples, options.source, options.output,
        settings={"data set": "Czech ReId", "copy": options.copy}, size=None, workers=workers, name="czech",
    )  # fmt: skip
    mended, problems = collect(outcomes)
    readable = [row for row in rows if not outcomes[row.source].problems]

    has_tracks = any(row.track for row in readable)
    if options.apart == "track" and not has_tracks:
        remarks.append("no track column: plates are kept apart instead of tracks")
    what = "track" if options.apart == "track" and has_tracks else "plate"
    groups = [
        (row.source, (row.track if what == "track" else "") or row.text, row.split) for row in readable if row.split
    ]
    kept, wrong = keep_apart(groups, what)
    failures += [*problems, *wrong]
    sides = {source: split for source, _, split in kept}
    final = [row for row in readable if not row.split or row.source in sides]
    if not any(row.split for row in final):
        remarks.append(
            "no split column: everything is in annotation.txt; split it with "
            "python -m lp_recognition.tools.split_annotations"
        )
    plates = {split: {row.text for row in final if row.split == split} for split in ("train", "val", "test")}
    leaks = len(plates["train"] & (plates["test"] | plates["val"]))
    if leaks:
        remarks.append(
            f"{leaks} plates stand in train and, on other tracks, in val or test; --apart plate leaves them out"
        )
    report = {
        "data_set": "Czech ReId",
        "images": images,
        "kept_apart": what,
        "plates_in_train_and_in_val_or_test": leaks,
        **_facts(final),
    }
    tracks = [(_listed_path(row.source, options), row.text, row.track, row.split) for row in final]
    write_tracks(options.output, tracks)
    left_out = finish(options.output, _lists(final, options), failures, report)
    return Summary("czech", options.output, images, len(final), left_out, mended, tuple(remarks))


def _lists(rows: Sequence[_Row], options: CzechOptions) -> dict[str, list[tuple[str, str]]]:
    """All rows, and those of each split."""
    paths = {row.source: _listed_path(row.source, options) for row in rows}
    lists: dict[str, list[tuple[str, str]]] = {f"{split}.txt": [] for split in ("train", "val", "test")}
    lists["annotation.txt"] = [(paths[row.source], row.text) for row in rows]
    for row in rows:
        if row.split:
            lists[f"{row.split}.txt"].append((paths[row.source], row.text))
    return lists


def _facts(rows: Sequence[_Row]) -> dict[str, Any]:
    return {
        "rows": len(rows),
        "plates": len({row.text for row in rows}),
        "tracks": len({row.track for row in rows if row.track}),
        "splits": dict(sorted(Counter(row.split or "none" for row in rows).items())),
        "lengths": {str(key): count for key, count in sorted(Counter(len(row.text) for row in rows).items())},
        "first_characters": dict(sorted(Counter(row.text[0] for row in rows).items())),
    }


def _listed_path(source: str, options: CzechOptions) -> str:
    if options.copy:
        return f"images/{source}"
    if options.source.is_absolute():
        return str(options.source / source)
    return os.path.relpath(options.source / source, options.output)


def _read_tables(options: CzechOptions) -> tuple[list[_Row], list[tuple[str, str]]]:
    """The rows of all tables, and (place, reason) of those that are none."""
    tables = [options.source / name for name in options.tables] or sorted(options.source.glob("*.csv"))
    outside = [table for table in tables if not table.is_relative_to(options.source) or ".." in table.parts]
    if outside:
        raise UserError(f"--table: expected tables below {options.source}, received {outside[0]}")
    if not tables:
        raise UserError(f"{options.source}: expected a table (*.csv) in it, received none; name it with --table")
    rows: list[_Row] = []
    failures: list[tuple[str, str]] = []
    for table in tables:
        found, wrong = _read_table(table, options)
        rows += found
        failures += wrong
    return rows, failures


def _read_table(table: Path, options: CzechOptions) -> tuple[list[_Row], list[tuple[str, str]]]:
    found, problems = read_table(table, options.columns or {})
    folder = table.parent.relative_to(options.source).as_posix()
    rows: list[_Row] = []
    failures = [(f"{table.name}:{line}", f"broken row: {problem}") for line, problem in problems]
    for row in found:
        where, values = f"{table.name}:{row.line}", row.cells
        image = PurePosixPath(folder, values["image"].replace("\\", "/"))
        if not values["image"] or image.is_absolute() or ".." in image.parts:
            failures.append((where, f"broken row: expected an image below the table's folder, received {image}"))
            continue
        label = "".join(values["text"].split()).upper()
        if not label:
            failures.append((image.as_posix(), f"no text: {where} names no plate"))
            continue
        split = values.get("split", "")
        if split and split.lower() not in _SPLITS:
            choices = ", ".join(_SPLITS)
            failures.append((image.as_posix(), f"unknown split: {where}: expected one of {choices}, received {split}"))
            continue
        side = _SPLITS[split.lower()] if split else ("" if "split" in values else _split_of_name(table.stem))
        rows.append(_Row(image.as_posix(), label, values.get("track", ""), side))
    return rows, failures


def _split_of_name(stem: str) -> str:
    """A table without a split column may be a split itself: `trainVal.csv`, `test.csv`."""
    return _SPLITS.get(stem.lower(), "")


def _one_row_an_image(rows: Sequence[_Row]) -> tuple[list[_Row], list[tuple[str, str]], list[str]]:
    """One row per image, and what is left out for it: (source, reason), and remarks.

    An image that is given two texts is left out altogether; one in two splits stays in the one that is measured.
    """
    of_image: dict[str, list[_Row]] = {}
    for row in rows:
        of_image.setdefault(row.source, []).append(row)
    kept = []
    failures = []
    again = 0
    for source, same in of_image.items():
        texts = sorted({row.text for row in same})
        splits = sorted({row.split for row in same if row.split})
        chosen = max(same, key=lambda row: MEASURED.index(row.split))  # the first of these
        if len(texts) > 1:
            failures.append((source, f"two texts: the tables call it {' and '.join(texts)}"))
            continue
        if len(splits) > 1:
            reason = f"the tables put it into {' and '.join(splits)}, and it stays in {chosen.split}"
            failures.append((source, f"image on two sides: {reason}"))
        else:
            again += len(same) - 1
        kept.append(chosen)
    return kept, failures, [f"{again} rows name an image again, with the same text"] if again else []
