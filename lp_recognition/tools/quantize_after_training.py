"""Quantizes a float checkpoint to int8 by the ranges that plates of a list cause, without any training.

example:
  python -m utils.quantize_after_training config/ccpd.py --checkpoint model/model.ckpt-50000.ckpt \\
      --list train.txt --output ptq_int8.tflite

The quick way, and what quantization-aware training has to beat: put both into utils.compare_models. Labels in the list
are not looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_config()
    parser.add_argument("--checkpoint", default="", help="a checkpoint, .ckpt (default: the best of model_dir)")
    parser.add_argument(
        "--list", nargs="+", required=True, metavar="LIST", help="plates to take the ranges from, as lists of paths"
    )
    parser.add_argument("--output", required=True, type=Path, help="the file to write, .tflite")
    parser.add_argument("--images", type=int, default=300, help="take so many, spread over the list (%(default)s)")
    parser.add_argument("--io", default="int8", choices=("int8", "uint8"), help="type at the ends (%(default)s)")
    parser.add_argument("--per_tensor", action="store_true", help="one weight scale per kernel, not per channel")
    parser.add_argument("--overwrite", action="store_true", help="replace the file")
    arguments = parser.parse_intermixed_args(argv)
    if arguments.output.suffix != ".tflite":
        raise UserError(f"--output: expected a name ending in .tflite, received {arguments.output}")
    if arguments.images < 1:
        raise UserError(f"--images: expected at least 1, received {arguments.images}")

    from lp_recognition.settings.tasks import load_config

    config = load_config(arguments.config, arguments.overrides)

    from lp_recognition.model_files.checkpoints import find_checkpoint
    from lp_recognition.system.native_log import import_quietly

    path = find_checkpoint(config, arguments.checkpoint)
    task = import_quietly(f"lp_recognition.export.{config.task}").TASK
    count = import_quietly("lp_recognition.export.after_training").quantize_checkpoint(
        task, path, config, arguments.list, arguments.output, images=arguments.images, io_type=arguments.io,
        per_channel=not arguments.per_tensor, overwrite=arguments.overwrite,
    )  # fmt: skip
    size = arguments.output.stat().st_size
    print(f"{arguments.output}: {size} bytes, {path} quantized by {count} images of {', '.join(arguments.list)}")
    return 0


if __name__ == "__main__":
    run_script(main)
