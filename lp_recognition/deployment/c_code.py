"""C for firmware: the model as an array, its alphabet and tables, and what Python computes as vectors for the C test.

The sources that are the same for every model lie in `firmware/` beside this module.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.deployment.layers import model_bytes, read_model_file, read_network
from lp_recognition.deployment.micro import is_installed, run_once
from lp_recognition.images.image import Image
from lp_recognition.model_files.description import settle_config
from lp_recognition.model_files.interpreter import TensorInfo, pixel_values
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.model_files.recognition import read_description
from lp_recognition.reading.recognizer import Recognizer, read_logits
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ModelError, UserError
from lp_recognition.system.files import write_bytes
from lp_recognition.system.outputs import refuse_existing
from lp_recognition.texts.decoding import decode

_FIXED = ("lpr.h", "lpr_image.c", "lpr_ctc.c", "lpr_test.c", "Makefile")
_LIBRARY = ("lpr_image.c", "lpr_ctc.c", "lpr_tables.c")
_FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2")
#: Probabilities in C are of this.
_ONE = 32768
_MOST_CLASSES = 255
_VECTOR_SEED = 1
#: What TFLite-Micro's resolver calls the operators.
_RESOLVER = {
    "CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "MAX_POOL_2D": "MaxPool2D",
    "AVERAGE_POOL_2D": "AveragePool2D", "CONCATENATION": "Concatenation", "ADD": "Add", "LOGISTIC": "Logistic",
    "RESHAPE": "Reshape", "FULLY_CONNECTED": "FullyConnected", "PAD": "Pad", "QUANTIZE": "Quantize", "MUL": "Mul",
    "SQUEEZE": "Squeeze", "SOFTMAX": "Softmax", "MEAN": "Mean",
}  # fmt: skip


def export_c(
    model: str | Path, folder: Path, *, config: RecognitionConfig | None = None, overwrite: bool = False
) -> list[tuple[Path, int]]:
    """Writes C for an integer `.tflite`.

    Args:
        model: The file, uint8 or int8 at its ends, or the name of a shipped one.
        folder: Where the sources go.
        config: The settings of the model; None for those that the file carries.
        overwrite: Replace files that are there.

    Returns:
        The files and their bytes.

    Raises:
        ModelError: the file is missing, broken, float, or of another type at input and output.
        ConfigError: it neither describes itself nor is there a config, or they disagree.
        UserError: files are in the way, or the folder cannot be written.
    """
    model = find_model(model)
    recognizer = _open(model, config)
    given = recognizer.ends[1]
    data = model_bytes(read_model_file(model))
    files = {name: _template(name) for name in _FIXED}
    arena = None
    if is_installed():
        arena = run_once(data).arena
    files["lpr_config.h"] = _config_header(recognizer, Path(model).name, None if arena is None else arena.total)
    files["lpr_tables.c"] = _tables(recognizer)
    files["lpr_model.c"] = _model_array(data, Path(model).name)
    files["lpr_vectors.h"] = _vectors_header()
    files["lpr_vectors.c"] = _vectors(recognizer)
    files["README.md"] = _readme(data, str(model), given, None if arena is None else arena.total)
    refuse_existing([folder / name for name in files], overwrite, "--output")
    written = []
    for name, text in files.items():
        content = text.encode("utf-8")
        write_bytes(folder / name, content)
        written.append((folder / name, len(content)))
    return written


@dataclass(frozen=True)
class CCheck:
    """One crop in C and in Python.

    Attributes:
        expected: What Python reads.
        received: What C reads.
        decodes_alike: Whether both read the same from the same output of the network.
        levels: Largest difference of the network's input.
    """

    expected: str
    received: str
    decodes_alike: bool
    levels: int

    @property
    def passed(self) -> bool:
        """Whether nothing differs."""
        return self.decodes_alike and self.levels == 0


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
        if shutil.which(compiler) is None:
            raise UserError(f"expected a C compiler to check the sources with, received none called `{compiler}`")
        self._recognizer = recognizer
        with tempfile.TemporaryDirectory() as build:
            library = Path(build) / "liblpr.so"
            sources = [str(folder / name) for name in _LIBRARY]
            command = [compiler, *_FLAGS, "-shared", "-fPIC", "-o", str(library), *sources]
            result = subprocess.run(command, capture_output=True, text=True)
            if result.returncode != 0:
                raise UserError(f"{folder}: expected sources that build without warnings, received {result.stderr}")
            self._library = ctypes.CDLL(str(library))
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

    def check(self, image: Image) -> CCheck:
        """Reads a crop in C and in Python, and tells where they part."""
        recognizer = self._recognizer
        values = self.prepare(image)
        pixels = pixel_values(recognizer.ends[0], recognizer.config.preprocessing)
        expected = pixels[recognizer.config.preprocessing.prepare(image)]
        output = recognizer.run(values)
        text, _, _ = self.decode(output)
        [decoded] = read_logits(recognizer.ends[1].dequantize(output), recognizer.vocabulary)
        apart = np.abs(values[0].astype(int) - expected.astype(int)).max()
        return CCheck(recognizer.read(image).text, text, decoded.text == text, int(apart))


def _open(model: str | Path, config: RecognitionConfig | None) -> Recognizer:
    config = settle_config(model, read_description(model), config)
    recognizer = Recognizer(model, config=config)
    taken, given = recognizer.ends
    if not (taken.is_quantized and given.is_quantized and taken.dtype == given.dtype):
        raise ModelError(
            f"{model}: expected uint8 or int8 at input and output, received {taken.dtype} and {given.dtype}; export it "
            "with --tflite int8"
        )
    if taken.shape[0] != 1:
        raise ModelError(f"{model}: expected a batch of 1, received {taken.shape[0]}")
    if recognizer.vocabulary.num_classes > _MOST_CLASSES:
        raise ModelError(
            f"{model}: expected at most {_MOST_CLASSES} classes, received {recognizer.vocabulary.num_classes}"
        )
    return recognizer


def _template(name: str) -> str:
    return resources.files(__package__).joinpath("firmware", name).read_text(encoding="utf-8")


def _config_header(recognizer: Recognizer, name: str, arena: int | None) -> str:
    taken, given = recognizer.ends
    height, width, channels = recognizer.config.input_shape
    values = {
        "LPR_HEIGHT": height,
        "LPR_WIDTH": width,
        "LPR_CHANNELS": channels,
        "LPR_GRAY": int(channels == 1 or recognizer.config.convert_to_gray),
        "LPR_SIGNED": int(taken.dtype == np.int8),
        "LPR_STEPS": given.shape[1],
        "LPR_CLASSES": given.shape[2],
        "LPR_BLANK": recognizer.vocabulary.blank_index,
    }
    if arena is not None:
        values["LPR_ARENA_BYTES"] = arena
    lines = "\n".join(f"#define {key} {value}" for key, value in values.items())
    return (
        f"/* Sizes and settings of {_comment(name)}. */\n"
        f"#ifndef LPR_CONFIG_H\n#define LPR_CONFIG_H\n\n{lines}\n\n#endif\n"
    )


def _tables(recognizer: Recognizer) -> str:
    taken, given = recognizer.ends
    symbols = "\n".join(
        f"    {_c_string(symbol)}, /* {_comment(symbol)} */" for symbol in recognizer.vocabulary.classes
    )
    values = pixel_values(taken, recognizer.config.preprocessing)
    exponentials = np.rint(np.exp(-np.arange(256) * float(given.scale)) * 2**24).astype(np.int64)
    return (
        '#include "lpr.h"\n\n'
        f"const char *const lpr_alphabet[LPR_CLASSES - 1] = {{\n{symbols}\n}};\n\n"
        f"const lpr_value lpr_pixel_values[256] = {{\n{_numbers(values)}\n}};\n\n"
        f"const uint32_t lpr_exponentials[256] = {{\n{_numbers(exponentials)}\n}};\n"
    )


def _model_array(data: bytes, name: str) -> str:
    rows = "\n".join(
        "    " + " ".join(f"0x{value:02x}," for value in data[start : start + 16]) for start in range(0, len(data), 16)
    )
    return (
        f'/* {_comment(name)} */\n#include "lpr.h"\n\n'
        "#if defined(__GNUC__) || defined(__clang__)\n#define LPR_ALIGNED __attribute__((aligned(16)))\n"
        "#elif defined(__ICCARM__)\n#define LPR_ALIGNED __attribute__((aligned(16)))\n"
        '#else\n#error "say here how this compiler aligns an array to 16 bytes"\n#endif\n\n'
        f"const unsigned char lpr_model[] LPR_ALIGNED = {{\n{rows}\n}};\n\n"
        "const size_t lpr_model_size = sizeof lpr_model;\n"
    )


def _vectors_header() -> str:
    return """/* What Python computed, for lpr_test.c. */
#ifndef LPR_VECTORS_H
#define LPR_VECTORS_H

#include "lpr.h"

/* An image is rounded once in C, and once or twice in OpenCV. */
#define LPR_IMAGE_TOLERANCE 1

typedef struct {
    const lpr_value *logits;
    const char *text;
    int length;
    uint16_t confidence;
    const uint16_t *confidences;
} lpr_text_vector;

typedef struct {
    const uint8_t *pixels;
    int height;
    int width;
    int channels;
    const lpr_value *input;
} lpr_image_vector;

extern const lpr_text_vector lpr_text_vectors[];
extern const int lpr_text_vector_count;
extern const lpr_image_vector lpr_image_vectors[];
extern const int lpr_image_vector_count;

#endif
"""


def _vectors(recognizer: Recognizer) -> str:
    given = recognizer.ends[1]
    parts, texts, images = ['#include "lpr_vectors.h"\n'], [], []
    for number, logits in enumerate(_logit_vectors(given, recognizer.vocabulary.blank_index)):
        [decoded] = decode(given.dequantize(logits[None]), recognizer.vocabulary.blank_index)
        text = recognizer.vocabulary.decode(decoded.indices)
        confidences = [round(value * _ONE) for value in decoded.confidences] or [0]
        parts.append(f"static const lpr_value logits_{number}[] = {{\n{_numbers(logits)}\n}};\n")
        parts.append(f"static const uint16_t confidences_{number}[] = {{\n{_numbers(confidences)}\n}};\n")
        confidence = round(decoded.confidence * _ONE)
        texts.append(
            f"    {{logits_{number}, {_c_string(text)}, {len(decoded.indices)}, {confidence}, confidences_{number}}},"
        )
    for number, image in enumerate(_image_vectors()):
        values = pixel_values(recognizer.ends[0], recognizer.config.preprocessing)
        expected = values[recognizer.config.preprocessing.prepare(image)]
        height, width, channels = image.shape
        parts.append(f"static const uint8_t pixels_{number}[] = {{\n{_numbers(image)}\n}};\n")
        parts.append(f"static const lpr_value input_{number}[] = {{\n{_numbers(expected)}\n}};\n")
        images.append(f"    {{pixels_{number}, {height}, {width}, {channels}, input_{number}}},")
    for name, rows in (("text", texts), ("image", images)):
        parts.append(f"const lpr_{name}_vector lpr_{name}_vectors[] = {{\n" + "\n".join(rows) + "\n};\n")
        parts.append(f"const int lpr_{name}_vector_count = {len(rows)};\n")
    return "\n".join(parts)


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


def _image_vectors() -> list[Image]:
    """Crops to resize: one that shrinks, one that grows, one that shrinks in width alone, one gray."""
    rng = np.random.default_rng(_VECTOR_SEED)

    def crop(height: int, width: int, channels: int) -> Image:
        smooth = rng.integers(0, 256, (4, 9, channels), np.uint8)
        image = np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
        return image.reshape(height, width, channels)

    return [crop(31, 117, 3), crop(17, 60, 3), crop(20, 110, 3), crop(30, 100, 1)]


def _readme(data: bytes, model: str, given: TensorInfo, arena: int | None) -> str:
    name = "README.micro.md" if given.dtype == np.int8 else "README.gap8.md"
    operators = list(dict.fromkeys(layer.operator for layer in read_network(data, model).layers))
    adds = "\n".join(
        f"resolver.Add{_RESOLVER[operator]}();" if operator in _RESOLVER else f"// and the operator {operator}"
        for operator in operators
    )
    memory = (
        f"`LPR_ARENA_BYTES`, {arena:,}, is what TFLite-Micro took on a 64-bit machine; a 32-bit chip takes a little\n"
        "less, its optimized kernels (CMSIS-NN) may take more for scratch buffers."
        if arena is not None
        else "Define `LPR_ARENA_BYTES`: it was not measured, for TFLite-Micro was not installed or refuses the file."
    )
    return (
        (_template("README.md") + _template(name))
        .replace("@MODEL@", Path(model).name)
        .replace("@BYTES@", f"{len(data):,}")
        .replace("@RESOLVER@", f"static tflite::MicroMutableOpResolver<{len(operators)}> resolver;\n{adds}")
        .replace("@ARENA@", memory)
    )


def _numbers(values: Iterable[Any] | NDArray[Any]) -> str:
    flat: Sequence[Any] = np.asarray(values).ravel().tolist()
    return "\n".join(
        "    " + " ".join(f"{value}," for value in flat[start : start + 16]) for start in range(0, len(flat), 16)
    )


def _c_string(text: str) -> str:
    """A string literal of ASCII; each byte of other characters as three octal digits, which cannot run on."""
    quoted = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in text.encode("utf-8")
    )
    return f'"{quoted}"'


def _comment(text: str) -> str:
    return text.replace("*/", "* /").replace("/*", "/ *").replace("\n", " ")
