"""The files of an evaluation of plate detectors: figures, and the pictures with most mistakes."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lp_recognition.evaluation import results
from lp_recognition.evaluation.detection import DetectionMetrics, Found
from lp_recognition.evaluation.detector_opening import OpenedDetector
from lp_recognition.evaluation.end_to_end import EndToEnd
from lp_recognition.evaluation.pictures import EvaluationScenes, worst_sheet
from lp_recognition.reading.detector import Detection

_DRAWING = {"plate_formats", "random_seed"}


def describe_evaluation(
    detector: OpenedDetector, scenes: EvaluationScenes, named: str, corners: str = ""
) -> dict[str, Any]:
    """What makes the figures repeatable. See `results.describe_evaluation`.

    Args:
        detector: What searches.
        scenes: What it searches.
        named: How the detector was named.
        corners: What looked a second time, as it was named; empty for nothing.
    """
    config, digest = detector.config, hashlib.sha256()
    for picture, scene in scenes.pictures:
        digest.update(picture.tobytes())
        digest.update(repr([(plate.box, plate.corners) for plate in scene.plates]).encode())
        digest.update(f"{scene.complete} {scene.group}".encode())
    settings: dict[str, Any] = {"eval": config.eval.model_dump(mode="json", exclude=results.WITHOUT_EFFECT)}
    if corners:
        settings["corners"] = corners
    if not scenes.lists:
        settings["train"] = config.train.model_dump(mode="json", include=_DRAWING)
    return results.describe_evaluation(
        detector, named, lists=scenes.lists, skipped=len(scenes.skipped), plates_sha256=digest.hexdigest(),
        settings=settings,
    )  # fmt: skip


def save_results(
    folder: Path,
    description: Mapping[str, Any],
    scenes: EvaluationScenes,
    found: Sequence[tuple[Found, Sequence[Detection]]],
    metrics: DetectionMetrics,
    read: EndToEnd | None = None,
) -> None:
    """Writes the files of an evaluation.

    `eval.json` holds what `describe_evaluation` says and every figure; `worst.png` shows the pictures with most
    mistakes (no such file where there is none).
    """
    threshold = description["settings"]["eval"]["score_threshold"]
    results.write_sheet(folder / "worst.png", worst_sheet(scenes.pictures, found, threshold))
    figures = metrics.to_dict() if read is None else {**metrics.to_dict(), "end_to_end": read.to_dict()}
    results.write_record(folder, description, figures)
