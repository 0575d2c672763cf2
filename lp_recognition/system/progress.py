"""Progress bars on standard error, where tqdm is there to draw them: the light install has none."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def progress_bar(total: int | None, unit: str, description: str | None = None) -> Iterator[Callable[[int], object]]:
    """Shows how far some work has come, on a terminal alone; the bar is gone when the work is done.

    Args:
        total: How many there are; None where that is not known.
        unit: Of what, in the singular.
        description: A name that stands before the bar.

    Yields:
        What to call with the number done since the last call.
    """
    try:
        from tqdm import tqdm
    except ImportError:
        yield lambda count: None
        return
    with tqdm(
        total=total, desc=description, unit=f" {unit}", file=sys.stderr, disable=None, leave=False
    ) as bar:  # disable=None: not where standard error is a file or a pipe
        yield bar.update
