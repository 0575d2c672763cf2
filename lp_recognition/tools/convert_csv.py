"""Turns a `path LABEL` list into CSV with the columns image_path, plate_text, or such a CSV into a list.

example:
  python -m utils.convert_csv train.txt --to csv
  python -m utils.convert_csv train.csv --to txt --output train_again.txt
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.lists.annotations import read_annotations
from lp_recognition.lists.image_lists import path_in_list, read_csv, write_lists
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("list", type=Path, help="the list to convert")
    parser.add_argument("--to", choices=("csv", "txt"), required=True, help="what to make of it")
    parser.add_argument(
        "--output", type=Path, help="the file to write (default: beside the list, with the other ending)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    args = parser.parse_args(argv)

    output = args.output or args.list.with_suffix(f".{args.to}")
    if output == args.list or (output.suffix.lower() == ".csv") != (args.to == "csv"):
        raise UserError(f"{output}: expected another file whose name ends in .{args.to}; name it with --output")
    found = read_annotations(args.list)[0] if args.to == "csv" else read_csv(args.list)
    rows = [(path_in_list(row.path, output, args.list), row.label) for row in found]
    write_lists({output: rows}, overwrite=args.overwrite)
    print(f"{len(rows)} rows in {output}")
    return 0


if __name__ == "__main__":
    run_script(main)
