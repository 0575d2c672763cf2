"""Lists the models that ship: what each finds or reads, how well, measured on what, and its size in bytes.

example:
  python alpr.py models

A model's name stands for its int8 file, `<name>_uint8` for the one for GAP8, wherever a `.tflite` is taken. The figures
are those that the files hold of themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lp_recognition.model_files.pretrained import DEFAULT_DETECTOR, DEFAULT_READERS, shipped_models
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.model_files.description import ModelDescription
    from lp_recognition.model_files.detection import DetectionMeasurement
    from lp_recognition.model_files.recognition import Measurement
    from lp_recognition.texts.vocabulary import Vocabulary


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    ScriptParser(__doc__).parse_args(argv)
    print(models_table(shipped_models()))
    return 0


def models_table(models: Mapping[str, Path]) -> str:
    """What ships, a table a task and a row a file, as the files say of themselves.

    Raises:
        UserError: there is no model.
    """
    from lp_recognition.model_files.description import task_of

    if not models:
        raise UserError("expected models in pretrained/, received none: this copy ships no model")
    detectors = {name: path for name, path in models.items() if task_of(path) == "detection"}
    readers = {name: path for name, path in models.items() if name not in detectors}
    parts = []
    if detectors:
        parts += [_detectors_table(detectors), f"photographs are searched with, unless told: {DEFAULT_DETECTOR}"]
    if readers:
        parts += [_readers_table(readers), f"plates are read with, unless told: {', '.join(DEFAULT_READERS)}"]
    return "\n\n".join(parts)


def _detectors_table(models: Mapping[str, Path]) -> str:
    from lp_recognition.model_files.detection import measurement_of, read_description
    from lp_recognition.system.tables import format_table

    rows = []
    for name, path in models.items():
        description, size = read_description(path), path.stat().st_size
        what = ("-", "-") if description is None else (description.kind, _input(description))
        rows.append((name, *what, *_found(measurement_of(description)), size))
    header = ("detector", "weights", "input", "AP at IoU 0.5", "recall", "precision", "measured on", "bytes")
    return format_table(header, rows)


def _readers_table(models: Mapping[str, Path]) -> str:
    from lp_recognition.model_files.recognition import measurement_of, read_description
    from lp_recognition.system.tables import format_table

    rows = []
    for name, path in models.items():
        description, size = read_description(path), path.stat().st_size
        what = ("-", "-", "-") if description is None else (
            description.kind, _input(description), _alphabet(description.config.vocabulary())
        )  # fmt: skip
        rows.append((name, *what, *_figures(measurement_of(description)), size))
    header = ("reader", "weights", "input", "reads", "LP-RR (95% interval)", "measured on", "bytes")
    return format_table(header, rows)


def _input(description: ModelDescription[Any]) -> str:
    """An input in few words: `24x94 BGR`."""
    preprocessing = description.preprocessing
    height, width, channels = preprocessing.input_shape
    return f"{height}x{width} {'gray' if channels == 1 or preprocessing.convert_to_gray else 'BGR'}"


def _found(measured: DetectionMeasurement | None) -> tuple[str, str, str, str]:
    """Average precision, recall, precision, and on what."""
    if measured is None:
        return "-", "-", "-", "-"
    plates = "" if measured.plates is None else f"{measured.plates} plates of "
    of = "" if measured.of == "this file" else f" ({measured.of})"
    recall, precision = ("-" if share is None else f"{share:.1%}" for share in (measured.recall_50, measured.precision))
    return f"{measured.ap_50:.3f}", recall, precision, f"{plates}{measured.lists}{of}"


def _alphabet(vocabulary: Vocabulary) -> str:
    """An alphabet in few words: `0-9 A-H J-N P-Z and 31 Chinese`."""
    from lp_recognition.texts.vocabulary import is_chinese

    codes = sorted(ord(symbol) for symbol in vocabulary.symbols if not is_chinese(symbol))
    runs = []
    for _, pairs in itertools.groupby(enumerate(codes), lambda pair: pair[1] - pair[0]):
        run = "".join(chr(code) for _, code in pairs)
        runs.append(f"{run[0]}-{run[-1]}" if len(run) > 2 else run)
    chinese = len(vocabulary.symbols) - len(codes)
    return " ".join(runs) + (f" and {chinese} Chinese" if chinese else "")


def _figures(measured: Measurement | None) -> tuple[str, str]:
    """LP-RR, and on what."""
    if measured is None:
        return "-", "-"
    interval, plates = "", ""
    if measured.lp_rr_interval is not None:
        low, high = measured.lp_rr_interval
        interval = f" ({low:.1%} to {high:.1%})"
    if measured.plates is not None:
        plates = f"{measured.plates} plates of "
    of = "" if measured.of == "this file" else f" ({measured.of})"
    return f"{measured.lp_rr:.1%}{interval}", f"{plates}{measured.lists}{of}"


if __name__ == "__main__":
    run_script(main)
