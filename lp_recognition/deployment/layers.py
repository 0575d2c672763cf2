"""The layers of any `.tflite`: what each takes, gives, computes and keeps, read from the file without running it."""

from __future__ import annotations

import math
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from lp_recognition.model_files.interpreter import check_flatbuffer
from lp_recognition.system.errors import ModelError

#: What reading a file raises where its parts do not fit together.
BROKEN = (AttributeError, IndexError, KeyError, TypeError, ValueError, ZeroDivisionError, OverflowError, struct.error)

_TYPES = {
    "FLOAT32": 4, "FLOAT16": 2, "INT32": 4, "UINT8": 1, "INT64": 8, "BOOL": 1, "INT16": 2, "INT8": 1, "FLOAT64": 8,
    "UINT64": 8, "UINT32": 4, "UINT16": 2, "INT4": 0.5,
}  # fmt: skip
_NUMPY = {"FLOAT32": np.float32, "INT32": np.int32, "UINT8": np.uint8, "INT64": np.int64, "INT16": np.int16,
          "INT8": np.int8}  # fmt: skip
_TYPE_NAMES = {value: name for name, value in vars(schema.TensorType).items() if isinstance(value, int)}
_OPERATOR_NAMES = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
#: The input of an operator that holds its weights, of those that multiply and accumulate.
_WEIGHTS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1, "TRANSPOSE_CONV": 1, "CONV_3D": 1}
#: Constants of these operators are numbers that the network learnt; of the others, shapes and axes.
_LEARNT = {*_WEIGHTS, "ADD", "SUB", "MUL", "DIV", "PRELU", "BATCH_MATMUL", "EMBEDDING_LOOKUP", "MAXIMUM", "MINIMUM"}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of a file.

    Attributes:
        index: Its number in the file.
        name: Its name in the file.
        shape: Its shape; -1 for a size that is open.
        dtype: `FLOAT32`, `UINT8`, `INT8`, ...
        scales: Real values of one step: none, one, or one for each channel.
        zero_points: Integers whose real value is zero, as many.
        data: The bytes of a constant; None where it is computed.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    data: bytes | None

    @property
    def elements(self) -> int:
        """Numbers it holds; open sizes count once."""
        return math.prod(abs(size) for size in self.shape)

    @property
    def num_bytes(self) -> int:
        """Memory that it takes."""
        return math.ceil(self.elements * _TYPES.get(self.dtype, 0))

    @property
    def is_constant(self) -> bool:
        """Whether its numbers stand in the file."""
        return self.data is not None

    @property
    def quantization(self) -> str:
        """Type and scale, for a person: `uint8 x 0.0124, zero 128`."""
        kind = self.dtype.lower()
        if not self.scales:
            return kind
        if len(self.scales) > 1:
            return f"{kind}, {len(self.scales)} scales"
        return f"{kind} x {self.scales[0]:.3g}, zero {self.zero_points[0]}"

    def values(self) -> NDArray[Any]:
        """The numbers of a constant."""
        return np.frombuffer(self.data or b"", _NUMPY[self.dtype])


@dataclass(frozen=True, eq=False)
class Layer:
    """An operator of a file.

    Attributes:
        number: Its place in the order of running, from 0.
        name: What it is called, after its output.
        operator: `CONV_2D`, ...; `CUSTOM` or `Flex...` operators by their own name.
        is_custom: Whether it is none of TFLite's own operators.
        inputs: The tensors it takes, constants among them; None for an optional one that is left out.
        outputs: The tensors it gives.
        options: Its settings, by the names of TFLite's schema.
        macs: Multiply-accumulates for one run.
        parameters: Numbers it learnt.
        weight_bytes: What these take.
    """

    number: int
    name: str
    operator: str
    is_custom: bool
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Mapping[str, Any]
    macs: int
    parameters: int
    weight_bytes: int

    @property
    def activations(self) -> list[Tensor]:
        """The inputs that are computed."""
        return [tensor for tensor in self.inputs if tensor is not None and not tensor.is_constant]

    @property
    def activation_bytes(self) -> int:
        """Memory of the inputs that are computed, and of the outputs."""
        return sum({tensor.index: tensor.num_bytes for tensor in (*self.activations, *self.outputs)}.values())


@dataclass(frozen=True, eq=False)
class Network:
    """All layers of a file.

    Attributes:
        source: The file, for messages.
        layers: In the order of running.
        inputs: What it takes.
        outputs: What it gives.
        file_bytes: The size of the model; files that were appended to it do not count.
    """

    source: str
    layers: tuple[Layer, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    file_bytes: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates for one run."""
        return sum(layer.macs for layer in self.layers)

    @property
    def parameters(self) -> int:
        """Numbers that the network learnt, each shared tensor once."""
        return sum(tensor.elements for tensor in self._learnt())

    @property
    def weight_bytes(self) -> int:
        """What these take."""
        return sum(tensor.num_bytes for tensor in self._learnt())

    @property
    def live_bytes(self) -> tuple[int, ...]:
        """Memory of all activations that are needed while each layer runs.

        A tensor lives from the layer that gives it (the network's inputs: from the start) to the last that takes it
        (the network's outputs: to the end). No layer works in place.
        """
        first = {tensor.index: 0 for tensor in self.inputs}
        last: dict[int, int] = {}
        tensors = {tensor.index: tensor for tensor in self.inputs}
        for layer in self.layers:
            for tensor in layer.activations:
                last[tensor.index] = layer.number
            for tensor in layer.outputs:
                tensors[tensor.index] = tensor
                first.setdefault(tensor.index, layer.number)
                last.setdefault(tensor.index, layer.number)
        for tensor in self.outputs:
            last[tensor.index] = len(self.layers) - 1
        return tuple(
            sum(
                tensor.num_bytes
                for index, tensor in tensors.items()
                if not tensor.is_constant and first[index] <= layer.number <= last.get(index, -1)
            )
            for layer in self.layers
        )

    @property
    def peak(self) -> tuple[int, Layer]:
        """The largest of `live_bytes`, and the layer it belongs to."""
        live = self.live_bytes
        number = max(range(len(live)), key=live.__getitem__)
        return live[number], self.layers[number]

    def _learnt(self) -> list[Tensor]:
        learnt = {
            tensor.index: tensor
            for layer in self.layers
            if layer.operator in _LEARNT
            for tensor in layer.inputs
            if tensor is not None and tensor.is_constant
        }
        return list(learnt.values())


def read_network(data: bytes, source: str) -> Network:
    """Reads the layers of a `.tflite`.

    Raises:
        ModelError: it is no TFLite model, cut off or broken, or holds more than one graph or none that runs.
    """
    check_flatbuffer(data, source)
    try:
        model = schema.ModelT.InitFromPackedBuf(data, 0)
        graphs = model.subgraphs or []
        if len(graphs) != 1:
            raise ModelError(
                f"{source}: expected one graph, received {len(graphs)}; models with control flow (IF, WHILE) or "
                "several signatures are not for these chips: export one function, without loops"
            )
        return _network(model, graphs[0], len(model_bytes(data)), source)
    except BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{source}: expected a whole .tflite file, received a broken one ({reason})") from None


def model_bytes(data: bytes) -> bytes:
    """The model alone, without the files that TFLite metadata appends to it as a ZIP archive."""
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            begins = [entry.header_offset for entry in archive.infolist()]
    except zipfile.BadZipFile:
        return data
    return data[: min(begins, default=len(data))]


def read_model_file(path: str | Path) -> bytes:
    """Reads the bytes of a `.tflite`.

    Raises:
        ModelError: it cannot be read.
    """
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: expected a .tflite file, received an error: {error.strerror}") from None


def _network(model: Any, graph: Any, file_bytes: int, source: str) -> Network:
    tensors = [_tensor(model, index, tensor) for index, tensor in enumerate(graph.tensors)]
    operators = graph.operators if graph.operators is not None else []
    if not len(operators):
        raise ModelError(f"{source}: expected layers, received a graph without any")
    names = layer_names([tensors[int(operator.outputs[0])].name for operator in operators])
    layers = tuple(
        _layer(model, number, operator, tensors, name)
        for number, (operator, name) in enumerate(zip(operators, names, strict=True))
    )
    inputs = tuple(tensors[int(index)] for index in graph.inputs)
    outputs = tuple(tensors[int(index)] for index in graph.outputs)
    return Network(source, layers, inputs, outputs, file_bytes)


def _tensor(model: Any, index: int, tensor: Any) -> Tensor:
    quantization = tensor.quantization
    scales = () if quantization is None or quantization.scale is None else tuple(map(float, quantization.scale))
    zeros = () if not scales or quantization.zeroPoint is None else tuple(map(int, quantization.zeroPoint))
    signature = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
    shape = () if signature is None else tuple(int(size) for size in signature)
    data = model.buffers[tensor.buffer].data if tensor.buffer else None
    data = None if data is None or len(data) == 0 else bytes(data)
    return Tensor(
        index, (tensor.name or b"").decode("utf-8", "replace"), shape, _TYPE_NAMES.get(tensor.type, "UNKNOWN"), scales,
        zeros or (0,) * len(scales), data,
    )  # fmt: skip


def _layer(model: Any, number: int, operator: Any, tensors: Sequence[Tensor], name: str) -> Layer:
    code = model.operatorCodes[operator.opcodeIndex]
    builtin = max(code.builtinCode, code.deprecatedBuiltinCode)
    is_custom = builtin == schema.BuiltinOperator.CUSTOM
    kind = _OPERATOR_NAMES.get(builtin, f"OPERATOR_{builtin}")
    if is_custom:
        kind = (code.customCode or b"CUSTOM").decode("utf-8", "replace")
    indices = operator.inputs if operator.inputs is not None else []
    inputs = tuple(tensors[int(index)] if index >= 0 else None for index in indices)
    outputs = tuple(tensors[int(index)] for index in operator.outputs)
    options = vars(operator.builtinOptions) if operator.builtinOptions is not None else {}
    learnt = [t for t in inputs if t is not None and t.is_constant] if kind in _LEARNT else []
    return Layer(
        number, name, kind, is_custom, inputs, outputs, options, _macs(kind, inputs, outputs),
        sum(tensor.elements for tensor in learnt), sum(tensor.num_bytes for tensor in learnt),
    )  # fmt: skip


def _macs(kind: str, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]) -> int:
    """Multiply-accumulates: of the biases' additions none is counted."""
    result = outputs[0]
    weights = inputs[_WEIGHTS[kind]] if kind in _WEIGHTS else None
    if kind == "CONV_2D" and weights is not None:  # weights (out, height, width, in)
        return result.elements * math.prod(weights.shape[1:])
    if kind == "DEPTHWISE_CONV_2D" and weights is not None:  # weights (1, height, width, out)
        return result.elements * math.prod(weights.shape[1:3])
    if kind == "FULLY_CONNECTED" and weights is not None:  # weights (out, in)
        return result.elements * weights.shape[-1]
    if kind == "TRANSPOSE_CONV" and weights is not None and inputs[2] is not None:  # weights (out, height, width, in)
        return inputs[2].elements * math.prod(weights.shape[:3])
    if kind == "CONV_3D" and weights is not None:  # weights (depth, height, width, in, out)
        return result.elements * math.prod(weights.shape[:4])
    if kind == "BATCH_MATMUL" and inputs[0] is not None:
        return result.elements * inputs[0].shape[-1]
    return 0


def layer_names(names: Sequence[str]) -> list[str]:
    """Short names: `network_1/conv1_1/add/y1` is conv1 where all layers are of `network_1`; else the end of the path.

    TensorFlow counts the calls of a Keras model: the second one ends in `_1`, and so does each of its layers.
    """
    paths = [name.split(";")[0].split("/") for name in names]
    roots = {path[0] for path in paths if len(path) > 1}
    count = re.search(r"_\d+$", next(iter(roots))) if len(roots) == 1 else None
    short = []
    for name, path in zip(names, paths, strict=True):
        if len(roots) == 1 and len(path) > 1:
            short.append(path[1].removesuffix(count[0]) if count else path[1])
        else:
            short.append(name if len(name) <= 40 else f"...{name[-37:]}")
    return short
