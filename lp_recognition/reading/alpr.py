"""Photographs in, plates out: a detector finds them, each is laid flat, and readers say what stands on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image, read_image
from lp_recognition.reading.detector import Detection, Detector
from lp_recognition.reading.recognizer import Reading, Recognizer
from lp_recognition.reading.rectification import rectify

#: What plates are read with where nothing is named.
DEFAULT_READERS = ("lprnet_mcu_cn", "lprnet_mcu_latin")


@dataclass(frozen=True)
class AlprPlate:
    """A plate that was found and read.

    Attributes:
        corners: x, y of left-up, right-up, right-bottom, left-bottom in the photograph's pixels, float32 `(4, 2)`.
        detection_confidence: How sure the detector is, in [0, 1].
        text: What was read.
        confidence: Probability of the whole text, in [0, 1].
        confidences: Probability of each symbol, in [0, 1].
        reader: The reader that was surest, by its name or file.
        image: The plate laid flat, uint8 BGR.
    """

    corners: NDArray[np.float32]
    detection_confidence: float
    text: str
    confidence: float
    confidences: tuple[float, ...]
    reader: str
    image: Image

    @property
    def box(self) -> tuple[float, float, float, float]:
        """x, y, width and height of the upright box around the corners, in pixels."""
        (left, top), (right, bottom) = self.corners.min(axis=0), self.corners.max(axis=0)
        return float(left), float(top), float(right - left), float(bottom - top)


class Alpr:
    """Finds and reads the plates of photographs, on the light install.

    Args:
        detector: A detector's `.tflite`, or one that is open.
        readers: Readers' files, names, or open ones. Each reads every plate, and the surest is believed: their
            confidences are calibrated, so they can be compared.
        num_threads: Threads of the interpreters that are opened here.

    Raises:
        ModelError, ConfigError: as `Detector` and `Recognizer`.
    """

    def __init__(
        self,
        detector: str | Path | Detector,
        readers: Sequence[str | Path | Recognizer] = DEFAULT_READERS,
        *,
        num_threads: int = 1,
    ) -> None:
        if not readers:
            raise ValueError("expected at least one reader, received none")
        self.detector = detector if isinstance(detector, Detector) else Detector(detector, num_threads=num_threads)
        self.readers = {
            _name(reader): reader if isinstance(reader, Recognizer) else Recognizer(reader, num_threads=num_threads)
            for reader in readers
        }

    def read(self, image: Image | str | Path, *, tiles: bool = False) -> list[AlprPlate]:
        """Finds and reads the plates of a photograph, from left to right.

        Args:
            image: uint8 gray or BGR of any size, or a file.
            tiles: Also look for small plates in parts of a large photograph.

        Raises:
            ImageError: a file that is missing or no image.
        """
        photograph = read_image(image) if isinstance(image, (str, Path)) else image
        plates = [self._read_plate(photograph, found) for found in self.detector.detect(photograph, tiles=tiles)]
        return sorted(plates, key=lambda plate: plate.box[0])

    def _read_plate(self, photograph: Image, found: Detection) -> AlprPlate:
        crop = rectify(photograph, found.corners)
        readings = {name: reader.read(crop) for name, reader in self.readers.items()}
        name = max(readings, key=lambda reader: readings[reader].confidence)
        reading: Reading = readings[name]
        return AlprPlate(found.corners, found.score, reading.text, reading.confidence, reading.confidences, name, crop)


def _name(reader: str | Path | Recognizer) -> str:
    return reader.source if isinstance(reader, Recognizer) else str(reader)
