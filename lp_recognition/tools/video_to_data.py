"""Makes training data of a video: frames, labels of the plates that are read in them (YOLO, KITTI, scenes), and crops.

Below the folder lie images/; labels_yolo/ and labels_kitti/, a text file of the image's name each; scenes.jsonl, the
list that train_lpd.py takes; crops/, and crops.txt, the list `path LABEL` that train_lpr.py takes. What a model reads
may be wrong: look through it before it is trained on (utils.check_annotations). Stopped and started again it goes on;
several videos of different names go into one folder.

examples:
  python -m utils.video_to_data drive.mp4 --output data/ --every 100
  python -m utils.video_to_data drive.mp4 --output data/ --every 25 --min_confidence 0.8 --reader lprnet_cn
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.model_files.pretrained import DEFAULT_CORNERS, DEFAULT_DETECTOR, DEFAULT_READERS, named_corners
from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser, parse_share

if TYPE_CHECKING:
    from lp_recognition.images.image import Image
    from lp_recognition.lists.scenes import Scene, ScenePlate
    from lp_recognition.reading.alpr import AlprPlate

_SCENES, _CROPS = "scenes.jsonl", "crops.txt"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the script; see the top of the file."""
    parser = ScriptParser(__doc__)
    parser.add_argument("video", help="a video file, or a folder of pictures")
    parser.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where to write")
    parser.add_argument("--every", type=int, default=100, metavar="N", help="take each n-th frame (%(default)s)")
    parser.add_argument("--min_confidence", type=parse_share, default=0.0, metavar="SHARE",
                        help="leave out plates that are read less surely (%(default)s)")  # fmt: skip
    parser.add_argument("--detector", default=DEFAULT_DETECTOR, metavar="NAME_OR_FILE", help="(%(default)s)")
    parser.add_argument("--corners", default=DEFAULT_CORNERS, metavar="NAME_OR_FILE", help="or off (%(default)s)")
    parser.add_argument("--reader", action="append", metavar="NAME_OR_FILE", help=f"({' and '.join(DEFAULT_READERS)})")
    parser.add_argument(
        "--tiles", choices=("auto", "on", "off"), default="auto", help="as of `alpr read` (%(default)s)"
    )
    arguments = parser.parse_args(argv)
    if arguments.every < 1:
        raise UserError(f"--every: expected at least 1, received {arguments.every}")

    from lp_recognition.reading.alpr import Alpr
    from lp_recognition.system.progress import progress_bar
    from lp_recognition.video.opening import open_source

    source = open_source(arguments.video, every=arguments.every)
    if source.is_live:
        raise UserError(f"{source.name}: expected a video file or a folder of pictures, received a live source")
    folder = _DataFolder(arguments.output)
    alpr = Alpr(arguments.detector, arguments.reader or DEFAULT_READERS, corners=named_corners(arguments.corners))
    stem = re.sub(r"[^\w.-]+", "-", Path(source.name).stem)
    written, problem = 0, None
    with progress_bar(source.total and -(-source.total // arguments.every), "frame", source.name) as advance:
        try:
            for frame in source.frames():
                name = f"{stem}_{frame.number:06}"
                if name not in folder:
                    plates = alpr.read(frame.image, tiles=arguments.tiles)
                    folder.add(name, frame.image, [one for one in plates if one.confidence >= arguments.min_confidence])
                    written += 1
                advance(1)
        except UserError as error:  # a truncated video: what was read of it counts
            problem = error
    frames, crops = folder.finish()
    print(f"{frames} frames and {crops} crops in {arguments.output}, {written} frames of them new")
    if problem is not None:
        raise problem
    return 0


class _DataFolder:
    """The folder that is written; a frame is in it once its row is in the list of scenes."""

    def __init__(self, folder: Path) -> None:
        from lp_recognition.system.files import check_folder

        self._folder = folder
        for name in ("images", "labels_yolo", "labels_kitti", "crops"):
            check_folder(folder / name)
        self._list = folder / _SCENES
        rows = self._list.read_bytes() if self._list.exists() else b""
        whole = rows[: rows.rfind(b"\n") + 1]  # a row that was cut off is written anew
        if whole != rows:
            self._list.write_bytes(whole)
        self._names = set(re.findall(r'^\{"image": "images/([^"]+)\.jpg"', whole.decode(), re.MULTILINE))

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def add(self, name: str, image: Image, plates: Sequence[AlprPlate]) -> None:
        """Writes a frame with its labels and crops, and at last its row."""
        from lp_recognition.images.image import write_image
        from lp_recognition.lists.scenes import Scene, format_scene
        from lp_recognition.system.files import write_text

        size = (image.shape[0], image.shape[1])
        inside = [one for one in plates if _clipped(one.box, size) is not None]
        scene = Scene(
            Path("images") / f"{name}.jpg", size, tuple(map(_scene_plate, inside)), group=name.rpartition("_")[0]
        )
        write_image(self._folder / scene.path, image)
        write_text(self._folder / "labels_yolo" / f"{name}.txt", "".join(_yolo_row(one.box, size) for one in inside))
        write_text(
            self._folder / "labels_kitti" / f"{name}.txt",
            "".join(_kitti_row(one.box, size, one.detection_confidence) for one in inside),
        )
        for number, plate in enumerate(inside):
            write_image(self._folder / _crop_path(name, number), plate.image)
        with self._list.open("a", encoding="utf-8") as file:
            file.write(f"{format_scene(scene)}\n")
        self._names.add(name)

    def finish(self) -> tuple[int, int]:
        """Writes the list of crops; returns how many frames and crops there are."""
        from lp_recognition.lists.annotations import write_annotations
        from lp_recognition.lists.scenes import read_scenes

        scenes: list[Scene] = read_scenes(self._list)[0] if self._names else []
        crops = [
            (_crop_path(scene.path.stem, number), plate.text)
            for scene in scenes
            for number, plate in enumerate(scene.plates)
            if plate.text
        ]
        if crops:
            write_annotations(self._folder / _CROPS, crops)
        return len(scenes), len(crops)


def _crop_path(name: str, number: int) -> Path:
    """By frame and place, not by text: two crops of one text are two."""
    return Path("crops") / f"{name}_{number}.png"


def _scene_plate(plate: AlprPlate) -> ScenePlate:
    from lp_recognition.boxes.corners import triangle_areas
    from lp_recognition.lists.scenes import ScenePlate

    x, y, width, height = plate.box
    corners = tuple((round(float(x), 2), round(float(y), 2)) for x, y in plate.corners)
    is_sound = min(triangle_areas(corners)) > 0
    more = {"confidence": round(plate.confidence, 4), "score": round(plate.detection_confidence, 4)}
    return ScenePlate((x, y, x + width, y + height), corners if is_sound else None, plate.text, more=more)


def _clipped(box: tuple[float, float, float, float], size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """Left, top, right, bottom of the part of a box that lies in a picture; None where none does."""
    x, y, width, height = box
    left, top, right, bottom = max(0.0, x), max(0.0, y), min(size[1], x + width), min(size[0], y + height)
    return (left, top, right, bottom) if right > left and bottom > top else None


def _yolo_row(box: tuple[float, float, float, float], size: tuple[int, int]) -> str:
    """Class, middle, width and height in shares of the picture: of the part that lies in it, so that all fit."""
    left, top, right, bottom = _clipped(box, size) or (0, 0, 0, 0)
    height, width = size
    shares = ((left + right) / 2 / width, (top + bottom) / 2 / height, (right - left) / width, (bottom - top) / height)
    return f"0 {' '.join(f'{share:.6f}' for share in shares)}\n"


def _kitti_row(box: tuple[float, float, float, float], size: tuple[int, int], score: float) -> str:
    """Type, truncation, occlusion (unknown), angle, box in pixels, seven numbers of space that are unknown, score."""
    left, top, right, bottom = _clipped(box, size) or (0, 0, 0, 0)
    truncated = max(0.0, 1 - (right - left) * (bottom - top) / (box[2] * box[3]))
    place = " ".join(f"{value:.2f}" for value in (left, top, right, bottom))
    return f"plate {truncated:.2f} 3 -10 {place} -1 -1 -1 -1000 -1000 -1000 -10 {score:.4f}\n"


if __name__ == "__main__":
    run_script(main)
