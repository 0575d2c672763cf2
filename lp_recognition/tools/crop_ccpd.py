"""Crops the plates of CCPD (2018, 2019, or 2020 with green plates) and writes `path LABEL` lists.

Everything is read from the file names of the data set (Xu et al., ECCV 2018). Writes OUTPUT/SUBSET/annotation.txt, a
list for each official split, failed.txt with a reason for each file left out, and report.json with counts. A run that
was stopped goes on where it was when started again. Exit status: 0, 1 when files were left out, 2 on a mistake.

example:
  python utils/CCPD_cropping_plates/crop_ccpd.py /data/CCPD2019 --output data/ccpd \\
      --subsets base weather challenge --mode corners --size 24x94 --workers 2
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.lists.converters.ccpd import MODES, NO_PLATES, SUBSETS, CcpdOptions, convert_ccpd
from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.tools.arguments import add_crops


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("source", type=Path, help="the folder with ccpd_base, ccpd_weather, ...; never written to")
    parser.add_argument("--output", type=Path, required=True, help="the folder for crops and lists")
    parser.add_argument(
        "--subsets",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"of {', '.join((*SUBSETS, NO_PLATES))} (default: all that are there)",
    )
    parser.add_argument(
        "--mode",
        choices=MODES,
        default="corners",
        help="crop by the four corners (rectified), by the box, or both, into two lists (%(default)s)",
    )
    parser.add_argument(
        "--labels",
        choices=("characters", "names"),
        default="characters",
        help="皖A12345 or <Anhui>A12345 (%(default)s)",
    )
    add_crops(parser, "box")
    args = parser.parse_args(argv)

    options = CcpdOptions(
        args.source, args.output, tuple(args.subsets), args.mode, args.size, args.margin,
        names=args.labels == "names", image_format=args.format,
    )  # fmt: skip
    summary = convert_ccpd(options, args.workers)
    print(summary.text())
    return 1 if summary.left_out else 0


if __name__ == "__main__":
    run_script(main)
