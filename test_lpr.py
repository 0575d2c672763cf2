"""Reads the plates of a list of images and draws each with its text and confidences.

examples:
  python test_lpr.py model/config.yaml infer.file_list_path=plates.txt infer.output_dir=out
  python test_lpr.py model/config.yaml infer.file_list_path=plates.txt decode.patterns=True  # what fits lpr_patterns

The list holds a path a row; infer.skip_bad_rows=True goes on without images that cannot be read. Prints path, text and
confidence; writes a picture of each plate, contact_sheet.png and predictions.csv into infer.output_dir. Without
--checkpoint or --model it takes the best checkpoint of model_dir.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.tools.arguments import parse_model_arguments


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = parse_model_arguments(argv, __doc__, "infer.output_dir=out")
    config = arguments.config
    if not config.infer.file_list_path:
        raise arguments.lacks("infer.file_list_path", "a list of images", "plates.txt")

    from lp_recognition.evaluation.prediction import read_list
    from lp_recognition.lists.rows import load_paths
    from lp_recognition.system.progress import progress_bar
    from lp_recognition.tools.models import open_model

    data = load_paths(config.infer.file_list_path, skip_bad_rows=config.infer.skip_bad_rows)
    model = open_model(arguments.find_model(config.infer.checkpoint), config)
    readings = []
    with progress_bar(len(data.rows), "plate") as advance:
        for found in read_list(model, data.rows, config.infer):
            readings.append(found)
            advance(1)
    for row, reading in readings:  # after all is written: printing may fail
        print(f"{row.path} {reading.text} {reading.confidence:.3f}")
    if data.skipped:
        print(f"left out: {len(data.skipped)} bad rows, such as {data.skipped[0]}", file=sys.stderr)
    print(f"pictures, contact_sheet.png and predictions.csv are in {config.infer.output_dir}")
    return 0


def script() -> None:
    """The entry point `test-lpr`."""
    run_script(main)


if __name__ == "__main__":
    script()
