"""The files of an evaluation: its figures and what made them, a row per plate, and pictures of what was misread."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lp_recognition.evaluation.metrics import format_csv
from lp_recognition.evaluation.provenance import file_sha256, machine, utc_now, versions
from lp_recognition.evaluation.recognition import EvaluationList, EvaluationResult
from lp_recognition.evaluation.recognition_page import recognition_page
from lp_recognition.evaluation.recognizer_opening import OpenedRecognizer
from lp_recognition.images.image import write_image
from lp_recognition.lists.annotations import list_name
from lp_recognition.model_files.checkpoints import is_training_checkpoint
from lp_recognition.system.files import write_text

#: So many of the plates that were misread are drawn into the sheet, the worst first.
_SHEET_PICTURES = 48
_LONGEST_NAME = 60
#: Settings that no figure depends on.
_WITHOUT_EFFECT = {"batch_size", "checkpoint", "output_dir", "file_list_path"}
_DRAWING = {"plate_formats", "plate_font", "plate_extra_fonts", "plate_without", "random_seed"}


def describe_evaluation(model: OpenedRecognizer, plates: EvaluationList, named: str) -> dict[str, Any]:
    """What makes the figures of an evaluation repeatable, as JSON knows it.

    Args:
        model: What is measured.
        plates: What it is measured on.
        named: How the model was named.

    Returns:
        The model's file, its SHA-256 and training step; the lists with their rows and SHA-256, or how the plates were
        drawn; the SHA-256 of all prepared images and labels; the settings that count; what computed it, in which
        versions and on which kind of machine. The date is UTC.
    """
    config = model.config
    digest = hashlib.sha256(plates.images.tobytes())
    digest.update("\n".join(plates.labels).encode())
    settings: dict[str, Any] = {
        "eval": config.eval.model_dump(mode="json", exclude=_WITHOUT_EFFECT),
        "decode": config.decode.model_dump(mode="json"),
        "lpr_patterns": list(config.lpr_patterns),
    }
    if not plates.lists:
        settings["train"] = config.train.model_dump(mode="json", include=_DRAWING)
    return {
        "model": named,
        "model_sha256": file_sha256(model.source),
        "training_step": model.step,
        "lists": [vars(one) for one in plates.lists],
        "left_out": len(plates.skipped),
        "plates_sha256": digest.hexdigest(),
        "settings": settings,
        "date": utc_now(),
        "runtime": " on ".join(model.runtime),
        "arithmetic": model.arithmetic,
        "versions": versions(model.runtime),
        "machine": machine(),
    }


def results_folder(model: OpenedRecognizer, description: Mapping[str, Any]) -> Path:
    """Where the results go: `eval.output_dir`, else a folder that is this evaluation's own.

    That lies in `eval/` beside the checkpoint of a training, of any other model in `out/eval/`. Its name holds model,
    lists and a digest of all that the figures depend on: the same evaluation finds its folder again, and replaces no
    other.
    """
    if model.config.eval.output_dir:
        return Path(model.config.eval.output_dir)
    path = Path(model.source)
    parent = path.parent / "eval" if is_training_checkpoint(path) else Path("out", "eval")
    lists = [Path(list_name(one["path"])).stem for one in description["lists"]] or ["drawn"]
    name = re.sub(r"[^\w.+-]", "_", f"{path.stem}-{'+'.join(lists)}")[:_LONGEST_NAME]
    counts = {key: description[key] for key in ("model_sha256", "lists", "plates_sha256", "settings")}
    digest = hashlib.sha256(json.dumps(counts, sort_keys=True).encode()).hexdigest()
    return parent / f"{name}-{digest[:8]}"


def save_results(folder: Path, description: Mapping[str, Any], result: EvaluationResult) -> None:
    """Writes the files of an evaluation.

    `eval.json` holds what `describe_evaluation` says and every figure, `eval.csv` a row per plate; `eval.html` shows
    where the errors are, and `misread.png` the worst of them (no such file where every plate was read right).
    """
    record = {**description, "plates_per_second": result.plates_per_second, **result.metrics.to_dict()}
    record |= {"ece": result.ece, "is_calibrated": result.is_calibrated}
    if result.by_patterns is not None:
        record["by_patterns"] = result.by_patterns.metrics.to_dict()
    plates = result.plates
    table = format_csv(
        plates.names,
        plates.labels,
        [reading.text for reading in result.readings],
        [reading.confidence for reading in result.readings],
        result.judgements,
        None if result.by_patterns is None else result.by_patterns.rows(),
    )
    sheet = result.misread_sheet(_SHEET_PICTURES)
    if sheet is None:
        (folder / "misread.png").unlink(missing_ok=True)  # of an evaluation before this one
    else:
        write_image(folder / "misread.png", sheet)
    write_text(folder / "eval.html", recognition_page(result, description))
    write_text(folder / "eval.csv", table)
    write_text(folder / "eval.json", json.dumps(record, ensure_ascii=False, indent=1) + "\n")
