"""Crops the plates of UFPR-ALPR (Brazil) and writes `path LABEL` lists for the official splits.

The data set (Laroca et al., IJCNN 2018) has a text file beside each image, with the plate, its box and sometimes its
corners. Writes train.txt, val.txt, test.txt and annotation.txt; tracks.csv keeps the track of each image, failed.txt
says what was left out and why, report.json counts. A run that was stopped goes on where it was when started again.
Exit status: 0, 1 when files were left out, 2 on a mistake.

example:
  python -m utils.convert_ufpr /data/UFPR-ALPR --output data/ufpr --drop_hyphen --vehicles car
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.lists.converters.ufpr import UfprOptions, convert_ufpr
from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.tools.arguments import add_crops


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("source", type=Path, help="the folder with training, validation, testing; never written to")
    parser.add_argument("--output", type=Path, required=True, help="the folder for crops and lists")
    parser.add_argument(
        "--mode",
        choices=("box", "corners"),
        default="box",
        help="crop by the box, or rectified by the corners where texts have them (%(default)s)",
    )
    parser.add_argument("--drop_hyphen", "--drop-hyphen", action="store_true", help="ABC1234 in place of ABC-1234")
    parser.add_argument(
        "--vehicles",
        nargs="+",
        default=[],
        metavar="TYPE",
        help="car, motorcycle (plates of two lines), ...; default: all",
    )
    add_crops(parser, "plate")
    args = parser.parse_args(argv)

    options = UfprOptions(
        args.source, args.output, args.mode, args.size, args.margin, args.drop_hyphen,
        tuple(vehicle.lower() for vehicle in args.vehicles), args.format,
    )  # fmt: skip
    summary = convert_ufpr(options, args.workers)
    print(summary.text())
    return 1 if summary.left_out else 0


if __name__ == "__main__":
    run_script(main)
