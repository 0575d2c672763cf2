"""The rows of lists that can be used: images that decode, labels that a model can write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from lp_recognition.images.image import Image, Preprocessing, read_image
from lp_recognition.lists.annotations import Annotation, read_annotations
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import AnnotationError, ImageError, summarize
from lp_recognition.texts.vocabulary import Vocabulary, VocabularyError, min_time_steps

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


def check_labels(
    data: LabelledRows, vocabulary: Vocabulary, config: RecognitionConfig, time_steps: int
) -> LabelledRows:
    """Leaves out, or complains of, labels that the model cannot write.

    Raises:
        AnnotationError: unless `train.skip_bad_rows`: a character outside the alphabet, a label longer than
            `max_lp_length`, or one that needs more time steps than the network has.
    """
    checked = [_label_problem(row, vocabulary, config.max_lp_length, time_steps) for row in data.rows]
    return _keep(data.rows, checked, data.skipped, config.train.skip_bad_rows)


def prepared_images(rows: Sequence[Annotation], preprocessing: Preprocessing, batch_size: int) -> Iterator[Image]:
    """Reads crops and prepares them for the network: uint8 `(n, height, width, channels)`, `batch_size` at a time.

    Raises:
        ImageError: an image is missing or unreadable; the message names its row.
    """

    def prepare(row: Annotation) -> Image:
        try:
            return preprocessing.prepare(read_image(row.path))
        except ImageError as error:
            raise ImageError(f"{row.source}: {error}") from None

    with ThreadPoolExecutor(_THREADS) as pool:
        for first in range(0, len(rows), batch_size):
            yield np.stack(list(pool.map(prepare, rows[first : first + batch_size])))


def _image_problem(row: Annotation) -> str | None:
    try:
        image = read_image(row.path)
    except ImageError as error:
        return f"{row.source}: {error}"
    height, width = image.shape[:2]
    return f"{row.source}: expected an image, received {width}x{height} pixels" if min(height, width) < 4 else None


def _label_problem(row: Annotation, vocabulary: Vocabulary, max_lp_length: int, time_steps: int) -> str | None:
    try:
        indices = vocabulary.encode(row.label)
    except VocabularyError as error:
        return f"{row.source}: {error}"
    if len(indices) > max_lp_length:
        return (
            f"{row.source}: expected at most {max_lp_length} characters (max_lp_length), received "
            f"{len(indices)} in '{row.label}'"
        )
    if min_time_steps(indices) > time_steps:
        return (
            f"{row.source}: expected a label of at most {time_steps} time steps (characters and equal neighbours), "
            f"received {min_time_steps(indices)} in '{row.label}'"
        )
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
