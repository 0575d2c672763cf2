"""Parts of C for firmware that every network needs: the model as an array, constants, its image input, its README.

What the output becomes there is a task's own, in `recognition_c` and `detection_c`; sources that are the same for every
model lie in `firmware/` beside this module. All that C can see begins with the prefix of the task, `lpr` of readers and
`lpd` of detectors, so that one firmware holds both.
"""

from __future__ import annotations

import ctypes
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.deployment.layers import read_network
from lp_recognition.deployment.micro import is_installed, run_once
from lp_recognition.images.image import Preprocessing
from lp_recognition.model_files.interpreter import TensorInfo
from lp_recognition.system.errors import ModelError, UserError
from lp_recognition.system.files import write_bytes
from lp_recognition.system.outputs import refuse_existing

#: What decoders take of the stack beside their arrays, at most on the machines that were tried.
FRAME_BYTES = 320
_FLAGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O2")
#: What TFLite-Micro's resolver calls the operators.
_RESOLVER = {
    "CONV_2D": "Conv2D", "DEPTHWISE_CONV_2D": "DepthwiseConv2D", "MAX_POOL_2D": "MaxPool2D",
    "AVERAGE_POOL_2D": "AveragePool2D", "CONCATENATION": "Concatenation", "ADD": "Add", "LOGISTIC": "Logistic",
    "RESHAPE": "Reshape", "FULLY_CONNECTED": "FullyConnected", "PAD": "Pad", "QUANTIZE": "Quantize", "MUL": "Mul",
    "SQUEEZE": "Squeeze", "SOFTMAX": "Softmax", "MEAN": "Mean",
}  # fmt: skip


def write_sources(files: Mapping[str, str], folder: Path, *, overwrite: bool) -> list[tuple[Path, int]]:
    """Writes sources by name into a folder, and tells the files and their bytes.

    Raises:
        UserError: files are in the way, or the folder cannot be written.
    """
    refuse_existing([folder / name for name in files], overwrite, "--output")
    written = []
    for name, text in files.items():
        content = text.encode("utf-8")
        write_bytes(folder / name, content)
        written.append((folder / name, len(content)))
    return written


def check_ends(source: str, taken: TensorInfo, given: TensorInfo) -> None:
    """Refuses a file that a chip without floating point does not run: integers at both ends, one image at a time.

    Raises:
        ModelError: it is another one.
    """
    if not (taken.is_quantized and given.is_quantized and taken.dtype == given.dtype):
        raise ModelError(
            f"{source}: expected uint8 or int8 at input and output, received {taken.dtype} and {given.dtype}; export "
            "it with --tflite int8"
        )
    if taken.shape[0] != 1:
        raise ModelError(f"{source}: expected a batch of 1, received {taken.shape[0]}")


def template(name: str) -> str:
    """A source of `firmware/`."""
    return resources.files(__package__).joinpath("firmware", name).read_text(encoding="utf-8")


def image_source(prefix: str) -> str:
    """The source that turns pictures into a network's input, which is the same for all tasks but for its names."""
    return template("lpr_image.c").replace("lpr", prefix).replace("LPR", prefix.upper())


def model_array(data: bytes, name: str, prefix: str) -> str:
    """The source that holds the `.tflite` as a constant, aligned to 16 bytes."""
    aligned = f"{prefix.upper()}_ALIGNED"
    rows = "\n".join(
        "    " + " ".join(f"0x{value:02x}," for value in data[start : start + 16]) for start in range(0, len(data), 16)
    )
    return (
        f'/* {comment(name)} */\n#include "{prefix}.h"\n\n'
        f"#if defined(__GNUC__) || defined(__clang__)\n#define {aligned} __attribute__((aligned(16)))\n"
        f"#elif defined(__ICCARM__)\n#define {aligned} __attribute__((aligned(16)))\n"
        '#else\n#error "say here how this compiler aligns an array to 16 bytes"\n#endif\n\n'
        f"const unsigned char {prefix}_model[] {aligned} = {{\n{rows}\n}};\n\n"
        f"const size_t {prefix}_model_size = sizeof {prefix}_model;\n"
    )


def image_config(taken: TensorInfo, preprocessing: Preprocessing, *, letterbox: bool) -> dict[str, int]:
    """What the C has to know of the input, for `defines`; with a letterbox, pictures keep their proportions."""
    height, width, channels = preprocessing.input_shape
    return {
        "HEIGHT": height,
        "WIDTH": width,
        "CHANNELS": channels,
        "GRAY": int(channels == 1 or preprocessing.convert_to_gray),
        "SIGNED": int(taken.dtype == np.int8),
        "LETTERBOX": int(letterbox),
    }


def defines(values: Mapping[str, int], name: str, prefix: str) -> str:
    """The header of sizes and settings of a model, whose names get the prefix."""
    guard = f"{prefix.upper()}_CONFIG_H"
    lines = "\n".join(f"#define {prefix.upper()}_{key} {value}" for key, value in values.items())
    return f"/* Sizes and settings of {comment(name)}. */\n#ifndef {guard}\n#define {guard}\n\n{lines}\n\n#endif\n"


def arena_bytes(data: bytes) -> int | None:
    """What TFLite-Micro takes to run a file; None where it is not installed or refuses the file."""
    arena = run_once(data).arena if is_installed() else None
    return None if arena is None else arena.total


def vector_table(name: str, rows: Sequence[str]) -> list[str]:
    """The array of the test's vectors of one kind, and their number."""
    return [
        f"const {name}_vector {name}_vectors[] = {{\n" + "\n".join(rows) + "\n};\n",
        f"const int {name}_vector_count = {len(rows)};\n",
    ]


def readme(texts: Sequence[str], data: bytes, model: str, arena: int | None, prefix: str) -> str:
    """The README of the sources: templates of `firmware/`, with the model's operators and memory filled in."""
    operators = list(dict.fromkeys(layer.operator for layer in read_network(data, model).layers))
    adds = "\n".join(
        f"resolver.Add{_RESOLVER[operator]}();" if operator in _RESOLVER else f"// and the operator {operator}"
        for operator in operators
    )
    define = f"{prefix.upper()}_ARENA_BYTES"
    memory = (
        f"`{define}`, {arena:,}, is what TFLite-Micro took on a 64-bit machine; a 32-bit chip takes a little\n"
        "less, its optimized kernels (CMSIS-NN) may take more for scratch buffers."
        if arena is not None
        else f"Define `{define}`: it was not measured, for TFLite-Micro was not installed or refuses the file."
    )
    return (
        "".join(map(template, texts))
        .replace("@MODEL@", Path(model).name)
        .replace("@BYTES@", f"{len(data):,}")
        .replace("@RESOLVER@", f"static tflite::MicroMutableOpResolver<{len(operators)}> resolver;\n{adds}")
        .replace("@ARENA@", memory)
    )


def build_library(folder: Path, sources: Sequence[str], compiler: str = "cc") -> ctypes.CDLL:
    """Builds sources of a folder for this machine and loads them.

    Raises:
        UserError: there is no compiler, or it refuses the sources.
    """
    if shutil.which(compiler) is None:
        raise UserError(f"expected a C compiler to check the sources with, received none called `{compiler}`")
    with tempfile.TemporaryDirectory() as build:
        library = Path(build) / "firmware.so"
        command = [compiler, *_FLAGS, "-shared", "-fPIC", "-o", str(library), *(str(folder / name) for name in sources)]
        result = subprocess.run(command, capture_output=True, text=True, errors="replace")
        if result.returncode != 0:
            raise UserError(f"{folder}: expected sources that build without warnings, received {result.stderr}")
        return ctypes.CDLL(str(library))


def numbers(values: Iterable[Any] | NDArray[Any]) -> str:
    """The elements of an array of constants."""
    flat: Sequence[Any] = np.asarray(values).ravel().tolist()
    return "\n".join(
        "    " + " ".join(f"{value}," for value in flat[start : start + 16]) for start in range(0, len(flat), 16)
    )


def c_string(text: str) -> str:
    """A string literal of ASCII; each byte of other characters as three octal digits, which cannot run on."""
    quoted = "".join(
        chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}" for byte in text.encode("utf-8")
    )
    return f'"{quoted}"'


def comment(text: str) -> str:
    """A text that cannot end the comment it stands in."""
    return text.replace("*/", "* /").replace("/*", "/ *").replace("\n", " ")
