"""Opening any model that a command line names, frozen graphs too."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lp_recognition.evaluation import opening
from lp_recognition.evaluation.opening import OpenedModel
from lp_recognition.model_files.recognition import RECOGNITION
from lp_recognition.system.native_log import import_quietly

if TYPE_CHECKING:
    from lp_recognition.evaluation.detector_opening import OpenedDetector
    from lp_recognition.settings.detection import DetectionConfig
    from lp_recognition.settings.recognition import RecognitionConfig


def open_model(path: str | Path, config: RecognitionConfig | None = None) -> OpenedModel:
    """Opens a checkpoint, a frozen graph or a `.tflite`; arguments and errors as of `opening.open_model`."""
    return opening.open_model(path, config, partial(_read_graph, RECOGNITION))


def open_detector(path: str | Path, config: DetectionConfig | None = None) -> OpenedDetector:
    """Opens a detector of any kind; arguments and errors as of `detector_opening.open_detector`."""
    from lp_recognition.evaluation import detector_opening
    from lp_recognition.model_files.detection import DETECTION

    return detector_opening.open_detector(path, config, partial(_read_graph, DETECTION))


def _read_graph(meaning: Any, path: Path) -> opening.Graph:
    return import_quietly("lp_recognition.export.frozen_graph").FrozenGraph(path, [meaning])
