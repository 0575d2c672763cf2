"""Reads the plates of a list of images and draws each with its text and confidences.

examples:
  python test_lpr.py config/ccpd.py infer.file_list_path=plates.txt infer.output_dir=out
  python test_lpr.py config/ccpd.py infer.file_list_path=plates.txt decode.patterns=True   # only what fits lpr_patterns

The list holds a path a row. Prints path, text and confidence; writes a picture of each plate, contact_sheet.png and
predictions.csv into infer.output_dir. Without --checkpoint or --model it takes the best checkpoint of model_dir.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from lp_recognition.system.errors import ConfigError, run_script


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("config", help="a config (.py), a folder (its default.py), or a recorded config.yaml")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings to change: infer.output_dir=out")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--checkpoint", default="", help="a checkpoint, .ckpt")
    which.add_argument(
        "--model", default="", help="a checkpoint, a frozen graph (.pb, .frozen), a .tflite or a shipped one's name"
    )
    arguments = parser.parse_intermixed_args(argv)

    from lp_recognition.settings.recognition import load_config

    config = load_config(arguments.config, arguments.overrides)
    if not config.infer.file_list_path:
        raise ConfigError(
            f"{arguments.config}: infer.file_list_path: expected a list of images, received none; add "
            "infer.file_list_path=plates.txt"
        )

    from lp_recognition.evaluation.prediction import read_list
    from lp_recognition.lists.rows import load_rows
    from lp_recognition.model_files.checkpoints import find_checkpoint
    from lp_recognition.tools.models import open_model

    rows = load_rows(config.infer.file_list_path, labelled=False, skip_bad_rows=False).rows
    path = arguments.model or find_checkpoint(config, arguments.checkpoint or config.infer.checkpoint)
    for row, reading in read_list(open_model(path, config), rows, config.infer):
        print(f"{row.path} {reading.text} {reading.confidence:.3f}")
    print(f"pictures, contact_sheet.png and predictions.csv are in {config.infer.output_dir}")
    return 0


def script() -> None:
    """The entry point `test-lpr`."""
    run_script(main)


if __name__ == "__main__":
    script()
