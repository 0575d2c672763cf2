"""Lists of scenes: a photograph a row, with the plates in it. The one reader and writer of the form.

A list is JSON lines, UTF-8, an object a row:

    {"image": "images/1.jpg", "width": 800, "height": 600, "complete": true, "set": "street", "plates": [
        {"box": [x, y, w, h], "corners": [[x, y], [x, y], [x, y], [x, y]], "text": "皖AY339S", "country": "cn"}]}

(in one line). `image` belongs to the folder of its list. Coordinates are pixels of the picture as it is shown, from the
outer corner of its first pixel. `box` may be left out where there are corners; `corners`, `text` and `country` may be
null or left out. `complete` says that *all* plates in the picture are annotated. `corners_auto` are corners that a
program guessed, where a person gave none. Other keys are kept, not looked at.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lp_recognition.boxes.corners import Point, area, order_corners, triangle_areas
from lp_recognition.boxes.intersection import Sides, sides_around
from lp_recognition.images.image import Image, read_image
from lp_recognition.system.errors import AnnotationError, ImageError, summarize
from lp_recognition.system.files import write_text

#: Corners and boxes may lie outside of the picture by this share of its size: a plate that the picture cuts.
_OUTSIDE = 1.0
_KEYS = ("image", "width", "height", "complete", "set", "plates")
_PLATE_KEYS = ("box", "corners", "corners_auto", "text", "country")


@dataclass(frozen=True)
class ScenePlate:
    """A plate in a scene.

    Attributes:
        box: `(left, top, right, bottom)` of the upright box around it, in pixels.
        corners: Left-up, right-up, right-bottom, left-bottom of the plate as its text is read; None where only the box
            is known.
        text: Its text; empty where it is not known.
        country: Its country, by whatever code the list uses; empty where it is not known.
        guessed_corners: Corners by a program's guess, or None.
        more: Other keys of the row.
    """

    box: Sides
    corners: tuple[Point, ...] | None = None
    text: str = ""
    country: str = ""
    guessed_corners: tuple[Point, ...] | None = None
    more: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """A photograph and the plates in it.

    Attributes:
        path: The picture, absolute or relative to the current folder.
        size: `(height, width)` in pixels.
        plates: The plates; none of a picture without.
        complete: Whether all plates of the picture are among them.
        group: The set that it belongs to, for figures by set; empty where there is none.
        source: Where the row stands, as `plates.jsonl:12`, for messages.
        more: Other keys of the row.
    """

    path: Path
    size: tuple[int, int]
    plates: tuple[ScenePlate, ...]
    complete: bool = False
    group: str = ""
    source: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)


def read_scenes(
    lists: str | Path | Sequence[str | Path], *, skip_bad_rows: bool = False
) -> tuple[list[Scene], list[str]]:
    """Reads one or several lists.

    Args:
        lists: A list or several; their rows are joined in order.
        skip_bad_rows: Go on after rows that cannot be used and return what is wrong with them.

    Returns:
        The scenes, and the problems that were skipped (empty unless `skip_bad_rows`).

    Raises:
        AnnotationError: a list is missing, not UTF-8 or without any row; or a row cannot be used.
    """
    paths = [Path(path) for path in ([lists] if isinstance(lists, (str, Path)) else lists)]
    if not paths:
        raise AnnotationError("expected at least one list of scenes, received none; set `file_list_path`")
    scenes: list[Scene] = []
    problems: list[str] = []
    seen: dict[Path, str] = {}
    for path in paths:
        for number, line in enumerate(_read_text(path).split("\n"), start=1):
            if not line.strip():
                continue
            source = f"{path}:{number}"
            try:
                scene = _parse(line, path.parent, source)
                if scene.path in seen:
                    raise ValueError(
                        f"image: expected each picture once, received {scene.path} as in {seen[scene.path]}"
                    )
            except ValueError as error:
                problems.append(f"{source}: {error}")
                continue
            seen[scene.path] = source
            scenes.append(scene)
    if problems and not skip_bad_rows:
        hint = "" if len(problems) == 1 else f" ({len(problems)} bad rows)"
        raise AnnotationError(summarize(problems) + hint)
    if not scenes:
        raise AnnotationError(f"{', '.join(map(str, paths))}: expected rows of scenes, received none that can be used")
    return scenes, problems


def read_picture(scene: Scene) -> Image:
    """Reads the picture of a scene, as it is shown: BGR uint8 `(h, w, 3)`.

    Raises:
        AnnotationError: its size is not the one that the row states, by which its plates are placed.
        ImageError: it is missing or none; with the row that names it.
    """
    place = f"{scene.source}: " if scene.source else ""
    try:
        image = read_image(scene.path)
    except ImageError as error:
        raise ImageError(f"{place}{error}") from None
    height, width = image.shape[:2]
    if scene.size != (height, width):
        raise AnnotationError(
            f"{place or f'{scene.path}: '}width, height: expected {width}x{height} (the picture's, as it is shown), "
            f"received {scene.size[1]}x{scene.size[0]}"
        )
    return image


def write_scenes(path: str | Path, scenes: Iterable[Scene]) -> None:
    """Writes scenes that `read_scenes` reads back; the paths of pictures as they are. Whole or not at all."""
    write_text(path, "".join(f"{format_scene(scene)}\n" for scene in scenes))


def format_scene(scene: Scene) -> str:
    """A scene as a row of a list, without the line feed."""
    height, width = scene.size
    row: dict[str, Any] = {"image": str(scene.path), "width": width, "height": height, "complete": scene.complete}
    if scene.group:
        row["set"] = scene.group
    row["plates"] = [_plate_row(plate) for plate in scene.plates]
    return json.dumps({**row, **scene.more}, ensure_ascii=False)


def _plate_row(plate: ScenePlate) -> dict[str, Any]:
    left, top, right, bottom = plate.box
    guessed = {} if plate.guessed_corners is None else {"corners_auto": _corner_row(plate.guessed_corners)}
    return {
        "box": [_rounded(value) for value in (left, top, right - left, bottom - top)],
        "corners": _corner_row(plate.corners),
        **guessed,
        "text": plate.text or None,
        "country": plate.country or None,
        **plate.more,
    }


def _corner_row(corners: tuple[Point, ...] | None) -> list[list[float]] | None:
    return None if corners is None else [[_rounded(x), _rounded(y)] for x, y in corners]


def _rounded(value: float) -> float:
    return round(float(value), 2)


def _read_text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise AnnotationError(f"{path}: expected a list of scenes, received no such file") from None
    except IsADirectoryError:
        raise AnnotationError(f"{path}: expected a list of scenes, received a folder") from None
    except UnicodeDecodeError as error:
        raise AnnotationError(f"{path}: expected UTF-8 text, received byte {error.start} of another encoding") from None
    except OSError as error:
        raise AnnotationError(f"{path}: cannot be read: {error.strerror}") from None


def _parse(line: str, folder: Path, source: str) -> Scene:
    """Reads a row.

    Raises:
        ValueError: what was expected and received, without the place.
    """
    try:
        row = json.loads(line, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("expected a scene, received JSON of endless depth") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"expected a JSON object, received {line[:40]!r} ({error.msg})") from None
    if not isinstance(row, dict):
        raise ValueError(f"expected a JSON object, received {line[:40]!r}")
    for key in ("image", "width", "height", "plates"):
        if key not in row:
            raise ValueError(f"expected the key `{key}`, received {', '.join(map(repr, row)) or 'none'}")
    image = row["image"]
    if not isinstance(image, str) or not image or "\0" in image:
        raise ValueError(f"image: expected a path, received {image!r}")
    size = (_side(row["height"], "height"), _side(row["width"], "width"))
    if not isinstance(row["plates"], list):
        raise ValueError(f"plates: expected a list, received {type(row['plates']).__name__}")
    complete = row.get("complete", False)
    if not isinstance(complete, bool):
        raise ValueError(f"complete: expected true or false, received {complete!r}")
    plates = tuple(_parse_plate(plate, size, number) for number, plate in enumerate(row["plates"], start=1))
    more = {key: value for key, value in row.items() if key not in _KEYS}
    return Scene(folder / image, size, plates, complete, _text(row.get("set"), "set"), source, more)


def _parse_plate(plate: Any, size: tuple[int, int], number: int) -> ScenePlate:
    place = f"plate {number}"
    if not isinstance(plate, dict):
        raise ValueError(f"{place}: expected an object, received {plate!r}")
    corners, guessed = (_parse_corners(plate.get(key), key, place) for key in ("corners", "corners_auto"))
    box = _parse_box(plate.get("box"), place)
    if box is None:
        if corners is None:
            raise ValueError(f"{place}: expected a box or corners, received neither")
        box = sides_around(corners)
    height, width = size
    left, top, right, bottom = box
    if right <= 0 or bottom <= 0 or left >= width or top >= height:
        raise ValueError(f"{place}: expected a plate in the picture of {width}x{height}, received one outside of it")
    for x, y in (*(corners or ()), *(guessed or ())):
        if not (
            -_OUTSIDE * width <= x <= (1 + _OUTSIDE) * width and -_OUTSIDE * height <= y <= (1 + _OUTSIDE) * height
        ):
            raise ValueError(f"{place}: expected corners near the picture of {width}x{height}, received ({x:g}, {y:g})")
    more = {key: value for key, value in plate.items() if key not in _PLATE_KEYS}
    text, country = _text(plate.get("text"), f"{place}: text"), _text(plate.get("country"), f"{place}: country")
    return ScenePlate(box, corners, text, country, guessed, more)


def _parse_box(values: Any, place: str) -> Sides | None:
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != 4:
        raise ValueError(f"{place}: box: expected [x, y, width, height], received {values!r}")
    x, y, width, height = (_number(value, f"{place}: box") for value in values)
    if width <= 0 or height <= 0:
        raise ValueError(f"{place}: box: expected a width and a height above 0, received {width:g} and {height:g}")
    return x, y, x + width, y + height


def _parse_corners(values: Any, key: str, place: str) -> tuple[Point, ...] | None:
    if values is None:
        return None
    if not isinstance(values, list) or len(values) != 4 or not all(isinstance(p, list) and len(p) == 2 for p in values):
        raise ValueError(f"{place}: {key}: expected four [x, y], received {values!r}")
    corners = tuple((_number(x, f"{place}: {key}"), _number(y, f"{place}: {key}")) for x, y in values)
    if len(set(corners)) < 4 or min(triangle_areas(corners)) <= 0:
        try:
            right_order = order_corners(corners)
        except ValueError:
            right_order = None
        if right_order is None or abs(area(right_order)) < 1e-6:
            raise ValueError(f"{place}: {key}: expected four that span an area, received {values}")
        raise ValueError(
            f"{place}: {key}: expected left-up, right-up, right-bottom, left-bottom, received another order: "
            f"{values}; in order they are {[list(point) for point in right_order]}"
        )
    return corners


def _side(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name}: expected pixels, received {value!r}")
    return value


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ValueError(f"{name}: expected a number, received {value!r}")
    return float(value)


def _text(value: Any, name: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"{name}: expected a text, received {value!r}")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"expected numbers, received {name}")
