"""Finds and reads the plates of a photograph, draws them, and leaves out what is read less surely than by 80%.

examples:
  python sample_inference.py photo.jpg --output prediction.jpg
  python sample_inference.py photo.jpg --output prediction.jpg --min_confidence 0.5
  python sample_inference.py https://example.org/photo.jpg --allow_url --output prediction.jpg
  python sample_inference.py photo.jpg --url http://127.0.0.1:8000 --output prediction.jpg      # a service reads

The models are those that ship, unless --detector and --reader name others. With --url a service finds and reads in
their place (`alpr serve`), and the picture may be an address. `alpr read` does the same and more.
"""

from __future__ import annotations

from collections.abc import Sequence

from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.tools.alpr_read import add_reading_options, read_photographs
from lp_recognition.tools.photographs import add_options


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    add_options(parser)
    add_reading_options(parser, min_confidence=0.8)
    parser.set_defaults(form="table", crops=False)
    return read_photographs(parser.parse_args(argv))


if __name__ == "__main__":
    run_script(main)
