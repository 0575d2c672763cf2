"""Splitting a list by plate: no plate on two sides, every first character in the same shares, the same split again."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Mapping, Sequence

from lp_recognition.lists.annotations import Annotation
from lp_recognition.system.errors import UserError
from lp_recognition.texts.vocabulary import plate_of, split_symbols

_GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


def split_by_plate(rows: Sequence[Annotation], shares: Mapping[str, float], seed: int) -> dict[str, list[Annotation]]:
    """Splits rows so that all images of a plate are on one side, and the sides are alike.

    Plates are ordered by first character, then by number of images, then by chance (a hash of seed and plate), and
    dealt out by a lattice: in n plates, plate i gets the place `(start + i * step) mod n`, and each part a range of the
    places. With a step near the golden section of n, neighbours fall far apart, so in every stretch of the order each
    part has nearly its share: of every first character, and of the plates with one image as of those with fifty. A
    start by chance makes every place as likely for every plate, so that a plate comes into a part with the probability
    of the part's share, however many images it has: what is measured on one part holds for another.

    Neither the order of rows nor the version of a library changes a split.

    Args:
        rows: Rows of a list.
        shares: Part -> its share of the plates, adding up to 1; its share of the images is as near as plates allow.
        seed: Another seed, another split.

    Returns:
        Part -> its rows, in the order of the list.

    Raises:
        UserError: shares that are none, or fewer plates than parts.
    """
    if any(not 0 <= share <= 1 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise UserError(f"shares: expected shares between 0 and 1 that add up to 1, received {_listed(shares)}")
    images = Counter(plate_of(row.label) for row in rows)
    wanted = {part: share for part, share in shares.items() if share > 0}
    if len(images) < len(wanted):
        raise UserError(f"expected at least {len(wanted)} plates for {_listed(shares)}, received {len(images)}")

    order = sorted(images, key=lambda plate: (split_symbols(plate)[0], images[plate], _chance(plate, seed)))
    count = len(order)
    part_of_place = [part for part, size in _sizes(wanted, count).items() for _ in range(size)]
    start, step = _chance("start", seed) % count, _step(count)
    side = {plate: part_of_place[(start + index * step) % count] for index, plate in enumerate(order)}
    parts: dict[str, list[Annotation]] = {part: [] for part in wanted}
    for row in rows:
        parts[side[plate_of(row.label)]].append(row)
    return parts


def _sizes(shares: Mapping[str, float], count: int) -> dict[str, int]:
    """The number of plates of each part: at least one, and the largest takes what rounding leaves."""
    sizes = {part: max(1, round(share * count)) for part, share in shares.items()}
    sizes[max(shares, key=lambda part: shares[part])] += count - sum(sizes.values())
    return sizes


def _step(count: int) -> int:
    """The number nearest to the golden section of `count` that has no divisor in common with it."""
    coprime = (step for step in range(1, count + 1) if math.gcd(step, count) == 1)
    return min(coprime, key=lambda step: abs(step - _GOLDEN_RATIO * count))


def _chance(text: str, seed: int) -> int:
    return int.from_bytes(hashlib.blake2b(f"{seed}:{text}".encode(), digest_size=16).digest(), "big")


def _listed(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {share:g}" for part, share in shares.items())
