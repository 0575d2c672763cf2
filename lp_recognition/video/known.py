"""Known plates: which of them a reading is taken for.

Readings and known plates are compared in the form that all ways to write a plate have in common (`plate_of`): case,
spaces, dashes and look-alike letters of other scripts are no difference. A known plate may be a pattern: `?` stands for
one character, `*` for any number. Beyond that a reading may differ by edits, of which those between look-alikes (O and
0) cost less: a Levenshtein distance with weights.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import extract

from lp_recognition.settings.known import KnownConfig
from lp_recognition.texts.normal_form import normal_form, plate_key
from lp_recognition.texts.vocabulary import plate_of, split_symbols
from lp_recognition.video.events import KnownMatch

#: Readings whose answer is remembered: those of the cars in sight, not of all that ever passed.
_REMEMBERED = 4096
#: The first code of a private area of Unicode, where names in angle brackets become single characters.
_PRIVATE = 0xF0000


@dataclass(frozen=True)
class KnownPlate:
    """A plate of a list.

    Attributes:
        plate: As it was written; `?` and `*` are wild cards.
        note: What a person wants to be told of it.
        record: The columns of its row, by their names.
        changed: When it was added to a database, or changed there; None of one that is in none.
    """

    plate: str
    note: str = ""
    record: Mapping[str, str] = field(default_factory=dict)
    changed: datetime | None = field(default=None, compare=False)

    @property
    def key(self) -> str:
        """What all ways to write it have in common, its wild cards kept; empty where nothing of a plate is left."""
        return known_key(self.plate)

    @property
    def is_plate(self) -> bool:
        """Whether it holds anything of a plate beside wild cards."""
        return bool(self.key.strip("?*"))


def known_key(plate: str) -> str:
    """As `plate_of`, with the wild cards `?` and `*` kept; empty where nothing is left."""
    parts = re.split(r"([?*])", normal_form(plate))
    return "".join(part if part in ("?", "*") else plate_of(part) if plate_key(part) else "" for part in parts)


class KnownPlates:
    """A list of known plates to look readings up in. It is fast for tens of thousands, and safe to share by threads.

    Args:
        plates: The list.
        config: How far a reading may be from a plate.
    """

    def __init__(self, plates: Iterable[KnownPlate], config: KnownConfig | None = None) -> None:
        self._config = config or KnownConfig()
        self._groups = [set(plate_key(group)) for groups in self._config.lookalikes.values() for group in groups]
        self._representative = _representatives(self._groups)
        self._codes: dict[str, str] = {}
        self._exact: dict[str, KnownPlate] = {}
        patterns: list[tuple[str, KnownPlate]] = []
        for plate in plates:
            key = plate.key
            if "?" in key or "*" in key:
                patterns.append((key, plate))
            elif key:
                self._exact.setdefault(key, plate)
        # Of several patterns the one that says most of the plate is told; of those, the first by the alphabet.
        patterns.sort(key=lambda one: (-len(re.sub("[?*]", "", one[0])), one[0].count("*"), one[0], one[1].plate))
        self._patterns = [(_compiled(key), plate) for key, plate in patterns]
        self._folded: dict[str, list[tuple[str, KnownPlate]]] = defaultdict(list)
        for key, plate in self._exact.items():
            code = self._code(key)
            self._folded[self._fold(code)].append((code, plate))
        self._choices = list(self._folded)
        self._matches: dict[str, KnownMatch | None] = {}

    def __len__(self) -> int:
        return len(self._exact) + len(self._patterns)

    def match(self, text: str) -> KnownMatch | None:
        """The known plate that a reading is taken for; None for none.

        A plate of these very characters comes first, then a pattern, then the plate with the cheapest edits. Where
        several cost the same, it is always the first by the alphabet.
        """
        key = plate_of(text) if plate_key(text) else ""
        if key not in self._matches:
            if len(self._matches) >= _REMEMBERED:
                self._matches = {}
            self._matches[key] = self._find(key) if key else None
        return self._matches.get(key)

    def _find(self, key: str) -> KnownMatch | None:
        exact = self._exact.get(key)
        if exact is not None:
            return KnownMatch(exact.plate, "exact", 0.0, exact.note, exact.record)
        for pattern, plate in self._patterns:
            if pattern.fullmatch(key):
                return KnownMatch(plate.plate, "pattern", 0.0, plate.note, plate.record)
        near = [(cost, known, plate) for known, plate, cost in self._near(self._code(key))]
        if not near:
            return None
        cost, _, plate = min(near, key=lambda one: one[:2])
        return KnownMatch(plate.plate, "edits", round(cost, 4), plate.note, plate.record)

    def _near(self, code: str) -> Iterable[tuple[str, KnownPlate, float]]:
        """The plates within the allowed edits, and what they cost."""
        # Where all look-alikes are one character, no distance is larger: what is far there need not be weighed.
        most = math.floor(self._config.edits + 1e-9)
        folded = self._fold(code)
        choices: Iterable[str] = [folded] if folded in self._folded else []
        if most:
            found = extract(folded, self._choices, scorer=Levenshtein.distance, score_cutoff=most, limit=None)
            choices = [choice for choice, _, _ in found]
        for choice in choices:
            for known, plate in self._folded[choice]:
                cost = self._distance(code, known)
                if cost <= self._config.edits + 1e-9:
                    yield known, plate, cost

    def _distance(self, one: str, other: str) -> float:
        """The Levenshtein distance of two texts where replacing a look-alike costs less."""
        row: list[float] = [float(count) for count in range(len(other) + 1)]
        for count, left in enumerate(one, start=1):
            diagonal, row[0] = row[0], float(count)
            for place, right in enumerate(other, start=1):
                replaced = diagonal + self._cost(left, right)
                diagonal = row[place]
                row[place] = min(replaced, row[place] + 1, row[place - 1] + 1)
        return row[-1]

    def _cost(self, left: str, right: str) -> float:
        if left == right:
            return 0.0
        alike = any(left in group and right in group for group in self._groups)
        return self._config.lookalike_cost if alike else 1.0

    def _fold(self, code: str) -> str:
        """A text in which all that look alike are one character."""
        return "".join(self._representative.get(character, character) for character in code)

    def _code(self, key: str) -> str:
        """A text with a character a symbol, also for `<Beijing>`."""
        if "<" not in key:
            return key
        symbols = split_symbols(key)
        return "".join(
            symbol if len(symbol) == 1 else self._codes.setdefault(symbol, chr(_PRIVATE + len(self._codes)))
            for symbol in symbols
        )


def _compiled(key: str) -> re.Pattern[str]:
    symbol = r"(?:<[^<>]+>|.)"
    meaning = {"?": symbol, "*": f"{symbol}*"}
    return re.compile("".join(meaning.get(part, re.escape(part)) for part in re.split(r"([?*])", key)), re.DOTALL)


def _representatives(groups: Sequence[set[str]]) -> dict[str, str]:
    """The character that stands for all that look like one; groups that share one are of one kind."""
    kinds: list[set[str]] = []
    for group in groups:
        shared = [kind for kind in kinds if kind & group]
        kinds = [kind for kind in kinds if not kind & group] + [group.union(*shared)]
    return {character: min(kind) for kind in kinds for character in kind}
