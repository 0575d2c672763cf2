"""Which country a plate may be of, as far as its text tells: by the formats that are known here.

A text alone seldom tells more. Of labelled plates every Uzbek one fits a format of Uzbekistan and no other country's,
98% of the Vietnamese and 88% of the Czech ones do likewise, and 2% of the Chilean ones; a Chinese plate names its
province.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lp_recognition.plates.formats import list_formats, load_format
from lp_recognition.texts.vocabulary import plate_of

#: The provinces' codes of ISO 3166-2, by the character that a plate begins with.
_PROVINCES = {
    "皖": "ah", "沪": "sh", "津": "tj", "渝": "cq", "冀": "he", "晋": "sx", "蒙": "nm", "辽": "ln",
    "吉": "jl", "黑": "hl", "苏": "js", "浙": "zj", "京": "bj", "闽": "fj", "赣": "jx", "鲁": "sd",
    "豫": "ha", "鄂": "hb", "湘": "hn", "粤": "gd", "桂": "gx", "琼": "hi", "川": "sc", "贵": "gz",
    "云": "yn", "藏": "xz", "陕": "sn", "甘": "gs", "青": "qh", "宁": "nx", "新": "xj",
}  # fmt: skip
#: No country of its own: a format of many.
_MANY = "eu"
#: What a text tells that fits the formats of one known country: there are countries whose formats are not known here.
_ONE_OF_THE_KNOWN = 0.5
#: A text tells of a part of a country that was named no more than that it may be from that country.
_NAMED_PART = 0.5


@dataclass(frozen=True)
class Region:
    """A country, or a part of one.

    Attributes:
        code: As `cz`, or `cn-ah` of a province; `unknown` where nothing can be told.
        score: How sure that is, in [0, 1], where the text is right.
    """

    code: str
    score: float


UNKNOWN = Region("unknown", 0.0)


def region_of(text: str, named: Sequence[str] = ()) -> Region:
    """Where a plate is from.

    Args:
        text: What stands on it, in any way of writing it.
        named: Where it may be from, as who asks knows: codes such as `us-ca` or `cz`. The first whose country has a
            format that the text fits is believed.
    """
    plate = plate_of(text)
    if plate[:1] in _PROVINCES:
        return Region(f"cn-{_PROVINCES[plate[0]]}", 1.0)
    fitting = countries_of(text)
    for code in named:
        country, _, part = code.lower().partition("-")
        if country in fitting:
            return Region(code.lower(), _NAMED_PART if part else 1.0)
    if named or len(fitting - {_MANY}) != 1:
        return UNKNOWN
    [country] = fitting - {_MANY}
    return Region(country, _ONE_OF_THE_KNOWN)


def countries_of(text: str) -> frozenset[str]:
    """The countries of which a known format fits a text, by their codes."""
    plate = plate_of(text)
    return frozenset(code for code, pattern in _patterns().items() if pattern.fullmatch(plate))


def has_lines(texts: Sequence[str]) -> bool:
    """Whether a plate of a known format has these lines, from the top: as `京A` and `C9261`."""
    plates = [plate_of(text) for text in texts]
    return any(
        all(pattern.fullmatch(plate) for pattern, plate in zip(patterns, plates, strict=True))
        for patterns in _patterns_of_lines()
        if len(patterns) == len(plates)
    )


def is_known(code: str) -> bool:
    """Whether formats of a region's country are known."""
    return code.lower().partition("-")[0] in _patterns()


@functools.cache
def _patterns() -> dict[str, re.Pattern[str]]:
    """A pattern a country, of all its formats."""
    found: dict[str, set[str]] = {}
    for name in list_formats():
        found.setdefault(name.partition("_")[0], set()).update(load_format(name).patterns)
    return {code: re.compile("|".join(sorted(patterns))) for code, patterns in found.items()}


@functools.cache
def _patterns_of_lines() -> tuple[tuple[re.Pattern[str], ...], ...]:
    """The patterns of the lines of each layout of several, of all formats."""
    found = {lines for name in list_formats() for lines in load_format(name).patterns_by_line if len(lines) > 1}
    return tuple(tuple(map(re.compile, lines)) for lines in sorted(found))
