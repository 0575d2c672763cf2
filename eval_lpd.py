"""Measures a plate detector on scenes: average precision, recall, precision, false alarms, the error of the corners.

examples:
  python eval_lpd.py config/lpd_mcu.py eval.file_list_path=plates.jsonl --checkpoint model_lpd/model.ckpt-8000.ckpt
  python eval_lpd.py config/lpd_mcu.py eval.file_list_path=plates.jsonl --model graph.tflite
  python eval_lpd.py model_lpd/config.yaml eval.score_threshold=0.3

Without --checkpoint or --model it takes the best checkpoint of model_dir; without a list, held-out drawn scenes where
the config draws any. Writes eval.json and worst.png, the pictures with most mistakes, into eval.output_dir, else beside
the model.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import ConfigError, run_script
from lp_recognition.tools.arguments import parse_model_arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = parse_model_arguments(argv, __doc__, "eval.score_threshold=0.3", task="detection")
    config = arguments.config

    from lp_recognition.evaluation.detection import summarize
    from lp_recognition.evaluation.pictures import evaluation_pictures, worst_sheet
    from lp_recognition.images.image import write_image
    from lp_recognition.model_files.pretrained import is_name
    from lp_recognition.system.files import check_folder, write_text
    from lp_recognition.system.progress import progress_bar
    from lp_recognition.tools.models import open_detector

    path = arguments.find_model(config.eval.checkpoint)
    detector = open_detector(path, config)
    pictures = evaluation_pictures(detector.config)
    if not pictures:
        raise ConfigError(
            f"{arguments.source}: eval.file_list_path: expected a list of scenes, received none; add "
            "eval.file_list_path=plates.jsonl"
        )
    folder = Path(config.eval.output_dir or ("out" if is_name(path) else Path(path).parent))
    check_folder(folder)
    with progress_bar(len(pictures), "picture") as advance:
        results = detector.search(pictures, advance)
    threshold = detector.config.eval.score_threshold
    metrics = summarize([found for found, _ in results], threshold)
    record = {"model": str(path), "score_threshold": threshold, **metrics.to_dict()}
    write_text(folder / "eval.json", json.dumps(record, ensure_ascii=False, indent=1) + "\n")
    sheet = worst_sheet(pictures, results, threshold)
    if sheet is not None:
        write_image(folder / "worst.png", sheet)
    print(f"model: {path}")
    print(f"scenes: {', '.join(config.eval.file_list_path) or 'drawn, held out'}")
    print(f"\n{metrics.to_table()}\n\nat a score of {threshold} and more")
    print(f"{folder / 'eval.json'} holds the figures, {folder / 'worst.png'} shows the worst")
    return 0


def script() -> None:
    """The entry point `eval-lpd`."""
    run_script(main)


if __name__ == "__main__":
    script()
