"""The whole workflow in minutes, on drawn plates: a reader and a detector are trained, and a photograph is read.

example:
  python -m utils.demo --output demo

Both are trained, quantized, converted and measured; then a drawn photograph is searched and read by what was just
trained, and by the models that ship. Prints each command before it runs it; all of them work as they stand. Writes into
the output folder: plates/, scenes/ and photograph/ (drawn, held out), model/ and model_lpd/, frozen_graph/ and
frozen_graph_lpd/, graph.tflite, pictures/, results/, photograph_demo.jpg and photograph_shipped.jpg. Run again, it goes
on where it was interrupted.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

_PLATES, _SCENES = 500, 100
_SEED = 2024  # the trainings draw other plates and scenes
_PHOTOGRAPH = 27  # the seed of a clear one: not all are, as the figures of held-out ones tell
_PYTHON = sys.executable
#: What ships and reads such plates.
_DETECTOR, _READER = "lpdnet", "lprnet_mcu_latin"

Row = tuple[object, ...]


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--output", default="demo", help="folder of everything it writes (default: %(default)s)")
    parser.add_argument(
        "overrides", nargs="*", metavar="key=value", help="settings to change in both trainings: train.steps=100"
    )
    arguments = parser.parse_intermixed_args(argv)
    began = time.monotonic()
    _run_workflow(Path(arguments.output), arguments.overrides)
    print(f"\n{time.monotonic() - began:.0f} s in all")
    return 0


def _run_workflow(folder: Path, overrides: Sequence[str]) -> None:
    from lp_recognition.system.tables import format_table

    reader, read = _make_reader(folder, overrides)
    detector, found = _make_detector(folder, overrides, reader)
    photograph, text = _draw_photograph(folder / "photograph")
    alpr = [_PYTHON, "alpr.py", "read", str(photograph)]
    drawn = [folder / "photograph_demo.jpg", folder / "photograph_shipped.jpg"]
    _call([*alpr, "--detector", str(detector), "--reader", str(reader), "--output", str(drawn[0])])
    _call([*alpr, "--detector", _DETECTOR, "--reader", _READER, "--output", str(drawn[1])])
    print(f"{text} stands there; drawn in {drawn[0]} and {drawn[1]}")
    print(f"\n{format_table(('reader', 'LP-RR', '95% interval', 'KB'), read)}\n\n{_PLATES} held-out drawn plates")
    print(f"pictures of what it read: {folder / 'pictures' / 'contact_sheet.png'}")
    header = ("detector", "and reader", "AP at IoU 0.5", "plates", "found", "found and read right")
    print(f"\n{format_table(header, found)}\n\n{_SCENES} held-out drawn photographs, plates 0.2 to 0.6 of them wide")


def _make_reader(folder: Path, overrides: Sequence[str]) -> tuple[Path, list[Row]]:
    """Trains, converts and measures a reader; returns its int8 file and a row of figures a file."""
    from lp_recognition.settings.recognition import load_config

    model, plates = folder / "model", folder / "plates"
    config = load_config("config/demo.py", [f"model_dir={model}", *overrides])
    recorded, checkpoint = str(model / "config.yaml"), model / f"model.ckpt-{config.train.steps}.ckpt"
    graph, tflite = folder / "frozen_graph" / "graph.pb.frozen", folder / "graph.tflite"
    listed = f"eval.file_list_path={plates / 'annotation.txt'}"

    draw = [_PYTHON, "-m", "utils.generate_plates", "--format", *config.train.plate_formats, "--count", str(_PLATES)]
    _call(
        [*draw, "--output", str(plates), "--seed", str(_SEED), "--overwrite", "--without", *config.train.plate_without]
    )
    _call([_PYTHON, "train_lpr.py", "config/demo.py", f"model_dir={model}", *overrides])
    _export(recorded, checkpoint, graph.parent)
    converter = [str(Path(_PYTHON).with_name("tflite_convert")), "--enable_v1_converter", f"--graph_def_file={graph}"]
    arrays = [f"--output_file={tflite}", "--input_arrays=input", "--output_arrays=Squeeze"]
    numbers = ["--inference_type=QUANTIZED_UINT8", "--mean_values=128", "--std_dev_values=127"]
    _call([*converter, *arrays, *numbers], quiet=True)
    rows: list[Row] = []
    for name, path in (("checkpoint", checkpoint), ("frozen graph", graph), ("uint8 file", tflite)):
        results = folder / "results" / path.name
        measure = [_PYTHON, "eval_lpr.py", recorded, listed, "--model", str(path), f"eval.output_dir={results}"]
        figures = _measured(measure, results)
        low, high = figures["lp_rr_interval"]
        rows.append((name, f"{figures['lp_rr']:.1%}", f"{low:.1%} to {high:.1%}", f"{path.stat().st_size / 1000:.0f}"))
    pictures = f"infer.file_list_path={_some_paths(plates, 24)}"
    _call(
        [_PYTHON, "test_lpr.py", recorded, pictures, "--model", str(tflite), f"infer.output_dir={folder / 'pictures'}"],
        quiet=True,
    )
    return graph.parent / "graph_int8.tflite", rows


def _make_detector(folder: Path, overrides: Sequence[str], reader: Path) -> tuple[Path, list[Row]]:
    """Trains, converts and measures a detector; returns its int8 file, and figures of it and of one that ships."""
    from lp_recognition.settings.detection import load_config

    model, scenes = folder / "model_lpd", folder / "scenes"
    config = load_config("config/lpd_demo.py", [f"model_dir={model}", *overrides])
    recorded, checkpoint = str(model / "config.yaml"), model / f"model.ckpt-{config.train.steps}.ckpt"
    files = folder / "frozen_graph_lpd"

    draw = [_PYTHON, "-m", "utils.generate_scenes", "--format", *config.train.plate_formats, "--count", str(_SCENES)]
    sizes = ["--size", "480x640", "--plate_widths", "0.2", "0.6"]
    _call([*draw, *sizes, "--output", str(scenes), "--seed", str(_SEED), "--overwrite"])
    _call([_PYTHON, "train_lpd.py", "config/lpd_demo.py", f"model_dir={model}", *overrides])
    _export(recorded, checkpoint, files)
    trained, rows = files / "graph_int8.tflite", []
    shipped = f"pretrained/{_DETECTOR}/config.yaml"
    for settings, detector, by in ((recorded, str(trained), str(reader)), (shipped, _DETECTOR, _READER)):
        results = folder / "results" / Path(settings).parent.name
        listed = [f"eval.file_list_path={scenes / 'plates.jsonl'}", f"eval.output_dir={results}"]
        figures = _measured([_PYTHON, "eval_lpd.py", settings, *listed, "--model", detector, "--reader", by], results)
        total = figures["end_to_end"]["total"]
        shares = (f"{total[name] / max(1, total['plates']):.1%}" for name in ("found", "read"))
        rows.append((detector, by, f"{figures['ap_50']:.3f}", total["plates"], *shares))
    return trained, rows


def _export(recorded: str, checkpoint: Path, folder: Path) -> None:
    files = [f"--checkpoint={checkpoint}", f"--output_dir={folder}", "--tflite", "int8", "--overwrite"]
    _call([_PYTHON, "export_frozen_graph.py", recorded, *files], quiet=True)


def _call(command: list[str], quiet: bool = False) -> None:
    """Runs a command of the workflow; where quiet, its output is shown only if it fails."""
    shown = ["python" if word == _PYTHON else word for word in command]
    print(f"$ {shlex.join(shown)}", flush=True)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT} if quiet else {}
    result = subprocess.run(command, text=True, errors="replace", **pipes)
    if result.returncode in (130, -2):
        raise KeyboardInterrupt
    if result.returncode != 0:
        output = f": {result.stdout.strip().splitlines()[-1]}" if quiet and result.stdout else ""
        raise UserError(f"the command above ended with status {result.returncode}{output}")


def _measured(command: list[str], results: Path) -> dict[str, Any]:
    """The figures that an evaluation writes."""
    _call(command, quiet=True)
    return json.loads((results / "eval.json").read_text(encoding="utf-8"))


def _some_paths(plates: Path, count: int) -> Path:
    """A list of paths alone, of the first drawn plates."""
    from lp_recognition.lists.annotations import read_annotations, write_annotations

    rows, _ = read_annotations(plates / "annotation.txt")
    listed = plates / "paths.txt"
    write_annotations(listed, [(row.path.relative_to(plates), "") for row in rows[:count]])
    return listed


def _draw_photograph(folder: Path) -> tuple[Path, str]:
    """Draws a photograph with a plate; returns it and what stands there."""
    from lp_recognition.lists.scenes import read_scenes

    draw = [_PYTHON, "-m", "utils.generate_scenes", "--format", "cz", "--count", "1", "--seed", str(_PHOTOGRAPH)]
    _call([*draw, "--size", "720x1280", "--plate_widths", "0.3", "0.4", "--output", str(folder), "--overwrite"])
    scene = read_scenes(folder / "plates.jsonl")[0][0]
    return scene.path, ", ".join(plate.text for plate in scene.plates if plate.text)


if __name__ == "__main__":
    run_script(main)
