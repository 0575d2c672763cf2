"""The rows of lists that can be used: images that decode, labels that a model can write."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lp_recognition.images.image import Image, Preprocessing, read_image
from lp_recognition.lists.annotations import Annotation, missing_hint, read_annotations
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import AnnotationError, ImageError, UserError, summarize
from lp_recognition.texts.vocabulary import Vocabulary, VocabularyError, min_time_steps, split_symbols

_THREADS = 4


@dataclass(frozen=True)
class LabelledRows:
    """Rows that can be used: images that decode, labels that the model can write.

    Attributes:
        rows: The rows.
        skipped: What was wrong with each row left out (empty unless bad rows are skipped).
    """

    rows: list[Annotation]
    skipped: list[str]

    @property
    def labels(self) -> list[str]:
        """The labels, in the order of the rows."""
        return [row.label for row in self.rows]


def load_rows(lists: Sequence[str], *, skip_bad_rows: bool, labelled: bool = True, setting: str = "") -> LabelledRows:
    """Reads lists and decodes every image once, so that a bad one shows before hours of training are spent.

    Args:
        lists: The lists.
        skip_bad_rows: Whether bad rows are left out; else they are an error.
        labelled: Whether rows are `path LABEL`; else a row is a path.
        setting: The setting that leaves bad rows out, for the message: `eval.skip_bad_rows`.

    Raises:
        AnnotationError: a list cannot be read; or, unless `skip_bad_rows`, a row lacks a label or its image is bad.
    """
    rows, problems = read_annotations(lists, labelled=labelled, skip_bad_rows=True)
    with ThreadPoolExecutor(_THREADS) as pool:
        checked = list(pool.map(_image_problem, rows, chunksize=64))
    if not skip_bad_rows:
        _refuse([*problems, *_found(checked)], setting)
    return _keep(rows, checked, problems)


def load_paths(lists: Sequence[str], *, skip_bad_rows: bool) -> LabelledRows:
    """Reads lists of paths alone; only where bad rows are left out does it decode the images, to know them.

    Raises:
        AnnotationError: a list cannot be read, or, where bad rows are left out, no image can.
    """
    if skip_bad_rows:
        return load_rows(lists, skip_bad_rows=True, labelled=False)
    return LabelledRows(read_annotations(lists, labelled=False)[0], [])


def load_prepared(
    lists: Sequence[str], preprocessing: Preprocessing, *, skip_bad_rows: bool, setting: str = ""
) -> tuple[LabelledRows, Image]:
    """Reads lists as `load_rows` does, and keeps what it decodes, prepared for the network.

    Returns:
        The rows, and their images: uint8 `(n, height, width, channels)`.

    Raises:
        AnnotationError: as `load_rows`.
    """

    def prepare(row: Annotation) -> Image | str:
        try:
            return preprocessing.prepare(read_row(row))
        except ImageError as error:
            return str(error)

    rows, problems = read_annotations(lists, skip_bad_rows=True)
    with ThreadPoolExecutor(_THREADS) as pool:
        prepared = list(pool.map(prepare, rows))
    checked = [one if isinstance(one, str) else None for one in prepared]
    if not skip_bad_rows:
        _refuse([*problems, *_found(checked)], setting)
    return _keep(rows, checked, problems), np.stack([one for one in prepared if not isinstance(one, str)])


def check_labels(
    data: LabelledRows, vocabulary: Vocabulary, config: RecognitionConfig, time_steps: int
) -> LabelledRows:
    """Leaves out, or complains of, labels that the model cannot write.

    Raises:
        AnnotationError: unless `train.skip_bad_rows`: a character outside the alphabet, a label longer than
            `max_lp_length`, or one that needs more time steps than the network has.
    """
    checked = []
    for row in data.rows:
        found = label_problems(row.label, vocabulary, config.max_lp_length, time_steps)
        checked.append(f"{row.source}: {found[0][1]}" if found else None)
    if not config.train.skip_bad_rows:
        remedy = _settings_that_help(data.labels, vocabulary, config, time_steps)
        _refuse(_found(checked), "train.skip_bad_rows", remedy)
    return _keep(data.rows, checked, data.skipped)


def refuse_missing(rows: Sequence[Annotation], setting: str = "") -> None:
    """Sees that there is a file for every row, so that hours of work do not end on a wrong path.

    Raises:
        ImageError: names the first few that are missing, and the setting that leaves them out.
    """
    missing = [
        f"{row.source}: {row.path}: expected an image, received no such file{missing_hint(row)}"
        for row in rows
        if not row.path.exists()
    ]
    _refuse(missing, setting, kind=ImageError)


def read_row(row: Annotation) -> Image:
    """Reads the image of a row: uint8 BGR.

    Raises:
        ImageError: it is missing, unreadable, or too small to hold anything; the message names the row.
    """
    try:
        image = read_image(row.path)
    except ImageError as error:
        hint = "" if row.path.exists() else missing_hint(row)
        raise ImageError(f"{row.source}: {error}{hint}") from None
    height, width = image.shape[:2]
    if min(height, width) < 4:
        raise ImageError(f"{row.source}: expected an image, received {width}x{height} pixels")
    return image


def decoded_images(rows: Sequence[Annotation], batch_size: int, setting: str = "") -> Iterator[list[Image]]:
    """Reads the images of rows, uint8 BGR of any size, `batch_size` at a time.

    Raises:
        ImageError: as of `read_row`; it names the setting that leaves bad rows out.
    """
    try:
        yield from _in_batches(read_row, rows, batch_size)
    except ImageError as error:
        _refuse([str(error)], setting, kind=ImageError)


def label_problems(
    label: str,
    vocabulary: Vocabulary | None = None,
    max_length: int | None = None,
    time_steps: int | None = None,
    patterns: Sequence[str] = (),
) -> list[tuple[str, str]]:
    """What keeps a model from writing a label; None and empty check nothing.

    Args:
        label: The text of a plate.
        vocabulary: The alphabet of the model.
        max_length: The most characters.
        time_steps: The length of the model's output.
        patterns: Regular expressions; the label has to match one as a whole.

    Returns:
        (kind, details) of each problem; the kinds are those of `problems.ERRORS`.
    """
    problems = []
    symbols = split_symbols(label)
    indices = [symbols.index(symbol) for symbol in symbols]  # equal symbols, equal numbers
    if vocabulary is not None:
        try:
            indices = vocabulary.encode(label)  # merged classes make more neighbours equal
        except VocabularyError as error:
            problems.append(("outside alphabet", str(error)))
    if patterns and not any(re.fullmatch(pattern, label) for pattern in patterns):
        problems.append(("outside pattern", f"expected {' or '.join(patterns)}, received {label}"))
    if max_length is not None and len(symbols) > max_length:
        expected = f"expected at most {max_length} characters (max_lp_length)"
        problems.append(("too long", f"{expected}, received {len(symbols)} in '{label}'"))
    steps = min_time_steps(indices)
    if time_steps is not None and steps > time_steps:
        expected = f"expected a label of at most {time_steps} time steps (characters and equal neighbours)"
        problems.append(("too few time steps", f"{expected}, received {steps} in '{label}'"))
    return problems


def prepared_images(rows: Sequence[Annotation], preprocessing: Preprocessing, batch_size: int) -> Iterator[Image]:
    """Reads crops and prepares them for the network: uint8 `(n, height, width, channels)`, `batch_size` at a time.

    Raises:
        ImageError: an image is missing or unreadable; the message names its row.
    """
    for images in _in_batches(lambda row: preprocessing.prepare(read_row(row)), rows, batch_size):
        yield np.stack(images)


def _in_batches(
    read: Callable[[Annotation], Image], rows: Sequence[Annotation], batch_size: int
) -> Iterator[list[Image]]:
    with ThreadPoolExecutor(_THREADS) as pool:
        for first in range(0, len(rows), batch_size):
            yield list(pool.map(read, rows[first : first + batch_size]))


def _image_problem(row: Annotation) -> str | None:
    try:
        read_row(row)
    except ImageError as error:
        return str(error)
    return None


def _settings_that_help(
    labels: Sequence[str], vocabulary: Vocabulary, config: RecognitionConfig, time_steps: int
) -> str:
    """The `max_lp_length` and the width of the input that take all labels of the alphabet; empty where they do."""
    known = [vocabulary.encode(label) for label in labels if vocabulary.knows(label)]
    longest = max(map(len, known), default=0)
    steps = max(map(min_time_steps, known), default=0)
    remedies = [f"max_lp_length={longest}"] if longest > config.max_lp_length else []
    if steps > time_steps:
        height, width, channels = config.input_shape
        while width < 4096 and config.with_values(input_shape=(height, width, channels)).time_steps < steps:
            width += 1
        remedies.append(f"input_shape=({height},{width},{channels}), for a network not trained yet,")
    return f"{' and '.join(remedies)} takes the longer labels" if remedies else ""


def _found(checked: Sequence[str | None]) -> list[str]:
    return [problem for problem in checked if problem is not None]


def _refuse(problems: Sequence[str], setting: str, remedy: str = "", kind: type[UserError] = AnnotationError) -> None:
    """Raises where there are problems, and tells the ways out."""
    if not problems:
        return
    count = "" if len(problems) == 1 else f"{len(problems)} bad rows"
    skipping = f"{setting}=True leaves {'it' if len(problems) == 1 else 'them'} out" if setting else ""
    hints = "; ".join(part for part in (count, remedy, skipping) if part)
    raise kind(summarize(problems) + (f" ({hints})" if hints else "")) from None


def _keep(rows: Sequence[Annotation], checked: Sequence[str | None], problems: Sequence[str]) -> LabelledRows:
    good = [row for row, problem in zip(rows, checked, strict=True) if problem is None]
    if not good:
        reasons = summarize([*problems, *_found(checked)])
        raise AnnotationError(f"expected at least one row that can be used, received none: {reasons}")
    return LabelledRows(good, [*problems, *_found(checked)])
