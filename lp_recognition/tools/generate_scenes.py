"""Draws photographs with plates in them: pictures, and plates.jsonl with box, corners, text and format of every plate.

Scene number i of a seed is always the same picture, whatever the number of workers, so a run that was interrupted is
completed by running it again with --overwrite.

examples:
  python -m utils.generate_scenes --count 1000 --output data/scenes --seed 1 --workers 2
  python -m utils.generate_scenes --count 1000 --output data/scenes --format cn_blue cz --size 480x640
  python -m utils.generate_scenes --count 1000 --output data/scenes --backgrounds photos/     # without plates in them
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser, parse_share, parse_size

if TYPE_CHECKING:
    from lp_recognition.lists.scenes import Scene
    from lp_recognition.plates.scenes import SceneGenerator

Settings = tuple[tuple[str, ...], int, tuple[int, int], tuple[Path, ...], tuple[float, float]]
#: Backgrounds are kept in memory, in every process.
_MOST_BACKGROUNDS = 500


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("--format", nargs="+", metavar="NAME", help="formats or .yaml files (all usual ones)")
    parser.add_argument("--count", type=int, default=1000, help="how many scenes (%(default)s)")
    parser.add_argument("--output", type=Path, metavar="FOLDER", required=True, help="where to write; empty or new")
    parser.add_argument("--seed", type=int, default=1, help="another seed, other scenes (%(default)s)")
    parser.add_argument("--size", type=parse_size, default=(240, 320), metavar="HxW", help="of the pictures (240x320)")
    parser.add_argument(
        "--backgrounds", type=Path, metavar="FOLDER", help="photographs without plates, behind half of the scenes"
    )
    parser.add_argument(
        "--plate_widths", nargs=2, type=parse_share, default=(0.025, 0.55), metavar="SHARE",
        help="of the narrowest and of the widest plate, in parts of the picture's width (0.025 0.55)",
    )  # fmt: skip
    parser.add_argument("--workers", type=int, default=1, help="processes that draw (%(default)s)")
    parser.add_argument("--overwrite", action="store_true", help="replace the scenes an earlier run drew there")
    arguments = parser.parse_args(argv)
    if arguments.count < 1:
        raise UserError(f"--count: expected 1 or more, received {arguments.count}")

    from lp_recognition.lists.image_lists import list_images
    from lp_recognition.plates import list_formats, load_format
    from lp_recognition.system.outputs import prepare_folder

    formats = arguments.format or [name for name in list_formats() if load_format(name).default]
    photographs = list_images(arguments.backgrounds, recursive=True)[0] if arguments.backgrounds else []
    narrowest, widest = arguments.plate_widths
    backgrounds = tuple(photographs[:_MOST_BACKGROUNDS])
    settings = (tuple(formats), arguments.seed, arguments.size, backgrounds, (narrowest, widest))
    _make_generator(*settings)  # mistakes end here, before anything is written
    prepare_folder(arguments.output, arguments.overwrite, lists=("plates.jsonl",), images="*.jpg")
    draw = functools.partial(_draw_one, settings, arguments.output)
    plates = _write_scenes(draw, arguments.output, arguments.count, arguments.workers)
    print(f"{arguments.output}: {arguments.count} scenes with {plates} plates of {', '.join(formats)}")
    return 0


def _write_scenes(draw: functools.partial[Scene], folder: Path, count: int, workers: int) -> int:
    """Draws and writes scenes; whatever ends it, the list names those whose pictures are whole, and no others."""
    from lp_recognition.lists.scenes import write_scenes
    from lp_recognition.system.parallel import run_parallel

    scenes: list[Scene] = []
    try:
        scenes.extend(run_parallel(draw, range(count), workers=workers, description="drawing scenes"))
    finally:
        scenes.sort(key=lambda scene: str(scene.path))
        if scenes:
            write_scenes(folder / "plates.jsonl", scenes)
    return sum(len(scene.plates) for scene in scenes)


@functools.lru_cache(maxsize=1)
def _make_generator(
    formats: tuple[str, ...],
    seed: int,
    size: tuple[int, int],
    photographs: tuple[Path, ...],
    plate_widths: tuple[float, float],
) -> SceneGenerator:
    """Makes the generator once a process: it keeps glyphs and backgrounds between scenes."""
    from lp_recognition.images.image import read_image
    from lp_recognition.plates.scenes import SceneGenerator

    return SceneGenerator(formats, seed, size, [read_image(path) for path in photographs], plate_widths)


def _draw_one(settings: Settings, folder: Path, index: int) -> Scene:
    """Draws a scene and writes its picture whole or not at all."""
    import cv2

    from lp_recognition.lists.scenes import Scene, ScenePlate
    from lp_recognition.system.outputs import write_drawn

    drawn = _make_generator(*settings).draw(index)
    path = f"images/{index:06d}.jpg"
    write_drawn(
        folder, path, cv2.imencode(".jpg", drawn.image, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes(), "plates.jsonl"
    )
    plates = []
    for plate in drawn.plates:
        (left, top), (right, bottom) = plate.corners.min(axis=0).tolist(), plate.corners.max(axis=0).tolist()
        corners = tuple((float(x), float(y)) for x, y in plate.corners)
        plates.append(ScenePlate((left, top, right, bottom), corners, plate.text, more={"format": plate.format}))
    height, width = drawn.image.shape[:2]
    return Scene(Path(path), (height, width), tuple(plates), complete=True, group="drawn")


if __name__ == "__main__":
    run_script(main)
