"""The record of an evaluation and the folder of its files, of whatever task."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lp_recognition.evaluation.opening import Opened
from lp_recognition.evaluation.provenance import ListRecord, file_sha256, machine, utc_now, versions
from lp_recognition.images.image import Image, write_image
from lp_recognition.lists.annotations import list_name
from lp_recognition.model_files.checkpoints import is_training_checkpoint
from lp_recognition.system.files import write_text

#: Settings of the section `eval` that no figure depends on.
WITHOUT_EFFECT = {"batch_size", "checkpoint", "output_dir", "file_list_path"}
_LONGEST_NAME = 60


def describe_evaluation(
    model: Opened[Any],
    named: str,
    *,
    lists: Iterable[ListRecord],
    skipped: int,
    plates_sha256: str,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """What makes the figures of an evaluation repeatable, as JSON knows it.

    Args:
        model: What is measured.
        named: How the model was named.
        lists: The lists it is measured on; none where the plates are drawn.
        skipped: Rows of them that were left out.
        plates_sha256: The SHA-256 of all prepared images and of what is right on them.
        settings: Those that the figures depend on.

    Returns:
        All of that, with the model's SHA-256 and training step; what computed it, in which versions and on which kind
        of machine. The date is UTC.
    """
    return {
        "model": named,
        "model_sha256": file_sha256(model.source),
        "training_step": model.step,
        "lists": [vars(one) for one in lists],
        "left_out": skipped,
        "plates_sha256": plates_sha256,
        "settings": dict(settings),
        "date": utc_now(),
        "runtime": " on ".join(model.runtime),
        "arithmetic": model.arithmetic,
        "versions": versions(model.runtime),
        "machine": machine(),
    }


def results_folder(model: Opened[Any], description: Mapping[str, Any]) -> Path:
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


def write_record(folder: Path, description: Mapping[str, Any], figures: Mapping[str, Any]) -> None:
    """Writes `eval.json`: what `describe_evaluation` says, and the figures."""
    write_text(folder / "eval.json", json.dumps({**description, **figures}, ensure_ascii=False, indent=1) + "\n")


def write_sheet(path: Path, sheet: Image | None) -> None:
    """Writes the pictures of what went wrong; where nothing did, none is left of an evaluation before this one."""
    if sheet is None:
        path.unlink(missing_ok=True)
    else:
        write_image(path, sheet)
