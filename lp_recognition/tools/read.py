"""Reads plates and prints path, text and confidence, one line an image, with a model that ships or with yours.

examples:
  python -m utils.read plate1.jpg plate2.jpg
  python -m utils.read plates/*.jpg --model lprnet_mcu_latin
  python -m utils.read plate.jpg --model graph.tflite --config config/ccpd.py
  python -m utils.read plate.jpg --patterns          # only what fits one of the model's lpr_patterns
  python -m utils.read --list

Needs the light install alone. An image that is missing or broken gets an `error:` line on standard error, the others
are read, and the status is 2 in the end.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.model_files.pretrained import DEFAULT_MODEL, shipped_models
from lp_recognition.system.errors import UserError, run_script

if TYPE_CHECKING:
    from lp_recognition.model_files.description import Measurement
    from lp_recognition.texts.vocabulary import Vocabulary


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="crops of plates, of any size")
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="NAME_OR_FILE", help="a shipped model or a .tflite (%(default)s)"
    )
    parser.add_argument("--config", default="", help="the config of a .tflite that does not describe itself")
    parser.add_argument("--beam_width", type=int, default=1, help="1 reads the best path, more is a beam search")
    parser.add_argument(
        "--patterns", action="store_true", default=None, help="read only what fits one of the model's lpr_patterns"
    )
    parser.add_argument("--list", action="store_true", help="list the shipped models instead")
    arguments = parser.parse_args(argv)
    if arguments.list:
        print(_table(shipped_models()))
        return 0
    if not arguments.images:
        raise UserError("expected images to read, received none; python -m utils.read plate.jpg")
    if arguments.beam_width < 1:
        raise UserError(f"--beam_width: expected at least 1, received {arguments.beam_width}")

    from lp_recognition.reading.recognizer import Recognizer
    from lp_recognition.system.errors import ImageError

    recognizer = Recognizer(
        arguments.model,
        config=arguments.config or None,
        beam_width=arguments.beam_width,
        patterns=arguments.patterns,
    )
    status = 0
    for path in arguments.images:
        try:
            reading = recognizer.read(path)
        except ImageError as error:
            print(f"error: {error}", file=sys.stderr)
            status = 2
        else:
            print(f"{path} {reading.text} {reading.confidence:.3f}", flush=True)
    return status


def _table(models: dict[str, Path]) -> str:
    """What ships, a row a file, as the files say of themselves."""
    from lp_recognition.model_files.description import read_description
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
             *_figures(description.measurement), size)
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
