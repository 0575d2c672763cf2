"""Checking lists of labelled images: each image, each label, and what stands in more than one place.

An accuracy is only as good as its lists: a plate that stands in train and in test measures memory, a copy with another
label measures the label. `check_lists` opens every image and returns what is wrong, worst first, with the rows it
concerns.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lp_recognition.images.near_duplicates import NEAR_DISTANCE
from lp_recognition.lists.annotations import missing_hint, read_annotations
from lp_recognition.lists.image_facts import BLANK_DEVIATION, ImageFacts, inspect_images
from lp_recognition.lists.problems import ERRORS, LEAKS, WARNINGS, Problem, Row
from lp_recognition.lists.repetitions import copies, near_copies, plates_in_two_lists
from lp_recognition.lists.rows import label_problems
from lp_recognition.lists.spellings import spelling_problems
from lp_recognition.system.errors import UserError
from lp_recognition.texts.vocabulary import Vocabulary, split_symbols

#: Of ten Chinese plates of two lines eight are narrower than this many heights; of crops of one line, 1 to 6 in 100,
#: which are turned or cut loosely.
MIN_ASPECT = 1.8

_IMAGE_KINDS = ("missing image", "empty image", "unreadable image", "truncated image")


@dataclass(frozen=True)
class Rules:
    """What a label and an image have to be; None and empty check nothing.

    Attributes:
        vocabulary: The alphabet of the model.
        patterns: Regular expressions; a label has to match one as a whole.
        max_length: The most characters.
        time_steps: The length of the model's output.
        min_size: The least `(height, width)` of an image.
        min_aspect: The least width of an image, in heights; one below it is hardly a plate of one line.
        near_distance: Images whose hashes differ in at most this many of 256 bits are nearly the same; below 0, none.
    """

    vocabulary: Vocabulary | None = None
    patterns: tuple[str, ...] = ()
    max_length: int | None = None
    time_steps: int | None = None
    min_size: tuple[int, int] = (10, 24)
    min_aspect: float = MIN_ASPECT
    near_distance: int = NEAR_DISTANCE

    def __post_init__(self) -> None:
        """Refuses a pattern that is none."""
        for pattern in self.patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise UserError(f"pattern: expected a regular expression, received {pattern!r} ({error})") from None


@dataclass(frozen=True)
class ListCounts:
    """Counts of one list: by label length, by first character (the province, in China), by character.

    `sizes` holds the `(height, width)` of the image of each row, in pixels, where it could be read.
    """

    name: str
    rows: int
    plates: int
    lengths: Mapping[int, int]
    first_characters: Mapping[str, int]
    characters: Mapping[str, int]
    sizes: tuple[tuple[int, int], ...]

    @property
    def aspects(self) -> list[float]:
        """The width of each image, in heights."""
        return [width / height for height, width in self.sizes]


@dataclass(frozen=True)
class CheckResult:
    """All that was found.

    Attributes:
        lists: Counts of each list.
        problems: Errors first, in the order of `ERRORS` and `WARNINGS`.
        images: Facts of each image that could be read, by path.
        rows: All rows, in order.
    """

    lists: tuple[ListCounts, ...]
    problems: tuple[Problem, ...]
    images: Mapping[Path, ImageFacts]
    rows: tuple[Row, ...]

    @property
    def errors(self) -> int:
        """Number of errors."""
        return sum(problem.is_error for problem in self.problems)

    @property
    def warnings(self) -> int:
        """Number of warnings."""
        return len(self.problems) - self.errors

    def by_kind(self) -> dict[str, list[Problem]]:
        """Problems grouped by kind, worst kind first."""
        groups: dict[str, list[Problem]] = {}
        for problem in self.problems:
            groups.setdefault(problem.kind, []).append(problem)
        return groups


def check_lists(lists: Sequence[str | Path], rules: Rules, *, workers: int = 1) -> CheckResult:
    """Checks lists by themselves and against each other.

    Args:
        lists: Files of `path LABEL` rows.
        rules: What labels and images have to be.
        workers: Processes that open images.

    Raises:
        AnnotationError: a list that is missing or empty.
    """
    rows: list[Row] = []
    problems: list[Problem] = []
    for index, path in enumerate(lists):
        annotations, broken = read_annotations(path, skip_bad_rows=True)
        rows += [Row(index, annotation) for annotation in annotations]
        problems += [Problem("broken row", message) for message in broken]
    images = inspect_images({row.annotation.path for row in rows}, workers)

    problems += _image_problems(rows, images, rules)
    for row in rows:
        found = label_problems(row.label, rules.vocabulary, rules.max_length, rules.time_steps, rules.patterns)
        problems += [Problem(kind, f"{row.annotation.source}: {details}", (row,)) for kind, details in found]
    problems += spelling_problems(rows, rules.vocabulary)
    names = [str(path) for path in lists]
    problems += plates_in_two_lists(rows, names)
    problems += copies(rows, images, names)
    problems += near_copies(rows, images, names, rules.near_distance)
    order = {kind: place for place, kind in enumerate((*ERRORS, *WARNINGS))}
    problems.sort(key=lambda problem: order[problem.kind])  # stable: within a kind as found
    readable = {path: facts for path, facts in images.items() if not facts.problem}
    counts = tuple(
        _count(name, [row for row in rows if row.list_index == index], readable) for index, name in enumerate(names)
    )
    return CheckResult(counts, tuple(problems), readable, tuple(rows))


def rows_without_errors(result: CheckResult) -> list[list[Row]]:
    """The rows of each list that no error concerns.

    Where a plate or a picture stands in two lists, the list that was named last keeps it: what is measured stays, and
    training gives way.
    """
    dropped: set[Row] = set()
    for problem in result.problems:
        if problem.is_error and problem.rows:
            last = max(row.list_index for row in problem.rows) if problem.kind in LEAKS else -1
            dropped.update(row for row in problem.rows if row.list_index != last)
    return [
        [row for row in result.rows if row.list_index == index and row not in dropped]
        for index in range(len(result.lists))
    ]


def _image_problems(rows: Sequence[Row], images: Mapping[Path, ImageFacts], rules: Rules) -> list[Problem]:
    problems = []
    for row in rows:
        facts = images[row.annotation.path]
        where = f"{row.annotation.source}: {row.annotation.path}"
        if facts.problem:
            kind, _, details = facts.problem.partition(": ")
            kind = kind if kind in _IMAGE_KINDS else "unreadable image"
            hint = missing_hint(row.annotation) if kind == "missing image" else ""
            problems.append(Problem(kind, f"{where}: {details}{hint}", (row,)))
            continue
        height, width = facts.size
        if height < rules.min_size[0] or width < rules.min_size[1]:
            least = f"{rules.min_size[0]} x {rules.min_size[1]}"
            problems.append(
                Problem("tiny image", f"{where}: expected {least} or more, received {height} x {width}", (row,))
            )
        if width / height < rules.min_aspect:
            expected = f"expected a width of {rules.min_aspect:g} heights or more"
            message = f"{where}: {expected}, received {width / height:.2f} ({height} x {width})"
            problems.append(Problem("perhaps two lines", message, (row,)))
        if facts.contrast < BLANK_DEVIATION:
            problems.append(Problem("blank image", f"{where}: every pixel is about {facts.brightness:.0f}", (row,)))
    return problems


def _count(name: str, rows: Sequence[Row], images: Mapping[Path, ImageFacts]) -> ListCounts:
    symbols = [split_symbols(row.label) for row in rows]
    return ListCounts(
        name,
        rows=len(rows),
        plates=len({row.plate for row in rows}),
        lengths=dict(sorted(Counter(map(len, symbols)).items())),
        first_characters=_by_count(Counter(label[0] for label in symbols)),
        characters=dict(sorted(Counter(symbol for label in symbols for symbol in label).items())),
        sizes=tuple(images[row.annotation.path].size for row in rows if row.annotation.path in images),
    )


def _by_count(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
