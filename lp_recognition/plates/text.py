"""The text of a plate: drawn from a format's layouts and alphabets."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from random import Random

from lp_recognition.plates.format_schema import Format


@dataclass(frozen=True)
class Text:
    """A drawn text.

    Attributes:
        layout: The pattern it was drawn from, e.g. `PL·SSSSS`.
        symbols: For each name of the pattern its character, or an empty string for a mark or a line break.
    """

    layout: str
    symbols: tuple[str, ...]

    @property
    def label(self) -> str:
        """What a reader should read: the characters alone."""
        return "".join(self.symbols)

    def line(self, which: int) -> Text:
        """The text of one of its lines, by number from 0."""
        rows = self.layout.split("/")
        start = sum(len(row) + 1 for row in rows[:which])
        return Text(rows[which], self.symbols[start : start + len(rows[which])])


class TextSource:
    """Draws texts of one format."""

    def __init__(self, plate_format: Format) -> None:
        self._patterns = [layout.pattern for layout in plate_format.layouts]
        self._pattern_weights = list(itertools.accumulate(layout.weight for layout in plate_format.layouts))
        self._alphabets = plate_format.alphabets
        self._frequencies = {
            name: list(itertools.accumulate(alphabet.weights()))
            for name, alphabet in self._alphabets.items()
            if alphabet.frequencies
        }

    def draw(self, random: Random) -> Text:
        """Draws one text."""
        pattern = self._patterns[0]
        if len(self._patterns) > 1:
            pattern = random.choices(self._patterns, cum_weights=self._pattern_weights)[0]
        symbols = []
        for name in pattern:
            alphabet = self._alphabets.get(name)
            if alphabet is None:
                symbols.append("")
            elif name in self._frequencies and random.random() < alphabet.frequency_share:
                symbols.append(random.choices(alphabet.characters, cum_weights=self._frequencies[name])[0])
            else:
                symbols.append(random.choice(alphabet.characters))
        return Text(pattern, tuple(symbols))
