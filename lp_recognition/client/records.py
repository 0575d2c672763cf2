"""What was read in a drive, written line by line as it comes: a table of the reads, and everything as JSON."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.client.results import Result
from lp_recognition.system.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Self

#: The columns of the table: the first three as clients of other services write them.
COLUMNS = (
    "Date", "License Plate", "Coordinates", "Coordinates Age", "Speed", "Course", "Confidence", "Score", "Left", "Top",
    "Width", "Height", "Source", "Frame",
)  # fmt: skip


class LineFile:
    """A file that lines are added to; each is there for others as soon as it is written.

    Args:
        path: The file; what is in it stays.

    Raises:
        UserError: it cannot be written.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = path
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what could not be written is told at once, and nothing is left to write at the end.
            self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 (closed with the block)
        except OSError as error:
            raise UserError(f"{path}: cannot be written: {error.strerror}; name another file") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def write(self, line: str) -> None:
        """Adds a line.

        Raises:
            UserError: the disk is full.
        """
        data = line.encode("utf-8", "backslashreplace")
        try:
            reason = None if self._file.write(data) == len(data) else "the disk is full"
        except OSError as error:
            reason = error.strerror
        if reason is not None:
            raise UserError(f"{self._path}: cannot be written: {reason}; the lines before are whole")


class CsvFile(LineFile):
    """A row for each plate that was read surely enough.

    Args:
        path: The file; one that was begun before is gone on with.
        min_confidence: What is read less surely is left out.

    Raises:
        UserError: it cannot be written, or is another table.
    """

    def __init__(self, path: str | Path, min_confidence: float) -> None:
        self._min_confidence = min_confidence
        head = _head(path)
        if head not in ("", _row(COLUMNS)):
            raise UserError(
                f"{path}: expected a table that begins with {','.join(COLUMNS[:3])},..., received another file; name "
                "another --csv"
            )
        super().__init__(path)
        if not head:
            self.write(_row(COLUMNS))

    def add(self, result: Result) -> None:
        """Adds the plates of a frame."""
        frame, position = result.shot.frame, result.shot.position
        for plate in result.plates(self._min_confidence):
            where = ("", "", "", "") if position is None else (
                position.coordinates, f"{position.age_s:.3f}", _told(position.fix.speed_mps),
                _told(position.fix.course_deg),
            )  # fmt: skip
            box = [round(value, 1) for value in plate.box]
            self.write(
                _row(
                    (
                        frame.time.isoformat(), plate.text, *where, f"{plate.confidence:.4f}", f"{plate.score:.4f}",
                        *box, frame.source, frame.number,
                    )
                )
            )  # fmt: skip


class JsonLinesFile(LineFile):
    """An object a line for each frame that was sent, whatever came of it."""

    def add(self, result: Result) -> None:
        """Adds a frame."""
        self.write(json.dumps(result.to_json(), ensure_ascii=False) + "\n")


def _head(path: str | Path) -> str:
    """The first line of a file, empty where there is none."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace", newline="") as file:
            return file.readline(10_000)
    except OSError:  # it is not there yet, or cannot be read, which writing will tell
        return ""


def _row(cells: tuple[object, ...]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def _told(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
