"""Lists the images of a folder, one path in a row, without labels: what test_lpr.py reads.

Paths are relative to the folder of the list, so both can be moved together. Files that are no images by their names are
left out and counted; hidden ones are passed over.

example:
  python utils/create_files_list.py images/ --output test.txt --recursive
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.lists.annotations import write_annotations
from lp_recognition.lists.image_lists import list_images, path_in_list
from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("folder", type=Path, help="the folder with the images")
    parser.add_argument("--output", type=Path, required=True, help="the list to write")
    parser.add_argument("--recursive", action="store_true", help="look into the folders below, too")
    args = parser.parse_args(argv)

    images, remarks = list_images(args.folder, recursive=args.recursive)
    write_annotations(args.output, [(path_in_list(path, args.output), "") for path in images])
    for remark in remarks:
        print(f"{args.folder}: {remark}", file=sys.stderr)
    print(f"{len(images)} images in {args.output}")
    return 0


if __name__ == "__main__":
    run_script(main)
