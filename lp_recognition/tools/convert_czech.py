"""Turns the tables of the Czech ReId data set into `path LABEL` lists: annotation.txt, train.txt, val.txt, test.txt.

The data set (Spanhel et al., AVSS 2017) holds crops of plates and tables (*.csv, comma or semicolon) with the image's
path, the plate's text, the track of the car, and the split. Columns are found by their names in the header; name them
where that fails. Each image is opened once; failed.txt says what was left out and why, report.json counts, tracks.csv
keeps the track of each image. Exit status: 0, 1 when rows were left out, 2 on a mistake.

example:
  python utils/czech_convert_annotations/convert_czech.py /data/ReId --output data/czech
  python utils/czech_convert_annotations/convert_czech.py /data/ReId --output data/czech --table trainVal.csv \\
      --image-column image_path --text-column lp --track-column track_id --split-column train
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.lists.converters.czech import CzechOptions, convert_czech
from lp_recognition.lists.tables import COLUMNS
from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser, default_workers


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("source", type=Path, help="the folder of the data set; never written to")
    parser.add_argument("--output", type=Path, required=True, help="the folder for the lists")
    parser.add_argument("--table", nargs="+", default=[], metavar="CSV", help="tables in SOURCE (default: all *.csv)")
    for role, names in COLUMNS.items():
        parser.add_argument(f"--{role}-column", f"--{role}_column", metavar="NAME", help=f"default: {', '.join(names)}")
    parser.add_argument(
        "--apart",
        choices=("track", "plate"),
        default="track",
        help="what may not stand in two splits; rows of train give way (%(default)s)",
    )
    parser.add_argument("--copy", action="store_true", help="copy the images; else the lists point into SOURCE")
    parser.add_argument("--workers", type=int, default=default_workers(), help="processes (%(default)s)")
    args = parser.parse_args(argv)

    columns = {role: getattr(args, f"{role}_column") for role in COLUMNS if getattr(args, f"{role}_column")}
    options = CzechOptions(args.source, args.output, tuple(args.table), columns, args.apart, args.copy)
    summary = convert_czech(options, args.workers)
    print(summary.text())
    return 1 if summary.left_out else 0


if __name__ == "__main__":
    run_script(main)
