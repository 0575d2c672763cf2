"""Splits a list into train.txt, val.txt and test.txt by plate: all images of a plate are on one side.

Splitting by image would put the same car into training and test. Every first character (the province, in China) has
its share of plates in each part, within a few, and a plate comes into val or test with the same probability however
many images it has, so the parts are alike. The same list, shares and seed give the same split. A part that is not
named is not made; where neither is, each gets a tenth.

example:
  python -m utils.split_annotations all.txt --val 0.1 --test 0.1 --seed 1
  python -m utils.split_annotations all.txt --val 0.2                      # no test.txt
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

#: Of val and of test, where neither is named.
_SHARE = 0.1


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("list", type=Path, help="the list to split, rows of 'path LABEL'")
    for part in ("val", "test"):
        parser.add_argument(
            f"--{part}", type=float, metavar="SHARE",
            help=f"share of the plates for {part}.txt (0 where only the other is given, {_SHARE} without both)",
        )  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="another seed, another split (%(default)s)")
    parser.add_argument("--output", type=Path, help="the folder for the lists (default: that of the list)")
    parser.add_argument("--overwrite", action="store_true", help="replace lists that are there")
    args = parser.parse_args(argv)

    rows, _ = read_annotations(args.list)
    unnamed = _SHARE if args.val is None and args.test is None else 0.0
    val, test = (unnamed if share is None else share for share in (args.val, args.test))
    shares = {"train": 1 - val - test, "val": val, "test": test}
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
