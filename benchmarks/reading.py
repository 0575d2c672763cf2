"""Measures reading a list of crops with a `.tflite`, from the start of Python to the last figure, and prints a table.

example:
  python -m benchmarks.reading graph.tflite --config config/gap8.py --list test.txt
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = ScriptParser(__doc__)
    parser.add_argument("model", nargs="?", default="demo/graph.tflite", help="a .tflite (default: that of make demo)")
    parser.add_argument("--config", default="demo/model/config.yaml", help="its config (default: that of make demo)")
    parser.add_argument("--list", default="", help="annotated crops (default: 1,000 drawn ones)")
    parser.add_argument("--runs", type=int, default=3, help="runs a row (%(default)s)")
    arguments = parser.parse_args(argv)

    from lp_recognition.reading.recognizer import Recognizer
    from lp_recognition.settings.recognition import load_config
    from lp_recognition.system.tables import format_table
    from lp_recognition.tools.generate_plates import main as generate_plates

    config = load_config(arguments.config)
    reader = Recognizer(arguments.model, config=config)
    with tempfile.TemporaryDirectory() as folder:
        listed = arguments.list
        if not listed:
            formats = ["--format", *config.train.plate_formats]
            generate_plates([*formats, "--count", "1000", "--output", f"{folder}/plates", "--size", "natural"])
            listed = f"{folder}/plates/annotation.txt"
        command = [sys.executable, "eval_lpr.py", arguments.config, f"eval.file_list_path={listed}"]
        command += ["--model", arguments.model, f"eval.output_dir={folder}/results"]
        whole = []
        for _ in range(arguments.runs):
            began = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            whole.append(time.perf_counter() - began)
        plates = len((Path(folder) / "results" / "eval.csv").read_text(encoding="utf-8").splitlines()) - 1
    image = config.preprocessing.input_shape
    import numpy as np

    crop = np.random.default_rng(0).integers(0, 256, image, np.uint8)
    single = []
    for _ in range(200):
        began = time.perf_counter()
        reader.read(crop)
        single.append(1000 * (time.perf_counter() - began))
    rows = [
        (f"eval_lpr.py on {plates} crops, in all", f"{statistics.median(whole):.1f} s", f"{max(whole):.1f} s"),
        ("one crop, resized, read and decoded", f"{statistics.median(single):.2f} ms", f"{max(single):.2f} ms"),
    ]
    print(format_table(("what, one thread", "median", "slowest"), rows))


if __name__ == "__main__":
    run_script(main)
