"""Measures how many augmented training samples one core prepares in a second, and prints a table.

Crops of a CCPD-like size are drawn into a temporary folder, or taken from a list of yours. Seconds are those of the
processor, with one thread, after every crop was decoded once, as in training.

example:
  python -m benchmarks.input_pipeline --list train.txt
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser

_CASES: dict[str, dict[str, Any]] = {
    "listed crops, no augmentation": {"apply_basic_aug": False, "apply_stn_aug": False, "apply_blur_aug": False},
    "listed crops, all augmentation": {},
    "half listed, half drawn": {"generated_share": 0.5},
    "drawn plates": {"generated_share": 1.0},
}


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--list", default="", help="annotated crops (default: 500 drawn ones, 150 to 300 wide)")
    parser.add_argument("--batches", type=int, default=40, help="batches of 64 a run (%(default)s)")
    parser.add_argument("--runs", type=int, default=5, help="runs a row (%(default)s)")
    arguments = parser.parse_args(argv)

    import cv2

    from lp_recognition.lists.rows import load_rows
    from lp_recognition.settings.recognition import load_config
    from lp_recognition.system.tables import format_table
    from lp_recognition.tools.generate_plates import main as generate_plates
    from lp_recognition.training.batches import all_batches

    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        listed = arguments.list
        if not listed:
            generate_plates(["--format", "cn_blue", "--count", "500", "--output", folder, "--size", "natural"])
            listed = str(Path(folder) / "annotation.txt")
        config = load_config("config/ccpd.py", [f"train.file_list_path={listed}", "train.batch_size=64"])
        data = load_rows(config.train.file_list_path, skip_bad_rows=False)
        rows = []
        for name, changes in _CASES.items():
            case = config.model_copy(update={"train": config.train.model_copy(update=changes)})
            batches = all_batches(case, data, config.vocabulary())
            for number in range(arguments.batches * 2):
                batches[number]
            rates = []
            for run in range(2, 2 + arguments.runs):
                began = time.process_time()
                for number in range(run * arguments.batches, (run + 1) * arguments.batches):
                    batches[number]
                rates.append(arguments.batches * 64 / (time.process_time() - began))
            rows.append((name, f"{statistics.median(rates):.0f}", f"{min(rates):.0f}", f"{max(rates):.0f}"))
    print(format_table(("input", "samples/s (median)", "slowest run", "fastest run"), rows))


if __name__ == "__main__":
    run_script(main)
