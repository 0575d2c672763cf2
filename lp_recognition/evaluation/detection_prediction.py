"""Searching photographs without labels: pictures of what was found, and JSON lines."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from lp_recognition.evaluation.detector_opening import OpenedDetector
from lp_recognition.evaluation.drawing import draw_detections
from lp_recognition.images.image import write_image
from lp_recognition.lists.annotations import Annotation
from lp_recognition.lists.rows import decoded_images, refuse_missing
from lp_recognition.reading.detector import Detection
from lp_recognition.settings.detection import InferConfig
from lp_recognition.system.files import check_folder, write_text

#: The setting that leaves bad rows out.
_SKIPPING = "infer.skip_bad_rows"


def search_list(
    detector: OpenedDetector, rows: Sequence[Annotation], infer: InferConfig
) -> Iterator[tuple[Annotation, list[Detection]]]:
    """Searches photographs, `infer.batch_size` at a time, and draws what was found in each.

    Pictures are named by row number and file name, `0001_<name>.jpg`, so that equal names in two folders stay apart.
    `predictions.jsonl` holds a photograph a row: `image` and `plates`, each with `box`, `corners` and `score`.

    Yields:
        Each row with its plates, the surest first, as soon as its picture is written.

    Raises:
        ImageError: a photograph is missing, and nothing was searched yet; or one is unreadable, and the pictures of
            those before it are written. The message names the row.
        UserError: the folder cannot be written; nothing was searched yet.
    """
    refuse_missing(rows, _SKIPPING)
    folder = Path(infer.output_dir)
    check_folder(folder)
    lines = []
    digits, size = len(str(len(rows))), infer.batch_size
    for first, images in zip(range(0, len(rows), size), decoded_images(rows, size, _SKIPPING), strict=True):
        some = rows[first : first + size]
        found = detector.detect(images)
        for number, (row, image, plates) in enumerate(zip(some, images, found, strict=True), start=first + 1):
            write_image(folder / f"{number:0{digits}}_{row.path.stem}.jpg", draw_detections(image, plates))
            record = {"image": str(row.path), "plates": [plate.to_dict() for plate in plates]}
            lines.append(json.dumps(record, ensure_ascii=False))
            yield row, plates
    write_text(folder / "predictions.jsonl", "".join(f"{line}\n" for line in lines))
