"""Reads one image with a .tflite and prints text and confidences.

examples:
  python infer_tflite_single_image.py graph_uint8.tflite plate.jpg
  python infer_tflite_single_image.py graph.tflite plate.jpg --config config/ccpd.py
  python infer_tflite_single_image.py lprnet_mcu_cn_uint8 plate.jpg          # a model of pretrained/, by its name

A file of export_frozen_graph.py --tflite says itself what it reads and how; one of tflite_convert needs --config.
"""

from __future__ import annotations

from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser


def main(
    argv: Sequence[str] | None = None,
    description: str = __doc__ or "",
    model: str = "a .tflite, or the name of a shipped one",
) -> int:
    """Runs the command line, also for the script of the frozen graph; returns the exit status."""
    parser = ScriptParser(description)
    parser.add_argument("model", help=model)
    parser.add_argument("image", help="a crop of a plate, of any size")
    parser.add_argument(
        "--config", default="", help="the config of the model, or its recorded config.yaml (default: the file's own)"
    )
    parser.add_argument("--beam_width", type=int, default=1, help="1 reads the best path, more is a beam search")
    parser.add_argument(
        "--patterns", action="store_true", default=None, help="read only what fits one of the model's lpr_patterns"
    )
    parser.add_argument("--output", default="", help="also draw the reading into this picture")
    arguments = parser.parse_args(argv)

    from lp_recognition.tools.single_image import read_single_image

    reading = read_single_image(
        arguments.model,
        arguments.image,
        arguments.config,
        arguments.beam_width,
        arguments.output,
        arguments.patterns,
    )
    print(f"{reading.text} {reading.confidence:.3f}")
    for symbol, confidence in zip(reading.symbols, reading.confidences, strict=True):
        print(f"  {symbol} {confidence:.3f}")
    return 0


if __name__ == "__main__":
    run_script(main)
