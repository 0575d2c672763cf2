"""Says what a network costs on a chip, layer by layer, and whether it fits: before training, or of a finished file.

examples:
  python -m utils.deployment_report config/gap8.py
  python -m utils.deployment_report frozen_graph/graph_uint8.tflite --target gap8 --html report.html
  python -m utils.deployment_report lprnet_mcu_cn --target tflite-micro          # a model of pretrained/, by its name
  python -m utils.deployment_report config/gap8.py width_multiplier=2 --target stm32f7 --json report.json
  python -m utils.deployment_report config/lpd_mcu.py --reader config/gap8.py    # a detector and a reader on one chip
  python -m utils.deployment_report config/lpd_mcu.py --reader lprnet_nano_cn --target stm32f7

Of a config it takes the same graph with random weights, as uint8 or int8 as each target wants. Targets: gap8,
tflite-micro (runs the file in the real interpreter, extra [mcu]), stm32h7, stm32f7; --targets FILE adds yours, in the
form of lp_recognition/deployment/targets.yaml. --reader tells whether a detector and a reader fit together: they run in
turn, so flash adds up and the larger memory counts. Status 1 where a target named by --target is failed; without
--target, where every one is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.deployment.report import Report
    from lp_recognition.deployment.targets import Target


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("model", help="a config (.py, a folder, config.yaml), any .tflite, or a shipped one's name")
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value", help="settings to change, of a config")
    parser.add_argument("--reader", default="", metavar="MODEL", help="the reader of a detector's plates, as model")
    parser.add_argument("--target", nargs="+", default=[], metavar="NAME", help="targets to check (default: all)")
    parser.add_argument("--targets", metavar="FILE", help="a file of further targets")
    parser.add_argument("--html", default="", metavar="FILE", help="also write the report as one HTML page")
    parser.add_argument("--json", default="", metavar="FILE", help="also write the report as JSON")
    arguments = parser.parse_intermixed_args(argv)

    task, report_of = _subject(arguments.model, arguments.overrides)
    if arguments.reader:
        reader_task, report_of_reader = _subject(arguments.reader, [])
        if task not in ("", "detection") or reader_task not in ("", "recognition"):
            raise UserError(
                f"--reader: expected a detector and its reader, received {arguments.model} for {task or 'anything'} "
                f"and {arguments.reader} for {reader_task or 'anything'}"
            )

    from lp_recognition.deployment.targets import choose_targets, load_targets

    targets = choose_targets(load_targets(arguments.targets), arguments.target)
    report, together = report_of(targets), None
    if arguments.reader:
        from lp_recognition.deployment.together import fit_together

        together = fit_together(report, report_of_reader(targets))
    if arguments.html:
        from lp_recognition.deployment.report_page import report_page
        from lp_recognition.system.files import write_text

        write_text(arguments.html, report_page(report, together))
    if arguments.json:
        import json

        from lp_recognition.system.files import write_text

        values = report.to_dict() | ({} if together is None else together.to_dict())
        write_text(arguments.json, json.dumps(values, ensure_ascii=False, indent=1) + "\n")
    print(report.to_table())
    if together is not None:
        print(f"\n{together.to_table()}")
    if arguments.html:
        print(f"\n{arguments.html} shows it as a page", file=sys.stderr)
    passed = [verdict.passed for verdict in (report if together is None else together).verdicts]
    return 0 if (all(passed) if arguments.target else any(passed)) else 1


def _subject(given: str, overrides: Sequence[str]) -> tuple[str, Callable[[Sequence[Target]], Report]]:
    """What to report: the name of its task, empty where nobody knows, and what makes the report.

    A mistake in a config shows before anything slow is imported.
    """
    from lp_recognition.model_files.pretrained import find_model

    model = given if Path(given).is_dir() else str(find_model(given))
    if Path(model).suffix == ".tflite":
        if overrides:
            raise UserError(f"{overrides[0]}: expected no settings beside a .tflite; they are those of a config")

        from lp_recognition.deployment.firmware_tasks import FIRMWARE_TASKS
        from lp_recognition.deployment.report import report_file
        from lp_recognition.model_files.description import read_description

        meanings = [task.meaning for task in FIRMWARE_TASKS.values()]
        description = read_description(model, meanings)
        name = "" if description is None else description.meaning.name
        return name, lambda targets: report_file(model, targets, meanings)

    from lp_recognition.settings.tasks import load_config
    from lp_recognition.system.native_log import import_quietly

    config = load_config(given, overrides)

    def report_of(targets: Sequence[Target]) -> Report:
        from lp_recognition.deployment.report import report_config

        task = import_quietly(f"lp_recognition.export.{config.task}").TASK
        return report_config(task, task.settled(config), model, targets)

    return config.task, report_of


if __name__ == "__main__":
    run_script(main)
