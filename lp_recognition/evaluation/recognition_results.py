"""The files of an evaluation of plate readers: figures, a row per plate, and pictures of what was misread."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lp_recognition.evaluation import results
from lp_recognition.evaluation.metrics import format_csv
from lp_recognition.evaluation.recognition import EvaluationList, EvaluationResult
from lp_recognition.evaluation.recognition_page import recognition_page
from lp_recognition.evaluation.recognizer_opening import OpenedRecognizer
from lp_recognition.system.files import write_text

#: So many of the plates that were misread are drawn into the sheet, the worst first.
_SHEET_PICTURES = 48
_DRAWING = {"plate_formats", "plate_font", "plate_extra_fonts", "plate_without", "plate_single_lines", "random_seed"}


def describe_evaluation(model: OpenedRecognizer, plates: EvaluationList, named: str) -> dict[str, Any]:
    """What makes the figures repeatable; `named` is how the model was named. See `results.describe_evaluation`."""
    config = model.config
    digest = hashlib.sha256(plates.images.tobytes())
    digest.update("\n".join(plates.labels).encode())
    settings: dict[str, Any] = {
        "eval": config.eval.model_dump(mode="json", exclude=results.WITHOUT_EFFECT),
        "decode": config.decode.model_dump(mode="json"),
        "lpr_patterns": list(config.lpr_patterns),
    }
    if not plates.lists:
        settings["train"] = config.train.model_dump(mode="json", include=_DRAWING)
    return results.describe_evaluation(
        model, named, lists=plates.lists, skipped=len(plates.skipped), plates_sha256=digest.hexdigest(),
        settings=settings,
    )  # fmt: skip


def save_results(folder: Path, description: Mapping[str, Any], result: EvaluationResult) -> None:
    """Writes the files of an evaluation.

    `eval.json` holds what `describe_evaluation` says and every figure, `eval.csv` a row per plate; `eval.html` shows
    where the errors are, and `misread.png` the worst of them (no such file where every plate was read right).
    """
    figures = {"plates_per_second": result.plates_per_second, **result.metrics.to_dict()}
    figures |= {"ece": result.ece, "is_calibrated": result.is_calibrated}
    if result.by_patterns is not None:
        figures["by_patterns"] = result.by_patterns.metrics.to_dict()
    plates = result.plates
    table = format_csv(
        plates.names,
        plates.labels,
        [reading.text for reading in result.readings],
        [reading.confidence for reading in result.readings],
        result.judgements,
        None if result.by_patterns is None else result.by_patterns.rows(),
    )
    results.write_sheet(folder / "misread.png", result.misread_sheet(_SHEET_PICTURES))
    write_text(folder / "eval.html", recognition_page(result, description))
    write_text(folder / "eval.csv", table)
    results.write_record(folder, description, figures)
