"""C for firmware that reads plates: alphabet, decoder and their test; and that C held against Python."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.deployment import c_code
from lp_recognition.deployment.layers import model_bytes, read_model_file
from lp_recognition.deployment.task import CCheck
from lp_recognition.images.image import Image, Preprocessing, read_image
from lp_recognition.lists.annotations import read_annotations
from lp_recognition.model_files.description import settle_config
from lp_recognition.model_files.interpreter import TensorInfo, pixel_values
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.model_files.recognition import RECOGNITION, read_description
from lp_recognition.reading.recognizer import Recognizer, read_logits
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ModelError
from lp_recognition.texts.decoding import decode

_FIXED = ("lpr.h", "lpr_image.c", "lpr_ctc.c", "lpr_test.c", "lpr_vectors.h", "Makefile")
_LIBRARY = ("lpr_image.c", "lpr_ctc.c", "lpr_tables.c")
#: Probabilities in C are of this.
_ONE = 32768
_MOST_CLASSES = 255
_VECTOR_SEED = 1


class RecognitionFirmware:
    """Plate readers."""

    meaning = RECOGNITION
    noun = "plates"

    def working_bytes(self, output: tuple[int, ...]) -> int:
        """Two sums and a reading of as many symbols as there are time steps."""
        steps = output[1]
        return 8 * (steps + 1) + (4 * steps + 4) + c_code.FRAME_BYTES

    def export(
        self, model: str | Path, folder: Path, *, config: RecognitionConfig | None = None, overwrite: bool = False
    ) -> list[tuple[Path, int]]:
        """Writes the C of a reader."""
        model = find_model(model, "recognition")
        recognizer = _open(model, config)
        data, name = model_bytes(read_model_file(model)), Path(model).name
        arena = c_code.arena_bytes(data)
        kind = "README.micro.md" if recognizer.ends[1].dtype == np.int8 else "README.gap8.md"
        files = {source: c_code.template(source) for source in _FIXED}
        files["lpr_config.h"] = c_code.defines(_config_values(recognizer, arena), name, "lpr")
        files["lpr_tables.c"] = _tables(recognizer)
        files["lpr_model.c"] = c_code.model_array(data, name, "lpr")
        files["lpr_vectors.c"] = _vectors(recognizer)
        files["README.md"] = c_code.readme(("README.md", kind), data, str(model), arena, "lpr")
        return c_code.write_sources(files, folder, overwrite=overwrite)

    def check(
        self, model: str | Path, folder: Path, lists: Sequence[str], *, config: RecognitionConfig | None = None
    ) -> Iterator[CCheck]:
        """Reads every crop of annotated lists in C and in Python."""
        reader = CReader(folder, Recognizer(model, config=config))
        rows, _ = read_annotations(list(lists))
        for row in rows:
            yield reader.check(str(row.path), read_image(row.path))


class CReader:
    """The firmware's C, built for this machine and called from Python.

    Args:
        folder: Where `export_c` wrote it.
        recognizer: The same model in Python, which runs the network in between.
        compiler: The C compiler.

    Raises:
        UserError: there is no compiler, or it refuses the sources.
    """

    def __init__(self, folder: Path, recognizer: Recognizer, compiler: str = "cc") -> None:
        self._recognizer = recognizer
        self._library = c_code.build_library(folder, _LIBRARY, compiler)
        steps = recognizer.ends[1].shape[1]

        class Reading(ctypes.Structure):
            _fields_ = (
                ("length", ctypes.c_uint16),
                ("symbols", ctypes.c_uint16 * steps),
                ("confidences", ctypes.c_uint16 * steps),
                ("confidence", ctypes.c_uint16),
            )

        self._reading_type = Reading
        self._library.lpr_text.restype = ctypes.c_size_t
        self._library.lpr_prepare.argtypes = [ctypes.c_void_p, *[ctypes.c_int] * 3, ctypes.c_size_t, ctypes.c_void_p]

    def prepare(self, image: Image) -> NDArray[Any]:
        """A crop, uint8 `(h, w)` or `(h, w, channels)`, as the network's input, `(1, height, width, channels)`."""
        image = np.ascontiguousarray(image.reshape(*image.shape[:2], -1))
        taken = self._recognizer.ends[0]
        values = np.empty(taken.shape, taken.dtype)
        height, width, channels = image.shape
        status = self._library.lpr_prepare(
            image.ctypes.data, height, width, channels, width * channels, values.ctypes.data
        )
        if status != 0:
            raise ValueError(f"the C refuses an image of shape {image.shape}")
        return values

    def decode(self, logits: NDArray[Any]) -> tuple[str, float, tuple[float, ...]]:
        """Text, its confidence and those of its symbols, of the network's output, `(1, time, classes)` as it is."""
        logits = np.ascontiguousarray(logits)
        reading = self._reading_type()
        self._library.lpr_decode(ctypes.c_void_p(logits.ctypes.data), ctypes.byref(reading))
        text = ctypes.create_string_buffer(64 * logits.shape[1])
        self._library.lpr_text(ctypes.byref(reading), text, ctypes.c_size_t(len(text)))
        confidences = tuple(value / _ONE for value in reading.confidences[: reading.length])
        return text.value.decode("utf-8"), reading.confidence / _ONE, confidences

    def read(self, image: Image) -> str:
        """The text of a crop."""
        return self.decode(self._recognizer.run(self.prepare(image)))[0]

    def check(self, name: str, image: Image) -> CCheck:
        """Reads a crop in C and in Python: the same text of one output, and the same pixels, as they should."""
        recognizer = self._recognizer
        values = self.prepare(image)
        pixels = pixel_values(recognizer.ends[0], recognizer.config.preprocessing)
        expected = pixels[recognizer.config.preprocessing.prepare(image)]
        output = recognizer.run(values)
        text, _, _ = self.decode(output)
        [decoded] = read_logits(recognizer.ends[1].dequantize(output), recognizer.vocabulary)
        passed = decoded.text == text and np.array_equal(values[0], expected)
        return CCheck(name, recognizer.read(image).text, text, passed)


def _open(model: str | Path, config: RecognitionConfig | None) -> Recognizer:
    config = settle_config(model, read_description(model), config)
    recognizer = Recognizer(model, config=config)
    c_code.check_ends(str(model), *recognizer.ends)
    if recognizer.vocabulary.num_classes > _MOST_CLASSES:
        raise ModelError(
            f"{model}: expected at most {_MOST_CLASSES} classes, received {recognizer.vocabulary.num_classes}"
        )
    return recognizer


def _config_values(recognizer: Recognizer, arena: int | None) -> dict[str, int]:
    taken, given = recognizer.ends
    values = c_code.image_config(taken, recognizer.config.preprocessing, letterbox=False) | {
        "STEPS": given.shape[1],
        "CLASSES": given.shape[2],
        "BLANK": recognizer.vocabulary.blank_index,
    }
    return values if arena is None else values | {"ARENA_BYTES": arena}


def _tables(recognizer: Recognizer) -> str:
    taken, given = recognizer.ends
    symbols = "\n".join(
        f"    {c_code.c_string(symbol)}, /* {c_code.comment(symbol)} */" for symbol in recognizer.vocabulary.classes
    )
    values = pixel_values(taken, recognizer.config.preprocessing)
    exponentials = np.rint(np.exp(-np.arange(256) * float(given.scale)) * 2**24).astype(np.int64)
    return (
        '#include "lpr.h"\n\n'
        f"const char *const lpr_alphabet[LPR_CLASSES - 1] = {{\n{symbols}\n}};\n\n"
        f"const lpr_value lpr_pixel_values[256] = {{\n{c_code.numbers(values)}\n}};\n\n"
        f"const uint32_t lpr_exponentials[256] = {{\n{c_code.numbers(exponentials)}\n}};\n"
    )


def _vectors(recognizer: Recognizer) -> str:
    taken, given = recognizer.ends
    parts, rows = ['#include "lpr_vectors.h"\n'], []
    for number, logits in enumerate(_logit_vectors(given, recognizer.vocabulary.blank_index)):
        [decoded] = decode(given.dequantize(logits[None]), recognizer.vocabulary.blank_index)
        text = c_code.c_string(recognizer.vocabulary.decode(decoded.indices))
        confidences = [round(value * _ONE) for value in decoded.confidences] or [0]
        parts.append(f"static const lpr_value logits_{number}[] = {{\n{c_code.numbers(logits)}\n}};\n")
        parts.append(f"static const uint16_t confidences_{number}[] = {{\n{c_code.numbers(confidences)}\n}};\n")
        confidence = round(decoded.confidence * _ONE)
        rows.append(f"    {{logits_{number}, {text}, {len(decoded.indices)}, {confidence}, confidences_{number}}},")
    images = _image_vectors(taken, recognizer.config.preprocessing)
    return "\n".join([*parts, *c_code.vector_table("lpr_text", rows), images])


def _image_vectors(taken: TensorInfo, preprocessing: Preprocessing) -> str:
    """Crops of several sizes and colours, and what Python makes of each: for the test of the C."""
    values = pixel_values(taken, preprocessing)
    parts, rows = [], []
    for number, image in enumerate(_crops()):
        height, width, channels = image.shape
        parts.append(f"static const uint8_t pixels_{number}[] = {{\n{c_code.numbers(image)}\n}};\n")
        prepared = values[preprocessing.prepare(image)]
        parts.append(f"static const lpr_value input_{number}[] = {{\n{c_code.numbers(prepared)}\n}};\n")
        rows.append(f"    {{pixels_{number}, {height}, {width}, {channels}, input_{number}}},")
    return "\n".join([*parts, *c_code.vector_table("lpr_image", rows)])


def _crops() -> list[Image]:
    """Crops to resize: one that shrinks, one that grows, one that shrinks in width alone, one gray."""
    rng = np.random.default_rng(_VECTOR_SEED)

    def crop(height: int, width: int, channels: int) -> Image:
        smooth = rng.integers(0, 256, (4, 9, channels), np.uint8)
        image = np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        return image.reshape(height, width, channels)

    return [crop(31, 117, 3), crop(17, 60, 3), crop(20, 110, 3), crop(30, 100, 1)]


def _logit_vectors(given: TensorInfo, blank: int) -> list[NDArray[Any]]:
    """Outputs to decode: a text with doubled symbols, nothing, ties, noise, and a text among doubts."""
    steps, classes = given.shape[1:]
    limits = np.iinfo(given.dtype)
    rng = np.random.default_rng(_VECTOR_SEED)
    doubled = np.full((steps, classes), limits.min, given.dtype)
    path = [0, 0, blank, 0, 1, 1, blank, blank, 1, blank]  # A A - A B B - - B -: AABB
    for step in range(steps):
        doubled[step, path[step] if step < len(path) else blank] = limits.max
    nothing = np.full((steps, classes), limits.min, given.dtype)
    nothing[:, blank] = limits.max
    ties = np.zeros((steps, classes), given.dtype)  # everywhere the first class
    noise = rng.integers(limits.min, limits.max, (steps, classes), endpoint=True).astype(given.dtype)
    doubts = rng.integers(limits.min, limits.min + 30, (steps, classes)).astype(given.dtype)
    doubts[:, blank] = limits.max
    for step in range(2, min(steps, 30), 5):
        doubts[step, rng.integers(0, blank)] = limits.max
        doubts[step, blank] = limits.max - rng.integers(5, 60)
    return [doubled, nothing, ties, noise, doubts]


#: What C of this task is made by.
FIRMWARE = RecognitionFirmware()
