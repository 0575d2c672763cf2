"""Freezes a checkpoint into one graph file, and converts it to the .tflite files for the chip.

examples:
  python export_frozen_graph.py config/ccpd.py --output_dir frozen_graph_60000 --checkpoint model/model.ckpt-60000.ckpt
  python export_frozen_graph.py config/gap8.py --output_dir out --tflite uint8 int8 float --list val.txt
  python export_frozen_graph.py config/gap8.py --output_dir out --tflite uint8 --calibration_list val.txt

Writes graph.pb.frozen, from `input` to `Squeeze`, and graph_uint8.tflite (for GAP8), graph_int8.tflite (for
TFLite-Micro), graph_float.tflite (to compare with) or graph_float16.tflite (for GPUs) where --tflite asks for them.
Each file says itself what it reads and how, and has a YAML twin. TensorFlow's own command makes the same uint8 file,
without that:

  mv frozen_graph_60000/graph.pb.frozen graph.pb
  tflite_convert --enable_v1_converter --graph_def_file=graph.pb --output_file=graph.tflite --input_arrays=input \\
      --output_arrays=Squeeze --inference_type=QUANTIZED_UINT8 --mean_values=128 --std_dev_values=127

Without --checkpoint it takes the best checkpoint of model_dir.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_config("model_dir=model_2")
    parser.add_argument("--checkpoint", default="", help="a checkpoint, .ckpt")
    parser.add_argument("--output_dir", default="frozen_graph", help="where the graph goes (default: %(default)s)")
    parser.add_argument(
        "--tflite", nargs="+", default=[], choices=("uint8", "int8", "float", "float16"), help="files to convert to"
    )
    parser.add_argument("--per_channel", action="store_true", help="one weight scale per channel in the int8 file")
    parser.add_argument("--list", nargs="+", default=[], metavar="LIST", help="measure each file on these plates")
    parser.add_argument(
        "--calibration_list", nargs="+", default=[], metavar="LIST",
        help="calibrate the confidences of each file on these plates, which no training saw",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace an earlier export")
    arguments = parser.parse_intermixed_args(argv)

    from lp_recognition.settings.tasks import load_config

    config = load_config(arguments.config, arguments.overrides)

    from lp_recognition.model_files.checkpoints import find_checkpoint
    from lp_recognition.system.native_log import import_quietly

    path = find_checkpoint(config, arguments.checkpoint)
    task = import_quietly(f"lp_recognition.export.{config.task}").TASK
    export = import_quietly("lp_recognition.export.exporting").export_checkpoint(
        task, path, config, Path(arguments.output_dir), kinds=arguments.tflite, per_channel=arguments.per_channel,
        lists=arguments.list, calibration_lists=arguments.calibration_list, overwrite=arguments.overwrite,
    )  # fmt: skip
    print(f"{export.graph}: {export.graph.stat().st_size} bytes, of {path}")
    apart = f"{export.difference:.1e} of logits up to {export.largest_output:.1f}"
    print(f"largest difference from the checkpoint: {apart}")
    for file in export.files:
        apart = f"{file.difference / file.step:.1f} steps of its output" if file.step else f"{file.difference:.1e}"
        print(f"{file.path}: {file.path.stat().st_size} bytes, {file.kind}, largest difference {apart}")
        for record in (file.measurement, file.calibration):
            if record is not None:
                print(f"  {record.summary}")
    if export.quantized and not export.files:
        print("convert it to uint8 (or add --tflite uint8):")
        print(
            f"  tflite_convert --enable_v1_converter --graph_def_file={export.graph} --output_file=graph.tflite "
            "--input_arrays=input --output_arrays=Squeeze --inference_type=QUANTIZED_UINT8 "
            f"--mean_values={export.mean_value} --std_dev_values={export.std_dev_value}"
        )
    elif not export.quantized:
        print("the checkpoint is float: train with quantization_aware=True for a uint8 file")
    return 0


def script() -> None:
    """The entry point `export-frozen-graph`."""
    run_script(main)


if __name__ == "__main__":
    script()
