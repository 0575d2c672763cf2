"""Cuts the surroundings of each plate out of the photographs of a list: what a second look at a plate sees.

Writes the pictures and plates.jsonl, a list of scenes as any other: a detector that is trained on it says where the
corners of a plate are that another one has found (config/lpd_corners.py).

examples:
  python -m utils.crop_scenes scenes/plates.jsonl --output close_ups
  python -m utils.crop_scenes scenes/plates.jsonl more/plates.jsonl --output close_ups --around 4 --overwrite
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.lists.scenes import Scene, ScenePlate

#: A close-up is at most so wide, in pixels, and twice as wide as high.
_WIDEST = 512


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("lists", nargs="+", type=Path, metavar="LIST", help="lists of scenes")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where to write; empty or new")
    parser.add_argument(
        "--around", type=float, default=3.0, metavar="TIMES", help="how many times as wide as its plate a cut is (3)"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace what an earlier run wrote there")
    arguments = parser.parse_args(argv)

    from lp_recognition.lists.scenes import read_scenes, write_scenes
    from lp_recognition.system.outputs import prepare_folder
    from lp_recognition.system.progress import progress_bar

    if not arguments.around >= 1.2:
        raise UserError(f"--around: expected 1.2 or more, received {arguments.around:g}")
    scenes, _ = read_scenes(arguments.lists)
    prepare_folder(arguments.output, arguments.overwrite, lists=("plates.jsonl",), images="*.jpg")
    cut: list[Scene] = []
    try:
        with progress_bar(len(scenes), "picture", "cutting") as tick:
            for scene in scenes:
                cut.extend(_close_ups(scene, arguments.output, arguments.around, len(cut)))
                tick(1)
    finally:
        if cut:
            write_scenes(arguments.output / "plates.jsonl", cut)
    print(f"{arguments.output}: {len(cut)} close-ups of {len(scenes)} photographs")
    return 0


def _close_ups(scene: Scene, folder: Path, around: float, number: int) -> Iterator[Scene]:
    """Cuts out and writes each plate's surroundings; the rows name them by their paths in the folder."""
    import cv2
    import numpy as np

    from lp_recognition.lists.scenes import Scene, read_picture
    from lp_recognition.system.outputs import write_drawn

    image = read_picture(scene) if scene.plates else None
    for plate in scene.plates:
        assert image is not None
        left, top, right, bottom = plate.box
        half = around * max(right - left, 1.6 * (bottom - top)) / 2
        x, y = (left + right) / 2, (top + bottom) / 2
        x0, y0 = max(0, round(x - half)), max(0, round(y - half / 2))
        part = image[y0 : round(y + half / 2), x0 : round(x + half)]
        scale = min(1.0, _WIDEST / part.shape[1])
        if scale < 1:
            wanted = (_WIDEST, max(1, round(part.shape[0] * scale)))
            part = np.asarray(cv2.resize(part, wanted, interpolation=cv2.INTER_AREA), np.uint8)
        path = f"images/{number:06d}.jpg"
        number += 1
        encoded = cv2.imencode(".jpg", part, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()
        write_drawn(folder, path, encoded, "plates.jsonl")
        seen = [_moved(one, (x0, y0), scale) for one in scene.plates]
        size = part.shape[:2]
        whole = [one for one in seen if _is_inside(one, size)]
        touched = [one for one in seen if not _is_inside(one, size) and _is_inside(one, size, wholly=False)]
        yield Scene(
            Path(path), size, tuple(whole), scene.complete and not touched, scene.group, scene.source, scene.more
        )


def _moved(plate: ScenePlate, origin: tuple[int, int], scale: float) -> ScenePlate:
    """The plate in pixels of a part that begins at `origin` and is scaled."""

    def move(x: float, y: float) -> tuple[float, float]:
        return (x - origin[0]) * scale, (y - origin[1]) * scale

    left, top, right, bottom = plate.box
    corners = None if plate.corners is None else tuple(move(*point) for point in plate.corners)
    guessed = None if plate.guessed_corners is None else tuple(move(*point) for point in plate.guessed_corners)
    return replace(plate, box=(*move(left, top), *move(right, bottom)), corners=corners, guessed_corners=guessed)


def _is_inside(plate: ScenePlate, size: tuple[int, int], *, wholly: bool = True) -> bool:
    left, top, right, bottom = plate.box
    if wholly:
        return left >= -1 and top >= -1 and right <= size[1] + 1 and bottom <= size[0] + 1
    return left < size[1] and top < size[0] and right > 0 and bottom > 0


if __name__ == "__main__":
    run_script(main)
