"""Says what a network costs on a chip, layer by layer, and whether it fits: before training, or of a finished file.

examples:
  python -m utils.deployment_report config/gap8.py
  python -m utils.deployment_report frozen_graph/graph_uint8.tflite --target gap8 --html report.html
  python -m utils.deployment_report lprnet_mcu_cn --target tflite-micro          # a model of pretrained/, by its name
  python -m utils.deployment_report config/gap8.py width_multiplier=2 --target stm32f7 --json report.json

Of a config it takes the same graph with random weights, as uint8 or int8 as each target wants. Targets: gap8,
tflite-micro (runs the file in the real interpreter, extra [mcu]), stm32h7, stm32f7; --targets FILE adds yours, in the
form of lp_recognition/deployment/targets.yaml. Status 1 where a target named by --target is failed; without --target,
where every one is.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("model", help="a config (.py, a folder, config.yaml), any .tflite, or a shipped one's name")
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value", help="settings to change, of a config")
    parser.add_argument("--target", nargs="+", default=[], metavar="NAME", help="targets to check (default: all)")
    parser.add_argument("--targets", metavar="FILE", help="a file of further targets")
    parser.add_argument("--html", default="", metavar="FILE", help="also write the report as one HTML page")
    parser.add_argument("--json", default="", metavar="FILE", help="also write the report as JSON")
    arguments = parser.parse_intermixed_args(argv)

    from lp_recognition.model_files.pretrained import find_model
    from lp_recognition.system.native_log import import_quietly

    model = arguments.model if Path(arguments.model).is_dir() else str(find_model(arguments.model))
    is_file = Path(model).suffix == ".tflite"
    if arguments.overrides and is_file:
        raise UserError(f"{arguments.overrides[0]}: expected no settings beside a .tflite; they are those of a config")
    if not is_file:  # a mistake in it shows before anything slow is imported
        from lp_recognition.settings.tasks import load_config

        config = load_config(arguments.model, arguments.overrides)

        task = import_quietly(f"lp_recognition.export.{config.task}").TASK
        config = task.settled(config)

    from lp_recognition.deployment.report import report_config, report_file
    from lp_recognition.deployment.targets import choose_targets, load_targets
    from lp_recognition.model_files.detection import DETECTION
    from lp_recognition.model_files.recognition import RECOGNITION

    targets = choose_targets(load_targets(arguments.targets), arguments.target)
    report = (
        report_file(model, targets, [RECOGNITION, DETECTION])
        if is_file
        else report_config(task, config, model, targets)
    )
    if arguments.html:
        from lp_recognition.deployment.report_page import report_page
        from lp_recognition.system.files import write_text

        write_text(arguments.html, report_page(report))
    if arguments.json:
        import json

        from lp_recognition.system.files import write_text

        write_text(arguments.json, json.dumps(report.to_dict(), ensure_ascii=False, indent=1) + "\n")
    print(report.to_table())
    if arguments.html:
        print(f"\n{arguments.html} shows it as a page", file=sys.stderr)
    passed = [verdict.passed for verdict in report.verdicts]
    return 0 if (all(passed) if arguments.target else any(passed)) else 1


if __name__ == "__main__":
    run_script(main)
