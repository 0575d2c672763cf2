"""The whole workflow in minutes, on drawn plates: train, evaluate, freeze, convert, evaluate the file for the chip.

example:
  python -m utils.demo --output demo

Prints each command before it runs it; all of them work as they stand. Writes into the output folder: plates/ (drawn,
held out), model/, frozen_graph/, graph.tflite, pictures/. Run again, it goes on where it was interrupted.
"""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

_PLATES = 500
_SEED = 2024  # the training draws other plates


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--output", default="demo", help="folder of everything it writes (default: %(default)s)")
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="settings to change: train.steps=100")
    arguments = parser.parse_intermixed_args(argv)
    began = time.monotonic()
    rows = _run_workflow(Path(arguments.output), arguments.overrides)

    from lp_recognition.system.tables import format_table

    print(f"\n{format_table(('model', 'LP-RR', '95% interval', 'KB'), rows)}")
    print(f"\n{_PLATES} held-out drawn plates, {time.monotonic() - began:.0f} s in all")
    print(f"pictures of what it read: {Path(arguments.output) / 'pictures' / 'contact_sheet.png'}")
    return 0


def _run_workflow(folder: Path, overrides: Sequence[str]) -> list[tuple[object, ...]]:
    from lp_recognition.settings.recognition import load_config

    config = load_config("config/demo.py", [f"model_dir={folder / 'model'}", *overrides])
    model = folder / "model"
    recorded = str(model / "config.yaml")
    plates, graph, tflite = folder / "plates", folder / "frozen_graph" / "graph.pb.frozen", folder / "graph.tflite"
    listed = f"eval.file_list_path={plates / 'annotation.txt'}"
    checkpoint = model / f"model.ckpt-{config.train.steps}.ckpt"
    python = sys.executable

    draw = [python, "-m", "utils.generate_plates", "--format", *config.train.plate_formats, "--count", str(_PLATES)]
    _call(
        [*draw, "--output", str(plates), "--seed", str(_SEED), "--overwrite", "--without", *config.train.plate_without]
    )
    _call([python, "train_lpr.py", "config/demo.py", f"model_dir={model}", *overrides])
    _call([python, "export_frozen_graph.py", recorded, f"--checkpoint={checkpoint}", f"--output_dir={graph.parent}"])
    converter = [str(Path(python).with_name("tflite_convert")), "--enable_v1_converter", f"--graph_def_file={graph}"]
    arrays = [f"--output_file={tflite}", "--input_arrays=input", "--output_arrays=Squeeze"]
    numbers = ["--inference_type=QUANTIZED_UINT8", "--mean_values=128", "--std_dev_values=127"]
    _call([*converter, *arrays, *numbers], quiet=True)
    rows: list[tuple[object, ...]] = []
    for name, path in (("checkpoint", checkpoint), ("frozen graph", graph), ("uint8 file", tflite)):
        results = folder / "results" / path.name
        _call([python, "eval_lpr.py", recorded, listed, "--model", str(path), f"eval.output_dir={results}"], quiet=True)
        rows.append((name, *_figures(results / "eval.json"), f"{path.stat().st_size / 1000:.0f}"))
    pictures = f"infer.file_list_path={_some_paths(plates, 24)}"
    _call(
        [python, "test_lpr.py", recorded, pictures, "--model", str(tflite), f"infer.output_dir={folder / 'pictures'}"],
        quiet=True,
    )
    return rows


def _call(command: list[str], quiet: bool = False) -> None:
    """Runs a command of the workflow; where quiet, its output is shown only if it fails."""
    shown = ["python" if word == sys.executable else word for word in command]
    print(f"$ {shlex.join(shown)}", flush=True)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if quiet else {}
    result = subprocess.run(command, text=True, errors="replace", **pipes)
    if result.returncode in (130, -2):
        raise KeyboardInterrupt
    if result.returncode != 0:
        output = f": {result.stdout.strip().splitlines()[-1]}" if quiet and result.stdout else ""
        raise UserError(f"the command above ended with status {result.returncode}{output}")


def _figures(path: Path) -> tuple[str, str]:
    import json

    record = json.loads(path.read_text(encoding="utf-8"))
    low, high = record["lp_rr_interval"]
    return f"{record['lp_rr']:.1%}", f"{low:.1%} to {high:.1%}"


def _some_paths(plates: Path, count: int) -> Path:
    """A list of paths alone, of the first drawn plates."""
    from lp_recognition.lists.annotations import read_annotations, write_annotations

    rows, _ = read_annotations(plates / "annotation.txt")
    listed = plates / "paths.txt"
    write_annotations(listed, [(row.path.relative_to(plates), "") for row in rows[:count]])
    return listed


if __name__ == "__main__":
    run_script(main)
