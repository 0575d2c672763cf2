"""Printing results as they come: lines of JSON, columns for people, and the plates of photographs in every form.

A photograph's record is what `--json` prints: `image`, `plates`, `texts` where text beside plates is read, and `ms`. A
form is told the names of all photographs beforehand, and then prints records one by one.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

#: Prints a photograph's record.
Show = Callable[[dict[str, Any]], None]
#: Given the names of all photographs, what prints their records.
Form = Callable[[Sequence[str]], Show]
#: Columns of a terminal that are kept for a text in a table; a longer one moves its row.
TEXT_COLUMNS = 12


def print_json(record: Mapping[str, Any]) -> None:
    """Prints an object in a line, in ASCII where standard output does not know its characters."""
    line = json.dumps(record, ensure_ascii=False)
    try:
        line.encode(sys.stdout.encoding)
    except UnicodeEncodeError:  # a terminal that knows no Chinese, or a file name that is no text
        line = json.dumps(record)
    print(line)


def padded(cell: str, columns: int) -> str:
    """A cell of a table, filled up to so many columns of a terminal."""
    from lp_recognition.system.tables import display_width

    return cell + " " * (columns - display_width(cell))


def add_forms(parser: argparse.ArgumentParser, forms: Mapping[str, str]) -> None:
    """Adds an option for each form of printing; the first is the default, and the last one given holds."""
    parser.set_defaults(form=next(iter(forms)))
    for form, about in forms.items():
        parser.add_argument(f"--{form}", dest="form", action="store_const", const=form, help=f"print {about}")


def table_of_plates(names: Sequence[str], *, texts: bool) -> Show:
    """A row a plate, in columns as wide as the longest name asks for, so that rows can be printed as they come."""
    from lp_recognition.system.tables import display_width

    width = max(map(display_width, ["image", *names]))
    read = f"{'text':{TEXT_COLUMNS}}  confidence  " if texts else ""
    heads = iter([f"{'image':{width}}  {read}found  x,y WxH"])

    def show(record: dict[str, Any]) -> None:
        for head in heads:  # above the first row, once
            print(head)
        name = padded(record["image"], width)
        for plate in _rows(record):
            text = f"{padded(plate['text'], TEXT_COLUMNS)}  {plate['confidence']:10.3f}  " if texts else ""
            found = " crop" if plate.get("crop") else f"{plate['score']:5.2f}" if "score" in plate else " text"
            x, y, wide, high = (round(value) for value in plate["box"])
            print(f"{name}  {text}{found}  {x},{y} {wide}x{high}")
        if not _rows(record):
            print(f"{name}  -")

    return show


def csv_of_plates(_: Sequence[str], *, texts: bool) -> Show:
    """A row a plate below a header, or a text, which has no score; a picture without has a row without any."""
    corners = [f"{axis}{number}" for number in range(1, 5) for axis in "xy"]
    header = ["image", "score", "x", "y", "width", "height", *corners]
    read = ["text", "confidence", "reader", "crop"] if texts else []
    writer = csv.DictWriter(sys.stdout, ["image", *read, *header[1:], "ms"], lineterminator="\n")
    writer.writeheader()

    def show(record: dict[str, Any]) -> None:
        for plate in _rows(record) or [{}]:
            row = {name: plate.get(name, "") for name in ("score", *read)}
            row |= dict(zip(header[2:6], plate.get("box", ()), strict=False))
            row |= dict(zip(corners, [value for point in plate.get("corners", ()) for value in point], strict=False))
            writer.writerow({"image": record["image"], "ms": record["ms"], **row})

    return show


def lines_of_plates(_: Sequence[str]) -> Show:
    """Path, text and confidence, a line a plate."""

    def show(record: dict[str, Any]) -> None:
        for plate in _rows(record):
            print(record["image"], plate["text"], f"{plate['confidence']:.3f}")

    return show


def json_of_plates(_: Sequence[str]) -> Show:
    """The record as it is."""
    return print_json


def _rows(record: dict[str, Any]) -> list[dict[str, Any]]:
    """What has a row of its own: the plates, then text that is on none."""
    return [*record["plates"], *record.get("texts", ())]
