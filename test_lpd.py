"""Searches a list of photographs for plates and draws what was found, with boxes and corners.

examples:
  python test_lpd.py config/lpd_mcu.py infer.file_list_path=photos.txt infer.output_dir=out
  python test_lpd.py config/lpd_mcu.py infer.file_list_path=photos.txt infer.score_threshold=0.2 --model graph.tflite

The list holds a path a row; infer.skip_bad_rows=True goes on without photographs that cannot be read. Prints path,
score and box (x, y, width, height), a line a plate; writes a picture of each photograph and predictions.jsonl, an
object a photograph, into infer.output_dir. Without --checkpoint or --model it takes the best checkpoint of model_dir.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import run_script
from lp_recognition.tools.arguments import parse_model_arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = parse_model_arguments(argv, __doc__, "infer.output_dir=out", task="detection")
    config = arguments.config
    if not config.infer.file_list_path:
        raise arguments.lacks("infer.file_list_path", "a list of photographs", "photos.txt")

    from lp_recognition.evaluation.detection_prediction import search_list
    from lp_recognition.lists.image_lists import refuse_folder_of
    from lp_recognition.lists.rows import load_paths
    from lp_recognition.system.progress import progress_bar
    from lp_recognition.tools.models import open_detector

    data = load_paths(config.infer.file_list_path, skip_bad_rows=config.infer.skip_bad_rows)
    refuse_folder_of((row.path for row in data.rows), Path(config.infer.output_dir), "infer.output_dir")
    path = arguments.find_model(config.infer.checkpoint)
    # A checkpoint computes whole batches of eval.batch_size, whatever it is given.
    config = config.with_values(eval={**config.eval.model_dump(), "batch_size": config.infer.batch_size})
    detector = open_detector(path, config)
    found = []
    with progress_bar(len(data.rows), "photograph") as advance:
        for row, plates in search_list(detector, data.rows, config.infer):
            found.append((row, plates))
            advance(1)
    for row, plates in found:  # after all is written: printing may fail
        for plate in plates:
            x, y, width, height = plate.to_dict()["box"]
            print(f"{row.path} {plate.score:.3f} {x:.0f},{y:.0f} {width:.0f}x{height:.0f}")
    if data.skipped:
        print(f"left out: {len(data.skipped)} bad rows, such as {data.skipped[0]}", file=sys.stderr)
    print(f"pictures and predictions.jsonl are in {config.infer.output_dir}")
    return 0


def script() -> None:
    """The entry point `test-lpd`."""
    run_script(main)


if __name__ == "__main__":
    script()
