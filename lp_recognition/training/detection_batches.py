"""Samples for the detector: photographs and drawn scenes as batches, the same ones for the same seed.

As for the reader, a sample is a pure function of its number (Grain's `MapDataset`), so workers may share the work in
any way and a resumed run goes on at the very sample where the stopped one was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import cv2
import grain
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lp_recognition.boxes.cells import Grids
from lp_recognition.boxes.corners import Point
from lp_recognition.boxes.intersection import box_iou, sides_around
from lp_recognition.boxes.targets import (
    BOX,
    COMPLETE,
    CORNER_WEIGHT,
    CORNERS,
    HAS_PLATE,
    HEIGHT,
    TARGETS,
    UNDECIDED,
)
from lp_recognition.images import augmentation
from lp_recognition.images.image import Image, Preprocessing
from lp_recognition.images.scene_augmentation import FILL, letterbox, move, random_view
from lp_recognition.lists.scenes import Scene, ScenePlate, read_picture
from lp_recognition.plates.replating import Replater
from lp_recognition.plates.scenes import SceneGenerator
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.training.prefetching import Normalize

_CACHE_BYTES = 1024 * 2**20
#: Photographs are kept at so many times the network's size.
_KEPT = 2.0
#: A guess of corners whose box shares less than this with the plate's is a bad one.
_LIKELY = 0.7
#: A plate that a view shows less than this share of is neither right nor wrong there.
_LEAST_SEEN = 0.65
#: A plate of fewer pixels than this in height cannot be found.
_LEAST_HEIGHT = 2.5


@dataclass(frozen=True)
class Sample:
    """A picture and what is known of its plates.

    Attributes:
        image: uint8 `(h, w, channels)`.
        corners: float32 `(n, 4, 2)`; those of the upright box where only that is known.
        corner_weights: How much each plate's corners count, float32 `(n,)`: 0 where they are those of a box.
        complete: Whether all plates of the picture are among them.
    """

    image: Image
    corners: NDArray[np.float32]
    corner_weights: NDArray[np.float32]
    complete: bool


def all_batches(config: DetectionConfig, scenes: Sequence[Scene]) -> Any:
    """A Grain `MapDataset` of batches without end, each made when it is asked for by its number.

    Args:
        config: Its batch size, augmentation, shares and seed.
        scenes: Photographs with plates; may be empty where all scenes are drawn.

    Returns:
        Of `(pictures, targets)`: float32 `(batch, height, width, channels)` and `(batch, cells, TARGETS)`.
    """
    train = config.train
    parts, weights = [], []
    if train.generated_share < 1:
        with_plates = [scene for scene in scenes if scene.plates]
        without = [scene for scene in scenes if not scene.plates]
        empty_share = train.empty_share if with_plates and without else float(not with_plates)
        for some, share in ((with_plates, 1 - empty_share), (without, empty_share)):
            if share > 0:
                source = PhotographSource(some, config.preprocessing, train.guessed_corner_weight)
                photographs = grain.MapDataset.source(source).seed(train.random_seed).shuffle().repeat()
                parts.append(photographs.random_map(_View(config, source)))
                weights.append((1 - train.generated_share) * share)
    if train.generated_share > 0:
        drawn = grain.MapDataset.source(_DrawnSource(config)).seed(train.random_seed)
        parts.append(drawn.random_map(_View(config, None)))
        weights.append(train.generated_share)
    samples = parts[0] if len(parts) == 1 else grain.MapDataset.mix(parts, weights)
    return samples.map(_Encode(config)).batch(train.batch_size).map(Normalize(config.preprocessing))


class PhotographSource:
    """Random access to photographs, shrunk to about twice the network's size and kept while memory lasts.

    Args:
        scenes: The photographs.
        preprocessing: Of the network.
        guessed_corner_weight: How much corners count that a program guessed.
    """

    def __init__(self, scenes: Sequence[Scene], preprocessing: Preprocessing, guessed_corner_weight: float) -> None:
        self._scenes = list(scenes)
        self._preprocessing = preprocessing
        self._guessed_corner_weight = guessed_corner_weight
        self._cache: dict[int, Sample] = {}
        self._cached_bytes = 0

    def __len__(self) -> int:
        return len(self._scenes)

    def __getitem__(self, index: int) -> Sample:
        sample = self._cache.get(index)
        if sample is None:
            sample = self._read(self._scenes[index])
            if self._cached_bytes < _CACHE_BYTES:
                self._cache[index] = sample
                self._cached_bytes += sample.image.nbytes
        return sample

    def _read(self, scene: Scene) -> Sample:
        image = self._preprocessing.to_channels(read_picture(scene))
        height, width = image.shape[:2]
        scale = min(1.0, _KEPT * max(self._preprocessing.input_shape[:2]) / max(height, width))
        if scale < 1:
            size = (max(1, round(width * scale)), max(1, round(height * scale)))
            image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8).reshape(*size[::-1], -1)
        corners, weights = [], []
        for plate in scene.plates:
            points, weight = self._corners_of(plate)
            corners.append(points)
            weights.append(weight)
        factor = np.array((image.shape[1] / scene.size[1], image.shape[0] / scene.size[0]), np.float32)
        return Sample(
            image,
            np.array(corners, np.float32).reshape(-1, 4, 2) * factor,
            np.array(weights, np.float32),
            scene.complete,
        )

    def _corners_of(self, plate: ScenePlate) -> tuple[tuple[Point, ...], float]:
        """The corners of a plate, and how much they count: those of its box, which count nothing, if need be."""
        if plate.corners is not None:
            return plate.corners, 1.0
        guessed = plate.guessed_corners
        weight = self._guessed_corner_weight
        if guessed is not None and weight > 0 and box_iou(sides_around(guessed), plate.box) >= _LIKELY:
            return guessed, weight
        left, top, right, bottom = plate.box
        return ((left, top), (right, top), (right, bottom), (left, bottom)), 0.0

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_cache": {}, "_cached_bytes": 0}  # a worker fills its own


class _DrawnSource:
    """Random access to drawn scenes without end."""

    def __init__(self, config: DetectionConfig) -> None:
        self._generator = SceneGenerator(
            config.train.plate_formats, config.train.random_seed, config.input_shape[:2],
            plate_widths=config.train.plate_widths,
        )  # fmt: skip
        self._preprocessing = config.preprocessing

    def __len__(self) -> int:
        return 2**40

    def __getitem__(self, index: int) -> Sample:
        scene = self._generator.draw(index)
        corners = np.array([plate.corners for plate in scene.plates], np.float32).reshape(-1, 4, 2)
        return Sample(
            self._preprocessing.to_channels(scene.image), corners, np.ones(len(corners), np.float32), complete=True
        )


class _View(grain.transforms.RandomMap):
    """Looks at a photograph anew, joins several into one picture now and then, and spoils it."""

    def __init__(self, config: DetectionConfig, source: PhotographSource | None) -> None:
        self._size = config.input_shape[:2]
        self._train = config.train
        self._source = source
        self._replater = Replater(config.train.plate_formats) if source and config.train.replate_share > 0 else None

    def random_map(self, element: Sample, rng: Generator) -> Sample:
        if self._source is None:  # drawn as they are seen
            return element
        element = self._replated(element, rng)
        if rng.random() < self._train.join_share:
            sample = self._joined(element, rng)
        else:
            sample = self._seen(element, rng, self._size)
        image = sample.image
        if self._train.apply_photometric_aug:
            image = augmentation.blur_and_noise(augmentation.photometric(image, rng), rng)
        return Sample(image, sample.corners, sample.corner_weights, sample.complete)

    def _replated(self, sample: Sample, rng: Generator) -> Sample:
        """The photograph, now and then with other plates where it is known where they are."""
        known = np.flatnonzero(sample.corner_weights > 0)
        if self._replater is None or not len(known) or rng.random() >= self._train.replate_share:
            return sample
        image, random = sample.image.copy(), Random(int(rng.integers(2**62)))
        for plate in known:
            self._replater.replate(image, sample.corners[plate], random)
        # The new plate's corners are no guess any more.
        weights = np.where(sample.corner_weights > 0, np.float32(1), np.float32(0))
        return dataclasses.replace(sample, image=image, corner_weights=weights)

    def _seen(self, sample: Sample, rng: Generator, size: tuple[int, int], *, cover: bool = False) -> Sample:
        if self._train.apply_geometric_aug:
            # The box around an upright box that is turned is larger than the one around its plate.
            turned = bool((sample.corner_weights > 0).all())
            image, matrix = random_view(sample.image, sample.corners, rng, size, cover=cover, turned=turned)
        else:
            image, matrix = letterbox(sample.image, size)
        return Sample(image, move(sample.corners, matrix), sample.corner_weights, sample.complete)

    def _joined(self, first: Sample, rng: Generator) -> Sample:
        """Two or four photographs beside each other, so that a picture shows several plates."""
        assert self._source is not None
        height, width = self._size
        image = np.full((height, width, first.image.shape[2]), FILL, np.uint8)
        x, y = (int(side * rng.uniform(0.35, 0.65)) for side in (width, height))
        columns = [(0, x), (x, width)]
        rows = [(0, y), (y, height)] if rng.random() < 0.6 else [(0, height)]
        corners, weights, complete = [], [], True
        for number, (left, right) in enumerate(columns):
            for other, (top, bottom) in enumerate(rows):
                sample = first if number == other == 0 else self._source[int(rng.integers(len(self._source)))]
                part = self._seen(sample, rng, (bottom - top, right - left), cover=True)
                image[top:bottom, left:right] = part.image
                # What is cut at the seam is seen as far as its part goes.
                corners.append(_inside(part.corners, part.image.shape[:2]) + np.array((left, top), np.float32))
                weights.append(part.corner_weights * _seen_shares(part.corners, part.image.shape[:2]).round(1))
                complete &= part.complete
        return Sample(image, np.concatenate(corners), np.concatenate(weights).clip(0, 1), complete)


def _inside(corners: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Corners of which the plate is mostly seen stay; others are moved to the picture's edge."""
    limits = np.array(size[::-1], np.float32)
    seen = _seen_shares(corners, size) >= _LEAST_SEEN
    return np.where(seen[:, None, None], corners, np.clip(corners, 0, limits)).astype(np.float32)


def _seen_shares(corners: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """The share of each plate's upright box that lies in a picture, float32 `(n,)`."""
    limits = np.array(size[::-1], np.float32)
    low, high = corners.min(axis=1), corners.max(axis=1)
    whole = np.maximum(high - low, 1e-3)
    seen = np.clip(np.minimum(high, limits) - np.maximum(low, 0), 0, None)
    return np.asarray((seen / whole).prod(axis=1), np.float32)


class _Encode(grain.transforms.Map):
    """Says for each cell what is right."""

    def __init__(self, config: DetectionConfig) -> None:
        self._grids = config.grids
        self._size = config.input_shape[:2]

    def map(self, element: Sample) -> tuple[Image, NDArray[np.float32]]:
        return element.image, encode(element, self._grids, self._size)


def encode(sample: Sample, grids: Grids, size: tuple[int, int]) -> NDArray[np.float32]:
    """The targets of a picture at the network's size, float32 `(cells, TARGETS)`."""
    targets = np.zeros((grids.count, TARGETS), np.float32)
    targets[:, COMPLETE] = sample.complete
    if len(sample.corners) == 0:
        return targets
    shares = _seen_shares(sample.corners, size)
    corners, weights = sample.corners[shares > 0.05], sample.corner_weights[shares > 0.05]
    shares = shares[shares > 0.05]
    if len(corners) == 0:
        return targets
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2)  # upper, right, lower, left
    heights = (sides[:, 1] + sides[:, 3]) / 2
    plates, undecided = grids.assign(corners)
    findable = (shares >= _LEAST_SEEN) & (heights >= _LEAST_HEIGHT)
    chosen = plates >= 0
    lost = chosen & ~findable[plates]
    undecided |= lost
    chosen &= ~lost
    targets[:, UNDECIDED] = undecided
    cells, found = np.flatnonzero(chosen), plates[chosen]
    strides = grids.stride_of_cell[cells, None]
    offsets = (corners[found] - grids.middles[cells, None]) / strides[..., None]
    targets[cells, HAS_PLATE] = 1
    targets[cells, CORNER_WEIGHT] = weights[found]
    targets[cells, HEIGHT] = heights[found] / strides[:, 0]
    targets[cells, BOX] = np.concatenate([offsets.min(axis=1), offsets.max(axis=1)], axis=1)
    targets[cells, CORNERS] = offsets.reshape(-1, 8)
    return targets
