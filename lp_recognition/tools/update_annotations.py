"""Writes a list anew for images that were moved: another folder takes the place of the old one in every path.

The folder that all images of the list share is replaced, and what is below it stays; --old_dir names another one. Rows
whose image is not at its new place are written all the same, and counted.

example:
  python utils/update_annotations.py train.txt --new_dir /mnt/data/images --output train_moved.txt
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.lists.annotations import read_annotations, write_annotations
from lp_recognition.lists.image_lists import path_in_list, relocate
from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("list", type=Path, help="the list to read")
    parser.add_argument("--new_dir", "--new-dir", type=Path, required=True, help="where the images are now")
    parser.add_argument("--old_dir", "--old-dir", type=Path, help="the folder it replaces (default: the one all share)")
    parser.add_argument("--output", type=Path, required=True, help="the list to write")
    parser.add_argument("--unlabelled", action="store_true", help="the list holds paths alone")
    args = parser.parse_args(argv)

    rows, _ = read_annotations(args.list, labelled=not args.unlabelled)
    moved = relocate(rows, args.new_dir, args.old_dir)
    absent = [path for path, _ in moved if not path.is_file()]
    keep = args.new_dir.is_absolute()
    write_annotations(
        args.output, [(path if keep else path_in_list(path, args.output), label) for path, label in moved]
    )
    if absent:
        print(f"warning: {len(absent)} of {len(moved)} images are not there, the first {absent[0]}", file=sys.stderr)
    print(f"{len(moved)} rows in {args.output}")
    return 0


if __name__ == "__main__":
    run_script(main)
