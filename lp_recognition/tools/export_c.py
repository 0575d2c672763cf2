"""Writes C99 for firmware: the model as an array, its alphabet, image normalization, the CTC decoder and their test.

examples:
  python -m utils.export_c graph_int8.tflite --output firmware/
  python -m utils.export_c graph_int8.tflite --output firmware/ --list test.txt    # and hold it against Python
  make -C firmware test test-cortex-m test-riscv

With --list, the C is built on this machine and reads every plate beside Python: status 1 where its decoder reads
another text, or its image differs.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("model", help="a .tflite, uint8 or int8, or the name of a shipped one")
    parser.add_argument("--output", required=True, type=Path, metavar="DIR", help="where the sources go")
    parser.add_argument("--config", default="", help="the config of the model (default: the file's own)")
    parser.add_argument("--list", nargs="+", default=[], metavar="LIST", help="annotated plates to check the C on")
    parser.add_argument("--overwrite", action="store_true", help="replace sources that are there")
    arguments = parser.parse_args(argv)

    from lp_recognition.deployment.recognition_c import CReader, export_c
    from lp_recognition.settings.recognition import load_config

    config = load_config(arguments.config) if arguments.config else None
    for path, size in export_c(arguments.model, arguments.output, config=config, overwrite=arguments.overwrite):
        print(f"{path}: {size} bytes")
    if not arguments.list:
        return 0

    from lp_recognition.images.image import read_image
    from lp_recognition.lists.annotations import read_annotations
    from lp_recognition.reading.recognizer import Recognizer

    recognizer = Recognizer(arguments.model, config=config)
    reader = CReader(arguments.output, recognizer)
    rows, _ = read_annotations(arguments.list)
    tipped, failed = 0, 0
    for row in rows:
        found = reader.check(read_image(row.path))
        if not found.passed:
            failed += 1
            print(f"FAILED: {row.path}: Python reads {found.expected}, C reads {found.received}")
        elif found.expected != found.received:
            tipped += 1
            print(f"{row.path}: a pixel that is rounded otherwise tips {found.expected} to {found.received}")
    print(f"{len(rows) - tipped - failed} of {len(rows)} plates read by C as by Python")
    return 1 if failed else 0


if __name__ == "__main__":
    run_script(main)
