"""Turns a `path LABEL` list into CSV with the columns image_path, plate_text, or a CSV into a list.

A CSV is read with comma, semicolon or tab, and with a header; two columns, image and text, need none. Columns are found
by their usual names; where that fails, name them. A row that cannot be read is an error.

example:
  python -m utils.convert_csv train.txt --to csv
  python -m utils.convert_csv train.csv --to txt --output train_again.txt
  python -m utils.convert_csv plates.csv --to txt --image-column datei --text-column kennzeichen
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.lists.annotations import read_annotations
from lp_recognition.lists.image_lists import path_in_list, read_csv, write_lists
from lp_recognition.lists.tables import COLUMNS
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
    for role in ("image", "text"):
        usual = ", ".join(COLUMNS[role])
        parser.add_argument(f"--{role}-column", f"--{role}_column", metavar="NAME", help=f"default: {usual}")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    args = parser.parse_args(argv)

    output = args.output or args.list.with_suffix(f".{args.to}")
    if output == args.list or (output.suffix.lower() == ".csv") != (args.to == "csv"):
        raise UserError(f"{output}: expected another file whose name ends in .{args.to}; name it with --output")
    columns = {"image": args.image_column, "text": args.text_column}
    found = read_annotations(args.list)[0] if args.to == "csv" else read_csv(args.list, columns)
    rows = [(path_in_list(row.path, output, args.list), row.label) for row in found]
    write_lists({output: rows}, overwrite=args.overwrite)
    print(f"{len(rows)} rows in {output}")
    return 0


if __name__ == "__main__":
    run_script(main)
