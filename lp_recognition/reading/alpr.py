"""Photographs in, plates out: a detector finds them, each is laid flat, and readers say what stands on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.arrays import ColorOrder, open_picture
from lp_recognition.images.image import Image
from lp_recognition.model_files.pretrained import DEFAULT_DETECTOR, DEFAULT_READERS
from lp_recognition.reading.detector import Detector, Tiles
from lp_recognition.reading.recognizer import Reading, Recognizer
from lp_recognition.reading.rectification import MARGIN, rectify

#: A picture of at most so many pixels may be a crop of a plate; it is one where the whole of it is read at least so
#: surely, and more surely than what was found in it. Of 720 real crops the same number is read right as where crops are
#: known to be such (649 and 648), and 1 of 600 cut-outs of photographs as small is taken for one.
_CROP_PIXELS, _CROP_CONFIDENCE = 50_000, 0.3
#: A plate that is read less surely is read again, cut out wider and tighter: the corners may not be quite right. With a
#: rough detector (a median error of a quarter of the plate's height) 198 of 264 plates are then read right, 176 before.
_SURE = 0.8
_OTHER_MARGINS = ((0.08, 0.2), (-0.03, -0.06))


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
        (left, top), (right, bottom) = self.corners.min(axis=0), self.corners.max(axis=0)
        return float(left), float(top), float(right - left), float(bottom - top)


class Alpr:
    """Finds and reads the plates of photographs, on the light install.

    Args:
        detector: A detector's `.tflite`, the name of a shipped one, or an open one. None takes every picture for a crop
            of a plate.
        readers: Readers' files, names, or open ones. Each reads every plate, and the surest is believed: their
            confidences are calibrated, so they can be compared.
        num_threads: Threads of the interpreters that are opened here.
        color: The order of the channels of arrays: "bgr", as OpenCV has them, or "rgb".

    Raises:
        ModelError, ConfigError: as `Detector` and `Recognizer`.
    """

    def __init__(
        self,
        detector: str | Path | Detector | None = DEFAULT_DETECTOR,
        readers: Sequence[str | Path | Recognizer] = DEFAULT_READERS,
        *,
        num_threads: int = 1,
        color: ColorOrder = "bgr",
    ) -> None:
        if not readers:
            raise ValueError("expected at least one reader, received none")
        self.color = color
        if isinstance(detector, (str, Path)):
            detector = Detector(detector, num_threads=num_threads)
        self.detector = detector
        self.readers = {
            _name(reader): reader if isinstance(reader, Recognizer) else Recognizer(reader, num_threads=num_threads)
            for reader in readers
        }

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
        if self.detector is None:
            return [self._read_whole(photograph)]
        found = self.detector.detect(photograph, tiles=tiles)
        plates = [AlprPlate(one.corners, one.score, *read_at(self.readers, photograph, one.corners)) for one in found]
        if photograph.shape[0] * photograph.shape[1] <= _CROP_PIXELS:
            whole = self._read_whole(photograph)
            if whole.confidence >= max([_CROP_CONFIDENCE, *(plate.confidence for plate in plates)]):
                return [whole]
        return sorted(plates, key=lambda plate: plate.box[0])

    def _read_whole(self, crop: Image) -> AlprPlate:
        height, width = crop.shape[:2]
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
        return AlprPlate(corners, 1.0, *_surest(self.readers, crop), crop, is_crop=True)


def read_at(
    readers: Mapping[str, Recognizer], photograph: Image, corners: NDArray[np.float32]
) -> tuple[Reading, str, Image]:
    """Reads a plate of a photograph where its corners are, and anew with other margins where it is read doubtfully.

    Args:
        readers: The surest is believed.
        photograph: uint8 gray or BGR.
        corners: Left-up, right-up, right-bottom, left-bottom.

    Returns:
        What was read, by which reader, on which crop.
    """
    best: tuple[Reading, str, Image] | None = None
    for margin in (MARGIN, *_OTHER_MARGINS):
        crop = rectify(photograph, corners, margin)
        reading, name = _surest(readers, crop)
        if best is None or reading.confidence > best[0].confidence:
            best = reading, name, crop
        if best[0].confidence >= _SURE:
            break
    assert best is not None  # there is one margin at least
    return best


def _surest(readers: Mapping[str, Recognizer], crop: Image) -> tuple[Reading, str]:
    """What the surest of readers says of a crop, and which one that is."""
    readings = {name: reader.read(crop) for name, reader in readers.items()}
    name = max(readings, key=lambda reader: readings[reader].confidence)
    return readings[name], name


def _name(reader: str | Path | Recognizer) -> str:
    return reader.source if isinstance(reader, Recognizer) else str(reader)
