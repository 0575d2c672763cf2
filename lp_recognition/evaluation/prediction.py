"""Reading images without labels, one or a list: texts, pictures, a contact sheet, a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lp_recognition.evaluation.drawing import draw_reading
from lp_recognition.evaluation.recognizer_opening import OpenedRecognizer
from lp_recognition.images.canvas import contact_sheet
from lp_recognition.images.image import Image, write_image
from lp_recognition.lists.annotations import Annotation
from lp_recognition.lists.rows import decoded_images, refuse_missing
from lp_recognition.reading.recognizer import Reading
from lp_recognition.settings.recognition import InferConfig
from lp_recognition.system.files import check_folder, write_text

_SHEET_COLUMNS = 4
_SHEET_PICTURES = 200
#: The setting that leaves bad rows out.
_SKIPPING = "infer.skip_bad_rows"


def read_list(
    model: OpenedRecognizer, rows: Sequence[Annotation], infer: InferConfig
) -> Iterator[tuple[Annotation, Reading]]:
    """Reads images, `infer.batch_size` at a time, and draws each.

    Pictures are named by row number and file name, `0001_<name>.png`, so that equal names in two folders stay apart.
    The contact sheet shows the first 200.

    Yields:
        Each row with what was read on it, as soon as its picture is written.

    Raises:
        ImageError: an image is missing, and nothing was read yet; or one is unreadable, and the pictures of those
            before it are written. The message names the row.
        UserError: the folder cannot be written; nothing was read yet.
    """
    refuse_missing(rows, _SKIPPING)
    folder = Path(infer.output_dir)
    check_folder(folder)
    pictures: list[Image] = []
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(("path", "text", "confidence"))
    digits = len(str(len(rows)))
    for first, images in zip(
        range(0, len(rows), infer.batch_size), decoded_images(rows, infer.batch_size, _SKIPPING), strict=True
    ):
        some = rows[first : first + infer.batch_size]
        prepared = np.stack([model.config.preprocessing.prepare(image) for image in images])
        readings = model.read(prepared, infer.beam_width)
        for number, (row, image, reading) in enumerate(zip(some, images, readings, strict=True), start=first + 1):
            picture = draw_reading(image, reading.text, reading.confidence, reading.confidences)
            write_image(folder / f"{number:0{digits}}_{row.path.stem}.png", picture)
            if len(pictures) < _SHEET_PICTURES:
                pictures.append(picture)
            writer.writerow((row.path, reading.text, f"{reading.confidence:.6f}"))
            yield row, reading
    write_image(folder / "contact_sheet.png", contact_sheet(pictures, _SHEET_COLUMNS))
    write_text(folder / "predictions.csv", table.getvalue())
