"""Measures what each kind of degradation of drawn plates is worth to a model that reads real ones, and prints a table.

A network first learns to read plates without any degradation. From there it is trained on drawn plates alone, once with
all degradations, once with none, and once without each group of them, all for as many steps. LP-RR on the lists shows
what the group adds. Trainings go on where they were interrupted when the command is run again with the same folder.

example:
  python -m benchmarks.plate_degradations config/nano.py --list test.txt --output ablation
  python -m benchmarks.plate_degradations config/nano.py --list test.txt --output ablation --only sensor light
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from lp_recognition.lists.annotations import list_name
from lp_recognition.system.errors import ConfigError, UserError, did_you_mean, run_script
from lp_recognition.system.options import ScriptParser

#: The kinds of degradation that are left out together, because one alone hardly shows.
GROUPS = {
    "lettering": ("lettering", "placement", "ink"),
    "plate": ("paintwork", "holder", "bolts", "embossing", "dirt", "scratches", "stickers"),
    "geometry": ("tilt", "shear", "perspective", "rectified"),
    "framing": ("framing", "cut", "surroundings"),
    "light": ("shadow", "gradient", "glare", "exposure", "low_light", "infrared", "cast"),
    "sensor": ("defocus", "motion", "rescale", "noise", "sharpening", "jpeg"),
}

_ROOT = Path(__file__).resolve().parent.parent


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line."""
    parser = ScriptParser(__doc__)
    parser.add_argument("config", help="a config (.py)")
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value", help="settings to change")
    parser.add_argument("--list", nargs="+", required=True, metavar="LIST", help="annotated real plates to measure on")
    parser.add_argument("--output", required=True, metavar="FOLDER", help="where the trainings go")
    parser.add_argument("--first_steps", type=int, default=1500, help="steps without degradations (%(default)s)")
    parser.add_argument("--steps", type=int, default=1500, help="steps of each training after them (%(default)s)")
    parser.add_argument(
        "--jobs", type=int, default=1, help="trainings at a time, one processor core each (%(default)s)"
    )
    parser.add_argument("--only", nargs="+", metavar="GROUP", help=f"leave out only these of {', '.join(GROUPS)}")
    arguments = parser.parse_intermixed_args(argv)
    groups = list(GROUPS) if arguments.only is None else arguments.only
    for name in groups:
        if name not in GROUPS:
            raise ConfigError(
                f"--only: expected groups of {', '.join(GROUPS)}, received `{name}`.{did_you_mean(name, list(GROUPS))}"
            )

    start = _train(arguments, "start", ("all",), arguments.first_steps)
    spared = {"all degradations": (), **{f"without {name}": GROUPS[name] for name in groups}, "none": ("all",)}
    with ThreadPoolExecutor(arguments.jobs) as pool:
        runs = {
            title: pool.submit(_train_and_measure, arguments, title, names, start) for title, names in spared.items()
        }
        measured = {title: run.result() for title, run in runs.items()}
    _print_table(measured, [list_name(name) for name in arguments.list])


def _train(
    arguments: argparse.Namespace, title: str, names: Sequence[str], steps: int, start: Path | None = None
) -> Path:
    """Trains on drawn plates that are spared some degradations; the last checkpoint."""
    from lp_recognition.model_files.checkpoints import checkpoint_path

    folder = Path(arguments.output) / title.replace(" ", "_")
    checkpoint = checkpoint_path(folder, steps)
    if not checkpoint.exists():
        settings = [
            *_settings(arguments, folder), f"train.plate_without={json.dumps(list(names))}", f"train.steps={steps}",
            "eval.generated_plates=500",
        ]  # fmt: skip
        if start is not None:
            settings += ["--init_checkpoint", str(start)]
        _run("train_lpr.py", *settings, log=folder, arguments=arguments)
    return checkpoint


def _train_and_measure(
    arguments: argparse.Namespace, title: str, names: Sequence[str], start: Path
) -> list[dict[str, Any]]:
    """Trains from `start` without some degradations; the figures of eval.json for each list."""
    checkpoint = _train(arguments, title, names, arguments.steps, start)
    measured = []
    for number, name in enumerate(arguments.list):
        output = checkpoint.parent / f"list_{number}"
        settings = [
            *_settings(arguments, checkpoint.parent),
            f"eval.file_list_path={name}",
            f"eval.output_dir={output}",
        ]
        _run("eval_lpr.py", *settings, "--checkpoint", str(checkpoint), log=checkpoint.parent, arguments=arguments)
        measured.append(json.loads((output / "eval.json").read_text(encoding="utf-8")))
    print(f"{title}: done", file=sys.stderr)
    return measured


def _settings(arguments: argparse.Namespace, folder: Path) -> list[str]:
    drawn = ["quantization_aware=false", "train.generated_share=1"]
    return [arguments.config, *arguments.overrides, f"model_dir={folder}", *drawn]


def _run(script: str, *words: str, log: Path, arguments: argparse.Namespace) -> None:
    """Runs a script of the toolkit; what it prints goes to `<log>.log`."""
    environment = os.environ | ({"TF_NUM_INTRAOP_THREADS": "1"} if arguments.jobs > 1 else {})
    log = log.with_name(f"{log.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a", encoding="utf-8") as file:
        command = [sys.executable, str(_ROOT / script), *words]
        if subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, env=environment).returncode != 0:
            raise UserError(f"{script} failed; {log} tells why")


def _print_table(measured: dict[str, list[dict[str, Any]]], lists: Sequence[str]) -> None:
    from lp_recognition.system.tables import format_table

    header = ["drawn plates", *(title for name in lists for title in (f"LP-RR, {name}", "change", "last six"))]
    first = next(iter(measured.values()))
    rows = []
    for title, figures in measured.items():
        row = [title]
        for figure, whole in zip(figures, first, strict=True):
            low, high = figure["lp_rr_interval"]
            row += [
                f"{figure['lp_rr']:.1%} ({100 * low:.1f} to {high:.1%})",
                f"{100 * (figure['lp_rr'] - whole['lp_rr']):+.1f}",
                f"{figure['lp_rr_last_six']:.1%}",
            ]
        rows.append(row)
    print(format_table(header, rows))


if __name__ == "__main__":
    run_script(main)
