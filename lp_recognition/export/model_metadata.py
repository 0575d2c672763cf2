"""TFLite's own metadata of a model, the flatbuffer `TFLITE_METADATA` (file identifier M001), as other tools read it.

Tables and field numbers are those of TensorFlow's `metadata_schema.fbs`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import flatbuffers
import numpy as np

from lp_recognition.model_files.description import BLANK, DESCRIPTION_FILE, ModelDescription

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
    config, preprocessing = description.config, description.config.preprocessing
    height, width, channels = config.input_shape
    gray = channels == 1
    size = _table(builder, 2, [_number(0, width, "Uint32"), _number(1, height, "Uint32")])
    colors = _GRAYSCALE if gray else _UNKNOWN_COLORS  # the schema has no BGR
    image = _table(builder, 2, [_number(0, colors, "Int8"), _offset(1, size)])
    content = _table(builder, 3, [_number(0, _IMAGE_PROPERTIES, "Uint8"), _offset(1, image)])
    mean = builder.CreateNumpyVector(np.array([preprocessing.zero_point], np.float32))
    deviation = builder.CreateNumpyVector(np.array([1 / preprocessing.scale], np.float32))
    normalization = _table(builder, 2, [_offset(0, mean), _offset(1, deviation)])
    unit = _table(builder, 2, [_number(0, _NORMALIZATION_OPTIONS, "Uint8"), _offset(1, normalization)])
    order = "gray" if gray else "BGR, three times gray" if config.convert_to_gray else "BGR"
    stats, units = _stats(builder, *preprocessing.value_range), _vector(builder, [unit])
    name = builder.CreateString("image")
    text = builder.CreateString(f"A plate crop, resized to {width}x{height}, {order}.")
    taken = _table(
        builder, 7,
        [_offset(0, name), _offset(1, text), _offset(3, content), _offset(4, units), _offset(5, stats)],
    )  # fmt: skip

    feature = _table(builder, 0, [])
    content = _table(builder, 3, [_number(0, _FEATURE_PROPERTIES, "Uint8"), _offset(1, feature)])
    labels = _associated_file(
        builder, LABELS_FILE, f"The character of each class, a line each; {BLANK} is CTC's blank.", _TENSOR_AXIS_LABELS
    )
    axes = _vector(builder, [builder.CreateString(axis) for axis in ("batch", "time", "classes")])
    name = builder.CreateString("logits")
    text = builder.CreateString(
        f"Scores of the classes at each time step, not softmaxed, for CTC; the blank is class "
        f"{config.vocabulary().blank_index}."
    )
    given = _table(
        builder, 7,
        [_offset(0, name), _offset(1, text), _offset(2, axes), _offset(3, content),
         _offset(6, _vector(builder, [labels]))],
    )  # fmt: skip

    record = _associated_file(builder, DESCRIPTION_FILE, "All settings that reading plates needs, YAML.", _DESCRIPTIONS)
    inputs, outputs = _vector(builder, [taken]), _vector(builder, [given])
    graph = _table(builder, 10, [_offset(2, inputs), _offset(3, outputs)])
    name = builder.CreateString("LPRNet")
    text = builder.CreateString(f"License plate reader, {description.kind}, made by {description.made_by}.")
    parser_version = builder.CreateString("1.0.0")
    model = _table(
        builder, 8,
        [_offset(0, name), _offset(1, text), _offset(3, _vector(builder, [graph])),
         _offset(6, _vector(builder, [record])), _offset(7, parser_version)],
    )  # fmt: skip
    builder.Finish(model, _FILE_IDENTIFIER)
    return bytes(builder.Output())


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
