"""Reads the same plates with every form of a model and says where they part: checkpoint, graph, uint8, int8.

examples:
  python -m utils.compare_models config/gap8.py --list test.txt \\
      --models model/model.ckpt-60000.ckpt graph.pb graph_uint8.tflite graph_int8.tflite
  python -m utils.compare_models config/gap8.py --list test.txt --layers --html compare.html \\
      --models model/model.ckpt-60000.ckpt graph_int8.tflite ptq_int8.tflite

The first model is what the others are held against. An int8 file is also run by the real TFLite-Micro interpreter,
where that is installed (extra [mcu]). Status 1 where a model is further from the first than it may be: what computes
the same numbers (graph, uint8 and int8 file of a checkpoint trained for 8 bits) may read --bound percent of the plates
otherwise; what computes others (float beside 8 bits, quantized after training, TFLite-Micro with its two roundings) may
read --other_bound percent fewer right. TFLite-Micro has to read what LiteRT's reference kernels read.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.deployment.comparison import Bounds, Comparison


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = _parser().parse_intermixed_args(argv)
    if arguments.plates is not None and arguments.plates < 1:
        raise UserError(f"--plates: expected at least 1, received {arguments.plates}")

    from lp_recognition.settings.tasks import load_config

    config = load_config(arguments.config, arguments.overrides)

    from lp_recognition.system.native_log import import_quietly

    import_quietly("tensorflow")
    from lp_recognition.deployment.comparison import Bounds, compare
    from lp_recognition.system.progress import progress_bar

    task = importlib.import_module(f"lp_recognition.deployment.{config.task}").TASK
    with progress_bar(None, task.noun.removesuffix("s")) as advance:
        comparison = compare(
            task, arguments.models, config, arguments.list, most=arguments.plates,
            progress=advance, noise_images=100 if arguments.layers else 0,
        )  # fmt: skip
    bounds = Bounds(arguments.bound / 100, arguments.other_bound / 100)
    _save(comparison, bounds, arguments.html, arguments.json)
    shown = f"{len(comparison.subject.names)} {comparison.noun}"
    print(f"{shown} of {', '.join(arguments.list)}\n\n{comparison.to_table(bounds)}")
    if arguments.html:
        print(f"{arguments.html} shows the {comparison.noun}", file=sys.stderr)
    wrong = comparison.beyond(bounds)
    for name, problem in wrong.items():
        print(f"\nFAILED: {name} {problem}")
    return 1 if wrong else 0


def _parser() -> ScriptParser:
    parser = ScriptParser(__doc__)
    parser.add_config()
    parser.add_argument("--list", nargs="+", required=True, metavar="LIST", help="annotated plates")
    parser.add_argument(
        "--models",
        nargs="+",
        required=True,
        metavar="MODEL",
        help=".ckpt, .pb, .frozen, .tflite, or shipped ones' names",
    )
    parser.add_argument(
        "--bound", type=float, default=0.5, metavar="PERCENT",
        help="plates that may be read otherwise by what computes the same numbers as the first (%(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--other_bound", type=float, default=1.0, metavar="PERCENT",
        help="plates that may be read right less by what computes other numbers (%(default)s)",
    )  # fmt: skip
    parser.add_argument("--plates", type=int, metavar="N", help="take N plates, spread over the list (default: all)")
    parser.add_argument("--layers", action="store_true", help="also measure the quantization noise layer by layer")
    parser.add_argument("--html", default="", metavar="FILE", help="also write a page, with pictures")
    parser.add_argument("--json", default="", metavar="FILE", help="also write all figures as JSON")
    return parser


def _save(comparison: Comparison, bounds: Bounds, page: str, record: str) -> None:
    """Writes a page and a record, where they are asked for."""
    from lp_recognition.system.files import write_text

    if page:
        from lp_recognition.deployment.comparison_page import comparison_page

        write_text(page, comparison_page(comparison, bounds))
    if record:
        write_text(record, json.dumps(comparison.to_dict(bounds), ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    run_script(main)
