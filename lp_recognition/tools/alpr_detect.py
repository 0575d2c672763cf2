"""Finds the plates of photographs, and their corners, without reading them.

examples:
  python alpr.py detect photo.jpg
  python alpr.py detect photos/ --detector lpdnet_mcu --output drawn
  python alpr.py detect photo.jpg --vehicle_model ssd.tflite     # inside vehicles, too
  python alpr.py detect photo.jpg --detector graph_int8.tflite --score_threshold 0.2 --json

Needs the light install alone. --json prints an object a picture: `image`, `plates` and `ms`. Each plate has its `box`
(x, y, width, height of the upright box), `corners` (left-up, right-up, right-bottom, left-bottom) and `score`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from lp_recognition.model_files.pretrained import DEFAULT_DETECTOR, named_corners
from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser, parse_share
from lp_recognition.tools.photographs import (
    Searched,
    add_options,
    open_vehicles,
    search_pictures,
    searched,
)
from lp_recognition.tools.printing import Form, add_forms, csv_of_plates, json_of_plates, table_of_plates

if TYPE_CHECKING:
    from lp_recognition.images.image import Image

_ABOUT = {
    "table": "a table for people, a row a plate",
    "csv": "CSV with a header, a row a plate",
    "json": "a JSON object a line, for each picture",
}
_FORMS: dict[str, Form] = {
    "table": partial(table_of_plates, texts=False),
    "csv": partial(csv_of_plates, texts=False),
    "json": json_of_plates,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    add_options(parser)
    add_forms(parser, _ABOUT)
    parser.add_argument(
        "--score_threshold", type=parse_share, metavar="SHARE", help="the least score of a plate (the detector's own)"
    )
    arguments = parser.parse_args(argv)

    from lp_recognition.reading.closer_look import look_closer
    from lp_recognition.reading.detector import Detector

    detector = Detector(arguments.detector or DEFAULT_DETECTOR, score_threshold=arguments.score_threshold)
    corners = named_corners(arguments.corners)
    looker = None if corners is None else Detector(corners)
    vehicles = open_vehicles(arguments)

    def search(image: Image, _: bytes) -> Searched:
        parts = [] if vehicles is None else vehicles.find(image)
        found = detector.detect(image, tiles=arguments.tiles, parts=parts)
        return searched(found if looker is None else look_closer(looker, image, found))

    return search_pictures(arguments, search, _FORMS[arguments.form])


if __name__ == "__main__":
    run_script(main)
