"""Samples for the network: annotated crops and drawn plates as batches, the same ones for the same seed.

Training samples are a pure function of their number (Grain's `MapDataset`), so workers may share the work in any way
and a resumed run goes on at the very sample where the stopped one was.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import grain
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lp_recognition.images import augmentation
from lp_recognition.images.image import Image, Preprocessing, read_image
from lp_recognition.lists.annotations import Annotation
from lp_recognition.lists.drawn import build_generator, build_repainter
from lp_recognition.lists.rows import LabelledRows
from lp_recognition.plates import PlateGenerator, Repainter
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.texts.vocabulary import Vocabulary, split_symbols
from lp_recognition.training.prefetching import Normalize, prefetched

#: Filler of label rows shorter than the longest, which the loss passes over.
PADDING = -1

#: More samples than any training asks for, and few enough that a float holds their number.
_ENDLESS = 2**50
_CACHE_BYTES = 512 * 2**20


def training_batches(
    config: RecognitionConfig, data: LabelledRows, vocabulary: Vocabulary, start: int, stop: int
) -> Any:
    """Batches number `start` to `stop` of a training, prepared by `train.workers` processes beside it.

    Args:
        config: Its batch size, augmentation, share of drawn plates, seed and workers.
        data: The annotated rows; may be empty where all plates are drawn.
        vocabulary: Encodes the labels.
        start: The first batch: the step a resumed run stands at.
        stop: The batch after the last.

    Returns:
        An iterator with a `close()` of `(images, labels)`: float32 `(batch, height, width, channels)` and int32
        `(batch, max_lp_length)`, filled up with `PADDING`.

    Raises:
        UserError: later, by the iterator: a process was ended from outside, or memory is short.
    """
    return prefetched(all_batches(config, data, vocabulary)[start:stop], config.train.workers)


def all_batches(config: RecognitionConfig, data: LabelledRows, vocabulary: Vocabulary) -> Any:
    """A Grain `MapDataset` of the batches of `training_batches`, each made when it is asked for by its number."""
    batches = samples(config, data, vocabulary).batch(config.train.batch_size)
    return batches.map(Normalize(config.preprocessing))


def samples(config: RecognitionConfig, data: LabelledRows, vocabulary: Vocabulary) -> Any:
    """A Grain `MapDataset` of single samples, as the network is shown them, but for the range of their values.

    Each is a uint8 image `(height, width, channels)` and an int32 label `(max_lp_length,)`, filled up with `PADDING`.
    """
    train = config.train
    parts, weights = [], []
    if train.generated_share < 1:
        order = _repeats(data.labels, train.balance_first_character)
        source = _CropSource(data.rows, order, config.preprocessing, train.random_seed)
        crops = grain.MapDataset.source(source).seed(train.random_seed)
        if train.repaint_share > 0:
            crops = crops.random_map(_Repaint(build_repainter(config), train.repaint_share))
        parts.append(crops.random_map(_Augment(config)))
        weights.append(1 - train.generated_share)
    if train.generated_share > 0:
        parts.append(grain.MapDataset.source(_PlateSource(build_generator(config))))
        weights.append(train.generated_share)
    mixed = parts[0] if len(parts) == 1 else grain.MapDataset.mix(parts, weights)
    return mixed.map(_Encoder(vocabulary, config.max_lp_length, config.preprocessing))


def _repeats(labels: Sequence[str], balance: float) -> list[int]:
    """Row numbers for one epoch, rare first characters repeated: `(n_most / n) ** balance` times, rounded."""
    counts: dict[str, int] = {}
    firsts = [split_symbols(label)[0] for label in labels]
    for first in firsts:
        counts[first] = counts.get(first, 0) + 1
    most = max(counts.values(), default=0)
    return [row for row, first in enumerate(firsts) for _ in range(round((most / counts[first]) ** balance))]


class _CropSource:
    """Random access to annotated crops without end, epoch after epoch, each in an order of its own.

    Crops are shrunk to about twice the network's size and kept while memory lasts. Grain's own shuffle takes 25 ms for
    a sample of a list of two, and 2 ms of a list of fifty; here an epoch is shuffled at once.

    Args:
        rows: The crops.
        order: The row of each place of an epoch, before it is shuffled.
        preprocessing: That of the network.
        seed: Of the orders.
    """

    def __init__(
        self, rows: Sequence[Annotation], order: Sequence[int], preprocessing: Preprocessing, seed: int
    ) -> None:
        self._paths = [str(row.path) for row in rows]
        self._labels = [row.label for row in rows]
        self._order = np.array(order)
        self._seed = seed
        self._epoch = -1, self._order
        self._preprocessing = preprocessing
        self._cache: dict[int, Image] = {}
        self._cached_bytes = 0

    def __len__(self) -> int:
        return _ENDLESS

    def __getitem__(self, index: int) -> tuple[Image, str]:
        epoch, place = divmod(index, len(self._order))
        number, rows = self._epoch
        if number != epoch:
            rows = np.random.default_rng((self._seed, epoch)).permutation(self._order)
            self._epoch = epoch, rows
        row = int(rows[place])
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
        return _ENDLESS

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

    def __init__(self, config: RecognitionConfig) -> None:
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
