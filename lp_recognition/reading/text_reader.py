"""Reads any text, on plates or on signs, with RapidOCR and the models that its wheel carries: the extra `[text]`.

RapidOCR (https://github.com/RapidAI/RapidOCR) finds lines of text and recognises them, Chinese and Latin ones, by
PP-OCR's networks on ONNX Runtime. It knows no plates, and leaves out what stands there in a script that it does not
know: its confidences are not to be compared with those of readers that were trained on plates.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.images.image import Image
from lp_recognition.reading.recognizer import Reading
from lp_recognition.texts.vocabulary import split_symbols

#: The name by which it is asked for, in place of a file's or a shipped model's.
RAPIDOCR = "rapidocr"
#: A crop that is less wide, in heights, may show two lines: these are found before they are recognised.
_TWO_LINES = 2.5


@dataclass(frozen=True)
class TextRegion:
    """A line of text that was found and read: a sign, lettering, anything.

    Attributes:
        corners: x, y of left-up, right-up, right-bottom, left-bottom in the photograph's pixels, float32 `(4, 2)`.
        text: What was read.
        confidence: How sure RapidOCR is of it, in [0, 1]: the mean over its symbols, not calibrated.
    """

    corners: NDArray[np.float32]
    text: str
    confidence: float


class TextReader:
    """Finds and reads text with RapidOCR; threads take turns at it.

    Args:
        num_threads: Threads of ONNX Runtime.

    Attributes:
        source: `rapidocr`.

    Raises:
        ModuleNotFoundError: the extra `[text]` is not installed.
    """

    source = RAPIDOCR

    def __init__(self, *, num_threads: int = 1) -> None:
        import onnxruntime  # noqa: F401  RapidOCR asks for it late, and in words of its own
        from rapidocr import RapidOCR

        threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": num_threads for kind in ("intra", "inter")}
        # What it gives depends on what it is asked for: its types say all four at once.
        self._engine: Any = RapidOCR(params={"Global.log_level": "error", **threads})
        self._turn = threading.Lock()

    def read(self, image: Image) -> Reading:
        """Reads a plate.

        Args:
            image: A crop, uint8 gray or BGR: one line; or several, where it is less than 2.5 times as wide as high.

        Returns:
            The lines joined, without spaces. Its confidence is that of the least sure line, as a `TextRegion` has it,
            and each symbol has its line's.
        """
        lines = self.find(image) if image.shape[1] < _TWO_LINES * image.shape[0] else []
        read = [(line.text, line.confidence) for line in lines] or self._recognise(image)
        texts = [("".join(text.split()), confidence) for text, confidence in read]
        confidences = tuple(confidence for text, confidence in texts for _ in split_symbols(text))
        return Reading("".join(text for text, _ in texts), min(confidences, default=0.0), confidences)

    def find(self, photograph: Image) -> list[TextRegion]:
        """Finds and reads the lines of text of a photograph, uint8 gray or BGR, from top to bottom."""
        with self._turn:  # the engine keeps what it was asked for
            output = self._engine(photograph, use_det=True, use_cls=False)
        if not output.txts:
            return []
        found = zip(output.boxes, output.txts, output.scores, strict=True)
        return [TextRegion(np.array(box, np.float32), text, float(score)) for box, text, score in found]

    def _recognise(self, line: Image) -> Sequence[tuple[str, float]]:
        """The text of a picture of one line, and how sure it is; nothing where there is none."""
        with self._turn:
            output = self._engine(line, use_det=False, use_cls=False)
        read = zip(output.txts or (), output.scores or (), strict=True)
        return [(text, float(score)) for text, score in read if text]
