"""Samples for the network: annotated crops and drawn plates as batches, the same ones for the same seed.

Training samples are a pure function of their number (Grain's `MapDataset`), so workers may share the work in any way
and a resumed run goes on at the very sample where the stopped one was.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import grain
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lp_recognition import augmentation
from lp_recognition.annotations import Annotation, read_annotations
from lp_recognition.config import Config
from lp_recognition.errors import AnnotationError, ConfigError, ImageError, summarize
from lp_recognition.image import Image, Preprocessing, read_image
from lp_recognition.plates import Degradations, PlateGenerator, Repainter
from lp_recognition.vocabulary import Vocabulary, VocabularyError, min_time_steps, split_symbols

#: Filler of label rows shorter than the longest, which the loss passes over.
PADDING = -1

#: Seeds of drawn plates: what is evaluated is never drawn in training.
_EVAL_SEED = 1_000_003
_CACHE_BYTES = 512 * 2**20
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


def check_labels(data: LabelledRows, vocabulary: Vocabulary, config: Config, time_steps: int) -> LabelledRows:
    """Leaves out, or complains of, labels that the model cannot write.

    Raises:
        AnnotationError: unless `train.skip_bad_rows`: a character outside the alphabet, a label longer than
            `max_lp_length`, or one that needs more time steps than the network has.
    """
    checked = [_label_problem(row, vocabulary, config.max_lp_length, time_steps) for row in data.rows]
    return _keep(data.rows, checked, data.skipped, config.train.skip_bad_rows)


def check_drawn(config: Config, vocabulary: Vocabulary) -> None:
    """Complains of drawn formats whose labels the model cannot write.

    Raises:
        ConfigError: a format has a character outside the alphabet, or texts longer than `max_lp_length`.
        FormatError: crops shall be repainted, and no format has a single line.
    """
    if not config.train.draws:
        return
    formats = build_generator(config).formats
    if config.train.repaint_share > 0:
        Repainter(formats, config.train.plate_extra_fonts)
    for plate_format in formats:
        for character in plate_format.characters:
            try:
                vocabulary.encode(character)
            except VocabularyError as error:
                raise ConfigError(f"train.plate_formats: {plate_format.name}: {error}") from None
        if plate_format.longest > config.max_lp_length:
            raise ConfigError(
                f"train.plate_formats: {plate_format.name}: expected at most {config.max_lp_length} characters "
                f"(max_lp_length), received texts of {plate_format.longest}; raise max_lp_length, or leave it out"
            )


def alphabet_of(config: Config) -> Vocabulary:
    """The classes a training would have: of the stated alphabet, else of its lists and drawn formats.

    Raises:
        AnnotationError: a list cannot be read.
        ConfigError: no alphabet is stated, and there is neither a list nor a drawn plate to take it from.
    """
    labels: list[str] = []
    if config.alphabet is None:
        train = config.train
        if train.file_list_path and train.generated_share < 1:
            rows, _ = read_annotations(train.file_list_path, skip_bad_rows=train.skip_bad_rows)
            labels += [row.label for row in rows]
        if train.draws:
            labels += build_generator(config).characters
    return config.vocabulary(labels)


def build_generator(config: Config, *, evaluation: bool = False) -> PlateGenerator:
    """The plate generator of a config; that of the evaluation draws other plates than that of the training."""
    return PlateGenerator(
        config.train.plate_formats,
        seed=config.train.random_seed + (_EVAL_SEED if evaluation else 0),
        size=config.input_shape[:2],
        font=config.train.plate_font,
        degradations=Degradations.sparing(config.train.plate_without),
        extra_fonts=config.train.plate_extra_fonts,
    )


def build_repainter(config: Config) -> Repainter:
    """The repainter of a config's plate formats.

    Raises:
        FormatError: a format is unknown, or none has a single line.
        FontError: an extra font cannot be read or lacks a glyph.
    """
    generator = build_generator(config)  # which checks the formats' characters against the fonts
    return Repainter(generator.formats, config.train.plate_extra_fonts)


def training_batches(config: Config, data: LabelledRows, vocabulary: Vocabulary, start: int, stop: int) -> Any:
    """Batches number `start` to `stop` of a training, prepared by `train.workers` processes beside it.

    Args:
        config: Its batch size, augmentation, share of drawn plates, seed and workers.
        data: The annotated rows; may be empty where all plates are drawn.
        vocabulary: Encodes the labels.
        start: The first batch: the step a resumed run stands at.
        stop: The batch after the last.

    Returns:
        A Grain `IterDataset` of `(images, labels)`: float32 `(batch, height, width, channels)` and int32
        `(batch, max_lp_length)`, filled up with `PADDING`.
    """
    batches = all_batches(config, data, vocabulary)[start:stop]
    if config.train.workers == 0:
        return batches.to_iter_dataset(grain.ReadOptions(num_threads=1, prefetch_buffer_size=2))
    _settle_workers()
    iterable = batches.to_iter_dataset(grain.ReadOptions(num_threads=0, prefetch_buffer_size=0))
    return iterable.mp_prefetch(
        grain.MultiprocessingOptions(config.train.workers, per_worker_buffer_size=4), _start_worker
    )


def all_batches(config: Config, data: LabelledRows, vocabulary: Vocabulary) -> Any:
    """A Grain `MapDataset` of the batches of `training_batches`, each made when it is asked for by its number."""
    train = config.train
    parts, weights = [], []
    if train.generated_share < 1:
        source = _CropSource(data.rows, _repeats(data.labels, train.balance_first_character), config.preprocessing)
        crops = grain.MapDataset.source(source).seed(train.random_seed).shuffle().repeat()
        if train.repaint_share > 0:
            crops = crops.random_map(_Repaint(build_repainter(config), train.repaint_share))
        parts.append(crops.random_map(_Augment(config)))
        weights.append(1 - train.generated_share)
    if train.generated_share > 0:
        parts.append(grain.MapDataset.source(_PlateSource(build_generator(config))))
        weights.append(train.generated_share)
    samples = parts[0] if len(parts) == 1 else grain.MapDataset.mix(parts, weights)
    encoded = samples.map(_Encoder(vocabulary, config.max_lp_length, config.preprocessing))
    return encoded.batch(train.batch_size).map(_Normalize(config.preprocessing))


def _settle_workers() -> None:
    """Lets worker processes start where JAX is installed, too, and end without noise."""
    from absl import flags

    # With JAX, Grain's profiler asks for a command line flag of its own: an error until somebody has parsed flags.
    if not flags.FLAGS.is_parsed():
        flags.FLAGS.mark_as_parsed()
    # Python's tracker frees the memory of batches that nobody took any more, as it should, and complains of it.
    quiet = "ignore::UserWarning:multiprocessing.resource_tracker"
    if quiet not in sys.warnoptions:
        sys.warnoptions.append(quiet)


def _start_worker(index: int, count: int) -> None:
    """Readies a worker process: it ends with the process that started it, and leaves Ctrl-C to that one."""
    logging.getLogger("absl").setLevel(logging.ERROR)  # Grain looks for profilers that need not be there
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:

        def follow() -> None:
            parent.join()
            os._exit(1)

        threading.Thread(target=follow, daemon=True).start()


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


def drawn_plates(config: Config, count: int) -> tuple[Image, list[str]]:
    """Draws held-out plates: prepared uint8 images `(n, height, width, channels)` and their labels."""
    generator = build_generator(config, evaluation=True)
    plates = [generator.draw(index) for index in range(count)]
    images = np.stack([config.preprocessing.prepare(plate.image) for plate in plates])
    return images, [plate.label for plate in plates]


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


def _repeats(labels: Sequence[str], balance: float) -> list[int]:
    """Row numbers for one epoch, rare first characters repeated: `(n_most / n) ** balance` times, rounded."""
    counts: dict[str, int] = {}
    firsts = [split_symbols(label)[0] for label in labels]
    for first in firsts:
        counts[first] = counts.get(first, 0) + 1
    most = max(counts.values(), default=0)
    return [row for row, first in enumerate(firsts) for _ in range(round((most / counts[first]) ** balance))]


class _CropSource:
    """Random access to annotated crops, shrunk to about twice the network's size and kept while memory lasts."""

    def __init__(self, rows: Sequence[Annotation], order: Sequence[int], preprocessing: Preprocessing) -> None:
        self._paths = [str(row.path) for row in rows]
        self._labels = [row.label for row in rows]
        self._order = list(order)
        self._preprocessing = preprocessing
        self._cache: dict[int, Image] = {}
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, index: int) -> tuple[Image, str]:
        row = self._order[index]
        image = self._cache.get(row)
        if image is None:
            image = self._read(self._paths[row])
            if self._cached_bytes < _CACHE_BYTES:
                self._cache[row] = image
                self._cached_bytes += image.nbytes
        return image, self._labels[row]

    def _read(self, path: str) -> Image:
        image = self._preprocessing.to_channels(read_image(path))
        height, width = (2 * size for size in self._preprocessing.input_shape[:2])
        if image.shape[0] > height and image.shape[1] > width:
            small = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            image = np.asarray(small, np.uint8).reshape(height, width, -1)
        return image

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_cache": {}, "_cached_bytes": 0}  # a worker fills its own


class _PlateSource:
    """Random access to drawn plates without end."""

    def __init__(self, generator: PlateGenerator) -> None:
        self._generator = generator

    def __len__(self) -> int:
        return 2**40

    def __getitem__(self, index: int) -> tuple[Image, str]:
        plate = self._generator.draw(index)
        return plate.image, plate.label


class _Repaint(grain.transforms.RandomMap):
    """Paints another first character on some of the annotated crops."""

    def __init__(self, repainter: Repainter, share: float) -> None:
        self._repainter, self._share = repainter, share

    def random_map(self, element: tuple[Image, str], rng: Generator) -> tuple[Image, str]:
        image, label = element
        return self._repainter.repaint(image, label, rng) if rng.random() < self._share else element


class _Augment(grain.transforms.RandomMap):
    """The augmentation of annotated crops."""

    def __init__(self, config: Config) -> None:
        self._preprocessing = config.preprocessing
        train = config.train
        self._basic, self._stn, self._blur = train.apply_basic_aug, train.apply_stn_aug, train.apply_blur_aug

    def random_map(self, element: tuple[Image, str], rng: Generator) -> tuple[Image, str]:
        image, label = element
        if self._stn:
            image = augmentation.geometric(image, rng, self._preprocessing.input_shape[:2])
        else:
            image = self._preprocessing.resize(image)
        if self._basic:
            image = augmentation.photometric(image, rng)
        if self._blur:
            image = augmentation.blur_and_noise(image, rng)
        return image, label


class _Encoder(grain.transforms.Map):
    """Gives an image the network's shape and a label its class indices."""

    def __init__(self, vocabulary: Vocabulary, max_lp_length: int, preprocessing: Preprocessing) -> None:
        self._vocabulary, self._max_lp_length, self._preprocessing = vocabulary, max_lp_length, preprocessing

    def map(self, element: tuple[Image, str]) -> tuple[Image, NDArray[np.int32]]:
        image, label = element
        indices = self._vocabulary.encode(label)
        row = np.full(self._max_lp_length, PADDING, np.int32)
        row[: len(indices)] = indices
        return self._preprocessing.prepare(image), row


class _Normalize(grain.transforms.Map):
    """Turns a batch's pixels into real values."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing

    def map(self, element: tuple[Image, NDArray[np.int32]]) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        images, labels = element
        return self._preprocessing.normalize(images), labels
