"""Frozen graphs: a model as one TensorFlow GraphDef with its weights as constants, and running such a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from lp_recognition.checkpoints import load_checkpoint
from lp_recognition.config import Config, refuse_other_model, save_config
from lp_recognition.errors import ModelError
from lp_recognition.files import write_bytes
from lp_recognition.model import make_constant, restored_lprnet

#: Names of the graph's input and output, as `tflite_convert --input_arrays ... --output_arrays ...` wants them.
INPUT_NAME = "input"
OUTPUT_NAME = "Squeeze"


#: A graph that differs from its checkpoint by more than rounding is broken.
_LARGEST_DIFFERENCE = 1e-4


@dataclass(frozen=True)
class Export:
    """A graph that was written.

    Attributes:
        graph: The file.
        quantized: Whether it holds the ranges that a conversion to 8 bits needs.
        difference: Largest difference of its logits from the checkpoint's, on random images.
        largest_logit: Largest logit of the checkpoint on them, to compare with.
        mean_value: The pixel that stands for zero, for `tflite_convert --mean_values`.
        std_dev_value: Pixels to a real 1, for `tflite_convert --std_dev_values`.
    """

    graph: Path
    quantized: bool
    difference: float
    largest_logit: float
    mean_value: int
    std_dev_value: int


def export_checkpoint(path: str | Path, config: Config, folder: Path) -> Export:
    """Freezes a checkpoint into `folder/graph.pb.frozen`, with its `config.yaml` beside it, and compares the two.

    Raises:
        ModelError: the checkpoint is missing or broken, or the graph computes something else.
        ConfigError: the config describes another model.
        UserError: the folder cannot be written.
    """
    checkpoint = load_checkpoint(path)
    refuse_other_model(config, checkpoint.config, str(path))
    preprocessing = checkpoint.config.preprocessing
    pixels = np.random.default_rng(0).integers(0, 256, (8, *preprocessing.input_shape), np.uint8)
    images = preprocessing.normalize(pixels)
    model = restored_lprnet(checkpoint)
    expected = np.asarray(model(images, training=False))
    graph = folder / "graph.pb.frozen"
    graph_def = freeze(model)
    received = FrozenGraph.from_graph_def(graph_def, str(graph)).predict(images)
    difference = float(np.abs(received - expected).max())
    step = (
        float(np.abs(expected).max()) / 127 if checkpoint.quantized else 0.0
    )  # rounding may tip a value to the next step
    if not difference <= _LARGEST_DIFFERENCE + 1.5 * step:
        raise ModelError(
            f"{path}: expected a graph that computes the same logits, received a difference of {difference}"
        )
    save_graph(graph_def, graph)
    save_config(checkpoint.config, folder / "config.yaml")
    return Export(
        graph, checkpoint.quantized, difference, float(np.abs(expected).max()), preprocessing.zero_point,
        round(1 / preprocessing.scale),
    )  # fmt: skip


def freeze(model: keras.Model) -> Any:
    """Turns a model into a GraphDef of plain constants, batch size 1.

    Args:
        model: From `build_lprnet`; its weights are folded for good, so it can no longer be trained.

    Returns:
        A `tf.compat.v1.GraphDef` from `input`, float32 `(1, height, width, channels)`, to `Squeeze`, float32
        `(1, time, classes)`.
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
        output_shape: `(time, classes)`.

    Raises:
        ModelError: as `load_graph`, or where the graph cannot be built.
    """

    def __init__(self, path: str | Path) -> None:
        self._build(load_graph(path), str(path))

    @classmethod
    def from_graph_def(cls, graph_def: Any, name: str) -> FrozenGraph:
        """Runs a GraphDef that is in memory; `name` is for messages."""
        graph = cls.__new__(cls)
        graph._build(graph_def, name)
        return graph

    def _build(self, graph_def: Any, path: str) -> None:
        try:
            wrapped = tf.compat.v1.wrap_function(lambda: tf.compat.v1.import_graph_def(graph_def, name=""), [])
            self._run = wrapped.prune(f"{INPUT_NAME}:0", f"{OUTPUT_NAME}:0")
            self.input_shape = tuple(int(size) for size in self._run.inputs[0].shape[1:])
            self.output_shape = tuple(int(size) for size in self._run.outputs[0].shape[1:])
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise ModelError(f"{path}: expected a frozen LPRNet, received a graph that fails: {error}") from None

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits `(n, time, classes)` of normalized images `(n, height, width, channels)`, one call for each image."""
        return np.concatenate(
            [self._run(tf.constant(image[None]))[0].numpy().reshape(1, *self.output_shape) for image in images]
        )


def _rename(graph_def: Any, old: str, new: str) -> None:
    for node in graph_def.node:
        if node.name == old:
            node.name = new
        elif node.name == new:
            raise ValueError(f"the graph has another node named `{new}`")
        for index, name in enumerate(node.input):
            if name.split(":")[0].lstrip("^") == old:
                node.input[index] = name.replace(old, new, 1)
