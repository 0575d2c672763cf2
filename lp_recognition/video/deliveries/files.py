"""Events in files: JSON lines and CSV, a line an event, of which none is lost, halved or doubled by a kill."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lp_recognition.system.errors import UserError
from lp_recognition.video.database.outbox import Message
from lp_recognition.video.deliveries.target import DeliveryError
from lp_recognition.video.event_table import COLUMNS, event_row

#: What is read of a file's end to know what is in it already.
_TAIL_BYTES = 1 << 18


class LineFile:
    """A file that grows by lines; others may read it meanwhile.

    A last line without an end, which a killed program left, is taken away: its message is still in the outbox. What the
    last lines hold is not written again.

    Args:
        path: The file; it and its folder are made where they are missing.
        line_of: The line of an event, without its end.
        mark_of: What a line's event is told from others by; None of a line that holds none.
        header: The first line of a new file; empty for none.

    Raises:
        UserError: it cannot be opened.
    """

    batch = 100

    def __init__(
        self, path: str | Path, line_of: Callable[[dict[str, Any]], str],
        mark_of: Callable[[str], tuple[str, int] | None], header: str = "",
    ) -> None:  # fmt: skip
        self._path = Path(path)
        self._line_of = line_of
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        except OSError as error:
            message = f"{self._path}: cannot be written: {error.strerror}; name another file, or mend its permissions"
            raise UserError(message) from None
        try:
            tail = self._mended_tail()
            if not tail and header:
                self._append(header + "\n")
        except BaseException:
            os.close(self._file)
            raise
        self._marks = {mark_of(line) for line in tail.splitlines()} - {None}

    def send(self, messages: Sequence[Message], stopped: Callable[[], bool]) -> None:
        """As of `Target`: the lines are on the disk when it returns."""
        lines = [self._line_of(message.event) for message in messages if message.mark not in self._marks]
        self._append("".join(f"{line}\n" for line in lines))
        self._marks = {message.mark for message in messages}

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)

    def _mended_tail(self) -> str:
        """The last lines, all whole."""
        size = os.fstat(self._file).st_size
        start = max(0, size - _TAIL_BYTES)
        data = os.pread(self._file, size - start, start) if size else b""
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data) and (whole or not start):
            os.ftruncate(self._file, start + len(whole))
        return whole.decode("utf-8", "replace")

    def _append(self, text: str) -> None:
        """Writes all of a text or nothing.

        Raises:
            DeliveryError: it cannot be written, as the disk is full.
        """
        size = os.fstat(self._file).st_size
        data = text.encode("utf-8", "backslashreplace")
        try:
            while data:
                data = data[os.write(self._file, data) :]
            os.fsync(self._file)
        except OSError as error:
            os.ftruncate(self._file, size)
            raise DeliveryError(f"{self._path}: cannot be written: {error.strerror}") from None


def open_jsonl(path: str | Path) -> LineFile:
    """A file of events as JSON, an object a line.

    Raises:
        UserError: it cannot be opened.
    """
    return LineFile(path, lambda event: json.dumps(event, ensure_ascii=False), _mark_of_json)


def open_csv(path: str | Path) -> LineFile:
    """A file of events as CSV, with a header.

    Raises:
        UserError: it cannot be opened.
    """
    return LineFile(path, lambda event: _csv_line(event_row(event)), _mark_of_csv, _csv_line(COLUMNS))


def _mark_of_json(line: str) -> tuple[str, int] | None:
    try:
        event = json.loads(line)
        return event["id"], event["sequence"]
    except (ValueError, KeyError, TypeError):
        return None


def _mark_of_csv(line: str) -> tuple[str, int] | None:
    try:
        identity, sequence, *_ = next(csv.reader([line], strict=True))
        return identity, int(sequence)
    except (csv.Error, ValueError, StopIteration):
        return None


def _csv_line(cells: Sequence[object]) -> str:
    line = io.StringIO()
    # A line an event: an end of line within a cell would make two of it.
    csv.writer(line, lineterminator="").writerow([" ".join(cell.split()) if isinstance(cell, str) else cell
                                                  for cell in cells])  # fmt: skip
    return line.getvalue()
