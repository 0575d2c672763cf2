"""What the network is shown in a training, to look at: the first batch, after augmentation, with its labels."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from lp_recognition.images.canvas import contact_sheet, draw_text, text_width
from lp_recognition.images.image import Image, write_image
from lp_recognition.lists.rows import LabelledRows
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.native_log import import_quietly
from lp_recognition.texts.vocabulary import Vocabulary
from lp_recognition.training.batches import samples

_COLUMNS = 8
_MOST = 128
_WIDTH = 188  # of a picture at least, in pixels
_LETTERS = 20
_INK = (40, 40, 40)


def write_preview(config: RecognitionConfig, path: str | Path) -> int:
    """Writes a sheet of the first batch that a training by these settings would begin with; trains nothing.

    Args:
        config: The settings.
        path: A `.png` or `.jpg`.

    Returns:
        How many crops it shows: the batch, 128 at most.

    Raises:
        UserError: what would stop the training, or the picture cannot be written.
    """
    task = import_quietly("lp_recognition.training.recognition").RecognitionTask.prepare(config, None)
    pictures = preview_pictures(task.config, task.rows, task.vocabulary)
    write_image(path, contact_sheet(pictures, _COLUMNS))
    return len(pictures)


def preview_pictures(config: RecognitionConfig, rows: LabelledRows, vocabulary: Vocabulary) -> list[Image]:
    """The samples of the first batch, in order: the pixels that the network gets, enlarged, above the label; BGR."""
    shown = samples(config, rows, vocabulary)
    pictures = []
    for number in range(min(config.train.batch_size, _MOST)):
        image, indices = shown[number]
        pictures.append(_picture(image, vocabulary.decode(indices[indices >= 0])))
    return pictures


def _picture(image: Image, label: str) -> Image:
    zoom = -(-_WIDTH // image.shape[1])
    pixels = np.repeat(np.repeat(image, zoom, axis=0), zoom, axis=1)
    if pixels.shape[2] == 1:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR), np.uint8)
    height, width = pixels.shape[:2]
    picture = np.full((height + _LETTERS + 12, max(width, text_width(label, _LETTERS) + 8), 3), 255, np.uint8)
    picture[:height, :width] = pixels
    draw_text(picture, label, 4, height + _LETTERS + 2, _LETTERS, _INK)
    return picture
