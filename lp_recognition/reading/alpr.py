"""Photographs in, plates out: a detector finds them, each is laid flat, and readers say what stands on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.intersection import box_around
from lp_recognition.images.arrays import ColorOrder, open_picture
from lp_recognition.images.image import Image
from lp_recognition.model_files.pretrained import DEFAULT_CORNERS, DEFAULT_DETECTOR, DEFAULT_READERS
from lp_recognition.reading.closer_look import look_closer
from lp_recognition.reading.detector import Detection, Detector, Tiles
from lp_recognition.reading.readers import Reader, open_readers, plate_readers, read_at, read_crop, text_reader
from lp_recognition.reading.recognizer import Reading
from lp_recognition.reading.text_reader import TextRegion
from lp_recognition.reading.vehicles import VehicleDetector

#: A picture of at most so many pixels may be a crop of a plate; it is one where the whole of it is read at least so
#: surely, and more surely than what was found in it. Of 720 real crops the same number is read right as where crops are
#: known to be such (649 and 648), and 1 of 600 cut-outs of photographs as small is taken for one.
_CROP_PIXELS, _CROP_CONFIDENCE = 50_000, 0.3


@dataclass(frozen=True)
class AlprPlate:
    """A plate that was found and read.

    Attributes:
        corners: x, y of left-up, right-up, right-bottom, left-bottom in the photograph's pixels, float32 `(4, 2)`.
        detection_confidence: How sure the detector is, in [0, 1]; 1 of a picture that is a crop of a plate.
        reading: What was read, by the surest reader.
        reader: The reader that was surest, by its name or file.
        image: The plate laid flat, uint8 BGR.
        is_crop: Whether the whole picture was taken for a crop of a plate, and nothing was cut out.
    """

    corners: NDArray[np.float32]
    detection_confidence: float
    reading: Reading
    reader: str
    image: Image
    is_crop: bool = False

    @property
    def text(self) -> str:
        """What was read."""
        return self.reading.text

    @property
    def confidence(self) -> float:
        """Probability of the whole text, in [0, 1]."""
        return self.reading.confidence

    @property
    def confidences(self) -> tuple[float, ...]:
        """Probability of each symbol, in [0, 1]."""
        return self.reading.confidences

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width and height of the upright box around the corners, in pixels."""
        return box_around(self.corners)


class Alpr:
    """Finds and reads the plates of photographs, on the light install.

    Args:
        detector: A detector's `.tflite`, the name of a shipped one, or an open one. None takes every picture for a crop
            of a plate.
        readers: Readers' files, names, or open ones. Each reads every plate, and the surest is believed: their
            confidences are calibrated, so they can be compared. `rapidocr` (the extra `[text]`) reads any text: it is
            asked where the others are less sure than by half, and for what is written beside plates.
        corners: What looks at each plate that was found a second time, from near, and says where its corners are: a
            file, the name of a shipped one, or an open one. None keeps the corners of the detector.
        vehicles: What finds vehicles, inside of which plates are looked for, too: a file, or an open one.
        num_threads: Threads of the interpreters that are opened here.
        delegate: Of these: the library of a delegate, which runs what it can of them on other hardware.
        color: The order of the channels of arrays: "bgr", as OpenCV has them, or "rgb".

    Raises:
        ModelError, ConfigError: as `Detector` and `Recognizer`.
        ModuleNotFoundError: `rapidocr` is asked for, and the extra `[text]` is not installed.
    """

    def __init__(
        self,
        detector: str | Path | Detector | None = DEFAULT_DETECTOR,
        readers: str | Path | Reader | Sequence[str | Path | Reader] = DEFAULT_READERS,
        *,
        corners: str | Path | Detector | None = DEFAULT_CORNERS,
        vehicles: str | Path | VehicleDetector | None = None,
        num_threads: int = 1,
        delegate: str | Path = "",
        color: ColorOrder = "bgr",
    ) -> None:
        if isinstance(readers, Sequence) and not readers:
            raise ValueError("expected at least one reader, received none")
        self.color = color
        if isinstance(detector, (str, Path)):
            detector = Detector(detector, num_threads=num_threads, delegate=delegate)
        self.detector = detector
        if isinstance(corners, (str, Path)) and detector is not None:
            corners = Detector(corners, num_threads=num_threads, delegate=delegate)
        self.corners = corners
        if isinstance(vehicles, (str, Path)):
            vehicles = VehicleDetector(vehicles, num_threads=num_threads, delegate=delegate)
        self.vehicles = vehicles
        self.readers = open_readers(readers, num_threads, delegate)

    def read(self, image: Any, *, tiles: Tiles = "auto") -> list[AlprPlate]:
        """Finds and reads the plates of a photograph, from left to right.

        A crop of a plate is recognised as one (`is_crop`): the whole of a small picture is read, too, and believed
        where it is read surely, and more so than what was found in it.

        Args:
            image: A file, as `str` or `Path`; a uint8 array of any size, gray `(h, w)` or `(h, w, 1)`, or `(h, w, 3)`
                in the order of colours that was given; or an image of Pillow.
            tiles: Whether parts of a large photograph are searched for small plates, too.

        Raises:
            ImageError: a file that is missing or no image, or an array that is none.
        """
        photograph = open_picture(image, self.color)
        return self.read_found(photograph, self.find(photograph, tiles=tiles))

    def find(
        self,
        photograph: Image,
        *,
        tiles: Tiles = "auto",
        score_threshold: float | None = None,
        iou_threshold: float | None = None,
    ) -> list[Detection]:
        """Finds the plates of a photograph without reading them, the surest first: the first half of `read`.

        Args:
            photograph: uint8 gray or BGR.
            tiles: As for `read`.
            score_threshold: As for `Detector.detect`.
            iou_threshold: Likewise.

        Returns:
            None where there is no detector, so that the whole picture is one.
        """
        if self.detector is None:
            return []
        parts = [] if self.vehicles is None else self.vehicles.find(photograph)
        found = self.detector.detect(
            photograph, tiles=tiles, parts=parts, score_threshold=score_threshold, iou_threshold=iou_threshold
        )
        return look_closer(self.corners, photograph, found) if isinstance(self.corners, Detector) else found

    def read_crop(self, crop: Image) -> AlprPlate:
        """Reads a picture, uint8 gray or BGR, that shows nothing but a plate."""
        return _read_whole(self.readers, crop)

    def read_found(self, photograph: Image, found: Sequence[Detection]) -> list[AlprPlate]:
        """Reads the plates that were found in a photograph, from left to right: the other half of `read`.

        Args:
            photograph: uint8 gray or BGR.
            found: Its plates, of which some may have been left out.
        """
        if self.detector is None:
            return [_read_whole(self.readers, photograph)]
        plates = [AlprPlate(one.corners, one.score, *read_at(self.readers, photograph, one.corners)) for one in found]
        # A reader of any text cannot tell a plate from a sign.
        if photograph.shape[0] * photograph.shape[1] <= _CROP_PIXELS and (knowing := plate_readers(self.readers)):
            whole = _read_whole(knowing, photograph)
            if whole.confidence >= max([_CROP_CONFIDENCE, *(plate.confidence for plate in plates)]):
                return [whole]
        return sorted(plates, key=lambda plate: plate.box[0])

    def read_texts(self, image: Any, plates: Sequence[AlprPlate] = ()) -> list[TextRegion]:
        """Finds and reads the text of a photograph that stands beside plates, from top to bottom, by `rapidocr`.

        Args:
            image: As for `read`.
            plates: What `read` found in it: text whose middle lies in the box of one is left out.

        Raises:
            ImageError: as `read`.
            ValueError: `rapidocr` is none of the readers.
        """
        reader = text_reader(self.readers)
        if reader is None:
            raise ValueError("expected rapidocr among the readers, received none that reads any text")
        regions = reader.find(open_picture(image, self.color))
        return [one for one in regions if not any(_is_inside(one, plate) for plate in plates)]

    @property
    def reads_texts(self) -> bool:
        """Whether one of the readers reads any text."""
        return text_reader(self.readers) is not None


def _read_whole(readers: Mapping[str, Reader], crop: Image) -> AlprPlate:
    height, width = crop.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    return AlprPlate(corners, 1.0, *read_crop(readers, crop), is_crop=True)


def _is_inside(region: TextRegion, plate: AlprPlate) -> bool:
    """Whether the middle of a text lies in the box of a plate."""
    x, y, width, height = plate.box
    middle = region.corners.mean(axis=0)
    return bool(x <= middle[0] <= x + width and y <= middle[1] <= y + height)
