"""Quantization after training: a checkpoint to int8 by the ranges that a few hundred images cause in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.export.exporting import describe_checkpoint, restored
from lp_recognition.export.frozen_graph import freeze
from lp_recognition.export.task import ExportTask
from lp_recognition.export.tflite import describe_tflite, quantize
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.settings.loading import Schema, refuse_other_model
from lp_recognition.system.files import write_bytes, write_text
from lp_recognition.system.outputs import refuse_existing


def quantize_checkpoint(
    task: ExportTask[Schema],
    path: str | Path,
    config: Schema,
    lists: Sequence[str],
    output: Path,
    *,
    images: int = 300,
    io_type: str = "int8",
    per_channel: bool = True,
    overwrite: bool = False,
) -> int:
    """Writes the int8 `.tflite` of a checkpoint's float weights; ranges that training learnt are left aside.

    Args:
        task: What the checkpoint was trained for.
        path: The checkpoint, float or quantization-aware.
        config: Its config, or one that agrees with it.
        lists: Lists of images; labels may stand in them and are not looked at.
        output: The file to write, with a YAML twin of its description.
        images: Take so many, spread evenly over the lists.
        io_type: Type of input and output, `int8` or `uint8`.
        per_channel: One scale for each output channel of a kernel; else one per kernel.
        overwrite: Replace the file.

    Returns:
        The number of images that were looked at.

    Raises:
        UserError: the checkpoint, the list or an image is missing or broken; the config describes another model; the
            file is there already.
    """
    checkpoint = load_checkpoint(path, task.meaning.schema)
    refuse_other_model(config, checkpoint.config, str(path))
    refuse_existing([output], overwrite, "--output")
    pixels = task.typical_images(lists, checkpoint.config, images)
    preprocessing = task.meaning.preprocessing(checkpoint.config)
    graph_def = freeze(restored(task, checkpoint, quantized=False))
    batches = (image[None] for image in preprocessing.normalize(pixels))
    data = quantize(graph_def, batches, io_type=io_type, per_channel=per_channel)
    description = describe_checkpoint(task.meaning, checkpoint, "int8")
    description = dataclasses.replace(description, made_by="quantization after training")
    write_bytes(output, describe_tflite(data, description))
    write_text(output.with_suffix(".yaml"), description.to_yaml())
    return len(pixels)
