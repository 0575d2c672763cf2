"""Lists the models that ship: what each reads, how well, measured on what, and its size in bytes.

example:
  python alpr.py models

A model's name stands for its int8 file, `<name>_uint8` for the one for GAP8, wherever a `.tflite` is taken. The figures
are those that the files hold of themselves.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.model_files.pretrained import DEFAULT_MODEL, shipped_models
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.model_files.recognition import Measurement
    from lp_recognition.texts.vocabulary import Vocabulary


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    ScriptParser(__doc__).parse_args(argv)
    print(models_table(shipped_models()))
    return 0


def models_table(models: dict[str, Path]) -> str:
    """What ships, a row a file, as the files say of themselves.

    Raises:
        UserError: there is no model.
    """
    from lp_recognition.model_files.recognition import measurement_of, read_description
    from lp_recognition.system.tables import format_table

    if not models:
        raise UserError("expected models in pretrained/, received none: this copy ships no model")
    rows: list[tuple[object, ...]] = []
    for name, path in models.items():
        description, size = read_description(path), path.stat().st_size
        if description is None:
            rows.append((name, "-", "-", "-", "-", "-", size))
            continue
        height, width, channels = description.config.input_shape
        shape = f"{height}x{width} {'gray' if channels == 1 or description.config.convert_to_gray else 'BGR'}"
        rows.append(
            (name, description.kind, shape, _alphabet(description.config.vocabulary()),
             *_figures(measurement_of(description)), size)
        )  # fmt: skip
    header = ("model", "weights", "input", "reads", "LP-RR (95% interval)", "measured on", "bytes")
    return f"{format_table(header, rows)}\n\nread with unless --model says otherwise: {DEFAULT_MODEL}"


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
