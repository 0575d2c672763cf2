"""Several readers on one plate: each says what stands there, and the surest is believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image
from lp_recognition.reading.recognizer import Reading, Recognizer
from lp_recognition.reading.rectification import MARGIN, rectify
from lp_recognition.reading.text_reader import RAPIDOCR, TextReader

#: What reads plates: a network trained on them, or a reader of any text.
Reader = Recognizer | TextReader

#: A plate that is read less surely is read again, cut out wider and tighter: the corners may not be quite right. With a
#: rough detector (a median error of a quarter of the plate's height) 198 of 264 plates are then read right, 176 before.
_SURE = 0.8
_OTHER_MARGINS = ((0.08, 0.2), (-0.03, -0.06))
#: A reader of any text is asked where those of plates are less sure: its confidences are not to be compared with
#: theirs. Of 61 Chinese, Korean and Vietnamese plates 33 are then read right, as many for any bound from 0.3 to 0.8;
#: 26 by readers of plates alone, 30 by the reader of any text.
_UNREAD = 0.5


def open_readers(
    readers: str | Path | Reader | Sequence[str | Path | Reader], num_threads: int = 1
) -> dict[str, Reader]:
    """Opens one or several readers: files, names of shipped ones, `rapidocr`, or open ones; by their names.

    Raises:
        ModelError, ConfigError: as `Recognizer`.
        ModuleNotFoundError: `rapidocr` is asked for, and the extra `[text]` is not installed.
    """
    opened: dict[str, Reader] = {}
    for reader in [readers] if isinstance(readers, (str, Path, Recognizer, TextReader)) else readers:
        if isinstance(reader, (Recognizer, TextReader)):
            opened[reader.source] = reader
        elif str(reader) == RAPIDOCR:
            opened[RAPIDOCR] = TextReader(num_threads=num_threads)
        else:
            opened[str(reader)] = Recognizer(reader, num_threads=num_threads)
    return opened


def read_at(
    readers: Mapping[str, Reader], photograph: Image, corners: NDArray[np.float32]
) -> tuple[Reading, str, Image]:
    """Reads a plate of a photograph where its corners are, and anew with other margins where it is read doubtfully.

    Args:
        readers: The surest is believed; a reader of any text is asked where the others are less sure than by half.
        photograph: uint8 gray or BGR.
        corners: Left-up, right-up, right-bottom, left-bottom.

    Returns:
        What was read, by which reader, on which crop.
    """
    best: tuple[Reading, str, Image] | None = None
    of_plates = plate_readers(readers)
    crops = (rectify(photograph, corners, margin) for margin in (MARGIN, *_OTHER_MARGINS))
    first = next(crops)
    for crop in chain([first], crops) if of_plates else ():
        best = _surer(best, (*_surest(of_plates, crop), crop))
        if best[0].confidence >= _SURE:
            break
    return _read_by_any(readers, first, best)


def read_crop(readers: Mapping[str, Reader], crop: Image) -> tuple[Reading, str, Image]:
    """Reads a crop of a plate as it is: what was read, by which reader, and the crop; `readers` as for `read_at`."""
    of_plates = plate_readers(readers)
    return _read_by_any(readers, crop, (*_surest(of_plates, crop), crop) if of_plates else None)


def plate_readers(readers: Mapping[str, Reader]) -> dict[str, Recognizer]:
    """Those of some readers that were trained on plates."""
    return {name: reader for name, reader in readers.items() if isinstance(reader, Recognizer)}


def text_reader(readers: Mapping[str, Reader]) -> TextReader | None:
    """That of some readers that reads any text, where there is one."""
    return next((reader for reader in readers.values() if isinstance(reader, TextReader)), None)


def _read_by_any(
    readers: Mapping[str, Reader], crop: Image, best: tuple[Reading, str, Image] | None
) -> tuple[Reading, str, Image]:
    """The best so far; where it is doubtful or none, and a reader of any text is surer, what that says of the crop."""
    other = text_reader(readers)
    if other is not None and (best is None or best[0].confidence < _UNREAD):
        best = _surer(best, (other.read(crop), RAPIDOCR, crop))
    assert best is not None  # there is a reader of one kind at least
    return best


def _surer(best: tuple[Reading, str, Image] | None, other: tuple[Reading, str, Image]) -> tuple[Reading, str, Image]:
    return other if best is None or other[0].confidence > best[0].confidence else best


def _surest(readers: Mapping[str, Recognizer], crop: Image) -> tuple[Reading, str]:
    """What the surest of readers says of a crop, and which one that is."""
    readings = {name: reader.read(crop) for name, reader in readers.items()}
    name = max(readings, key=lambda reader: readings[reader].confidence)
    return readings[name], name
