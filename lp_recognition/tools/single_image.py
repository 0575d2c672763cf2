"""Reading one image with a `.tflite` or a frozen graph, for the scripts."""

from __future__ import annotations

from lp_recognition.evaluation.drawing import draw_reading
from lp_recognition.images.image import read_image, write_image
from lp_recognition.model_files.pretrained import find_model
from lp_recognition.reading.recognizer import Reading, Recognizer
from lp_recognition.settings.recognition import load_config


def read_single_image(
    model: str,
    image: str,
    config: str | None = None,
    beam_width: int = 1,
    picture: str = "",
    patterns: bool | None = None,
) -> Reading:
    """Reads one image with a `.tflite` (the light install is enough) or a frozen graph.

    Args:
        model: The file, or the name of a shipped model.
        image: The crop's file.
        config: The config of the model, or its recorded `config.yaml`; None where the file describes itself.
        beam_width: 1 reads the best path.
        picture: Where to draw the reading; empty for nowhere.
        patterns: Reads a text that fits one of the model's `lpr_patterns`; None does as `decode.patterns` says.

    Raises:
        UserError: a file is missing, broken, or does not fit the config.
    """
    settings = load_config(config) if config else None
    crop = read_image(image)
    path = find_model(model, "recognition")
    if path.suffix == ".tflite":
        reading = Recognizer(path, config=settings, beam_width=beam_width, patterns=patterns).read(crop)
    else:
        from lp_recognition.tools.models import open_model

        opened = open_model(path, settings)
        reading = opened.read(opened.config.preprocessing.prepare(crop)[None], beam_width, patterns)[0]
    if picture:
        write_image(picture, draw_reading(crop, reading.text, reading.confidence, reading.confidences))
    return reading
