"""Reads a drawn picture through the Recognizer and prints the text and the versions of the libraries.

    python tests/board_check.py model.tflite config.yaml

For an environment like a board's, with an old tflite-runtime, NumPy and OpenCV. It ends with status 1 if keras or
tensorflow came along, or if a picture is not read the same from memory and from a file.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np

from lp_recognition import Recognizer
from lp_recognition.evaluation.drawing import draw_reading
from lp_recognition.images.image import write_image
from lp_recognition.settings.recognition import RecognitionConfig


def drawn_plate() -> np.ndarray:
    """A blue plate with white lettering, uint8 BGR."""
    image = np.full((48, 188, 3), (150, 60, 20), np.uint8)
    cv2.putText(image, "A12345", (10, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (240, 240, 240), 3, cv2.LINE_AA)
    return image


def main(model: str, config: str) -> int:
    """Reads, compares and prints; returns the status."""
    recognizer = Recognizer(model, config=config)
    image = drawn_plate()
    reading = recognizer.read(image)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "plate.png"
        write_image(path, image)
        from_file = recognizer.read(path)
        picture = draw_reading(image, reading.text, reading.confidence, reading.confidences)
        write_image(Path(folder) / "picture.png", picture)
    Recognizer(model, config=config, beam_width=5).read(image)
    by_patterns = RecognitionConfig.model_validate(recognizer.config.model_dump() | {"lpr_patterns": "[A-D]{2}"})
    fitting = Recognizer(model, config=by_patterns, patterns=True).read(image)

    print(f"python {sys.version.split()[0]}, numpy {np.__version__}, opencv {cv2.__version__}")
    print(f"interpreter {recognizer.runtime}")
    print(f"text '{reading.text}', confidence {reading.confidence:.4f}")
    problems = [f"{name} was imported" for name in ("tensorflow", "keras") if name in sys.modules]
    if from_file != reading:
        problems.append(f"from a file it reads {from_file}, from memory {reading}")
    if len(fitting.text) != 2:
        problems.append(f"by the pattern [A-D]{{2}} it reads '{fitting.text}'")
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
