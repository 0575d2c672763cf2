"""Reads plates and prints path, text and confidence, one line an image, with a model that ships or with yours.

examples:
  python -m utils.read plate1.jpg plate2.jpg
  python -m utils.read plates/ more.txt --csv        # all images below a folder; those of a list
  python -m utils.read plates/*.jpg --model lprnet_mcu_latin --json
  python -m utils.read plate.jpg --model graph.tflite --config config/ccpd.py
  python -m utils.read plate.jpg --patterns          # only what fits one of the model's lpr_patterns
  python -m utils.read --list

Needs the light install alone. An image that is missing or broken gets an `error:` line on standard error, the others
are read, and the status is 2 in the end.

--table, --csv and --json print other forms: a table for people, CSV with a header, or a JSON object a line, with the
image, the text, its confidence, the confidence of each symbol (`confidences`), the model, and the milliseconds that
opening and reading the image took. `alpr read` finds plates on photographs, too.
"""

from __future__ import annotations

import argparse
import csv
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lp_recognition.model_files.pretrained import DEFAULT_MODEL, shipped_models
from lp_recognition.system.errors import UserError, print_error, run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.tools.printing import TEXT_COLUMNS, add_forms, padded, print_json

if TYPE_CHECKING:
    from lp_recognition.reading.recognizer import Reading


@dataclass(frozen=True)
class _Result:
    """One image, read: its path as it was given, what was read on it, by which model, in how many milliseconds."""

    image: str
    reading: Reading
    model: str
    milliseconds: float


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    _add_options(parser)
    arguments = parser.parse_args(argv)
    if arguments.list:
        from lp_recognition.tools.list_models import models_table

        print(models_table(shipped_models()))
        return 0
    if not arguments.images:
        raise UserError(f"expected images to read, received none; {parser.prog} plate.jpg")
    if arguments.beam_width < 1:
        raise UserError(f"--beam_width: expected at least 1, received {arguments.beam_width}")

    from lp_recognition.lists.image_lists import images_of
    from lp_recognition.reading.recognizer import Recognizer

    recognizer = Recognizer(
        arguments.model,
        config=arguments.config or None,
        beam_width=arguments.beam_width,
        patterns=arguments.patterns,
    )
    images = [image for given in arguments.images for image in images_of(given)]
    show = _FORMS[arguments.form]([image.path for image in images if not isinstance(image, UserError)])
    status = 0
    for image in images:
        try:
            if isinstance(image, UserError):
                raise image
            began = time.perf_counter()
            reading = recognizer.read(image.path)
            show(_Result(image.path, reading, arguments.model, 1000 * (time.perf_counter() - began)))
            sys.stdout.flush()  # each line as it comes, between those of the errors
        except UserError as error:
            print_error(error if isinstance(image, UserError) else image.telling(error))
            status = 2
    return status


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="crops of plates, of any size; folders, with all below them; lists of images, .txt or .csv",
    )
    parser.add_argument(
        "--model", default=DEFAULT_MODEL, metavar="NAME_OR_FILE", help="a shipped model or a .tflite (%(default)s)"
    )
    parser.add_argument("--config", default="", help="the config of a .tflite that does not describe itself")
    parser.add_argument("--beam_width", type=int, default=1, help="1 reads the best path, more is a beam search")
    parser.add_argument(
        "--patterns", action="store_true", default=None, help="read only what fits one of the model's lpr_patterns"
    )
    parser.add_argument("--list", action="store_true", help="list the shipped models instead")
    add_forms(parser, _ABOUT)


# ---- Forms of printing: each is told all images beforehand, then shows results one by one ---------------------------


def _lines(_: Sequence[str]) -> Callable[[_Result], None]:
    return lambda result: print(result.image, result.reading.text, f"{result.reading.confidence:.3f}")


def _table(images: Sequence[str]) -> Callable[[_Result], None]:
    """Columns as wide as the longest path asks for, so that rows can be printed as they come."""
    from lp_recognition.system.tables import display_width

    width = max(map(display_width, ["image", *images]))
    heads = iter([f"{'image':{width}}  {'text':{TEXT_COLUMNS}}  confidence"])

    def show(result: _Result) -> None:
        for head in heads:  # above the first row, once
            print(head)
        path, text = padded(result.image, width), padded(result.reading.text, TEXT_COLUMNS)
        print(f"{path}  {text}  {result.reading.confidence:10.3f}")

    return show


def _csv(_: Sequence[str]) -> Callable[[_Result], None]:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("image", "text", "confidence", "model", "ms"))
    return lambda result: writer.writerow(
        (
            result.image,
            result.reading.text,
            f"{result.reading.confidence:.4f}",
            result.model,
            f"{result.milliseconds:.2f}",
        )
    )


def _json(_: Sequence[str]) -> Callable[[_Result], None]:
    def show(result: _Result) -> None:
        record = {
            "image": result.image,
            "text": result.reading.text,
            "confidence": round(result.reading.confidence, 4),
            "confidences": [round(confidence, 4) for confidence in result.reading.confidences],
            "model": result.model,
            "ms": round(result.milliseconds, 2),
        }
        print_json(record)

    return show


_ABOUT = {
    "lines": "path, text and confidence, a line an image",
    "table": "the same in columns with a head, for people",
    "csv": "CSV with a header",
    "json": "a JSON object a line",
}
_FORMS = {"lines": _lines, "table": _table, "csv": _csv, "json": _json}


if __name__ == "__main__":
    run_script(main)
