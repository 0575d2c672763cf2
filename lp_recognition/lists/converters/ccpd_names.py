"""File names of CCPD: all that is known of an image stands in its name, seven fields joined by `-`.

025-95_113-154&383_386&473-386&473_177&454_154&383_363&402-0_0_22_27_27_33_16-37-15.jpg
area, tilt, box, corners, characters, brightness, blurriness
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lp_recognition.system.errors import UserError
from lp_recognition.texts.vocabulary import PROVINCE_NAMES

#: The tables that the indices of a name point into. The last of each, O, means "no character".
PROVINCES = "皖沪津渝冀晋蒙辽吉黑苏浙京闽赣鲁豫鄂湘粤桂琼川贵云藏陕甘青宁新警学O"
LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZO"
CHARACTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789O"

_POINT = r"-?\d+&-?\d+"
_NAME = re.compile(
    rf"(?P<area>\d+)-(?P<tilt>-?\d+_-?\d+)-(?P<box>{_POINT}_{_POINT})-(?P<corners>{_POINT}(?:_{_POINT}){{3}})"
    r"-(?P<indices>\d+(?:_\d+)*)-(?P<brightness>-?\d+)-(?P<blurriness>-?\d+)"
)
_FORM = "area-tilt-box-corners-characters-brightness-blurriness"
Point = tuple[int, int]


class CcpdNameError(UserError):
    """A file name that is no CCPD name: `kind: details`."""


@dataclass(frozen=True)
class CcpdName:
    """What a file name of CCPD says.

    Attributes:
        area: Share of the image that the plate covers, as written (the editions scale it differently).
        tilt: Horizontal and vertical tilt, degrees.
        box: Left-up and right-bottom corner of the box, `(x, y)`.
        corners: Right-bottom, left-bottom, left-up, right-up corner of the plate, in the order of the name.
        indices: Indices of the characters: province, letter, five or six more.
        brightness: Of the plate's region.
        blurriness: Of the plate's region; small is blurred.
    """

    area: str
    tilt: Point
    box: tuple[Point, Point]
    corners: tuple[Point, Point, Point, Point]
    indices: tuple[int, ...]
    brightness: int
    blurriness: int

    @property
    def label(self) -> str:
        """The text of the plate, as 皖AY339S."""
        return "".join(table[index] for table, index in zip(_tables(self.indices), self.indices, strict=True))

    @property
    def label_with_names(self) -> str:
        """The text with the name of the province, as `<Anhui>AY339S`."""
        return PROVINCE_NAMES[self.label[0]] + self.label[1:]


def parse_name(stem: str) -> CcpdName:
    """Reads a file name of CCPD.

    Args:
        stem: The name without its suffix.

    Raises:
        CcpdNameError: fields missing or malformed, an index outside its table, or a place marked as "no character".
    """
    match = _NAME.fullmatch(stem)
    if match is None:
        raise CcpdNameError(f"broken name: expected the seven fields {_FORM}, received {stem}")
    indices = tuple(int(index) for index in match["indices"].split("_"))
    if len(indices) not in (7, 8):
        raise CcpdNameError(f"broken name: expected 7 or 8 characters, received {len(indices)} ({match['indices']})")
    for place, (table, index) in enumerate(zip(_tables(indices), indices, strict=True), start=1):
        if index >= len(table):
            raise CcpdNameError(f"broken name: character {place}: expected below {len(table)}, received {index}")
        if index == len(table) - 1:
            raise CcpdNameError(f"broken name: character {place}: received {index}, which means 'no character'")
    left_up, right_bottom = _points(match["box"])
    first, second, third, fourth = _points(match["corners"])
    horizontal, vertical = match["tilt"].split("_")
    return CcpdName(
        area=match["area"],
        tilt=(int(horizontal), int(vertical)),
        box=(left_up, right_bottom),
        corners=(first, second, third, fourth),
        indices=indices,
        brightness=int(match["brightness"]),
        blurriness=int(match["blurriness"]),
    )


def format_name(name: CcpdName) -> str:
    """Writes a file name of CCPD, without a suffix: the inverse of `parse_name`."""
    fields = [
        name.area,
        "_".join(map(str, name.tilt)),
        "_".join(f"{x}&{y}" for x, y in name.box),
        "_".join(f"{x}&{y}" for x, y in name.corners),
        "_".join(map(str, name.indices)),
        str(name.brightness),
        str(name.blurriness),
    ]
    return "-".join(fields)


def label_indices(label: str) -> tuple[int, ...]:
    """The indices of a plate's characters: the inverse of `CcpdName.label`.

    Raises:
        CcpdNameError: a character that is not in its table.
    """
    try:
        return tuple(table.index(character) for table, character in zip(_tables(label), label, strict=True))
    except ValueError:
        raise CcpdNameError(f"label: expected a Chinese plate of 7 or 8 characters, received {label!r}") from None


def _tables(indices: Sequence[Any]) -> list[str]:
    return [PROVINCES, LETTERS, *[CHARACTERS] * (len(indices) - 2)]


def _points(text: str) -> list[Point]:
    pairs = (pair.split("&") for pair in text.split("_"))
    return [(int(x), int(y)) for x, y in pairs]
