"""Opening any model that a command line names, frozen graphs too."""

from __future__ import annotations

from pathlib import Path

from lp_recognition.evaluation import opening
from lp_recognition.evaluation.opening import OpenedModel
from lp_recognition.model_files.recognition import RECOGNITION
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.native_log import import_quietly


def open_model(path: str | Path, config: RecognitionConfig | None = None) -> OpenedModel:
    """Opens a checkpoint, a frozen graph or a `.tflite`; arguments and errors as of `opening.open_model`."""
    return opening.open_model(path, config, _read_graph)


def _read_graph(path: Path) -> opening.Graph:
    return import_quietly("lp_recognition.export.frozen_graph").FrozenGraph(path, [RECOGNITION])
