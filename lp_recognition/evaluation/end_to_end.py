"""From photographs to texts: how many plates are found and read right, and what true corners would give."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lp_recognition.evaluation.detection import Found
from lp_recognition.evaluation.metrics import wilson_interval
from lp_recognition.evaluation.pictures import EvaluationScenes
from lp_recognition.images.image import Image
from lp_recognition.images.scene_augmentation import letterbox_map, move
from lp_recognition.lists.scenes import Scene, read_picture
from lp_recognition.reading.detector import Detection
from lp_recognition.reading.readers import Reader, read_at
from lp_recognition.reading.recognizer import Reading
from lp_recognition.system.files import write_text
from lp_recognition.system.tables import format_table
from lp_recognition.texts.vocabulary import plate_of

#: How plates of no country are called.
_NO_COUNTRY = "not said"


@dataclass(frozen=True)
class ReadScene:
    """What was found and read in a photograph.

    Attributes:
        plates: What was found, in the photograph's pixels, the surest first, and what was read there.
        at_corners: What is read of each annotated plate by its true corners; None where it has no corners or no text.
    """

    plates: tuple[tuple[Detection, Reading], ...]
    at_corners: tuple[Reading | None, ...]


@dataclass(frozen=True)
class Counts:
    """Plates with text.

    Attributes:
        plates: All.
        found: Those found, at an intersection over union of 0.5.
        read: Those found and read right.
        with_corners: Those whose true corners are annotated.
        read_with_corners: Those of them that were found and read right.
        read_at_corners: Those of them that are read right by their true corners.
    """

    plates: int = 0
    found: int = 0
    read: int = 0
    with_corners: int = 0
    read_with_corners: int = 0
    read_at_corners: int = 0

    def plus(self, other: Counts) -> Counts:
        """The counts of both."""
        return Counts(*(a + b for a, b in zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True)))


@dataclass(frozen=True)
class EndToEnd:
    """How many plates with text are found and read right.

    Attributes:
        readers: The readers, the surest of which is believed.
        by_country: The counts by country, the most plates first.
    """

    readers: tuple[str, ...]
    by_country: Mapping[str, Counts]

    @property
    def total(self) -> Counts:
        """The counts of all countries."""
        total = Counts()
        for counts in self.by_country.values():
            total = total.plus(counts)
        return total

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON knows them."""
        return {
            "readers": list(self.readers),
            "total": vars(self.total),
            "by_country": {country: vars(counts) for country, counts in self.by_country.items()},
        }

    def to_table(self) -> str:
        """All figures for a person, as a Markdown table and a line."""
        total = self.total
        rows = [_row(country, counts) for country, counts in [*self.by_country.items(), ("all", total)]]
        header = ("country", "plates", "found", "found and read", "with corners", "found and read", "read by corners")
        low, high = wilson_interval(total.read, total.plates)
        return (
            f"{format_table(header, rows)}\n\nfound and read right by {', '.join(self.readers)}: "
            f"{total.read / max(1, total.plates):.1%} (95% interval {low:.1%} to {high:.1%}) of {total.plates} plates "
            "with text"
        )


def read_scenes_found(
    originals: Sequence[Scene],
    found: Sequence[Sequence[Detection]],
    readers: Mapping[str, Reader],
    progress: Callable[[int], object] = lambda count: None,
) -> list[ReadScene]:
    """Reads the plates of photographs, where they were found and where they are.

    Args:
        originals: The scenes, in the photographs' pixels.
        found: What was found in each, in the same pixels.
        readers: The surest is believed.
        progress: Called with the number of photographs after each.

    Raises:
        AnnotationError, ImageError: as of `read_picture`.
    """
    scenes = []
    for original, detections in zip(originals, found, strict=True):
        photograph = read_picture(original)
        at_corners = [
            _read(photograph, np.array(plate.corners, np.float32), readers) if plate.corners and plate.text else None
            for plate in original.plates
        ]
        plates = [(one, _read(photograph, one.corners, readers)) for one in detections]
        scenes.append(ReadScene(tuple(plates), tuple(at_corners)))
        progress(1)
    return scenes


def shown_in_photographs(
    scenes: EvaluationScenes, results: Sequence[tuple[Found, Sequence[Detection]]], score_threshold: float
) -> list[list[Detection]]:
    """What reaches the threshold in each photograph, moved there from the fitted pictures that were searched.

    Args:
        scenes: Those of lists.
        results: What was found in each fitted picture, the surest first.
        score_threshold: In [0, 1].
    """
    moved = []
    for original, (picture, _), (_, detections) in zip(scenes.originals, scenes.pictures, results, strict=True):
        inverse = np.linalg.inv(letterbox_map(original.size, picture.shape[:2]))
        shown = [one for one in detections if one.score >= score_threshold]
        moved.append([Detection(move(one.corners, inverse), one.score) for one in shown])
    return moved


def count_read(
    scenes: Sequence[Scene], found: Sequence[Found], read: Sequence[ReadScene], readers: Iterable[str]
) -> EndToEnd:
    """Counts plates with text.

    Args:
        scenes: The scenes.
        found: What was found in each, and which plate it is, the surest first.
        read: What was read in each, of the first ones found.
        readers: The names of the readers.
    """
    countries: dict[str, Counts] = {}
    for scene, one, texts in zip(scenes, found, read, strict=True):
        numbers = one.plate_of[: len(texts.plates)].tolist()
        reading_of = {plate: reading for plate, (_, reading) in zip(numbers, texts.plates, strict=True)}
        for number, plate in enumerate(scene.plates):
            if not plate.text:
                continue
            is_read = number in reading_of and is_right(reading_of[number], plate.text)
            by_corners = texts.at_corners[number]
            counts = Counts(
                1, number in reading_of, is_read, by_corners is not None, is_read and by_corners is not None,
                by_corners is not None and is_right(by_corners, plate.text),
            )  # fmt: skip
            country = plate.country or _NO_COUNTRY
            countries[country] = countries.get(country, Counts()).plus(counts)
    ordered = sorted(countries.items(), key=lambda item: (-item[1].plates, item[0]))
    return EndToEnd(tuple(readers), dict(ordered))


def is_right(reading: Reading, text: str) -> bool:
    """Whether a reading is the plate of a text, however both are written."""
    return bool(reading.text) and plate_of(reading.text) == plate_of(text)


def write_predictions(
    path: str | Path, scenes: Sequence[Scene], found: Sequence[Sequence[Detection]], read: Sequence[ReadScene] = ()
) -> None:
    """Writes what was found, a photograph a row: `image` as its list names it, and `plates`.

    Args:
        path: The file, JSON lines.
        scenes: The scenes, in the photographs' pixels.
        found: What was found in each, in the same pixels.
        read: What was read of it; may be empty.
    """
    lines = []
    for number, (scene, detections) in enumerate(zip(scenes, found, strict=True)):
        plates = [one.to_dict() for one in detections]
        for plate, (_, reading) in zip(plates, read[number].plates if read else (), strict=False):
            plate |= {"text": reading.text, "confidence": round(reading.confidence, 4)}
        lines.append(json.dumps({"image": _name(scene), "plates": plates}, ensure_ascii=False))
    write_text(path, "".join(f"{line}\n" for line in lines))


def _name(scene: Scene) -> str:
    """A photograph as its list names it."""
    folder = Path(scene.source.rpartition(":")[0]).parent
    return str(scene.path.relative_to(folder) if scene.path.is_relative_to(folder) else scene.path)


def _read(photograph: Image, corners: np.ndarray, readers: Mapping[str, Reader]) -> Reading:
    return read_at(readers, photograph, corners)[0]


def _row(country: str, counts: Counts) -> tuple[object, ...]:
    return (
        country, counts.plates, _share(counts.found, counts.plates), _share(counts.read, counts.plates),
        counts.with_corners, _share(counts.read_with_corners, counts.with_corners),
        _share(counts.read_at_corners, counts.with_corners),
    )  # fmt: skip


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%" if whole else "-"
