"""Markdown tables that are also straight in a terminal."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence


def format_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Lays out a Markdown table that is also straight in a terminal: numbers to the right, Chinese two columns wide."""
    rows = list(rows)
    body = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    columns = list(zip(header, *body, strict=True))
    widths = [max(3, *map(display_width, column)) for column in columns]
    numeric = [bool(rows) and all(_is_number(row[column]) for row in rows) for column in range(len(columns))]

    def line(cells: Sequence[str]) -> str:
        padded = []
        for cell, width, right in zip(cells, widths, numeric, strict=True):
            space = " " * (width - display_width(cell))
            padded.append(space + cell if right else cell + space)
        return f"| {' | '.join(padded)} |"

    rule = ["-" * (width - 1) + (":" if right else "-") for width, right in zip(widths, numeric, strict=True)]
    return "\n".join([line(header), line(rule), *map(line, body)])


def _is_number(cell: object) -> bool:
    return isinstance(cell, (int, float)) or bool(re.fullmatch(r"[\d.]+%", str(cell)))


def display_width(text: str) -> int:
    """Columns a text takes in a terminal."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
