"""Checks lists of `path LABEL` rows: every image, every label, and what stands in two places.

Opens each image once. Errors: missing, empty, truncated or unreadable images, the same picture with two labels, plates
and pictures that stand in two lists (the leak), labels outside the alphabet or pattern, too long, or impossible for the
model's time steps. Warnings: tiny and blank images, images high enough for two lines, copies within a list, look-alikes
with another label, labels in look-alike characters and plates in several spellings. Prints counts and sizes and writes
one HTML page with pictures. --cleaned writes the rows without errors; where a plate or picture stands in two lists, the
list named last keeps it. Exit status: 0, 1 where there are errors, 2 on a mistake.

example:
  python -m utils.check_annotations train.txt val.txt
  python -m utils.check_annotations train.txt val.txt --alphabet 皖沪0123456789ABCDEFGHJKLMNPQRSTUVWXYZ \\
      --pattern '[皖沪][A-Z][A-Z0-9]{5,6}' --time_steps 18
  python -m utils.check_annotations train.txt val.txt --config config/default.py
  python -m utils.check_annotations train.txt val.txt --cleaned cleaned/
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from lp_recognition.images.near_duplicates import NEAR_DISTANCE
from lp_recognition.lists.annotation_checks import MIN_ASPECT, CheckResult, Rules, check_lists, rows_without_errors
from lp_recognition.lists.check_page import write_page
from lp_recognition.lists.image_lists import path_in_list, write_lists
from lp_recognition.settings.recognition import load_config
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.files import write_text
from lp_recognition.system.options import ScriptParser, default_workers, parse_size
from lp_recognition.texts.vocabulary import Vocabulary, split_symbols


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument(
        "lists", nargs="+", type=Path, help="lists of 'path LABEL' rows; no plate may be in two of them"
    )
    parser.add_argument(
        "--config", type=Path, help="take alphabet, patterns, max_lp_length and time steps from a config"
    )
    parser.add_argument("--alphabet", help="all characters a label may have; names in angle brackets count as one")
    parser.add_argument(
        "--pattern", action="append", default=[], help="a regular expression for labels; may be repeated"
    )
    parser.add_argument("--max_length", type=int, help="the most characters of a label")
    parser.add_argument("--time_steps", type=int, help="the length of the model's output")
    parser.add_argument("--min_size", type=parse_size, default=(10, 24), metavar="HxW", help="smaller is tiny (10x24)")
    parser.add_argument(
        "--min_aspect",
        type=float,
        default=MIN_ASPECT,
        help="an image less wide than this many heights may have two lines; 0 to look for none (%(default)s)",
    )
    parser.add_argument(
        "--near",
        type=int,
        default=NEAR_DISTANCE,
        help="bits of 256 in which near copies may differ; -1 to look for none (%(default)s)",
    )
    parser.add_argument("--html", type=Path, default=Path("out/check_annotations.html"), help="the page (%(default)s)")
    parser.add_argument(
        "--cleaned", type=Path, help="write the rows without errors: a list, or a folder where several are checked"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace cleaned lists that are there")
    parser.add_argument("--show", type=int, default=5, help="lines to print for each kind of problem (%(default)s)")
    parser.add_argument("--workers", type=int, default=default_workers(), help="processes (%(default)s)")
    args = parser.parse_args(argv)

    targets = _cleaned_lists(args.lists, args.cleaned) if args.cleaned else []
    result = check_lists(args.lists, _rules(args), workers=args.workers)
    write_text(args.html, write_page(result))
    _print(result, args.show)
    if targets:
        _write_cleaned(result, args.lists, targets, args.overwrite)
    print(f"errors: {result.errors}, warnings: {result.warnings}; pictures in {args.html}")
    return 1 if result.errors else 0


def _rules(args: argparse.Namespace) -> Rules:
    """What the options say, and where they say nothing, the config."""
    vocabulary = Vocabulary(tuple(split_symbols(args.alphabet))) if args.alphabet else None
    patterns, max_length, time_steps = tuple(args.pattern), args.max_length, args.time_steps
    if args.config:
        config = load_config(args.config)
        patterns = patterns or config.lpr_patterns
        max_length = max_length or config.max_lp_length
        if vocabulary is None and config.alphabet is not None:
            vocabulary = config.vocabulary()
        time_steps = config.time_steps if time_steps is None else time_steps
    return Rules(vocabulary, patterns, max_length, time_steps, args.min_size, args.min_aspect, args.near)


def _cleaned_lists(lists: Sequence[Path], cleaned: Path) -> list[Path]:
    """Where the cleaned lists go; refused before any work where two would have one name."""
    if len(lists) == 1 and not cleaned.is_dir():
        return [cleaned]
    names = [path.name for path in lists]
    if len(set(names)) < len(names):
        raise UserError(f"--cleaned: expected lists of different names, received {', '.join(map(str, lists))}")
    return [cleaned / name for name in names]


def _write_cleaned(result: CheckResult, lists: Sequence[Path], targets: Sequence[Path], overwrite: bool) -> None:
    contents = {}
    for source, target, rows in zip(lists, targets, rows_without_errors(result), strict=True):
        if not rows:
            raise UserError(f"--cleaned: expected rows without errors in {source}, received none; nothing was written")
        contents[target] = [(path_in_list(row.annotation.path, target, source), row.label) for row in rows]
    write_lists(contents, overwrite=overwrite)
    for counts, (target, kept) in zip(result.lists, contents.items(), strict=True):
        print(f"{target}: {len(kept)} of {counts.rows} rows, without errors")


def _print(result: CheckResult, show: int) -> None:
    for counts in result.lists:
        lengths = ", ".join(f"{length}: {count}" for length, count in counts.lengths.items())
        first = ", ".join(f"{character} {count}" for character, count in list(counts.first_characters.items())[:8])
        print(f"{counts.name}: {counts.rows} rows, {counts.plates} plates, {len(counts.characters)} characters")
        print(f"  by length   {lengths}")
        print(f"  by first    {first}{', ...' if len(counts.first_characters) > 8 else ''}")
        if counts.sizes:
            heights, widths = zip(*counts.sizes, strict=True)
            print(
                f"  height      {_spread(heights)}, width {_spread(widths)}, width / height {_spread(counts.aspects)}"
            )
    for kind, problems in result.by_kind().items():
        print(f"{'error' if problems[0].is_error else 'warning'}: {kind}: {len(problems)}")
        for problem in problems[:show]:
            print(f"  {problem.message}")
        if len(problems) > show:
            print(f"  ... and {len(problems) - show} more")


def _spread(values: Sequence[float]) -> str:
    """`24 (12 to 60)`: the median, the least and the most."""
    return f"{median(values):.3g} ({min(values):.3g} to {max(values):.3g})"


if __name__ == "__main__":
    run_script(main)
