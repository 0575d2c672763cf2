"""Writes C99 for firmware: the model as an array, what its output means, in integers, and a test of that.

examples:
  python -m utils.export_c graph_int8.tflite --output firmware/
  python -m utils.export_c graph_int8.tflite --output firmware/ --list test.txt    # and hold it against Python
  make -C firmware test test-cortex-m test-riscv

Of a reader: alphabet, image normalization and the CTC decoder. Of a detector: scores, corners and which of them are one
plate. With --list, the C is built on this machine and reads every plate, or picture of scenes, beside Python: status 1
where its decoder finds something else, or its image differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.deployment.task import FirmwareTask


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("model", help="a .tflite, uint8 or int8, or the name of a shipped one")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="where the sources go")
    parser.add_argument("--config", default="", help="the config of the model (default: the file's own)")
    parser.add_argument(
        "--list", nargs="+", default=[], metavar="LIST", help="annotated plates, or scenes, to check the C on"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace sources that are there")
    arguments = parser.parse_args(argv)

    from lp_recognition.model_files.pretrained import find_model
    from lp_recognition.settings.tasks import load_config

    config = load_config(arguments.config) if arguments.config else None
    model = find_model(arguments.model)
    task: FirmwareTask[Any] = _task_of(model, None if config is None else config.task)
    for path, size in task.export(model, arguments.output, config=config, overwrite=arguments.overwrite):
        print(f"{path}: {size} bytes")
    if not arguments.list:
        return 0
    checked, tipped, failed = 0, 0, 0
    for found in task.check(model, arguments.output, arguments.list, config=config):
        checked += 1
        if not found.passed:
            failed += 1
            print(f"FAILED: {found.name}: Python reads {found.expected}, C reads {found.received}")
        elif found.expected != found.received:
            tipped += 1
            print(f"{found.name}: what is rounded otherwise tips {found.expected} to {found.received}")
    print(f"{checked - tipped - failed} of {checked} {task.noun} read by C as by Python")
    return 1 if failed else 0


def _task_of(model: Path, stated: str | None) -> FirmwareTask[Any]:
    """What a file is for, as its config says, or it itself."""
    from lp_recognition.deployment.firmware_tasks import FIRMWARE_TASKS
    from lp_recognition.model_files.description import read_description

    if stated is None:
        description = read_description(model, [task.meaning for task in FIRMWARE_TASKS.values()])
        stated = "recognition" if description is None else description.meaning.name
    return FIRMWARE_TASKS[stated]


if __name__ == "__main__":
    run_script(main)
