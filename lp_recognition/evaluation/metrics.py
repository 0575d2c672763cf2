"""How well plates are read: LP-RR and what stands behind it.

Everything is compared symbol by symbol (`<Beijing>` is one) and in the merged form of the vocabulary, labels and
readings alike, so that a model that knows `O` and `0` as one class is not blamed for either. No plate ever leaves the
denominator: a pattern can only make a reading wrong.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import itertools
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lp_recognition.system.tables import format_table
from lp_recognition.texts.vocabulary import Vocabulary, split_symbols

#: So many possible texts of a reading with merged classes are held against the patterns. A plate has 36 provinces
#: times a few O/0 and I/1; only garbage has more, and would take for ever.
MAX_READINGS = 10_000

_CSV_COLUMNS = ("path", "label", "reading", "right", "edit_distance", "confidence", "fits_pattern")
_CSV_BY_PATTERNS = ("reading_by_patterns", "right_by_patterns", "confidence_by_patterns")


@dataclass(frozen=True)
class Judgement:
    """What is right and wrong about one reading.

    Attributes:
        right: Whether reading and label are the same, in merged form.
        right_last_six: Whether their last six symbols are.
        fits_pattern: Whether the reading may be a text that fits one of the patterns; None where there are none.
        alignment: Pairs `(true, read)` of a shortest edit; `""` stands for a symbol that is missing on that side.
    """

    right: bool
    right_last_six: bool
    fits_pattern: bool | None
    alignment: tuple[tuple[str, str], ...]

    @property
    def edit_distance(self) -> int:
        """Insertions, deletions and substitutions between label and reading."""
        return sum(true != read for true, read in self.alignment)


@dataclass(frozen=True)
class Group:
    """The plates that share a first character or a length."""

    plates: int
    right: int

    @property
    def lp_rr(self) -> float:
        """The share of plates read right."""
        return self.right / self.plates


@dataclass(frozen=True)
class Metrics:
    """How a list of plates was read. Shares are in [0, 1].

    Attributes:
        plates: Number of plates: the denominator of every share.
        right: Plates read right, in merged form.
        lp_rr: right / plates.
        lp_rr_interval: Its 95% confidence interval (Wilson 1927).
        lp_rr_with_patterns: The same, where a reading that fits no pattern counts as wrong; None without patterns.
        fits_no_pattern: Number of readings that fit no pattern; None without patterns.
        lp_rr_at_most_one_wrong: Plates whose reading is at most one insertion, deletion or substitution from the label.
        lp_rr_last_six: Plates whose last six symbols are read right: the usual comparison for Chinese plates, whose
            first character, the province, is the hard one.
        character_accuracy: 1 - edit distances / symbols of all labels, at least 0.
        mean_edit_distance: Insertions, deletions and substitutions per plate.
        by_first_character: Groups by the first symbol of the label as it is written in the list.
        by_length: Groups by the number of symbols of the label.
        confusions: `(true, read, count)` of all wrong symbols, the most frequent first; `""` as `true` is a symbol read
            where none was, as `read` one that was missed.
    """

    plates: int
    right: int
    lp_rr: float
    lp_rr_interval: tuple[float, float]
    lp_rr_with_patterns: float | None
    fits_no_pattern: int | None
    lp_rr_at_most_one_wrong: float
    lp_rr_last_six: float
    character_accuracy: float
    mean_edit_distance: float
    by_first_character: dict[str, Group]
    by_length: dict[int, Group]
    confusions: tuple[tuple[str, str, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON knows them."""
        values = dataclasses.asdict(self)
        for name in ("by_first_character", "by_length"):
            groups: dict[Any, Group] = getattr(self, name)
            values[name] = {
                str(key): {"plates": group.plates, "right": group.right, "lp_rr": group.lp_rr}
                for key, group in groups.items()
            }
        values["lp_rr_interval"] = list(self.lp_rr_interval)
        values["confusions"] = [{"true": true, "read": read, "count": count} for true, read, count in self.confusions]
        return values

    def to_table(self, confusions: int = 10, by_patterns: Metrics | None = None) -> str:
        """All figures for a person, as Markdown tables.

        Args:
            confusions: So many of the most frequent ones.
            by_patterns: The figures of the same plates read by patterns: a row tells their LP-RR.
        """
        rows: list[tuple[object, ...]] = [("plates", self.plates), ("LP-RR", self._shown_lp_rr())]
        if self.lp_rr_with_patterns is not None:
            note = f"{self.fits_no_pattern} readings fit no pattern"
            rows.append(("LP-RR, misfits counted wrong", f"{_percent(self.lp_rr_with_patterns)} ({note})"))
        if by_patterns is not None:
            rows.append(("LP-RR, read by patterns", by_patterns._shown_lp_rr()))
        rows += [
            ("LP-RR, at most one wrong", _percent(self.lp_rr_at_most_one_wrong)),
            ("LP-RR, last six characters", _percent(self.lp_rr_last_six)),
            ("character accuracy", _percent(self.character_accuracy)),
            ("mean edit distance", f"{self.mean_edit_distance:.3f}"),
        ]
        tables = [format_table(("measure", "value"), rows)]
        groups: tuple[tuple[str, dict[Any, Group]], ...] = (
            ("first character", self.by_first_character),
            ("length", self.by_length),
        )
        for name, members in groups:
            cells = [(key, group.plates, group.right, _percent(group.lp_rr)) for key, group in members.items()]
            tables.append(format_table((name, "plates", "right", "LP-RR"), cells))
        if self.confusions:
            wrong = [(true or "(none)", read or "(none)", count) for true, read, count in self.confusions]
            tables.append(format_table(("true", "read", "times"), wrong[:confusions]))
        return "\n\n".join(tables)

    def _shown_lp_rr(self) -> str:
        low, high = self.lp_rr_interval
        return f"{_percent(self.lp_rr)} ({self.right} right; 95% interval {_percent(low)} to {_percent(high)})"


def evaluate_readings(
    readings: Sequence[str], labels: Sequence[str], vocabulary: Vocabulary, patterns: Sequence[str] = ()
) -> Metrics:
    """Compares readings with labels.

    Args:
        readings: What was read, one text for each label.
        labels: What is right.
        vocabulary: Which classes are merged.
        patterns: Regular expressions of legal plates, as `lpr_patterns`; a reading fits if it matches one as a whole.

    Raises:
        ValueError: no plate, or not as many readings as labels.
    """
    return summarize_judgements(labels, judge_readings(readings, labels, vocabulary, patterns))


def judge_readings(
    readings: Sequence[str], labels: Sequence[str], vocabulary: Vocabulary, patterns: Sequence[str] = ()
) -> list[Judgement]:
    """Compares each reading with its label; arguments and errors as for `evaluate_readings`."""
    if len(readings) != len(labels):
        raise ValueError(f"expected a reading for each of {len(labels)} labels, received {len(readings)}")
    if not labels:
        raise ValueError("expected at least one plate, received none")
    judgements = []
    for reading, label in zip(readings, labels, strict=True):
        true, read = split_symbols(vocabulary.merge(label)), split_symbols(vocabulary.merge(reading))
        judgements.append(
            Judgement(
                right=true == read,
                right_last_six=true[-6:] == read[-6:],
                fits_pattern=fits_patterns(reading, vocabulary, patterns) if patterns else None,
                alignment=tuple(align(true, read)),
            )
        )
    return judgements


def fits_patterns(reading: str, vocabulary: Vocabulary, patterns: Sequence[str]) -> bool:
    """Whether a text that `reading` may stand for matches one of the patterns as a whole.

    Of a text with so many merged classes that it may stand for more than `MAX_READINGS`, only those are tried.
    """
    compiled = [re.compile(pattern) for pattern in patterns]
    texts = itertools.islice(vocabulary.readings(vocabulary.merge(reading)), MAX_READINGS)
    return any(pattern.fullmatch(text) for text in texts for pattern in compiled)


def edit_distance(first: Sequence[str], second: Sequence[str]) -> int:
    """The fewest insertions, deletions and substitutions that turn one into the other (Levenshtein 1966)."""
    return sum(left != right for left, right in align(first, second))


def align(true: Sequence[str], read: Sequence[str]) -> list[tuple[str, str]]:
    """Pairs the symbols of two texts by a shortest edit; `""` stands for a missing symbol.

    Where several edits are as short, substitutions are preferred, from the end.
    """
    if list(true) == list(read):
        return list(zip(true, read, strict=True))
    costs = [list(range(len(read) + 1))]  # costs[i][j]: between the first i and the first j symbols
    for i, symbol in enumerate(true, start=1):
        above, row = costs[-1], [i]
        for j, other in enumerate(read, start=1):
            row.append(min(above[j - 1] + (symbol != other), above[j] + 1, row[j - 1] + 1))
        costs.append(row)
    pairs = []
    i, j = len(true), len(read)
    while i or j:
        if i and j and costs[i][j] == costs[i - 1][j - 1] + (true[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
            pairs.append((true[i], read[j]))
        elif i and costs[i][j] == costs[i - 1][j] + 1:
            i -= 1
            pairs.append((true[i], ""))
        else:
            j -= 1
            pairs.append(("", read[j]))
    return pairs[::-1]


def wilson_interval(right: int, plates: int) -> tuple[float, float]:
    """The 95% confidence interval of a share (Wilson 1927), which stays in [0, 1] and is honest near its ends."""
    z = 1.959963984540054  # the 97.5% quantile of the normal distribution
    share = right / plates
    center = share + z * z / (2 * plates)
    spread = z * math.sqrt(share * (1 - share) / plates + (z / (2 * plates)) ** 2)
    scale = 1 + z * z / plates
    return (
        min(max((center - spread) / scale, 0.0), share),
        max(min((center + spread) / scale, 1.0), share),
    )  # the share itself stays inside, whatever the rounding


def format_csv(
    paths: Sequence[str | Path],
    labels: Sequence[str],
    readings: Sequence[str],
    confidences: Sequence[float],
    judgements: Sequence[Judgement],
    by_patterns: Sequence[tuple[str, float, bool]] | None = None,
) -> str:
    """The text of `eval.csv`: a row per plate, with right and fits_pattern as 1 or 0 (empty without patterns).

    What was read by patterns, `(reading, confidence, right)` of each plate, stands in three columns more.
    """
    added: list[tuple[object, ...]] = [()] * len(labels)
    if by_patterns is not None:
        added = [(other, int(right), f"{share:.6f}") for other, share, right in by_patterns]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_COLUMNS if by_patterns is None else _CSV_COLUMNS + _CSV_BY_PATTERNS)
    for path, label, reading, confidence, judgement, more in zip(
        paths, labels, readings, confidences, judgements, added, strict=True
    ):
        fits = "" if judgement.fits_pattern is None else int(judgement.fits_pattern)
        writer.writerow(
            (path, label, reading, int(judgement.right), judgement.edit_distance, f"{confidence:.6f}", fits, *more)
        )
    return text.getvalue()


def summarize_judgements(labels: Sequence[str], judgements: Sequence[Judgement]) -> Metrics:
    """The figures of readings that were judged already, one judgement for each label."""
    plates = len(judgements)
    right = sum(judgement.right for judgement in judgements)
    distances = [judgement.edit_distance for judgement in judgements]
    symbols = [split_symbols(label) for label in labels]
    num_symbols = sum(map(len, symbols))
    accuracy = 1 - sum(distances) / num_symbols if num_symbols else float(not any(distances))
    wrong = Counter(pair for judgement in judgements for pair in judgement.alignment if pair[0] != pair[1])

    fitting: int | None = None
    right_and_fitting = None
    if judgements[0].fits_pattern is not None:
        fitting = sum(bool(judgement.fits_pattern) for judgement in judgements)
        right_and_fitting = sum(judgement.right and bool(judgement.fits_pattern) for judgement in judgements) / plates

    first = _groups([label[0] if label else "" for label in symbols], judgements)
    length = _groups([len(label) for label in symbols], judgements)
    return Metrics(
        plates=plates,
        right=right,
        lp_rr=right / plates,
        lp_rr_interval=wilson_interval(right, plates),
        lp_rr_with_patterns=right_and_fitting,
        fits_no_pattern=None if fitting is None else plates - fitting,
        lp_rr_at_most_one_wrong=sum(distance <= 1 for distance in distances) / plates,
        lp_rr_last_six=sum(judgement.right_last_six for judgement in judgements) / plates,
        character_accuracy=max(accuracy, 0.0),
        mean_edit_distance=sum(distances) / plates,
        by_first_character=dict(sorted(first.items(), key=lambda item: (-item[1].plates, item[0]))),
        by_length=dict(sorted(length.items())),
        confusions=tuple(
            (true, read, count) for (true, read), count in sorted(wrong.items(), key=lambda item: (-item[1], item[0]))
        ),
    )


def _groups(keys: Sequence[Any], judgements: Sequence[Judgement]) -> dict[Any, Group]:
    plates, right = Counter(keys), Counter(key for key, one in zip(keys, judgements, strict=True) if one.right)
    return {key: Group(count, right[key]) for key, count in plates.items()}


def _percent(share: float) -> str:
    return f"{100 * share:.1f}%"
