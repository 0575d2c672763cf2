"""A stand-in for RapidOCR: what it says of pictures is known beforehand, and it need not be installed."""

from __future__ import annotations

import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

Line = tuple[tuple[int, int, int, int], str, float]


def install_rapidocr(monkeypatch: pytest.MonkeyPatch, lines: list[Line], whole: Line | None = None) -> list[bool]:
    """Puts a stand-in in the place of the packages.

    Args:
        monkeypatch: Takes it away after the test.
        lines: Box (x, y, width, height), text and score of each line that it finds in any picture.
        whole: What it says of a picture that is one line.

    Returns:
        For each call, whether it was asked to find lines.
    """
    calls: list[bool] = []

    class RapidOCR:
        def __init__(self, params: dict[str, Any]) -> None:
            assert params["EngineConfig.onnxruntime.intra_op_num_threads"] >= 1

        def __call__(self, image: np.ndarray, use_det: bool, use_cls: bool) -> SimpleNamespace:
            calls.append(use_det)
            if use_det and not lines:
                return SimpleNamespace(boxes=None, txts=None, scores=None)
            found = lines if use_det else [whole or ((0, 0, 1, 1), "", 0.0)]
            boxes = np.array([[(x, y), (x + w, y), (x + w, y + h), (x, y + h)] for (x, y, w, h), _, _ in found], float)
            _, texts, scores = zip(*found, strict=True)
            return SimpleNamespace(boxes=boxes, txts=texts, scores=scores)

    for name in ("onnxruntime", "rapidocr"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setattr(sys.modules["rapidocr"], "RapidOCR", RapidOCR, raising=False)
    return calls
