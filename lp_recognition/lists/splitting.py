"""Splitting a list by plate: no plate on two sides, every first character in the same shares, the same split again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from lp_recognition.lists.annotations import Annotation
from lp_recognition.system.errors import UserError
from lp_recognition.texts.vocabulary import plate_of, split_symbols


def split_by_plate(rows: Sequence[Annotation], shares: Mapping[str, float], seed: int) -> dict[str, list[Annotation]]:
    """Splits rows so that all images of a plate are on one side.

    The order of plates comes from a hash of seed and plate, so neither the order of rows nor the version of a library
    changes a split. Going through the first characters one after another, each plate goes where most images are owed:
    so the shares hold for every first character within a plate or two, and for the whole.

    Args:
        rows: Rows of a list.
        shares: Part -> its share of the images, adding up to 1.
        seed: Another seed, another split.

    Returns:
        Part -> its rows, in the order of the list.

    Raises:
        UserError: shares that are none, or fewer plates than parts.
    """
    if any(not 0 <= share <= 1 for share in shares.values()) or abs(sum(shares.values()) - 1) > 1e-6:
        raise UserError(f"shares: expected shares between 0 and 1 that add up to 1, received {_listed(shares)}")
    plates: dict[str, int] = {}
    for row in rows:
        plate = plate_of(row.label)
        plates[plate] = plates.get(plate, 0) + 1
    wanted = [part for part, share in shares.items() if share > 0]
    if len(plates) < len(wanted):
        raise UserError(f"expected at least {len(wanted)} plates for {_listed(shares)}, received {len(plates)}")

    owed = dict.fromkeys(wanted, 0.0)
    side: dict[str, str] = {}
    for plate in sorted(plates, key=lambda plate: (split_symbols(plate)[0], _rank(plate, seed))):
        for part in wanted:
            owed[part] += shares[part] * plates[plate]
        side[plate] = max(wanted, key=lambda part: owed[part])
        owed[side[plate]] -= plates[plate]
    parts: dict[str, list[Annotation]] = {part: [] for part in wanted}
    for row in rows:
        parts[side[plate_of(row.label)]].append(row)
    empty = [part for part, chosen in parts.items() if not chosen]
    if empty:
        raise UserError(
            f"{', '.join(empty)}: expected rows, received none: the list is too short for {_listed(shares)}"
        )
    return parts


def _rank(plate: str, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}:{plate}".encode(), digest_size=16).digest()


def _listed(shares: Mapping[str, float]) -> str:
    return ", ".join(f"{part} {share:g}" for part, share in shares.items())
