"""Regular expressions of legal plates, as settings give them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence


def legal_patterns(patterns: Sequence[str]) -> tuple[str, ...]:
    """Regular expressions in the form in which labels are read, NFC.

    Raises:
        ValueError: one is none.
    """
    patterns = tuple(unicodedata.normalize("NFC", pattern) for pattern in patterns)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"expected a regular expression, received {pattern!r} ({error})") from None
    return patterns
