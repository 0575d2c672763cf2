"""What stands in lists more than once: plates, pictures, and pictures that look the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from lp_recognition.images.near_duplicates import find_near_pairs
from lp_recognition.lists.image_facts import BLANK_DEVIATION, ImageFacts
from lp_recognition.lists.problems import Problem, Row


def plates_in_two_lists(rows: Sequence[Row], names: Sequence[str]) -> list[Problem]:
    """The leak: plates, however their province is written, that stand in more than one list."""
    places: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        places[row.plate].append(row)
    problems = []
    for plate, found in sorted(places.items()):
        if len({row.list_index for row in found}) > 1:
            problems.append(Problem("plate in two lists", f"{plate}: {_where(found, names)}", tuple(found)))
    return problems


def copies(rows: Sequence[Row], images: Mapping[Path, ImageFacts], names: Sequence[str]) -> list[Problem]:
    """Pictures with the very same pixels, whatever their files are called."""
    places: dict[bytes, list[Row]] = defaultdict(list)
    for row in rows:
        if images[row.annotation.path].digest:
            places[images[row.annotation.path].digest].append(row)
    problems = []
    for found in places.values():
        if len(found) > 1:
            message = f"{_sources(found)}: {_labels(found)}"
            if len({row.plate for row in found}) > 1:
                problems.append(Problem("two labels", message, tuple(found)))
            if len({row.list_index for row in found}) > 1:
                problems.append(Problem("image in two lists", f"{message}: {_where(found, names)}", tuple(found)))
            elif len({row.plate for row in found}) == 1:
                problems.append(Problem("copy", message, tuple(found)))
    return problems


def near_copies(
    rows: Sequence[Row], images: Mapping[Path, ImageFacts], names: Sequence[str], distance: int
) -> list[Problem]:
    """Pairs of pictures that look the same and are not the very same."""
    if distance < 0:
        return []
    of_digest: dict[bytes, list[Row]] = defaultdict(list)
    for row in rows:
        facts = images[row.annotation.path]
        if facts.bits is not None and facts.contrast >= BLANK_DEVIATION:
            of_digest[facts.digest].append(row)
    groups = list(of_digest.values())
    bits = [images[group[0].annotation.path].bits for group in groups]
    problems = []
    for first, second, near in find_near_pairs([bit for bit in bits if bit is not None], distance):
        pair = (groups[first][0], groups[second][0])
        both = [*groups[first], *groups[second]]
        message = f"{_sources(pair)}: {_labels(pair)}, {near} of 256 bits apart"
        one_plate = len({row.plate for row in both}) == 1
        if not one_plate:
            problems.append(Problem("other label, look alike", message, pair))
        elif len({row.list_index for row in both}) > 1:
            problems.append(Problem("image in two lists", f"{message}: {_where(both, names)}", tuple(both)))
        else:
            problems.append(Problem("near copy", message, pair))
    return problems


def _where(rows: Sequence[Row], names: Sequence[str]) -> str:
    counts = Counter(row.list_index for row in rows)
    return " and ".join(f"{counts[index]} in {names[index]}" for index in sorted(counts))


def _sources(rows: Sequence[Row]) -> str:
    shown = ", ".join(row.annotation.source for row in rows[:4])
    return shown if len(rows) <= 4 else f"{shown} and {len(rows) - 4} more"


def _labels(rows: Sequence[Row]) -> str:
    return " / ".join(dict.fromkeys(row.label for row in rows))
