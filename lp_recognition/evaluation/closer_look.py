"""A second look at what a detector found in fitted pictures, taken at the whole photographs, for its figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lp_recognition.evaluation.detection import Found, judge
from lp_recognition.evaluation.pictures import EvaluationScenes
from lp_recognition.images.scene_augmentation import letterbox_map, move
from lp_recognition.lists.scenes import read_picture
from lp_recognition.reading.closer_look import look_closer
from lp_recognition.reading.detector import Detection, Detector


def look_again(
    scenes: EvaluationScenes,
    results: Sequence[tuple[Found, Sequence[Detection]]],
    looker: Detector,
    progress: Callable[[int], object] = lambda count: None,
) -> list[tuple[Found, list[Detection]]]:
    """Gives what was found in each picture the corners of a second look, and judges it anew.

    Args:
        scenes: Those of lists.
        results: What was found in each fitted picture.
        looker: As for `look_closer`.
        progress: Called with the number of photographs after each.

    Raises:
        AnnotationError, ImageError: as of `read_picture`.
    """
    again = []
    for original, (picture, scene), (_, detections) in zip(scenes.originals, scenes.pictures, results, strict=True):
        matrix = letterbox_map(original.size, picture.shape[:2])
        inverse = np.linalg.inv(matrix)
        found = [Detection(move(one.corners, inverse), one.score) for one in detections]
        seen = look_closer(looker, read_picture(original), found) if found else []
        moved = [Detection(move(one.corners, matrix), one.score) for one in seen]
        again.append((judge(scene, moved), moved))
        progress(1)
    return again
