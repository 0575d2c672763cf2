"""Labels images with a model, for self-training and distillation: keeps the readings it is sure of.

The list holds a path a row. Several models, of any size, label an image only where all of them read the same text; the
least confident one counts. Each has the settings of its network that it carries; the config has those of files that
carry none, and all others. What was kept is a list like any other, to train on beside those made by people.

examples:
  python -m utils.label_with_model config/gap8.py --list images.txt --models model/model.ckpt-4000.ckpt \\
      --min_confidence 0.9 --output labelled.txt
  python train_lpr.py config/gap8.py train.file_list_path='[train.txt,labelled.txt]'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.system.errors import ConfigError, UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.evaluation.recognizer_opening import OpenedRecognizer
    from lp_recognition.lists.annotations import Annotation
    from lp_recognition.reading.recognizer import Reading
    from lp_recognition.settings.recognition import RecognitionConfig

#: The setting that leaves bad rows out.
_SKIPPING = "infer.skip_bad_rows"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_config()
    parser.add_argument("--list", nargs="+", required=True, metavar="LIST", help="lists of paths, without labels")
    parser.add_argument("--models", nargs="+", required=True, metavar="MODEL", help=".ckpt, .pb, .tflite, or a name")
    parser.add_argument("--output", required=True, metavar="LIST", help="the list to write")
    parser.add_argument(
        "--min_confidence", type=float, default=0.9, metavar="P", help="keep readings from this on (%(default)s)"
    )
    parser.add_argument("--any_text", action="store_true", help="also keep readings that fit none of lpr_patterns")
    parser.add_argument("--overwrite", action="store_true", help="replace the list that is there")
    arguments = parser.parse_intermixed_args(argv)
    output = Path(arguments.output)
    if output.exists() and not arguments.overwrite:
        raise UserError(f"{output}: expected a new list, received one that is there; add --overwrite to replace it")
    if not 0 <= arguments.min_confidence <= 1:
        raise UserError(f"--min_confidence: expected 0 to 1, received {arguments.min_confidence}")

    from lp_recognition.lists.annotations import write_annotations
    from lp_recognition.lists.image_lists import path_in_list
    from lp_recognition.lists.rows import load_paths, refuse_missing
    from lp_recognition.settings.recognition import load_config

    config = load_config(arguments.config, arguments.overrides)
    models = [_opened(path, config) for path in arguments.models]
    data = load_paths(arguments.list, skip_bad_rows=config.infer.skip_bad_rows)
    refuse_missing(data.rows, _SKIPPING)
    kept: list[tuple[str, str]] = []
    dropped: Counter[str] = Counter()
    for row, readings in zip(data.rows, _read(models, data.rows, config), strict=True):
        reason = _doubt(readings, models[0], config, arguments.min_confidence, arguments.any_text)
        if reason:
            dropped[reason] += 1
        else:
            kept.append((path_in_list(row.path, output), readings[0].text))
    if data.skipped:
        dropped["unreadable"] = len(data.skipped)
    total = len(data.rows) + len(data.skipped)
    if not kept:
        raise UserError(f"{output}: expected some image to label, received none of {total}: {_why(dropped)}")
    write_annotations(output, kept)
    left_out = f"; left out: {_why(dropped)}" if dropped else ""
    print(f"{output}: {len(kept)} of {total} images labelled{left_out}")
    return 0


def _read(
    models: Sequence[OpenedRecognizer], rows: Sequence[Annotation], config: RecognitionConfig
) -> Iterator[Sequence[Reading]]:
    """What the models read on each image, in their order; each image is decoded once."""
    import numpy as np

    from lp_recognition.lists.rows import decoded_images
    from lp_recognition.system.progress import progress_bar

    with progress_bar(len(rows), "image") as advance:
        for images in decoded_images(rows, config.infer.batch_size, _SKIPPING):
            prepared = {
                preprocessing: np.stack([preprocessing.prepare(image) for image in images])
                for preprocessing in {model.config.preprocessing for model in models}
            }
            found = [model.read(prepared[model.config.preprocessing], config.infer.beam_width) for model in models]
            yield from zip(*found, strict=True)
            advance(len(images))


def _doubt(
    readings: Sequence[Reading], first: OpenedRecognizer, config: RecognitionConfig, least: float, any_text: bool
) -> str:
    """Why what the models read on an image is no label; empty where it is one."""
    from lp_recognition.evaluation.metrics import fits_patterns

    text = readings[0].text
    if any(reading.text != text for reading in readings):
        return "the models disagree"
    if not text or min(reading.confidence for reading in readings) < least:
        return "too doubtful"
    if not any_text and not fits_patterns(text, first.vocabulary, config.lpr_patterns):
        return "fits no pattern"
    return ""


def _opened(path: str, config: RecognitionConfig) -> OpenedRecognizer:
    """A model with the settings of its network that it carries, and all others of the config."""
    from lp_recognition.tools.models import open_model

    try:
        model = open_model(path)
    except ConfigError:  # it carries none
        return open_model(path, config)
    return replace(
        model,
        config=config.with_values(**{key: getattr(model.config, key) for key in config.MODEL_SETTINGS}),
    )


def _why(dropped: Counter[str]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in dropped.most_common())


if __name__ == "__main__":
    run_script(main)
