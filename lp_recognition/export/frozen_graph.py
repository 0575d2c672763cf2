"""Frozen graphs: a model as one TensorFlow GraphDef with its weights as constants, and running such a file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from lp_recognition.model_files.description import ModelDescription, parse_description
from lp_recognition.model_files.meaning import Meaning
from lp_recognition.networks.quantization import make_constant
from lp_recognition.system.errors import ModelError
from lp_recognition.system.files import write_bytes

#: Names of the graph's input and output, as `tflite_convert --input_arrays ... --output_arrays ...` wants them.
INPUT_NAME = "input"
OUTPUT_NAME = "Squeeze"
_DESCRIPTION_NODE = "lp_recognition"


def freeze(model: keras.Model) -> Any:
    """Turns a model into a GraphDef of plain constants, batch size 1.

    Args:
        model: Of `QuantizableUnit`s; its weights are folded for good, so it can no longer be trained.

    Returns:
        A `tf.compat.v1.GraphDef` from `input`, float32 `(1, height, width, channels)`, to `Squeeze`, float32, a batch
        of 1.
    """
    make_constant(model)

    def forward(images: Any) -> Any:
        return model(images, training=False)

    spec = tf.TensorSpec((1, *model.input_shape[1:]), tf.float32, name=INPUT_NAME)
    function = convert_variables_to_constants_v2(tf.function(forward).get_concrete_function(spec))
    graph_def = function.graph.as_graph_def()
    _rename(graph_def, function.inputs[0].op.name, INPUT_NAME)
    output = function.outputs[0].op.name
    by_name = {node.name: node for node in graph_def.node}
    while by_name[output].op == "Identity":  # the functions' return values, which mean nothing to a chip
        parent = by_name[output].input[0].split(":")[0]
        graph_def.node.remove(by_name.pop(output))
        output = parent
    _rename(graph_def, output, OUTPUT_NAME)
    return graph_def


def save_graph(graph_def: Any, path: str | Path) -> None:
    """Writes a GraphDef, whole or not at all."""
    write_bytes(path, graph_def.SerializeToString())


def describe_graph(graph_def: Any, description: ModelDescription) -> None:
    """Puts a description into a GraphDef, as a constant that nothing takes; a conversion leaves it out."""
    node = graph_def.node.add(name=_DESCRIPTION_NODE, op="Const")
    node.attr["dtype"].type = tf.string.as_datatype_enum
    node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(description.to_yaml()))


def load_graph(path: str | Path) -> Any:
    """Reads a frozen graph.

    Raises:
        ModelError: the file is missing, is no GraphDef, or lacks the nodes `input` and `Squeeze`.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: expected a frozen graph, received an error: {error.strerror}") from None
    graph_def = tf.compat.v1.GraphDef()
    try:
        graph_def.ParseFromString(data)
    except DecodeError:
        raise ModelError(f"{path}: expected a frozen graph, received {len(data)} bytes that are none") from None
    names = {node.name for node in graph_def.node}
    missing = {INPUT_NAME, OUTPUT_NAME} - names
    if missing:
        raise ModelError(
            f"{path}: expected a graph with the nodes `{INPUT_NAME}` and `{OUTPUT_NAME}`, received one of "
            f"{len(names)} nodes without {', '.join(sorted(missing))}"
        )
    return graph_def


class FrozenGraph:
    """Runs a frozen graph.

    Attributes:
        input_shape: `(height, width, channels)`.
        output_shape: That of the output for one image.
        description: What the graph says of itself; None where it says nothing.

    Args:
        path: The file.
        meanings: Those of the tasks whose descriptions are read; none leaves a description unread.

    Raises:
        ModelError: as `load_graph`, or where the graph cannot be built, or its description is broken.
    """

    def __init__(self, path: str | Path, meanings: Sequence[Meaning] = ()) -> None:
        self._build(load_graph(path), str(path), meanings)

    @classmethod
    def from_graph_def(cls, graph_def: Any, name: str) -> FrozenGraph:
        """Runs a GraphDef that is in memory; `name` is for messages."""
        graph = cls.__new__(cls)
        graph._build(graph_def, name, ())
        return graph

    def _build(self, graph_def: Any, path: str, meanings: Sequence[Meaning]) -> None:
        self.description = _description_of(graph_def, path, meanings) if meanings else None
        try:
            wrapped = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(graph_def, name=""), [])
            self._run = wrapped.prune(f"{INPUT_NAME}:0", f"{OUTPUT_NAME}:0")
            self.input_shape = tuple(int(size) for size in self._run.inputs[0].shape[1:])
            self.output_shape = tuple(int(size) for size in self._run.outputs[0].shape[1:])
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise ModelError(f"{path}: expected a frozen network, received a graph that fails: {error}") from None

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Outputs `(n, *output_shape)` of normalized images `(n, height, width, channels)`, one call for each image."""
        return np.concatenate(
            [self._run(tf.constant(image[None]))[0].numpy().reshape(1, *self.output_shape) for image in images]
        )


def _description_of(graph_def: Any, path: str, meanings: Sequence[Meaning]) -> ModelDescription | None:
    for node in graph_def.node:
        if node.name == _DESCRIPTION_NODE and node.op == "Const" and node.attr["value"].tensor.string_val:
            text = node.attr["value"].tensor.string_val[0].decode("utf-8", "replace")
            return parse_description(text, path, meanings)
    return None


def _rename(graph_def: Any, old: str, new: str) -> None:
    for node in graph_def.node:
        if node.name == old:
            node.name = new
        elif node.name == new:
            raise ValueError(f"the graph has another node named `{new}`")
        for index, name in enumerate(node.input):
            if name.split(":")[0].lstrip("^") == old:
                node.input[index] = name.replace(old, new, 1)
