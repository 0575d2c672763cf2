"""Tables of rows and named columns, as CSV: comma, semicolon or tab, told apart by the header.

A line is a row: no path and no plate holds a line break, so a stray quote spoils its own row and swallows no other. A
row that cannot be read is reported, not passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lp_recognition.images.photographs import IMAGE_SUFFIXES
from lp_recognition.lists.lines import read_lines
from lp_recognition.system.errors import UserError

#: Column names in use, per role, in the order in which they are looked for.
COLUMNS: dict[str, tuple[str, ...]] = {
    "image": ("image_path", "image", "path", "img_path", "filename", "file_name", "file", "img"),
    "text": ("plate_text", "lp", "plate", "text", "label", "lp_text", "license_plate"),
    "track": ("track_id", "track", "trackid", "id_track", "vehicle_id"),
    "split": ("train", "split", "set", "subset", "part"),
}
_REQUIRED = ("image", "text")
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class TableRow:
    """A row: its line, and the cell of each role that the table has."""

    line: int
    cells: Mapping[str, str]


def read_table(path: Path, columns: Mapping[str, str]) -> tuple[list[TableRow], list[tuple[int, str]]]:
    """Reads a table with a header, or one of two columns, image and text, without.

    Args:
        path: The file.
        columns: Role (`image`, `text`, `track`, `split`) -> name of its column, where it is not found by itself.

    Returns:
        The rows, and (line, what is wrong) of those that cannot be read. Empty lines are none.

    Raises:
        UserError: no such file, not UTF-8, empty, or columns that are not there.
    """
    lines = read_lines(path, "a table")
    numbered = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not numbered:
        raise UserError(f"{path}: expected a header and rows, received an empty file")
    first = numbered[0][1]
    delimiter = delimiter_of(first)
    if problem := _problem(first, delimiter):
        raise UserError(f"{path}:{numbered[0][0]}: {problem}")
    header = [name.strip() for name in _cells(first, delimiter)]
    if len(header) == 2 and header[0].lower().endswith(IMAGE_SUFFIXES):
        places, width = {"image": 0, "text": 1}, 2
    else:
        places, width = _find_columns(header, columns, f"{path}:{numbered[0][0]}"), len(header)
        del numbered[0]
    rows, problems = [], []
    for number, line in numbered:
        problem = _problem(line, delimiter)
        cells = [] if problem else _cells(line, delimiter)
        if not problem and len(cells) != width:
            problem = f"expected {width} columns, received {len(cells)}"
        if problem:
            problems.append((number, problem))
        elif any(cell.strip() for cell in cells):
            rows.append(TableRow(number, {role: cells[place].strip() for role, place in places.items()}))
    return rows, problems


def delimiter_of(header: str) -> str:
    """What separates the cells of a table, by its first line: a comma, a semicolon or a tab."""
    return max(_DELIMITERS, key=header.count)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, strict=True))


def _problem(line: str, delimiter: str) -> str:
    if "\0" in line:
        return "expected text, received a NUL byte"
    try:
        _cells(line, delimiter)
    except csv.Error:
        return f"expected quotes in pairs around cells, received {line.strip()[:200]}"
    return ""


def _find_columns(header: Sequence[str], named: Mapping[str, str], where: str) -> dict[str, int]:
    lowered = [name.lower() for name in header]
    places: dict[str, int] = {}
    for role, candidates in COLUMNS.items():
        if named.get(role):
            if named[role] not in header:
                raise UserError(
                    f"{where}: --{role}-column: expected one of {', '.join(header)}, received {named[role]}"
                )
            places[role] = header.index(named[role])
            continue
        known = [lowered.index(name) for name in candidates if name in lowered]
        if known:
            places[role] = known[0]
    missing = [role for role in _REQUIRED if role not in places]
    if missing:
        options = " and ".join(f"--{role}-column" for role in missing)
        raise UserError(
            f"{where}: expected columns for image and text, received the header {', '.join(header) or '(empty)'}; say "
            f"which is which with {options}, or write a header (image_path, plate_text) above the rows"
        )
    return places
