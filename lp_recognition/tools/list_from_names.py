"""Writes a `path LABEL` list of images whose labels stand in their names, or in text files of their names.

By default the label is what stands before the first `_` of a name, if it has a digit: 京A12345_0.jpg, ABC123.png, but
not IMG_2024.jpg. Name another --pattern, a regular expression for the beginning of the name with a group `label`. With
--label_files each image has its label in a text file: x.jpg in x.txt beside it, or in another folder that is named.
Images without a label are left out and said. Exit status: 0, 1 when images were left out, 2 on a mistake.

example:
  python -m utils.list_from_names images/ --output list.txt
  python -m utils.list_from_names images/ --output list.txt --recursive --pattern '\\d+-(?P<label>[^_-]+)'
  python -m utils.list_from_names data/train/image --label_files data/train/label --output train.txt
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lp_recognition.lists.file_labels import NAME_PATTERN, labels_of_files, labels_of_names, lonely_label_files
from lp_recognition.lists.image_lists import list_images, path_in_list, write_lists
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.texts.vocabulary import plate_of

_SHOWN = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("folder", type=Path, help="the folder with the images")
    parser.add_argument("--output", type=Path, required=True, help="the list to write")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--pattern", default="", help=f"what names look like ({NAME_PATTERN}, with a digit)")
    source.add_argument(
        "--label_files", "--label-files", nargs="?", const="", metavar="FOLDER",
        help="labels are in text files, beside the images or in FOLDER",
    )  # fmt: skip
    parser.add_argument("--recursive", action="store_true", help="look into the folders below, too")
    parser.add_argument("--overwrite", action="store_true", help="replace a list that is there")
    args = parser.parse_args(argv)

    ignored = "" if args.label_files is None else ".txt"
    images, remarks = list_images(args.folder, recursive=args.recursive, ignored=ignored)
    if args.label_files is None:
        labelled, left_out = labels_of_names(images, args.pattern)
    else:
        label_folder = Path(args.label_files) if args.label_files else args.folder
        labelled, left_out = labels_of_files(images, args.folder, label_folder)
        lonely = [file for file in lonely_label_files(images, args.folder, label_folder) if file != args.output]
        if lonely:
            remarks.append(f"text files without an image of their name: {len(lonely)}, the first {lonely[0]}")
    if not labelled:
        path, reason = left_out[0]
        raise UserError(
            f"{args.folder}: expected images with a label, received none of {len(images)}: {path}: {reason}"
        )
    rows = [(path_in_list(path, args.output), label) for path, label in labelled]
    write_lists({args.output: rows}, overwrite=args.overwrite)
    for remark in remarks:
        print(f"{args.folder}: {remark}", file=sys.stderr)
    for path, reason in left_out[:_SHOWN]:
        print(f"{path}: {reason}", file=sys.stderr)
    if len(left_out) > _SHOWN:
        print(f"... and {len(left_out) - _SHOWN} more", file=sys.stderr)
    plates = len({plate_of(label) for _, label in rows})
    missing = f"; left out: {len(left_out)}" if left_out else ""
    print(f"{len(rows)} rows, {plates} plates in {args.output}{missing}; the first: {' '.join(rows[0])}")
    return 1 if left_out else 0


if __name__ == "__main__":
    run_script(main)
