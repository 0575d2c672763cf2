"""Draws labelled plates into a folder: images, annotation.txt, and the plates' corners where asked for.

Plate number i of a seed is always the same picture and text, whatever the number of workers, so a run that was
interrupted is completed by running it again with --overwrite.

    python -m utils.generate_plates --format cn_blue cz --count 20000 --output data/generated --seed 1 --workers 2
    python -m utils.generate_plates --list                  the formats, and their picture plate_formats.png
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lp_recognition.plates import Plate, PlateGenerator

CORNERS_HEADER = "path,left_up_x,left_up_y,right_up_x,right_up_y,right_bottom_x,right_bottom_y,left_bottom_x,left_bottom_y"


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--format", nargs="+", metavar="NAME", help="formats or .yaml files (all usual ones)")
    parser.add_argument("--count", type=int, default=1000, help="how many plates (1000)")
    parser.add_argument("--output", type=Path, metavar="FOLDER", help="where to write; must be empty or new")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other plates (1)")
    parser.add_argument("--workers", type=int, default=1, help="processes that draw (1)")
    parser.add_argument(
        "--size", nargs="+", default=["24", "94"], metavar="PIXELS", help="height and width, or `natural` (24 94)"
    )
    parser.add_argument("--font", type=Path, metavar="TTF", help="a font of your own for all glyphs")
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

    from lp_recognition.errors import UserError
    from lp_recognition.plates import PlateGenerator, list_formats, load_format

    if arguments.list is not None:
        from lp_recognition.image import write_image
        from lp_recognition.plates.contact_sheet import draw_contact_sheet

        names = arguments.format or list_formats()
        for name in names:
            plate_format = load_format(name)
            print(f"{name:15} {plate_format.example:11} {plate_format.country}: {plate_format.description}")
        write_image(arguments.list, draw_contact_sheet(names))
        print(f"{arguments.list}: a picture of {len(names)} formats", file=sys.stderr)
        return 0

    if arguments.output is None:
        raise UserError("expected a folder to write to; add --output FOLDER, or --list to see the formats")
    for name in ("count", "workers"):
        if getattr(arguments, name) < 1:
            raise UserError(f"--{name}: expected 1 or more, received {getattr(arguments, name)}")
    formats = arguments.format or [name for name in list_formats() if load_format(name).default]
    generator = PlateGenerator(formats, arguments.seed, _parse_size(arguments.size), arguments.font)
    _prepare_folder(arguments.output, arguments.overwrite)
    _write_plates(generator, arguments.output, arguments.count, arguments.workers, arguments.corners)
    print(f"{arguments.output}: {arguments.count} plates of {', '.join(str(name) for name in formats)}")
    return 0


def _parse_size(words: Sequence[str]) -> tuple[int, int] | None:
    from lp_recognition.errors import UserError

    if list(words) == ["natural"]:
        return None
    try:
        height, width = (int(word) for word in words)
    except ValueError:
        message = f"--size: expected a height and a width in pixels, or `natural`, received {' '.join(words)!r}"
        raise UserError(message) from None
    return height, width


def _prepare_folder(folder: Path, overwrite: bool) -> None:
    """Makes the folder, or takes from it what an earlier run drew; the list goes first, the images it names after."""
    from lp_recognition.errors import UserError

    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: expected a folder, received a file; name another --output")
    if folder.exists() and any(folder.iterdir()):
        if not overwrite:
            raise UserError(f"{folder}: expected an empty folder; name another --output, or add --overwrite")
        for name in ("annotation.txt", "corners.csv"):
            (folder / name).unlink(missing_ok=True)
        for image in folder.glob("images/*.png"):
            if image.stem.isdigit():
                image.unlink()
    (folder / "images").mkdir(parents=True, exist_ok=True)


def _write_plates(generator: PlateGenerator, folder: Path, count: int, workers: int, corners: bool) -> None:
    """Draws and writes plates; whatever ends it, the lists name the plates whose images are whole, and no others."""
    from tqdm import tqdm

    from lp_recognition.annotations import write_annotations
    from lp_recognition.files import write_text

    rows: list[tuple[str, str, list[float]]] = []
    try:
        with tqdm(total=count, unit="plate", file=sys.stderr) as progress:
            for row in _draw_all(generator, folder, count, workers):
                rows.append(row)
                progress.update()
    finally:
        if rows:
            write_annotations(folder / "annotation.txt", [(path, label) for path, label, _ in rows])
        if rows and corners:
            lines = [f"{path},{','.join(f'{value:.2f}' for value in values)}\n" for path, _, values in rows]
            write_text(folder / "corners.csv", CORNERS_HEADER + "\n" + "".join(lines))


def _draw_all(
    generator: PlateGenerator, folder: Path, count: int, workers: int
) -> Iterator[tuple[str, str, list[float]]]:
    """Draws plates in their order, in this process or in several, and yields each once its image is written."""
    if workers == 1:
        _start_worker(generator, folder)
        yield from map(_draw_one, range(count))
        return
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    with context.Pool(workers, _start_worker, (generator, folder, True)) as pool:
        yield from pool.imap(_draw_one, range(count), chunksize=16)


_generator: PlateGenerator
_folder: Path


def _start_worker(generator: PlateGenerator, folder: Path, ignore_interrupt: bool = False) -> None:
    global _generator, _folder
    import cv2

    cv2.setNumThreads(0)
    if ignore_interrupt:  # Ctrl-C is the main process's business, which then ends the workers
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _generator, _folder = generator, folder


def _draw_one(index: int) -> tuple[str, str, list[float]]:
    plate = _generator.draw(index)
    path = f"images/{index:06d}.png"
    _write_png(_folder / path, plate)
    return path, plate.label, [float(value) for value in plate.corners.reshape(-1)]


def _write_png(path: Path, plate: Plate) -> None:
    """Writes an image whole or not at all; not flushed to disk one by one, which would take longer than drawing."""
    import cv2

    from lp_recognition.errors import UserError

    data = cv2.imencode(".png", plate.image)[1].tobytes()
    try:
        path.write_bytes(data)
    except OSError as error:
        path.unlink(missing_ok=True)
        message = f"{path}: cannot be written: {error.strerror}; annotation.txt lists the plates before it"
        raise UserError(message) from None


if __name__ == "__main__":
    from lp_recognition.errors import run_script

    run_script(main)
