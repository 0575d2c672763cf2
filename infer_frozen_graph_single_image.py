"""Reads one image with a frozen graph and prints text and confidences.

examples:
  python infer_frozen_graph_single_image.py graph.pb plate.jpg
  python infer_frozen_graph_single_image.py graph.pb plate.jpg --config config/ccpd.py

A graph of export_frozen_graph.py says itself what it reads and how; another one needs --config.
"""

from __future__ import annotations

from collections.abc import Sequence

import infer_tflite_single_image
from lp_recognition.system.errors import run_script


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    return infer_tflite_single_image.main(argv, __doc__ or "", "a frozen graph")


if __name__ == "__main__":
    run_script(main)
