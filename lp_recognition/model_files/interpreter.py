"""Opens a `.tflite` file with whatever interpreter is installed: LiteRT, tflite-runtime, or TensorFlow."""

from __future__ import annotations

import ctypes
import importlib
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image, Preprocessing
from lp_recognition.system.errors import ModelError
from lp_recognition.system.native_log import quiet_log

_RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow")

#: What stands on the way to a `.tflite`, by its suffix.
_BEFORE_TFLITE = {".ckpt": "a checkpoint", ".pb": "a frozen graph", ".frozen": "a frozen graph"}


@dataclass(frozen=True)
class TensorInfo:
    """An input or output of a model.

    Attributes:
        name: Its name in the file.
        shape: Its shape, the batch first.
        dtype: Its type: float32, or uint8 or int8 with real = (q - zero_point) * scale.
        scale: The real value of one step; 0 where the tensor is not quantized.
        zero_point: The integer whose real value is zero.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float
    zero_point: int

    @property
    def is_quantized(self) -> bool:
        """Whether integers stand for real values."""
        return self.scale > 0

    def quantize(self, values: NDArray[np.floating]) -> NDArray[Any]:
        """Turns real values into what the file takes: rounded and clipped, or as they are where it is float."""
        if not self.is_quantized:
            return values.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        return np.clip(np.rint(values / self.scale) + self.zero_point, limits.min, limits.max).astype(self.dtype)

    def dequantize(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Turns what the file gives into real values, float32."""
        if not self.is_quantized:
            return values.astype(np.float32)
        return (values.astype(np.float32) - np.float32(self.zero_point)) * np.float32(self.scale)


class TFLiteModel:
    """An opened `.tflite` file with one input and, unless others are expected, one output; threads take turns at it.

    Attributes:
        source: Where it came from, for messages.
        runtime: The module that runs it, such as `ai_edge_litert.interpreter`.
        inputs: Its inputs.
        outputs: Its outputs.
    """

    def __init__(self, interpreter: Any, source: str, runtime: str, outputs: int = 1) -> None:
        self.source = source
        self.runtime = runtime
        self._interpreter = interpreter
        self._turn = threading.Lock()
        input_details, output_details = interpreter.get_input_details(), interpreter.get_output_details()
        self.inputs = tuple(_tensor_info(details) for details in input_details)
        self.outputs = tuple(_tensor_info(details) for details in output_details)
        if len(self.inputs) != 1 or len(self.outputs) != outputs:
            expected = "one output" if outputs == 1 else f"{outputs} outputs"
            raise ModelError(
                f"{source}: expected one input and {expected}, received {len(self.inputs)} and {len(self.outputs)}"
            )
        self._input_index: int = input_details[0]["index"]
        self._output_indices: list[int] = [details["index"] for details in output_details]

    def run(self, array: NDArray[Any]) -> NDArray[Any]:
        """Runs the model once.

        Args:
            array: Its input, of exactly its shape and type: quantized where the file is.

        Returns:
            Its output, of its shape and type.

        Raises:
            ValueError: an array of another shape or type.
        """
        return self.run_all(array)[0]

    def run_all(self, array: NDArray[Any]) -> list[NDArray[Any]]:
        """Runs the model once, as `run` does, and returns all of its outputs."""
        expected = self.inputs[0]
        if array.shape != expected.shape or array.dtype != expected.dtype:
            raise ValueError(
                f"{self.source}: expected {expected.dtype} of shape {expected.shape}, received {array.dtype} of shape "
                f"{array.shape}"
            )
        with self._turn:  # the tensors are the interpreter's own
            self._interpreter.set_tensor(self._input_index, array)
            self._interpreter.invoke()
            return [self._interpreter.get_tensor(index) for index in self._output_indices]


class Runnable(Protocol):
    """A model with one input and one output that some interpreter runs."""

    inputs: tuple[TensorInfo, ...]
    outputs: tuple[TensorInfo, ...]

    def run(self, array: NDArray[Any]) -> NDArray[Any]:
        """Runs the model once, on its input in its type."""


def pixel_values(taken: TensorInfo, preprocessing: Preprocessing) -> NDArray[Any]:
    """What the model takes for each of the 256 pixel values.

    For a file whose quantization is that of the pixels these are the pixels themselves (less 128 where it is int8).
    """
    return taken.quantize(preprocessing.normalize(np.arange(256, dtype=np.uint8)))


def image_predictor(model: Runnable, preprocessing: Preprocessing) -> Callable[[Image], NDArray[np.float32]]:
    """Makes a function from prepared images, uint8 `(n, height, width, channels)`, to the model's output for each.

    Outputs are float32, in real values also where the file is quantized.
    """
    taken, given = model.inputs[0], model.outputs[0]
    values = pixel_values(taken, preprocessing)

    def predict(images: Image) -> NDArray[np.float32]:
        outputs = np.empty((len(images), *given.shape[1:]), np.float32)
        batch = np.zeros(taken.shape, taken.dtype)
        for start in range(0, len(images), len(batch)):
            some = images[start : start + len(batch)]
            batch[: len(some)] = cv2.LUT(some.reshape(len(some), -1), values).reshape(some.shape)  # as values[some]
            outputs[start : start + len(some)] = given.dequantize(model.run(batch))[: len(some)]
        return outputs

    return predict


def open_interpreter(
    model: str | Path | bytes,
    num_threads: int = 1,
    *,
    reference_kernels: bool = False,
    outputs: int = 1,
    delegate: str | Path = "",
) -> TFLiteModel:
    """Opens a `.tflite`, a file or its bytes.

    Args:
        model: The file.
        num_threads: Threads of the interpreter.
        reference_kernels: Run the runtime's reference kernels: slow, and in integers bit for bit what TFLite-Micro's
            portable ones compute.
        outputs: How many outputs the file shall have.
        delegate: The library of a delegate, which runs what it can of the model on other hardware, as a GPU.

    Raises:
        ModelError: the file is missing, no TFLite model, cut off or broken, or has other ends; it needs operators that
            the interpreter does not have; the delegate cannot be loaded; or no interpreter is installed.
    """
    source = "model" if isinstance(model, bytes) else str(model)
    data = model if isinstance(model, bytes) else _read(Path(model))
    check_flatbuffer(data, source)
    interpreter_class, runtime = _find_runtime()
    options: dict[str, Any] = {}
    if reference_kernels:
        kinds = importlib.import_module(interpreter_class.__module__).OpResolverType
        options["experimental_op_resolver_type"] = kinds.BUILTIN_REF
    if delegate:
        options["experimental_delegates"] = [_load_delegate(str(delegate), runtime)]
    try:
        with quiet_log():
            interpreter = interpreter_class(model_content=data, num_threads=num_threads, **options)
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ModelError(f"{source}: expected a .tflite that {runtime} can run, received an error: {reason}") from None
    return TFLiteModel(interpreter, source, runtime, outputs)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            head = file.read(8)
            if head[4:] == b"TFL3":
                return head + file.read()
    except OSError as error:
        raise ModelError(f"{path}: expected a .tflite file, received an error: {error.strerror}") from None
    if path.suffix in _BEFORE_TFLITE:
        raise ModelError(
            f"{path}: expected a .tflite file, received {_BEFORE_TFLITE[path.suffix]}; make one of the checkpoint with "
            "export_frozen_graph.py --tflite int8"
        )
    return head  # what is no model is not read whole


def _find_runtime() -> tuple[Any, str]:
    for name in _RUNTIMES:
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        return (module.lite if name == "tensorflow" else module).Interpreter, name
    raise ModelError(
        "expected an interpreter for .tflite files, received none; `pip install ai-edge-litert` (on an older board, "
        "`pip install tflite-runtime`)"
    )


def _load_delegate(library: str, runtime: str) -> Any:
    module = importlib.import_module(runtime)
    try:
        ctypes.CDLL(library)  # runtimes stumble over what is none once more, when they let go of it
        return (module.lite.experimental if runtime == "tensorflow" else module).load_delegate(library)
    except (OSError, ValueError, RuntimeError, AttributeError) as error:
        reason = " ".join(str(error).split()) or "it makes none"
        raise ModelError(
            f"{library}: expected a delegate that {runtime} can load, received an error: {reason}"
        ) from None


def _tensor_info(details: Mapping[str, Any]) -> TensorInfo:
    scale, zero_point = details["quantization"]
    shape = tuple(int(size) for size in details["shape"])
    return TensorInfo(details["name"], shape, np.dtype(details["dtype"]), float(scale), int(zero_point))


# What a .tflite holds, as far as following it can lead out of the file. A flatbuffer is made of tables; of each kind of
# table: the numbers of the fields that point somewhere, and to what. A number is the size of the elements of a vector,
# a name is a table, a name in a list is a vector of tables.
_TABLES: dict[str, dict[int, int | str | list[str]]] = {
    "Model": {1: ["OperatorCode"], 2: ["SubGraph"], 3: 1, 4: ["Buffer"], 5: 4, 6: ["Metadata"], 7: ["Signature"]},
    "OperatorCode": {1: 1},
    "SubGraph": {0: ["Tensor"], 1: 4, 2: 4, 3: ["Operator"], 4: 1},
    "Tensor": {0: 4, 3: 1, 4: "Quantization", 6: "Options", 7: 4},
    "Quantization": {0: 4, 1: 4, 2: 4, 3: 8},
    "Operator": {1: 4, 2: 4, 4: "Options", 5: 1, 8: 4},
    "Options": {},
    "Buffer": {0: 1},
    "Metadata": {0: 1},
    "Signature": {0: ["TensorName"], 1: ["TensorName"], 2: 1},
    "TensorName": {0: 1},
}


def check_flatbuffer(data: bytes, source: str) -> None:
    """Checks that a file is a TFLite model and that nothing in it points out of it.

    LiteRT checks this itself; tflite-runtime does not, and a file that was cut off kills the process there.
    """
    if not data:
        raise ModelError(f"{source}: expected a .tflite file, received an empty one")
    if data[4:8] != b"TFL3":
        raise ModelError(f"{source}: expected a .tflite file, received one that does not begin as such ('TFL3')")
    try:
        _check_table(data, _follow(data, 0), "Model", set())
    except (struct.error, IndexError):
        raise ModelError(
            f"{source}: expected a whole .tflite file, received one that is cut off or broken ({len(data)} bytes)"
        ) from None


def _follow(data: bytes, position: int) -> int:
    """Where the offset at `position` leads."""
    return position + struct.unpack_from("<I", data, position)[0]


def _check_table(data: bytes, table: int, kind: str, seen: set[tuple[int, str]]) -> None:
    """Raises `struct.error` or `IndexError` where a table, or what it points to, is not all inside `data`."""
    if (table, kind) in seen:
        return
    seen.add((table, kind))
    fields = table - struct.unpack_from("<i", data, table)[0]  # the list of where its fields are
    if fields < 0:
        raise IndexError
    list_size, table_size = struct.unpack_from("<HH", data, fields)
    _check_inside(data, fields, list_size)
    _check_inside(data, table, table_size)
    for field, target in _TABLES[kind].items():
        entry = 4 + 2 * field
        offset = struct.unpack_from("<H", data, fields + entry)[0] if entry + 2 <= list_size else 0
        if offset == 0:  # the field is not set
            continue
        position = _follow(data, table + offset)
        if isinstance(target, str):
            _check_table(data, position, target, seen)
            continue
        count = struct.unpack_from("<I", data, position)[0]
        size = 4 if isinstance(target, list) else target
        _check_inside(data, position + 4, count * size)
        if isinstance(target, list):
            for element in range(position + 4, position + 4 + 4 * count, 4):
                _check_table(data, _follow(data, element), target[0], seen)


def _check_inside(data: bytes, start: int, size: int) -> None:
    if start + size > len(data):
        raise IndexError
