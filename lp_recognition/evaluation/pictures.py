"""Pictures to search, at a network's size, with their plates in them; and pictures of what was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lp_recognition.evaluation.detection import Found
from lp_recognition.evaluation.drawing import draw_detections
from lp_recognition.evaluation.provenance import ListRecord, record_lists
from lp_recognition.images.canvas import contact_sheet
from lp_recognition.images.image import Image
from lp_recognition.images.scene_augmentation import fitted_size, letterbox, move
from lp_recognition.lists.scenes import Scene, ScenePlate, read_picture, read_scenes
from lp_recognition.plates.scenes import SceneGenerator
from lp_recognition.reading.detector import Detection
from lp_recognition.settings.detection import DetectionConfig

#: Average precision looks at detections from this score on.
LOWEST_SCORE = 0.02
#: Seeds of drawn scenes: what is evaluated is never drawn in training.
_EVAL_SEED = 1_000_003
_NO_FILE = Path("drawn")


@dataclass(frozen=True)
class EvaluationScenes:
    """Scenes to search, at the network's size.

    Attributes:
        pictures: Each with its plates in the picture's pixels.
        skipped: What was wrong with rows that were left out, as `eval.skip_bad_rows` asks.
        lists: The lists they came from; none of drawn scenes.
        originals: The scenes as their lists have them, in the photographs' pixels; none of drawn scenes.
    """

    pictures: list[tuple[Image, Scene]]
    skipped: list[str]
    lists: tuple[ListRecord, ...] = ()
    originals: tuple[Scene, ...] = ()

    @classmethod
    def from_config(cls, config: DetectionConfig) -> EvaluationScenes | None:
        """The lists of `eval.file_list_path`; held-out drawn scenes where a training draws scenes; else None.

        Raises:
            AnnotationError: a list cannot be read, or a row states another size than its picture has.
            ImageError: a picture is missing or none.
        """
        paths = config.eval.file_list_path
        if paths:
            scenes, skipped = read_scenes(paths, skip_bad_rows=config.eval.skip_bad_rows)
            lists = record_lists(paths, (scene.source for scene in scenes))
            return cls([fitted_scene(scene, config) for scene in scenes], skipped, lists, tuple(scenes))
        if config.train.generated_share > 0:
            return cls(drawn_scenes(config, config.eval.generated_scenes), [])
        return None


def fitted_scene(scene: Scene, config: DetectionConfig) -> tuple[Image, Scene]:
    """Reads a scene's picture and fits it into the network's input, plates and all.

    Returns:
        The picture, of the input's size; and the scene in its pixels, whose size is what the photograph takes of it.

    Raises:
        AnnotationError, ImageError: as of `read_picture`.
    """
    size = config.input_shape[:2]
    photograph = config.preprocessing.to_channels(read_picture(scene))
    image, matrix = letterbox(photograph, size)
    plates = []
    for plate in scene.plates:
        left, top, right, bottom = move(np.array(plate.box, np.float32).reshape(2, 2), matrix).reshape(4).tolist()
        corners = None if plate.corners is None else _points(move(np.array(plate.corners, np.float32), matrix))
        plates.append(ScenePlate((left, top, right, bottom), corners, plate.text, plate.country))
    inside = fitted_size(photograph.shape[:2], size)
    return image, Scene(scene.path, inside, tuple(plates), scene.complete, scene.group, scene.source)


def drawn_scenes(config: DetectionConfig, count: int) -> list[tuple[Image, Scene]]:
    """Draws held-out scenes at the network's size."""
    train, size = config.train, config.input_shape[:2]
    generator = SceneGenerator(
        train.plate_formats, train.random_seed + _EVAL_SEED, size, plate_widths=train.plate_widths
    )
    found = []
    for number in range(count):
        drawn = generator.draw(number)
        plates = []
        for plate in drawn.plates:
            (left, top), (right, bottom) = plate.corners.min(axis=0).tolist(), plate.corners.max(axis=0).tolist()
            plates.append(ScenePlate((left, top, right, bottom), _points(plate.corners), plate.text))
        image = config.preprocessing.to_channels(drawn.image)
        found.append((image, Scene(_NO_FILE, size, tuple(plates), complete=True, group="drawn")))
    return found


def worst_sheet(
    pictures: Sequence[tuple[Image, Scene]],
    results: Sequence[tuple[Found, Sequence[Detection]]],
    score_threshold: float,
    most: int = 16,
) -> Image | None:
    """The pictures with most plates missed and false alarms, with what was found; None where there are none."""
    worst = []
    for (picture, scene), (found, detections) in zip(pictures, results, strict=True):
        shown = found.scores >= score_threshold
        right = int((found.plate_of[shown] >= 0).sum())
        faults = found.plates - right + int(shown.sum()) - right
        if faults:
            kept = [detection for detection in detections if detection.score >= score_threshold]
            worst.append((faults, picture, kept, scene))
    worst.sort(key=lambda item: -item[0])
    sheet = [draw_detections(picture, kept, scene) for _, picture, kept, scene in worst[:most]]
    return contact_sheet(sheet, 4) if sheet else None


def _points(corners: NDArray[np.float32]) -> tuple[tuple[float, float], ...]:
    return tuple((float(x), float(y)) for x, y in corners)
