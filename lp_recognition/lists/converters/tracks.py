"""Tracks: frames of one car, which may not stand on two sides of a split, and the table that says which is which."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.files import replacing

#: The splits in the order in which they give way: what is measured stays as published. Empty is none.
MEASURED = ("", "train", "val", "test")


def keep_apart(
    rows: Sequence[tuple[str, str, str]], what: str
) -> tuple[list[tuple[str, str, str]], list[tuple[str, str]]]:
    """Keeps a group (a track, a plate) on one side: in the split that is measured, so that tests stay as published.

    Args:
        rows: (source, group, split), split being `train`, `val` or `test`.
        what: The name of a group in the reason.

    Returns:
        The rows that stay, and (source, reason) of those left out.
    """
    side: dict[str, str] = {}
    for _, group, split in rows:
        side[group] = max(side.get(group, split), split, key=MEASURED.index)
    kept = [row for row in rows if row[2] == side[row[1]]]
    dropped = [
        (
            source,
            f"{what} on two sides: {what} {group} stands in {split} and in {side[group]}, and stays in {side[group]}",
        )
        for source, group, split in rows
        if split != side[group]
    ]
    return kept, dropped


def write_tracks(output: Path, rows: Sequence[tuple[str, str, str, str]]) -> None:
    """Writes `tracks.csv` with the columns image_path, plate_text, track, split: what a plain list has no room for."""
    with replacing(output / "tracks.csv") as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("image_path", "plate_text", "track", "split"))
        writer.writerows(sorted(rows))
