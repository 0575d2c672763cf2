"""Opening any model that a command line names, frozen graphs too."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.deployment.task import graph_reader
from lp_recognition.evaluation import recognizer_opening
from lp_recognition.evaluation.recognizer_opening import OpenedRecognizer
from lp_recognition.model_files.recognition import RECOGNITION

if TYPE_CHECKING:
    from lp_recognition.evaluation.detector_opening import OpenedDetector
    from lp_recognition.settings.detection import DetectionConfig
    from lp_recognition.settings.recognition import RecognitionConfig


def open_model(path: str | Path, config: RecognitionConfig | None = None) -> OpenedRecognizer:
    """Opens a checkpoint, a frozen graph or a `.tflite`; arguments and errors as of `opening.Opener`."""
    return recognizer_opening.open_model(path, config, graph_reader(RECOGNITION))


def open_detector(path: str | Path, config: DetectionConfig | None = None) -> OpenedDetector:
    """Opens a detector of any kind; arguments and errors as of `opening.Opener`."""
    from lp_recognition.evaluation import detector_opening
    from lp_recognition.model_files.detection import DETECTION

    return detector_opening.open_detector(path, config, graph_reader(DETECTION))
