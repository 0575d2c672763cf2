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
from lp_recognition.system.errors import AnnotationError, ImageError, summarize
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


def load_rows(lists: Sequence[str], *, skip_bad_rows: bool, labelled: bool = True) -> LabelledRows:
    """Reads lists and decodes every image once, so that a bad one shows before hours of training are spent.

    Raises:
        AnnotationError: a list cannot be read; or, unless `skip_bad_rows`, a row lacks a label or its image is bad.
    """
    rows, problems = read_annotations(lists, labelled=labelled, skip_bad_rows=skip_bad_rows)
    with ThreadPoolExecutor(_THREADS) as pool:
        checked = list(pool.map(_image_problem, rows, chunksize=64))
    return _keep(rows, checked, problems, skip_bad_rows)


def load_prepared(
    lists: Sequence[str], preprocessing: Preprocessing, *, skip_bad_rows: bool
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

    rows, problems = read_annotations(lists, skip_bad_rows=skip_bad_rows)
    with ThreadPoolExecutor(_THREADS) as pool:
        prepared = list(pool.map(prepare, rows))
    kept = _keep(rows, [one if isinstance(one, str) else None for one in prepared], problems, skip_bad_rows)
    return kept, np.stack([one for one in prepared if not isinstance(one, str)])


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
    return _keep(data.rows, checked, data.skipped, config.train.skip_bad_rows)


def refuse_missing(rows: Sequence[Annotation]) -> None:
    """Sees that there is a file for every row, so that hours of work do not end on a wrong path.

    Raises:
        ImageError: names the first few that are missing.
    """
    missing = [
        f"{row.source}: {row.path}: expected an image, received no such file{missing_hint(row)}"
        for row in rows
        if not row.path.exists()
    ]
    if missing:
        raise ImageError(summarize(missing))


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


def decoded_images(rows: Sequence[Annotation], batch_size: int) -> Iterator[list[Image]]:
    """Reads the images of rows, uint8 BGR of any size, `batch_size` at a time; errors as `read_row`."""
    return _in_batches(read_row, rows, batch_size)


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


def _keep(
    rows: Sequence[Annotation], checked: Sequence[str | None], problems: Sequence[str], skip_bad_rows: bool
) -> LabelledRows:
    found = [problem for problem in checked if problem is not None]
    if found and not skip_bad_rows:
        hint = "" if len(found) == 1 else f" ({len(found)} bad rows; train.skip_bad_rows=True leaves them out)"
        raise AnnotationError(summarize(found) + hint)
    good = [row for row, problem in zip(rows, checked, strict=True) if problem is None]
    if not good:
        raise AnnotationError(f"expected at least one row that can be used, received none: {summarize(found)}")
    return LabelledRows(good, [*problems, *found])
