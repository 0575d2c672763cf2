"""The real TFLite-Micro interpreter, on the desk: what it refuses, a chip refuses; it says what memory it takes.

The `tflite-micro` package (extra `[mcu]`) prints what matters to the standard error of its process and may end it, so
it is asked in a process of its own.
"""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.model_files.interpreter import TensorInfo
from lp_recognition.system.errors import ModelError
from lp_recognition.system.native_log import quiet_log

#: What to do where the package is not there.
INSTALL_HINT = "`pip install 'lp-recognition[mcu]'` installs it, on Linux"

_SECONDS = 120
_ARENA_LINE = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
_PART_LINE = re.compile(r"\[RecordingMicroAllocator\] '(.+)' used (\d+) bytes")
_SMALLEST_ARENA = 1 << 20


@dataclass(frozen=True)
class Arena:
    """The memory that TFLite-Micro took to run a file once, in bytes.

    Attributes:
        total: In all: what the firmware's arena has to hold.
        activations: Of these, tensors and scratch buffers, which layers share.
        persistent: The interpreter's own tables; a 32-bit chip, with pointers half as wide, takes less.
        parts: What is in `persistent`, by TFLite-Micro's names.
    """

    total: int
    activations: int
    persistent: int
    parts: dict[str, int]


@dataclass(frozen=True)
class MicroRun:
    """What came of running a file.

    Attributes:
        arena: The memory it took; None where it did not run.
        refusal: Why it did not run, in the interpreter's words; empty where it ran.
    """

    arena: Arena | None
    refusal: str


def is_installed() -> bool:
    """Whether the `tflite-micro` package is there."""
    return importlib.util.find_spec("tflite_micro") is not None


def run_once(data: bytes) -> MicroRun:
    """Runs a `.tflite` once on zeros, in a process of its own.

    Raises:
        ModelError: the package is not installed.
    """
    if not is_installed():
        raise ModelError(f"expected the package tflite-micro, received none; {INSTALL_HINT}")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        path.write_bytes(data)
        command = [sys.executable, "-c", _CHILD, str(path)]
        try:
            child = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, errors="replace")
        except subprocess.TimeoutExpired:
            return MicroRun(None, f"it did not end within {_SECONDS} seconds")
    if child.returncode != 0:
        return MicroRun(None, _last_words(child.stderr, child.returncode))
    sizes = {name: int(size) for name, size in _ARENA_LINE.findall(child.stderr)}
    if not {"total", "head", "tail"} <= sizes.keys():
        raise ModelError(f"expected tflite-micro to print its arena, received {child.stderr[-200:]!r}")
    parts = {name: int(size) for name, size in _PART_LINE.findall(child.stderr)}
    return MicroRun(Arena(sizes["total"], sizes["head"], sizes["tail"], parts), "")


class MicroModel:
    """A `.tflite` in the TFLite-Micro interpreter, in this process: open only what `run_once` could run.

    Attributes:
        inputs: Its input.
        outputs: Its output.
    """

    def __init__(self, data: bytes) -> None:
        from tflite_micro import runtime

        with quiet_log():
            self._interpreter = runtime.Interpreter.from_bytes(data, arena_size=arena_bound(data))
        self.inputs: tuple[TensorInfo, ...] = (_info("input", self._interpreter.get_input_details(0)),)
        self.outputs: tuple[TensorInfo, ...] = (_info("output", self._interpreter.get_output_details(0)),)

    def run(self, array: NDArray[Any]) -> NDArray[Any]:
        """Runs the model once, on its input in its type."""
        self._interpreter.set_input(array, 0)
        self._interpreter.invoke()
        return np.array(self._interpreter.get_output(0))


def arena_bound(data: bytes) -> int:
    """An arena that is large enough for any file: it is taken from the desk's memory, not the chip's."""
    return max(_SMALLEST_ARENA, 40 * len(data))


def _info(name: str, details: Any) -> TensorInfo:
    quantization = details["quantization_parameters"]
    scales, zeros = quantization["scales"], quantization["zero_points"]
    scale, zero_point = (float(scales[0]), int(zeros[0])) if len(scales) else (0.0, 0)
    return TensorInfo(
        name, tuple(int(size) for size in details["shape"]), np.dtype(details["dtype"]), scale, zero_point
    )


def _last_words(log: str, status: int) -> str:
    """What the interpreter said of the file before Python's traceback begins."""
    lines = [line.strip() for line in log.splitlines()]
    lines = lines[: next((i for i, line in enumerate(lines) if line.startswith("Traceback")), len(lines))]
    words = [re.sub(r"^\S+\.(cc|h):?\d*:? ", "", line) for line in lines if line]
    ending = json.dumps(log.splitlines()[-1]) if log.splitlines() else f"status {status}"
    return "; ".join(words[-3:]) or f"it ended with {ending}"


# Runs where nothing of this package is imported.
_CHILD = f"""
import sys
import numpy as np
from tflite_micro import runtime
data = open(sys.argv[1], "rb").read()
interpreter = runtime.Interpreter.from_bytes(data, arena_size=max({_SMALLEST_ARENA}, 40 * len(data)))
details = interpreter.get_input_details(0)
interpreter.set_input(np.zeros(details["shape"], details["dtype"]), 0)
interpreter.invoke()
interpreter.print_allocations()
"""
