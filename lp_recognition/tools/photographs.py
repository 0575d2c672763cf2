"""What commands that search photographs share: which pictures, what is printed of each, pictures of what was found."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lp_recognition.model_files.pretrained import DEFAULT_CORNERS, DEFAULT_DETECTOR
from lp_recognition.system.errors import UserError, print_error
from lp_recognition.tools.printing import Form

if TYPE_CHECKING:
    from lp_recognition.images.image import Image
    from lp_recognition.lists.image_lists import GivenImage
    from lp_recognition.reading.alpr import AlprPlate
    from lp_recognition.reading.detector import Detection
    from lp_recognition.reading.text_reader import TextRegion
    from lp_recognition.reading.vehicles import VehicleDetector


@dataclass(frozen=True)
class Searched:
    """What was found in a picture.

    Attributes:
        detections: The plates, and then the texts.
        plates: The plates for `--json`, by the keys `box` (x, y, width, height), `corners`, `score` and more.
        captions: What is drawn over each detection.
        texts: Text that is on no plate, by the keys `box`, `corners`, `text` and `confidence`; None where it is not
            looked for.
        left_out: Plates that were read less surely than was asked for.
    """

    detections: Sequence[Detection]
    plates: Sequence[dict[str, Any]]
    captions: Sequence[str] = field(default=())
    texts: Sequence[dict[str, Any]] | None = None
    left_out: int = 0


#: Searches a picture, given its pixels and the bytes of its file.
Search = Callable[["Image", bytes], Searched]


def add_options(parser: argparse.ArgumentParser) -> None:
    """Adds the options that all such commands take."""
    parser.add_argument(
        "images",
        nargs="*",
        metavar="IMAGE",
        help="photographs, of any size; folders, with all below them; lists of images, .txt or .csv",
    )
    parser.add_argument(
        "--detector", default="", metavar="NAME_OR_FILE",
        help=f"what finds plates: a shipped model or a .tflite ({DEFAULT_DETECTOR})",
    )  # fmt: skip
    parser.add_argument(
        "--corners", default=DEFAULT_CORNERS, metavar="NAME_OR_FILE",
        help="what looks at each plate again, from near, and says where its corners are; off for nothing (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--tiles", choices=("auto", "on", "off"), default="auto",
        help="search parts of large photographs for small plates, too; auto: where nothing is found in the whole",
    )  # fmt: skip
    parser.add_argument(
        "--vehicle_model", default="", metavar="FILE",
        help="look for plates inside vehicles, too: a TFLite detector with boxes, classes, scores and count",
    )  # fmt: skip
    parser.add_argument(
        "--vehicle_class", type=int, action="append", default=[], metavar="NUMBER",
        help="a class of it that is a vehicle; may be given several times, as 2, 3, 5 and 7 of COCO's 80 (all classes)",
    )  # fmt: skip
    parser.add_argument("--output", default="", help="draw what was found: a picture for one, a folder for several")
    parser.add_argument("--allow_url", action="store_true", help="fetch pictures whose address is http:// or https://")


def open_vehicles(arguments: argparse.Namespace) -> VehicleDetector | None:
    """Opens the `--vehicle_model` of a command line; None where none is given.

    Raises:
        ModelError: it is missing, or no detector.
        UserError: a `--vehicle_class` is given of no model.
    """
    from lp_recognition.reading.vehicles import VehicleDetector

    if not arguments.vehicle_model:
        if arguments.vehicle_class:
            raise UserError("--vehicle_class: expected --vehicle_model, whose classes are meant, received none")
        return None
    return VehicleDetector(arguments.vehicle_model, classes=arguments.vehicle_class)


def search_pictures(arguments: argparse.Namespace, search: Search, form: Form) -> int:
    """Searches pictures one by one, prints what was found in each, and draws it.

    Args:
        arguments: What the options of `add_options` received.
        search: Searches a picture.
        form: Given the names of all pictures, what prints the records.

    Returns:
        The exit status: 2 where a picture could not be read. The others are.

    Raises:
        UserError: no picture is given, or `output` does not fit their number.
    """
    from lp_recognition.evaluation.drawing import draw_detections
    from lp_recognition.images.image import write_image

    pictures = _pictures(arguments.images, arguments.allow_url)
    names = [picture.path for picture in pictures if not isinstance(picture, UserError)]
    drawn = iter(_drawn_files(names, arguments.output))
    show = form(names)
    status = 0
    for picture in pictures:
        try:
            if isinstance(picture, UserError):
                raise picture
            file = next(drawn, None)
            began = time.perf_counter()
            image, data = _opened(picture.path)
            found = search(image, data)
            milliseconds = 1000 * (time.perf_counter() - began)
            if file is not None:
                write_image(file, draw_detections(image, found.detections, captions=found.captions))
            texts = {} if found.texts is None else {"texts": list(found.texts)}
            show({"image": picture.path, "plates": list(found.plates), **texts, "ms": round(milliseconds, 2)})
            sys.stdout.flush()  # each line as it comes, between those of the errors
        except UserError as error:
            print_error(error if isinstance(picture, UserError) else picture.telling(error))
            status = 2
    return status


def searched(detections: Sequence[Detection]) -> Searched:
    """What a detector found, for printing and drawing."""
    return Searched(detections, [one.to_dict() for one in detections])


def read_and_searched(plates: Sequence[AlprPlate], texts: Sequence[TextRegion] | None = None) -> Searched:
    """What was found and read, for printing and drawing; texts are those on no plate, None where they are not read."""
    from lp_recognition.evaluation.drawing import plate_caption
    from lp_recognition.reading.detector import Detection

    detections = [Detection(one.corners, one.detection_confidence) for one in plates]
    records = [
        {
            **found.to_dict(),
            "text": one.text,
            "confidence": round(one.confidence, 4),
            "confidences": [round(confidence, 4) for confidence in one.confidences],
            "reader": one.reader,
            "crop": one.is_crop,
        }
        for one, found in zip(plates, detections, strict=True)
    ]
    captions = [plate_caption(one.text, one.confidence) for one in plates]
    if texts is None:
        return Searched(detections, records, captions)
    captions += [plate_caption(one.text, one.confidence) for one in texts]
    regions = [Detection(one.corners, one.confidence) for one in texts]
    written = [
        {"box": place["box"], "corners": place["corners"], "text": one.text, "confidence": round(one.confidence, 4)}
        for one, place in zip(texts, (region.to_dict() for region in regions), strict=True)
    ]
    return Searched([*detections, *regions], records, captions, written)


def _pictures(given: Sequence[str], allow_url: bool) -> list[GivenImage | UserError]:
    from lp_recognition.images.urls import is_url
    from lp_recognition.lists.image_lists import GivenImage, images_of

    if not given:
        raise UserError("expected photographs, received none; alpr read photo.jpg")
    pictures: list[GivenImage | UserError] = []
    for word in given:
        if not is_url(word):
            pictures += images_of(word)
        elif allow_url:
            pictures.append(GivenImage(word))
        else:
            pictures.append(UserError(f"{word}: expected a file, received an address; --allow_url fetches it"))
    return pictures


def _opened(name: str) -> tuple[Image, bytes]:
    """A picture of a file or an address, and its bytes; whether an address may be fetched was asked before."""
    from lp_recognition.images.image import decode_image, opened_image
    from lp_recognition.images.urls import fetch, is_url

    if is_url(name):
        data = fetch(name)
        return decode_image(data, name), data
    with opened_image(name) as opened:
        return opened


def _drawn_files(names: Sequence[str], output: str) -> list[Path]:
    """Where each picture is drawn; none where nothing is.

    Raises:
        UserError: one file for several pictures, one of the pictures itself, or the folder that they lie in.
    """
    from lp_recognition.lists.image_lists import refuse_folder_of
    from lp_recognition.system.files import check_folder, is_same_file

    if not output:
        return []
    path = Path(output)
    is_file = bool(path.suffix) and not path.is_dir()
    if is_file and len(names) != 1:
        raise UserError(f"--output: expected a folder for {len(names)} pictures, received {output}")
    digits = len(str(len(names)))
    files = [path] if is_file else [
        path / f"{number:0{digits}}_{Path(urlsplit(name).path).stem}.jpg" for number, name in enumerate(names, start=1)
    ]  # fmt: skip
    for name, file in zip(names, files, strict=True):
        if is_same_file(file, name):
            raise UserError(f"--output: expected another file than the picture itself, received {file}")
    if not is_file:
        refuse_folder_of(names, path, "--output")
    check_folder(path.parent if is_file else path)
    return files
