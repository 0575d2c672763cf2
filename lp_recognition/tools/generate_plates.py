"""Draws labelled plates into a folder: images, annotation.txt, and the plates' corners where asked for.

Plate number i of a seed is always the same picture and text, whatever the number of workers, so a run that was
interrupted is completed by running it again with --overwrite.

examples:
  python -m utils.generate_plates --format cn_blue cz --count 20000 --output data/generated --seed 1 --workers 2
  python -m utils.generate_plates --list                    the formats, and their picture plate_formats.png
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.plates import PlateGenerator

Settings = tuple[tuple[str, ...], int, tuple[int, int] | None, Path | None, tuple[Path, ...], tuple[str, ...], bool]
Row = tuple[str, str, list[float]]

CORNERS = ("left_up", "right_up", "right_bottom", "left_bottom")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--format", nargs="+", metavar="NAME", help="formats or .yaml files (all usual ones)")
    parser.add_argument("--count", type=int, default=1000, help="how many plates (1000)")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to write; must be empty or new")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other plates (1)")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw (1)")
    parser.add_argument(
        "--size", nargs="+", default=["24", "94"], metavar="PIXELS", help="height and width, or `natural` (24 94)"
    )
    parser.add_argument("--font", type=Path, metavar="TTF", help="a font of your own for all glyphs")
    parser.add_argument(
        "--extra_font",
        nargs="+",
        default=[],
        type=Path,
        metavar="FONT",
        help="fonts that share the Chinese characters, or folders of pictures of characters",
    )
    parser.add_argument(
        "--without", nargs="+", default=[], metavar="NAME", help="degradations to spare the plates, or `all` (none)"
    )
    parser.add_argument(
        "--single_lines", action="store_true", help="show one line of a plate that has several, for readers of one"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the plates an earlier run drew there")
    parser.add_argument("--corners", action="store_true", help="write the plates' corners to corners.csv")
    parser.add_argument(
        "--list",
        nargs="?",
        const=Path("plate_formats.png"),
        type=Path,
        metavar="PICTURE",
        help="print the formats and write a picture of them (plate_formats.png), then end",
    )
    arguments = parser.parse_args(argv)

    from lp_recognition.plates import list_formats, load_format
    from lp_recognition.system.outputs import prepare_folder

    if arguments.list is not None:
        _show_formats(arguments.format or list_formats(), arguments.list)
        return
    if arguments.output is None:
        raise UserError("expected a folder to write to; add --output FOLDER, or --list to see the formats")
    if arguments.count < 1:
        raise UserError(f"--count: expected 1 or more, received {arguments.count}")
    formats = arguments.format or [name for name in list_formats() if load_format(name).default]
    size, fonts = _parse_size(arguments.size), (arguments.font, tuple(arguments.extra_font))
    settings = (tuple(formats), arguments.seed, size, *fonts, tuple(arguments.without), arguments.single_lines)
    _make_generator(*settings)  # mistakes end here, before anything is written
    prepare_folder(arguments.output, arguments.overwrite, lists=("annotation.txt", "corners.csv"), images="*.png")
    draw = functools.partial(_draw_one, settings, arguments.output)
    _write_plates(draw, arguments.output, arguments.count, arguments.workers, arguments.corners)
    print(f"{arguments.output}: {arguments.count} plates of {', '.join(formats)}")


def _show_formats(names: Sequence[str], picture: Path) -> None:
    from lp_recognition.images.image import write_image
    from lp_recognition.plates import load_format
    from lp_recognition.plates.contact_sheet import draw_contact_sheet

    for name in names:
        plate_format = load_format(name)
        print(f"{plate_format.name:15} {plate_format.example:11} {plate_format.country}: {plate_format.description}")
    write_image(picture, draw_contact_sheet(names))
    print(f"{picture}: a picture of {len(names)} formats", file=sys.stderr)


def _parse_size(words: Sequence[str]) -> tuple[int, int] | None:
    if list(words) == ["natural"]:
        return None
    try:
        height, width = (int(word) for word in words)
    except ValueError:
        message = f"--size: expected a height and a width in pixels, or `natural`, received {' '.join(words)!r}"
        raise UserError(message) from None
    return height, width


def _write_plates(draw: functools.partial[Row], folder: Path, count: int, workers: int, corners: bool) -> None:
    """Draws and writes plates; whatever ends it, the lists name the plates whose images are whole, and no others."""
    from lp_recognition.lists.annotations import write_annotations
    from lp_recognition.system.files import write_text
    from lp_recognition.system.parallel import run_parallel

    rows: list[Row] = []
    try:
        rows.extend(run_parallel(draw, range(count), workers=workers, description="drawing plates"))
    finally:
        rows.sort()
        if rows:
            write_annotations(folder / "annotation.txt", [(path, label) for path, label, _ in rows])
        if rows and corners:
            lines = [f"{path},{','.join(f'{value:.2f}' for value in values)}\n" for path, _, values in rows]
            header = ",".join(["path", *(f"{corner}_{axis}" for corner in CORNERS for axis in "xy")])
            write_text(folder / "corners.csv", header + "\n" + "".join(lines))


@functools.lru_cache(maxsize=1)
def _make_generator(
    formats: tuple[str, ...],
    seed: int,
    size: tuple[int, int] | None,
    font: Path | None,
    extra_fonts: tuple[Path, ...],
    without: tuple[str, ...],
    single_lines: bool,
) -> PlateGenerator:
    """Makes the generator once a process: it keeps glyphs between plates."""
    from lp_recognition.plates import Degradations, PlateGenerator

    return PlateGenerator(formats, seed, size, font, Degradations.sparing(without), extra_fonts, single_lines)


def _draw_one(settings: Settings, folder: Path, index: int) -> Row:
    """Draws a plate and writes its image whole or not at all: its path in the folder, its label, its corners."""
    import cv2

    from lp_recognition.system.outputs import write_drawn

    plate = _make_generator(*settings).draw(index)
    path = f"images/{index:06d}.png"
    data = cv2.imencode(".png", plate.image)[1].tobytes()
    write_drawn(folder, path, data, "annotation.txt")
    return path, plate.label, plate.corners.reshape(-1).tolist()


if __name__ == "__main__":
    run_script(main)
