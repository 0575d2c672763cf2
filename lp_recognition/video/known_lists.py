"""Lists of known plates as CSV files: all columns are kept, and nothing is taken of a list with a broken line."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from lp_recognition.lists.tables import COLUMNS, delimiter_of
from lp_recognition.system.errors import UserError, summarize
from lp_recognition.system.files import decode_text
from lp_recognition.video.known import KnownPlate

_PLATE_NAMES = ("plate", *COLUMNS["text"])
_NOTE = "note"


def read_known_list(path: str | Path) -> list[KnownPlate]:
    """Reads a CSV file: comma, semicolon or tab.

    The plate is in the column called `plate` (or `license_plate`, `lp`, `text`, `label`), else in the first. A column
    `note` is the note. The others are the record. The first row holds the names of the columns, unless its first cell
    has a digit, as plates do: then there are none, and the columns behind the first are called `column 2`, ...

    Raises:
        UserError: by `file:row`, rows that are broken, hold no plate, or one that stands further up.
    """
    try:
        return parse_known_list(Path(path).read_bytes(), str(path))
    except FileNotFoundError:
        raise UserError(f"{path}: expected a list of known plates (CSV), received no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None


def parse_known_list(data: bytes, path: str) -> list[KnownPlate]:
    """The plates of a CSV file that is given by its bytes; see `read_known_list`.

    Args:
        data: The file.
        path: Its name, for messages.

    Raises:
        UserError: as `read_known_list`.
    """
    try:
        text = decode_text(data)
    except UnicodeDecodeError as error:
        message = f"{path}: expected UTF-8 text, received byte {error.start} of another encoding; save it as UTF-8"
        raise UserError(message) from None
    rows, problems = _rows(path, text)
    names, plate_place, has_header = _columns(path, rows[0][1] if rows else [])
    plates: list[KnownPlate] = []
    lines: dict[str, int] = {}
    for number, cells in rows[1:] if has_header else rows:
        where = f"{path}:{number}"
        if len(cells) != len(names):
            problems.append(f"{where}: expected {len(names)} columns, received {len(cells)}")
            continue
        plate = _plate_of(names, cells, plate_place)
        if not plate.is_plate:
            problems.append(f"{where}: expected a plate, received {plate.plate!r}")
        elif plate.key in lines:
            problems.append(f"{where}: expected each plate once, received {plate.plate} as in row {lines[plate.key]}")
        else:
            lines[plate.key] = number
            plates.append(plate)
    if problems:
        raise UserError(f"{summarize(problems)}. Nothing was taken of this list: mend it, and try again")
    if not plates:
        raise UserError(f"{path}: expected known plates, received an empty list")
    return plates


def known_list_text(plates: Sequence[KnownPlate]) -> str:
    """A CSV file that `read_known_list` reads back: plate, note, and the columns of all records."""
    names, file = record_names(plates), io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["plate", _NOTE, *names])
    for plate in plates:
        writer.writerow([plate.plate, plate.note, *(plate.record.get(name, "") for name in names)])
    return file.getvalue()


def record_names(plates: Iterable[KnownPlate]) -> list[str]:
    """The names of the columns of all records."""
    return list(dict.fromkeys(name for plate in plates for name in plate.record))


def _rows(path: str, text: str) -> tuple[list[tuple[int, list[str]]], list[str]]:
    """The rows with the lines they begin in, empty ones left out; and what is wrong."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    lines = io.StringIO(text.replace("\0", "\N{REPLACEMENT CHARACTER}"), newline="")
    reader = csv.reader(lines, delimiter=delimiter_of(first), strict=True)
    rows: list[tuple[int, list[str]]] = []
    while True:
        line = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            return rows, []
        except csv.Error as error:  # what follows cannot be told apart from what stands in the quotes
            return rows, [f"{path}:{line}: expected quotes in pairs around cells ({error})"]
        if any(cells):
            rows.append((line, cells))


def _columns(path: str, first: Sequence[str]) -> tuple[list[str], int, bool]:
    """The names of the columns, the place of the plate among them, and whether the first row is theirs."""
    lowered = [cell.lower() for cell in first]
    places = [lowered.index(name) for name in _PLATE_NAMES if name in lowered]
    numbered = [f"column {place}" for place in range(1, len(first) + 1)]
    if not places and first and any(character.isdigit() for character in first[0]):
        return numbered, 0, False
    names = [cell or number for cell, number in zip(first, numbered, strict=True)]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UserError(f"{path}:1: expected columns of different names, received `{twice[0]}` twice; rename one")
    return names, places[0] if places else 0, True


def _plate_of(names: Sequence[str], cells: Sequence[str], plate_place: int) -> KnownPlate:
    note, record = "", {}
    for place, (name, cell) in enumerate(zip(names, cells, strict=True)):
        if place == plate_place:
            continue
        if name.lower() == _NOTE:
            note = cell
        else:
            record[name] = cell
    return KnownPlate(cells[plate_place], note, record)
