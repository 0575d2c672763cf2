"""C for firmware that finds plates: constants, decoder and their test; and that C held against Python."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.cells import CHANNELS
from lp_recognition.deployment import c_code
from lp_recognition.deployment.detection_integers import PIXEL, IntegerDecoding, IntegerPlate, fit
from lp_recognition.deployment.layers import model_bytes, read_model_file
from lp_recognition.deployment.task import CCheck
from lp_recognition.images.image import Image
from lp_recognition.lists.scenes import read_picture, read_scenes
from lp_recognition.model_files.description import settle_config
from lp_recognition.model_files.detection import DETECTION, read_description
from lp_recognition.model_files.interpreter import pixel_values
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.reading.detector import MOST_CELLS, Detector, decode_cells
from lp_recognition.settings.detection import DetectionConfig
from lp_recognition.system.errors import ModelError

_FIXED = ("lpd.h", "lpd_decode.c", "lpd_test.c", "lpd_vectors.h", "Makefile")
_LIBRARY = ("lpd_image.c", "lpd_decode.c", "lpd_tables.c")
#: Cells are counted in 16 bits.
_COUNTED = 65_535
#: So many plates of a picture have room where its memory is told.
_PLATES = 8
_VECTOR_SEED = 1


class DetectionFirmware:
    """Plate detectors."""

    meaning = DETECTION
    noun = "pictures"

    def working_bytes(self, output: tuple[int, ...]) -> int:
        """The cells that are looked at, and some plates of four corners and a score."""
        return 2 * min(MOST_CELLS, output[1]) + 36 * _PLATES + c_code.FRAME_BYTES

    def export(
        self, model: str | Path, folder: Path, *, config: DetectionConfig | None = None, overwrite: bool = False
    ) -> list[tuple[Path, int]]:
        """Writes the C of a detector."""
        model = find_model(model, "detection")
        detector = _open(model, config)
        decoding = decoding_of(detector)
        data, name = model_bytes(read_model_file(model)), Path(model).name
        arena = c_code.arena_bytes(data)
        kind = "README.lpd_micro.md" if detector.ends[1].dtype == np.int8 else "README.lpd_gap8.md"
        files = {source: c_code.template(source) for source in _FIXED}
        files["lpd_image.c"] = c_code.image_source("lpd")
        files["lpd_config.h"] = c_code.defines(_config_values(detector, decoding, arena), name, "lpd")
        files["lpd_tables.c"] = _tables(detector, decoding)
        files["lpd_model.c"] = c_code.model_array(data, name, "lpd")
        files["lpd_vectors.c"] = _vectors(detector, decoding)
        files["README.md"] = c_code.readme(("README.lpd.md", kind), data, str(model), arena, "lpd")
        return c_code.write_sources(files, folder, overwrite=overwrite)

    def check(
        self, model: str | Path, folder: Path, lists: Sequence[str], *, config: DetectionConfig | None = None
    ) -> Iterator[CCheck]:
        """Finds the plates of every picture of scenes in C, and in Python's integers and floats."""
        detector = Detector(model, config=config)
        decoder, decoding, grids = CDetector(folder, detector), decoding_of(detector), detector.config.grids
        taken, given = detector.ends
        values = pixel_values(taken, detector.config.preprocessing)
        scenes, _ = read_scenes(list(lists))
        for scene in scenes:
            picture = read_picture(scene)
            prepared = decoder.prepare(picture)
            output = detector.run(prepared)[0]
            received, expected = decoder.decode(output), decoding.decode(output)
            real = decode_cells(given.dequantize(output), grids, detector.score_threshold, detector.iou_threshold)
            passed = len(received) == len(expected) and all(map(_same, received, expected))
            passed &= np.array_equal(prepared[0], values[fit(picture, detector.config.preprocessing)])
            yield CCheck(str(scene.path), _plates(len(real)), _plates(len(received)), passed)


class _Plate(ctypes.Structure):
    _fields_ = (("corners", ctypes.c_int32 * 2 * 4), ("score", ctypes.c_uint16))


class CDetector:
    """The firmware's C, built for this machine and called from Python.

    Args:
        folder: Where its sources are.
        detector: The same model in Python.
        compiler: The C compiler.

    Raises:
        UserError: there is no compiler, or it refuses the sources.
    """

    def __init__(self, folder: Path, detector: Detector, compiler: str = "cc") -> None:
        self._library = c_code.build_library(folder, _LIBRARY, compiler)
        self._library.lpd_decode.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int]
        self._library.lpd_prepare.argtypes = [ctypes.c_void_p, *[ctypes.c_int] * 3, ctypes.c_size_t, ctypes.c_void_p]
        self._library.lpd_to_picture.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
        self._cells = detector.config.grids.count
        self._taken = detector.ends[0]

    def prepare(self, picture: Image) -> NDArray[Any]:
        """A picture, uint8 `(h, w)` or `(h, w, channels)`, as the network's input, `(1, height, width, channels)`."""
        picture = np.ascontiguousarray(picture.reshape(*picture.shape[:2], -1))
        height, width, channels = picture.shape
        values = np.empty(self._taken.shape, self._taken.dtype)
        row = width * channels
        if self._library.lpd_prepare(picture.ctypes.data, height, width, channels, row, values.ctypes.data) != 0:
            raise ValueError(f"the C refuses a picture of shape {picture.shape}")
        return values

    def to_picture(self, plate: IntegerPlate, size: tuple[int, int]) -> IntegerPlate:
        """A plate's corners in a picture of some height and width that was prepared, in 1/16 pixel of it."""
        moved = _Plate(score=plate.score)
        for corner, (x, y) in zip(moved.corners, plate.corners.tolist(), strict=True):
            corner[:] = x, y
        self._library.lpd_to_picture(ctypes.byref(moved), *size)
        return IntegerPlate(np.array(moved.corners, np.int64), moved.score)

    def decode(self, output: NDArray[Any], most: int | None = None) -> list[IntegerPlate]:
        """The plates of the network's output, `(cells, 9)` as it is, at most so many."""
        output = np.ascontiguousarray(output)
        plates = (_Plate * self._cells)()
        found = self._library.lpd_decode(output.ctypes.data, plates, self._cells if most is None else most)
        return [IntegerPlate(np.array(plate.corners, np.int64), plate.score) for plate in plates[:found]]


def decoding_of(detector: Detector) -> IntegerDecoding:
    """What a detector's output is read by, in whole numbers."""
    thresholds = detector.score_threshold, detector.iou_threshold
    return IntegerDecoding.of(detector.ends[1], detector.config.grids, *thresholds)


def _open(model: str | Path, config: DetectionConfig | None) -> Detector:
    config = settle_config(model, read_description(model), config)
    detector = Detector(model, config=config)
    c_code.check_ends(str(model), *detector.ends)
    if config.grids.count > _COUNTED:
        raise ModelError(f"{model}: expected at most {_COUNTED} cells, received {config.grids.count}")
    return detector


def _config_values(detector: Detector, decoding: IntegerDecoding, arena: int | None) -> dict[str, int]:
    values = c_code.image_config(detector.ends[0], detector.config.preprocessing, letterbox=True) | {
        "CELLS": decoding.grids.count,
        "GRIDS": len(decoding.grids.strides),
        "MOST_CELLS": decoding.most_cells,
        "SCORE_THRESHOLD": decoding.score_threshold,
        "IOU_THRESHOLD": decoding.iou_threshold,
        "IOU_ALIKE": decoding.alike,
    }
    return values if arena is None else values | {"ARENA_BYTES": arena}


def _tables(detector: Detector, decoding: IntegerDecoding) -> str:
    grids = decoding.grids
    places = "\n".join(
        f"    {{{rows * columns}, {columns}, {stride}}}," for stride, (rows, columns) in
        zip(grids.strides, grids.shapes, strict=True)
    )  # fmt: skip
    offsets = "\n".join(f"    {{\n{c_code.numbers(of_grid)}\n    }}," for of_grid in decoding.offsets)
    values = pixel_values(detector.ends[0], detector.config.preprocessing)
    return (
        '#include "lpd.h"\n\n'
        f"const lpd_grid lpd_grids[LPD_GRIDS] = {{\n{places}\n}};\n\n"
        f"const int16_t lpd_offsets[LPD_GRIDS][256] = {{\n{offsets}\n}};\n\n"
        f"const uint16_t lpd_scores[256] = {{\n{c_code.numbers(decoding.scores)}\n}};\n\n"
        f"const lpd_value lpd_pixel_values[256] = {{\n{c_code.numbers(values)}\n}};\n"
    )


def _vectors(detector: Detector, decoding: IntegerDecoding) -> str:
    parts, rows = ['#include "lpd_vectors.h"\n'], []
    for number, (cells, values) in enumerate(_cell_vectors(decoding)):
        output = np.full((decoding.grids.count, CHANNELS), decoding.lowest)
        output[cells] = values
        plates = decoding.decode(output)
        shown = "\n".join(
            f"    {{{{{', '.join(f'{{{x}, {y}}}' for x, y in plate.corners.tolist())}}}, {plate.score}}},"
            for plate in plates
        )
        shown = shown or "    {{{0, 0}, {0, 0}, {0, 0}, {0, 0}}, 0}, /* C has no empty arrays */"
        parts.append(f"static const uint16_t cells_{number}[] = {{\n{c_code.numbers(cells)}\n}};\n")
        parts.append(f"static const lpd_value values_{number}[] = {{\n{c_code.numbers(values)}\n}};\n")
        parts.append(f"static const lpd_plate plates_{number}[] = {{\n{shown}\n}};\n")
        rows.append(f"    {{cells_{number}, values_{number}, {len(cells)}, plates_{number}, {len(plates)}}},")
    return "\n".join([*parts, *c_code.vector_table("lpd_plate", rows), _image_vectors(detector)])


def _image_vectors(detector: Detector) -> str:
    """Pictures that shrink, grow and stay, and what Python makes of each, as a sum: `lpd_vectors.h` says how."""
    preprocessing = detector.config.preprocessing
    values = pixel_values(detector.ends[0], preprocessing)
    height, width, channels = preprocessing.input_shape
    sizes = [(height + 16, width + 32, 3), (height, width, channels), (height // 2, width + 9, 1), (height + 3, 20, 3)]
    rows = []
    for size in sizes:
        pixels = (np.arange(np.prod(size), dtype=np.uint32) * np.uint32(2654435761)) >> 24
        prepared = values[fit(pixels.astype(np.uint8).reshape(size), preprocessing)].view(np.uint8).ravel()
        rows.append(f"    {{{', '.join(map(str, size))}, {_sum_of(prepared)}u}},")
    return "\n".join(c_code.vector_table("lpd_image", rows))


def _sum_of(numbers: NDArray[np.uint8]) -> int:
    """31 times the sum so far and a number, for each of them, in 32 bits."""
    powers = np.cumprod(np.append(1, np.full(len(numbers) - 1, 31)).astype(np.uint32), dtype=np.uint32)
    return int((numbers * powers[::-1]).sum(dtype=np.uint32))


def _cell_vectors(decoding: IntegerDecoding) -> list[tuple[NDArray[np.intp], NDArray[np.int64]]]:
    """Some cells, and what the output says of them: plates of several cells, nobody sure enough, and noise in many."""
    rng = np.random.default_rng(_VECTOR_SEED)
    lowest, highest = decoding.lowest, decoding.lowest + 255
    cells, plates = plates_in_cells(decoding, rng, 4)
    doubts = plates.copy()
    doubts[:, 0] = max(lowest, decoding.score_threshold - 1)
    many = np.sort(rng.choice(decoding.grids.count, min(decoding.most_cells + 40, decoding.grids.count), replace=False))
    noise = rng.integers(lowest, highest, (len(many), CHANNELS), endpoint=True)
    return [(cells, plates), (cells, doubts), (many, noise)]


def plates_in_cells(
    decoding: IntegerDecoding, rng: np.random.Generator, count: int
) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """What a network that finds so many plates says: the cells that speak of them, and their numbers, `(n, 9)`.

    Each is wrong by a few steps, as networks are; several are equally sure.
    """
    grids, lowest, highest = decoding.grids, decoding.lowest, decoding.lowest + 255
    size = np.array(grids.size[::-1])
    width = rng.uniform(0.05, 0.5, (count, 1)) * size[0]
    half = np.concatenate([width, width / rng.uniform(1.5, 5, (count, 1))], axis=1) / 2
    signs = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    corners = rng.uniform(0, size, (count, 1, 2)) + signs * half[:, None]
    plate_of_cell, _ = grids.assign(corners)
    cells = np.flatnonzero(plate_of_cell >= 0)
    apart = corners[plate_of_cell[cells]] - grids.middles[cells][:, None]
    wanted = apart.reshape(-1, 8) * PIXEL
    tables = decoding.offsets[decoding.grid_of_cell[cells]]
    steps = np.stack([np.searchsorted(table, row) for table, row in zip(tables, wanted, strict=True)])
    values = np.column_stack([rng.integers(highest - 40, highest, len(cells)), lowest + steps])
    values[:, 1:] += rng.integers(-2, 3, steps.shape)
    return cells, np.clip(values, lowest, highest)


def _same(one: IntegerPlate, other: IntegerPlate) -> bool:
    return one.score == other.score and np.array_equal(one.corners, other.corners)


def _plates(count: int) -> str:
    return "1 plate" if count == 1 else f"{count} plates"


#: What C of this task is made by.
FIRMWARE = DetectionFirmware()
