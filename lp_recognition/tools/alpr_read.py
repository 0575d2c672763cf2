"""Finds the plates of photographs and reads them, with models that ship or with yours.

examples:
  python alpr.py read photo.jpg
  python alpr.py read photo.jpg --output prediction.jpg      # boxes, corners and texts drawn
  python alpr.py read photos/ more.txt --json                # all images below a folder; those of a list
  python alpr.py read photo.jpg --reader lprnet_cn --min_confidence 0.8
  python alpr.py read photo.jpg --reader lprnet_mcu_cn --reader rapidocr     # also text on signs, and other plates
  python alpr.py read https://example.org/photo.jpg --allow_url
  python alpr.py read --crops plate.jpg                      # the pictures show nothing but a plate
  python alpr.py read photo.jpg --url http://127.0.0.1:8000  # a service reads: alpr serve

Needs the light install alone. A picture that is missing or broken gets an `error:` line on standard error, the others
are read, and the status is 2 in the end.

Each reader reads every plate, and the surest is believed; `alpr models` lists them and what they read. A crop of a
plate is recognised as one and marked `crop`: a picture of at most 50,000 pixels that is read as a whole with a
confidence of at least 0.3, and more surely than what is found in it.

With --url a service finds and reads in place of models here; it needs the extra: pip install 'lp-recognition[client]'.

--reader rapidocr reads any text with RapidOCR (pip install 'lp-recognition[text]'): plates, where the other readers are
less sure than by half, and, where no plate is found or with --texts, what else is written in the photograph.

--json prints an object a picture: `image`, `plates` and `ms`. Each plate has its `box` (x, y, width, height of the
upright box) and `corners` (left-up, right-up, right-bottom, left-bottom) in pixels of the picture as it is shown, the
detector's `score`, the `text`, its `confidence`, the `confidences` of its symbols, the `reader`, and `crop`. `ms` are
the milliseconds of opening, finding and reading. With rapidocr there are `texts`, too, each with its `box`, `corners`,
`text` and `confidence`: what is written on no plate.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from lp_recognition.model_files.pretrained import DEFAULT_DETECTOR, DEFAULT_READERS, named_corners
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser, parse_share
from lp_recognition.tools.photographs import (
    Search,
    Searched,
    add_options,
    open_vehicles,
    read_and_searched,
    search_pictures,
)
from lp_recognition.tools.printing import (
    Form,
    add_forms,
    csv_of_plates,
    json_of_plates,
    lines_of_plates,
    table_of_plates,
)
from lp_recognition.tools.remote_reading import add_service, open_remote, read_remotely

if TYPE_CHECKING:
    from lp_recognition.images.image import Image

_ABOUT = {
    "table": "a table for people, a row a plate",
    "lines": "path, text and confidence, a line a plate",
    "csv": "CSV with a header, a row a plate",
    "json": "a JSON object a line, for each picture",
}
_FORMS: dict[str, Form] = {
    "table": partial(table_of_plates, texts=True),
    "lines": lines_of_plates,
    "csv": partial(csv_of_plates, texts=True),
    "json": json_of_plates,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    add_options(parser)
    add_forms(parser, _ABOUT)
    add_reading_options(parser)
    parser.add_argument("--crops", action="store_true", help="the pictures are crops of plates: find nothing, read all")
    return read_photographs(parser.parse_args(argv))


def add_reading_options(parser: argparse.ArgumentParser, min_confidence: float = 0.0) -> None:
    """Adds what is said of readers."""
    parser.add_argument(
        "--reader", action="append", default=[], metavar="NAME_OR_FILE",
        help="what reads plates: a shipped model, a .tflite, or rapidocr for any text; may be given several times "
        f"({' and '.join(DEFAULT_READERS)})",
    )  # fmt: skip
    parser.add_argument(
        "--texts", action="store_true", help="read text beside plates also where there are plates (--reader rapidocr)"
    )
    parser.add_argument(
        "--min_confidence", type=parse_share, default=min_confidence, metavar="SHARE",
        help="leave out what is read less surely (%(default)s)",
    )  # fmt: skip
    add_service(parser)


def read_photographs(arguments: argparse.Namespace) -> int:
    """Reads the photographs that a command line names.

    Args:
        arguments: What the options of `add_options` and `add_reading_options` received, a `form`, and whether the
            pictures are `crops`.

    Returns:
        The exit status.

    Raises:
        UserError: options contradict each other, or as of `search_pictures`.
    """
    left_out = 0
    find = _remote_search(arguments) if arguments.url else _local_search(arguments)

    def search(image: Image, data: bytes) -> Searched:
        nonlocal left_out
        found = find(image, data)
        left_out += found.left_out
        return found

    status = search_pictures(arguments, search, _FORMS[arguments.form])
    if left_out:
        print(
            f"left out: {left_out} read less surely than by {arguments.min_confidence:.0%} (--min_confidence)",
            file=sys.stderr,
        )
    return status


def _remote_search(arguments: argparse.Namespace) -> Search:
    """Has a service find and read. Who names one has allowed the network: pictures may be addresses, too."""
    remote = open_remote(arguments)
    arguments.allow_url = True
    finding = {"tiles": arguments.tiles}
    return lambda _, data: read_remotely(remote, data, finding, arguments.min_confidence)


def _local_search(arguments: argparse.Namespace) -> Search:
    """Finds and reads with models of this machine.

    Raises:
        UserError: options contradict each other, or a model cannot be opened.
    """
    from lp_recognition.reading.alpr import Alpr

    for option in ("token", "token_file"):
        if getattr(arguments, option):
            raise UserError(f"--{option}: expected --url, the service that it is for, received none")
    for option in ("detector", "vehicle_model"):
        if arguments.crops and getattr(arguments, option):
            raise UserError(f"--crops: expected no --{option}, for nothing is searched, received one; leave one out")
    detector = None if arguments.crops else arguments.detector or DEFAULT_DETECTOR
    alpr = Alpr(
        detector,
        arguments.reader or DEFAULT_READERS,
        corners=named_corners(arguments.corners),
        vehicles=open_vehicles(arguments),
    )
    if arguments.texts and not alpr.reads_texts:
        raise UserError("--texts: expected --reader rapidocr, which reads any text, received none such")

    def search(image: Image, _: bytes) -> Searched:
        plates, texts = alpr.read(image, tiles=arguments.tiles), None
        if alpr.reads_texts:
            texts = alpr.read_texts(image, plates) if arguments.texts or not plates else []
            texts = [text for text in texts if text.confidence >= arguments.min_confidence]
        sure = [plate for plate in plates if plate.confidence >= arguments.min_confidence]
        return replace(read_and_searched(sure, texts), left_out=len(plates) - len(sure))

    return search


if __name__ == "__main__":
    run_script(main)
