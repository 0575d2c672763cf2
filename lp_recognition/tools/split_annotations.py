"""Splits a list into train.txt, val.txt and test.txt by plate: all images of a plate are on one side.

Splitting by image would put the same car into training and test. Every first character (the province, in China) has
its share of plates in each part, within a few, and a plate comes into val or test with the same probability however
many images it has, so the parts are alike. The same list, shares and seed give the same split.

example:
  python -m utils.split_annotations all.txt --val 0.1 --test 0.1 --seed 1
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.lists.annotations import read_annotations
from lp_recognition.lists.image_lists import path_in_list, write_lists
from lp_recognition.lists.splitting import split_by_plate
from lp_recognition.system.errors import run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.texts.vocabulary import plate_of


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("list", type=Path, help="the list to split, rows of 'path LABEL'")
    parser.add_argument("--val", type=float, default=0.1, help="share of the plates for val.txt (%(default)s)")
    parser.add_argument("--test", type=float, default=0.1, help="share of the plates for test.txt (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="another seed, another split (%(default)s)")
    parser.add_argument("--output", type=Path, help="the folder for the lists (default: that of the list)")
    parser.add_argument("--overwrite", action="store_true", help="replace lists that are there")
    args = parser.parse_args(argv)

    rows, _ = read_annotations(args.list)
    shares = {"train": 1 - args.val - args.test, "val": args.val, "test": args.test}
    folder = args.output or args.list.parent
    parts = {folder / f"{part}.txt": chosen for part, chosen in split_by_plate(rows, shares, args.seed).items()}
    write_lists(
        {
            path: [(path_in_list(row.path, path, args.list), row.label) for row in chosen]
            for path, chosen in parts.items()
        },
        overwrite=args.overwrite,
    )
    for path, chosen in parts.items():
        plates = {plate_of(row.label) for row in chosen}
        print(f"{path}: {len(chosen)} images ({len(chosen) / len(rows):.1%}), {len(plates)} plates")
    return 0


if __name__ == "__main__":
    run_script(main)
