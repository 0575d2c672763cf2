"""TFLite's own metadata of a model, the flatbuffer `TFLITE_METADATA` (file identifier M001), as other tools read it.

Tables and field numbers are those of TensorFlow's `metadata_schema.fbs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flatbuffers
import numpy as np

from lp_recognition.model_files.description import DESCRIPTION_FILE, ModelDescription, color_order

METADATA_NAME = "TFLITE_METADATA"
LABELS_FILE = "labels.txt"

_FILE_IDENTIFIER = b"M001"
_FEATURE_PROPERTIES, _IMAGE_PROPERTIES = 1, 2
_GRAYSCALE, _UNKNOWN_COLORS = 2, 0
_TENSOR_AXIS_LABELS, _DESCRIPTIONS = 2, 1
_NORMALIZATION_OPTIONS = 1

#: Adds one field to the table that is being built.
_Field = Callable[[flatbuffers.Builder], None]


def model_metadata(description: ModelDescription) -> bytes:
    """The metadata of a model: what goes in, how it is normalized, what comes out and where its labels are."""
    builder = flatbuffers.Builder(2048)
    inputs, outputs = _vector(builder, [_taken(builder, description)]), _vector(builder, [_given(builder, description)])
    graph = _table(builder, 10, [_offset(2, inputs), _offset(3, outputs)])
    record = _associated_file(
        builder, DESCRIPTION_FILE, "All settings that using the model needs, YAML.", _DESCRIPTIONS
    )
    meaning = description.meaning
    name = builder.CreateString(meaning.network)
    text = builder.CreateString(f"{meaning.purpose}, {description.kind}, made by {description.made_by}.")
    parser_version = builder.CreateString("1.0.0")
    model = _table(
        builder, 8,
        [_offset(0, name), _offset(1, text), _offset(3, _vector(builder, [graph])),
         _offset(6, _vector(builder, [record])), _offset(7, parser_version)],
    )  # fmt: skip
    builder.Finish(model, _FILE_IDENTIFIER)
    return bytes(builder.Output())


def _taken(builder: flatbuffers.Builder, description: ModelDescription) -> int:
    """The input: an image, its size, colours and normalization."""
    preprocessing = description.preprocessing
    height, width, channels = preprocessing.input_shape
    size = _table(builder, 2, [_number(0, width, "Uint32"), _number(1, height, "Uint32")])
    colors = _GRAYSCALE if channels == 1 else _UNKNOWN_COLORS  # the schema has no BGR
    image = _table(builder, 2, [_number(0, colors, "Int8"), _offset(1, size)])
    content = _table(builder, 3, [_number(0, _IMAGE_PROPERTIES, "Uint8"), _offset(1, image)])
    mean = builder.CreateNumpyVector(np.array([preprocessing.zero_point], np.float32))
    deviation = builder.CreateNumpyVector(np.array([1 / preprocessing.scale], np.float32))
    normalization = _table(builder, 2, [_offset(0, mean), _offset(1, deviation)])
    unit = _table(builder, 2, [_number(0, _NORMALIZATION_OPTIONS, "Uint8"), _offset(1, normalization)])
    stats, units = _stats(builder, *preprocessing.value_range), _vector(builder, [unit])
    order = color_order(preprocessing)
    if channels == 3 and preprocessing.convert_to_gray:
        order += ", three times gray"
    name = builder.CreateString("image")
    text = builder.CreateString(f"{description.meaning.subject}, resized to {width}x{height}, {order}.")
    return _table(
        builder, 7,
        [_offset(0, name), _offset(1, text), _offset(3, content), _offset(4, units), _offset(5, stats)],
    )  # fmt: skip


def _given(builder: flatbuffers.Builder, description: ModelDescription) -> int:
    """The output: its axes, and the file of its labels, where it has any."""
    output = description.meaning.output(description.config)
    feature = _table(builder, 0, [])
    content = _table(builder, 3, [_number(0, _FEATURE_PROPERTIES, "Uint8"), _offset(1, feature)])
    labels = []
    if output.labels:
        file = _associated_file(builder, LABELS_FILE, "What each class stands for, a line each.", _TENSOR_AXIS_LABELS)
        labels = [_offset(6, _vector(builder, [file]))]
    axes = _vector(builder, [builder.CreateString(axis) for axis in output.axes])
    name, text = builder.CreateString(output.name), builder.CreateString(output.text)
    return _table(builder, 7, [_offset(0, name), _offset(1, text), _offset(2, axes), _offset(3, content), *labels])


def _associated_file(builder: flatbuffers.Builder, name: str, text: str, kind: int) -> int:
    fields = [_offset(0, builder.CreateString(name)), _offset(1, builder.CreateString(text)), _number(2, kind, "Int8")]
    return _table(builder, 5, fields)


def _stats(builder: flatbuffers.Builder, low: float, high: float) -> int:
    largest = builder.CreateNumpyVector(np.array([high], np.float32))
    smallest = builder.CreateNumpyVector(np.array([low], np.float32))
    return _table(builder, 2, [_offset(0, largest), _offset(1, smallest)])


def _table(builder: flatbuffers.Builder, num_fields: int, fields: Sequence[_Field]) -> int:
    """Builds a table; what its fields point to was built before."""
    builder.StartObject(num_fields)
    for add in fields:
        add(builder)
    return int(builder.EndObject())


def _offset(field: int, target: int) -> _Field:
    return lambda builder: builder.PrependUOffsetTRelativeSlot(field, target, 0)


def _number(field: int, value: int, kind: str) -> _Field:
    return lambda builder: getattr(builder, f"Prepend{kind}Slot")(field, value, 0)


def _vector(builder: flatbuffers.Builder, targets: Sequence[int]) -> int:
    builder.StartVector(4, len(targets), 4)
    for target in reversed(targets):
        builder.PrependUOffsetTRelative(target)
    return int(builder.EndVector())
