"""Frozen graphs to `.tflite` files: uint8, int8, float and float16; and the description that each file carries."""

from __future__ import annotations

import io
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.python import schema_py_generated as schema

from lp_recognition.export.frozen_graph import INPUT_NAME, OUTPUT_NAME
from lp_recognition.export.model_metadata import LABELS_FILE, METADATA_NAME, model_metadata
from lp_recognition.images.image import Preprocessing
from lp_recognition.model_files.description import DESCRIPTION_FILE, ModelDescription
from lp_recognition.system.errors import ModelError
from lp_recognition.system.native_log import quiet_log

#: The kinds of files.
KINDS = ("uint8", "int8", "float", "float16")
#: Those without ranges inside.
FLOATS = ("float", "float16")


def convert(graph_def: Any, kind: str, preprocessing: Preprocessing) -> bytes:
    """Converts a frozen graph, with ranges inside where the kind is an integer one, as `tflite_convert` does.

    Args:
        graph_def: From `freeze`: of a quantization-aware model for `uint8` and `int8`, of a float one for the others.
        kind: `uint8` (one scale per tensor, for GAP8), `int8` (for TFLite-Micro), `float`, or `float16`: weights of
            half precision, which processors compute with in float32, and GPUs as they are.
        preprocessing: Whose pixel values the input's scale and zero point stand for.

    Returns:
        A `.tflite`, input and output of that type; float32 of both kinds of floats.

    Raises:
        ModelError: the converter refuses the graph.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.pb"
        path.write_bytes(graph_def.SerializeToString())
        converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(str(path), [INPUT_NAME], [OUTPUT_NAME])
    if kind == "float16":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]
    if kind not in FLOATS:
        converter.inference_type = {"uint8": tf.uint8, "int8": tf.int8}[kind]
        # The mean is a value of the input's type: of int8 it lies 128 lower.
        mean = preprocessing.zero_point - (128 if kind == "int8" else 0)
        converter.quantized_input_stats = {INPUT_NAME: (mean, round(1 / preprocessing.scale))}
    return _converted(converter)


def quantize(
    graph_def: Any, batches: Iterable[NDArray[np.float32]], *, io_type: str = "int8", per_channel: bool = True
) -> bytes:
    """Quantizes the frozen graph of a float model to int8 by the ranges that images cause in it.

    Args:
        graph_def: From `freeze`.
        batches: Normalized images, each float32 `(1, height, width, channels)`.
        io_type: Type of input and output, `int8` or `uint8`; inside is int8.
        per_channel: One scale for each output channel of a kernel, as the converter's default is; else one per tensor.

    Returns:
        A `.tflite`.

    Raises:
        ModelError: the converter refuses the graph.
    """
    images = list(batches)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.pb"
        path.write_bytes(graph_def.SerializeToString())
        converter = tf.compat.v1.lite.TFLiteConverter.from_frozen_graph(str(path), [INPUT_NAME], [OUTPUT_NAME])
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = getattr(tf, io_type)
    converter._experimental_disable_per_channel = not per_channel  # it has no other name
    return _converted(converter)


def describe_tflite(data: bytes, description: ModelDescription) -> bytes:
    """Puts a description into a `.tflite`: standard TFLite metadata, the labels if any, and the description itself.

    The files that belong to the metadata follow the model as a ZIP archive, which interpreters pass over and
    `unzip` reads.
    """
    model = schema.ModelT.InitFromPackedBuf(bytearray(data), 0)
    model.metadata = [entry for entry in model.metadata or [] if entry.name != METADATA_NAME.encode()]
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(model_metadata(description), np.uint8)
    entry = schema.MetadataT()
    entry.name, entry.buffer = METADATA_NAME, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata.append(entry)
    model.description = f"{description.meaning.network}, {description.kind}"
    builder = flatbuffers.Builder(len(data) + 4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    archive = io.BytesIO()
    archive.write(builder.Output())
    labels = description.meaning.output(description.config).labels
    texts = {LABELS_FILE: "".join(f"{label}\n" for label in labels)} if labels else {}
    with zipfile.ZipFile(archive, "a") as files:
        for name, text in (texts | {DESCRIPTION_FILE: description.to_yaml()}).items():
            # A fixed date, so that the same model gives the same bytes.
            files.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), text)
    return archive.getvalue()


def _converted(converter: Any) -> bytes:
    try:
        with quiet_log():
            return bytes(converter.convert())
    except Exception as error:  # the converter's own errors have no common type
        reason = " ".join(str(error).split())[:300]
        raise ModelError(f"the TFLite converter refuses the graph: {reason}") from error
