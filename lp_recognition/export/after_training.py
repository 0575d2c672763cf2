"""Quantization after training: a checkpoint to int8 by the ranges that a few hundred plates cause in it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lp_recognition.export.exporting import describe_checkpoint
from lp_recognition.export.frozen_graph import freeze
from lp_recognition.export.tflite import describe_tflite, quantize
from lp_recognition.lists.annotations import Annotation, read_annotations
from lp_recognition.lists.rows import prepared_images
from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.networks.restoring import restored_lprnet
from lp_recognition.settings.loading import refuse_other_model
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.files import write_bytes, write_text
from lp_recognition.system.outputs import refuse_existing


def quantize_checkpoint(
    path: str | Path,
    config: RecognitionConfig,
    calibration: Sequence[str],
    output: Path,
    *,
    images: int = 300,
    io_type: str = "int8",
    per_channel: bool = True,
    overwrite: bool = False,
) -> int:
    """Writes the int8 `.tflite` of a checkpoint's float weights; ranges that training learnt are left aside.

    Args:
        path: The checkpoint, float or quantization-aware.
        config: Its config, or one that agrees with it.
        calibration: Lists of plates; labels may stand in them and are not looked at.
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
    checkpoint = load_checkpoint(path, RecognitionConfig)
    refuse_other_model(config, checkpoint.config, str(path))
    refuse_existing([output], overwrite, "--output")
    rows = _spread(_rows(calibration), images)
    preprocessing = checkpoint.config.preprocessing
    pixels = np.concatenate(list(prepared_images(rows, preprocessing, 256)))
    graph_def = freeze(restored_lprnet(checkpoint, quantized=False))
    batches = (image[None] for image in preprocessing.normalize(pixels))
    data = quantize(graph_def, batches, io_type=io_type, per_channel=per_channel)
    description = dataclasses.replace(describe_checkpoint(checkpoint, "int8"), made_by="quantization after training")
    write_bytes(output, describe_tflite(data, description))
    write_text(output.with_suffix(".yaml"), description.to_yaml())
    return len(rows)


def _rows(calibration: Sequence[str]) -> list[Annotation]:
    """The images of lists, each with labels or without."""
    found = []
    for path in calibration:
        rows, _ = read_annotations(path, labelled=False)
        if not rows[0].path.is_file():
            rows, _ = read_annotations(path, labelled=True, skip_bad_rows=True)
        found += rows
    return found


def _spread(rows: list[Annotation], most: int) -> list[Annotation]:
    chosen = np.linspace(0, len(rows) - 1, min(most, len(rows))).astype(int)
    return [rows[number] for number in chosen]
