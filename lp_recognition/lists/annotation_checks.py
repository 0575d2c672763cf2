"""Checking lists of labelled images: each image, each label, and what stands in more than one place.

An accuracy is only as good as its lists: a plate that stands in train and in test measures memory, a copy with another
label measures the label. `check_lists` opens every image and returns what is wrong, worst first, with the rows it
concerns.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image
from lp_recognition.images.near_duplicates import NEAR_DISTANCE, find_near_pairs, perceptual_hash
from lp_recognition.images.photographs import read_photograph
from lp_recognition.lists.annotations import Annotation, read_annotations
from lp_recognition.system.errors import ImageError, UserError
from lp_recognition.system.parallel import run_parallel
from lp_recognition.texts.vocabulary import Vocabulary, VocabularyError, min_time_steps, plate_of, split_symbols

#: What is found, worst first, and what it means. Errors spoil a figure or stop a training; warnings are worth a look.
ERRORS = {
    "plate in two lists": "the leak: a plate to be measured was seen in training",
    "image in two lists": "the same picture, or nearly, in two lists",
    "two labels": "the same picture with two labels: one is wrong",
    "broken row": "rows that are not 'path LABEL'",
    "missing image": "images that are not there",
    "empty image": "files of no bytes",
    "unreadable image": "files that are no image",
    "truncated image": "files that end in the middle of the picture",
    "outside alphabet": "labels with characters that the model cannot write",
    "outside pattern": "labels that fit no pattern",
    "too long": "labels of more characters than allowed",
    "too few time steps": "labels that CTC cannot write: a step a character, and one between equal neighbours",
}
WARNINGS = {
    "other label, look alike": "nearly the same picture with two labels: one may be wrong",
    "tiny image": "images too small to read",
    "blank image": "images of one shade",
    "copy": "the same picture more than once in a list",
    "near copy": "nearly the same picture more than once in a list",
}
_IMAGE_KINDS = ("missing image", "empty image", "unreadable image", "truncated image")
#: Standard deviation of the gray values below which an image shows nothing, and its hash means nothing.
_BLANK_DEVIATION = 2.0


@dataclass(frozen=True)
class Rules:
    """What a label and an image have to be; None and empty check nothing.

    Attributes:
        vocabulary: The alphabet of the model.
        patterns: Regular expressions; a label has to match one as a whole.
        max_length: The most characters.
        time_steps: The length of the model's output.
        min_size: The least `(height, width)` of an image.
        near_distance: Images whose hashes differ in at most this many of 256 bits are nearly the same; below 0, none.
    """

    vocabulary: Vocabulary | None = None
    patterns: tuple[str, ...] = ()
    max_length: int | None = None
    time_steps: int | None = None
    min_size: tuple[int, int] = (10, 24)
    near_distance: int = NEAR_DISTANCE

    def __post_init__(self) -> None:
        """Refuses a pattern that is none."""
        for pattern in self.patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise UserError(f"pattern: expected a regular expression, received {pattern!r} ({error})") from None


@dataclass(frozen=True)
class Row:
    """A row of a list; `list_index` counts the lists as given."""

    list_index: int
    annotation: Annotation

    @property
    def label(self) -> str:
        """The label as written."""
        return self.annotation.label

    @property
    def plate(self) -> str:
        """The plate, the same whether its province is written 皖 or `<Anhui>`."""
        return plate_of(self.annotation.label)


@dataclass(frozen=True)
class Problem:
    """Something found: its kind, one line on it, and the rows it concerns."""

    kind: str
    message: str
    rows: tuple[Row, ...] = ()

    @property
    def is_error(self) -> bool:
        """Whether it is an error; else it is a warning."""
        return self.kind in ERRORS


@dataclass(frozen=True)
class ImageFacts:
    """What is known of an image after opening it once.

    Attributes:
        path: The file.
        problem: `kind: details`, empty where all is well; then the rest has meaning.
        digest: Of the pixels.
        bits: The perceptual hash.
        size: `(height, width)`.
        brightness: Mean gray value.
        contrast: Standard deviation of the gray values.
        sharpness: Variance of the Laplacian at a height of 32 rows: low is blurred.
    """

    path: Path
    problem: str = ""
    digest: bytes = b""
    bits: NDArray[np.bool_] | None = None
    size: tuple[int, int] = (0, 0)
    brightness: float = 0.0
    contrast: float = 0.0
    sharpness: float = 0.0


@dataclass(frozen=True)
class ListCounts:
    """Counts of one list: by label length, by first character (the province, in China), by character."""

    name: str
    rows: int
    plates: int
    lengths: Mapping[int, int]
    first_characters: Mapping[str, int]
    characters: Mapping[str, int]


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
        found, broken = read_annotations(path, skip_bad_rows=True)
        rows += [Row(index, annotation) for annotation in found]
        problems += [Problem("broken row", message) for message in broken]
    images = _inspect_all({row.annotation.path for row in rows}, workers)

    problems += _image_problems(rows, images, rules)
    problems += [problem for row in rows for problem in _label_problems(row, rules)]
    names = [str(path) for path in lists]
    problems += _plates_in_two_lists(rows, names)
    problems += _copies(rows, images, names)
    problems += _near_copies(rows, images, names, rules.near_distance)
    order = {kind: place for place, kind in enumerate((*ERRORS, *WARNINGS))}
    problems.sort(key=lambda problem: order[problem.kind])  # stable: within a kind as found
    counts = tuple(_count(name, [row for row in rows if row.list_index == i]) for i, name in enumerate(names))
    readable = {path: facts for path, facts in images.items() if not facts.problem}
    return CheckResult(counts, tuple(problems), readable, tuple(rows))


def inspect_image(path: Path) -> ImageFacts:
    """Opens an image and measures it."""
    try:
        image, _ = read_photograph(path)
    except ImageError as error:
        return ImageFacts(path, problem=str(error))
    gray = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    height, width = gray.shape
    upright = cv2.resize(gray, (max(1, round(32 * width / height)), 32), interpolation=cv2.INTER_AREA)
    digest = hashlib.blake2b(
        np.ascontiguousarray(image).tobytes() + repr(image.shape).encode(), digest_size=16
    ).digest()
    return ImageFacts(
        path,
        digest=digest,
        bits=perceptual_hash(image),
        size=(height, width),
        brightness=float(gray.mean()),
        contrast=float(gray.std()),
        sharpness=float(cv2.Laplacian(upright, cv2.CV_32F).var()),
    )


def read_thumbnail(path: Path, height: int = 48, max_width: int = 220) -> Image | None:
    """A small picture of an image for a page; None where it cannot be read."""
    try:
        image, _ = read_photograph(path)
    except ImageError:
        return None
    scale = min(height / image.shape[0], max_width / image.shape[1])
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=interpolation), np.uint8)


def _inspect_all(paths: Iterable[Path], workers: int) -> dict[Path, ImageFacts]:
    facts = run_parallel(inspect_image, sorted(paths), workers=workers, description="images")
    return {fact.path: fact for fact in facts}


def _image_problems(rows: Sequence[Row], images: Mapping[Path, ImageFacts], rules: Rules) -> list[Problem]:
    problems = []
    for row in rows:
        facts = images[row.annotation.path]
        where = f"{row.annotation.source}: {row.annotation.path}"
        if facts.problem:
            kind, _, details = facts.problem.partition(": ")
            kind = kind if kind in _IMAGE_KINDS else "unreadable image"
            problems.append(Problem(kind, f"{where}: {details}", (row,)))
            continue
        height, width = facts.size
        if height < rules.min_size[0] or width < rules.min_size[1]:
            least = f"{rules.min_size[0]} x {rules.min_size[1]}"
            problems.append(
                Problem("tiny image", f"{where}: expected {least} or more, received {height} x {width}", (row,))
            )
        if facts.contrast < _BLANK_DEVIATION:
            problems.append(Problem("blank image", f"{where}: every pixel is about {facts.brightness:.0f}", (row,)))
    return problems


def _label_problems(row: Row, rules: Rules) -> list[Problem]:
    problems = []
    where, label = row.annotation.source, row.label
    symbols = split_symbols(label)
    indices = [symbols.index(symbol) for symbol in symbols]  # equal symbols, equal numbers
    if rules.vocabulary is not None:
        try:
            indices = rules.vocabulary.encode(label)  # merged classes make more neighbours equal
        except VocabularyError as error:
            problems.append(Problem("outside alphabet", f"{where}: {error}", (row,)))
    if rules.patterns and not any(re.fullmatch(pattern, label) for pattern in rules.patterns):
        expected = " or ".join(rules.patterns)
        problems.append(Problem("outside pattern", f"{where}: expected {expected}, received {label}", (row,)))
    if rules.max_length is not None and len(symbols) > rules.max_length:
        message = f"{where}: expected at most {rules.max_length} characters, received {len(symbols)} in {label}"
        problems.append(Problem("too long", message, (row,)))
    steps = min_time_steps(indices)
    if rules.time_steps is not None and steps > rules.time_steps:
        message = f"{where}: expected at most {rules.time_steps} time steps, received {steps} in {label}"
        problems.append(Problem("too few time steps", message, (row,)))
    return problems


def _plates_in_two_lists(rows: Sequence[Row], names: Sequence[str]) -> list[Problem]:
    places: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        places[row.plate].append(row)
    problems = []
    for plate, found in sorted(places.items()):
        if len({row.list_index for row in found}) > 1:
            problems.append(Problem("plate in two lists", f"{plate}: {_where(found, names)}", tuple(found)))
    return problems


def _copies(rows: Sequence[Row], images: Mapping[Path, ImageFacts], names: Sequence[str]) -> list[Problem]:
    """Pictures with the very same pixels, whatever their files are called."""
    places: dict[bytes, list[Row]] = defaultdict(list)
    for row in rows:
        if images[row.annotation.path].digest:
            places[images[row.annotation.path].digest].append(row)
    problems = []
    for found in places.values():
        if len(found) > 1:
            message = f"{_sources(found)}: {_labels(found)}"
            if len({row.plate for row in found}) > 1:
                problems.append(Problem("two labels", message, tuple(found)))
            if len({row.list_index for row in found}) > 1:
                problems.append(Problem("image in two lists", f"{message}: {_where(found, names)}", tuple(found)))
            elif len({row.plate for row in found}) == 1:
                problems.append(Problem("copy", message, tuple(found)))
    return problems


def _near_copies(
    rows: Sequence[Row], images: Mapping[Path, ImageFacts], names: Sequence[str], distance: int
) -> list[Problem]:
    """Pairs of pictures that look the same and are not the very same."""
    if distance < 0:
        return []
    of_digest: dict[bytes, list[Row]] = defaultdict(list)
    for row in rows:
        facts = images[row.annotation.path]
        if facts.bits is not None and facts.contrast >= _BLANK_DEVIATION:
            of_digest[facts.digest].append(row)
    groups = list(of_digest.values())
    bits = [images[group[0].annotation.path].bits for group in groups]
    problems = []
    for first, second, near in find_near_pairs([bit for bit in bits if bit is not None], distance):
        pair = (groups[first][0], groups[second][0])
        both = [*groups[first], *groups[second]]
        message = f"{_sources(pair)}: {_labels(pair)}, {near} of 256 bits apart"
        one_plate = len({row.plate for row in both}) == 1
        if not one_plate:
            problems.append(Problem("other label, look alike", message, pair))
        elif len({row.list_index for row in both}) > 1:
            problems.append(Problem("image in two lists", f"{message}: {_where(both, names)}", tuple(both)))
        else:
            problems.append(Problem("near copy", message, pair))
    return problems


def _where(rows: Sequence[Row], names: Sequence[str]) -> str:
    counts = Counter(row.list_index for row in rows)
    return " and ".join(f"{counts[index]} in {names[index]}" for index in sorted(counts))


def _sources(rows: Sequence[Row]) -> str:
    shown = ", ".join(row.annotation.source for row in rows[:4])
    return shown if len(rows) <= 4 else f"{shown} and {len(rows) - 4} more"


def _labels(rows: Sequence[Row]) -> str:
    return " / ".join(dict.fromkeys(row.label for row in rows))


def _count(name: str, rows: Sequence[Row]) -> ListCounts:
    symbols = [split_symbols(row.label) for row in rows]
    return ListCounts(
        name,
        rows=len(rows),
        plates=len({row.plate for row in rows}),
        lengths=dict(sorted(Counter(map(len, symbols)).items())),
        first_characters=_by_count(Counter(label[0] for label in symbols)),
        characters=dict(sorted(Counter(symbol for label in symbols for symbol in label).items())),
    )


def _by_count(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
