"""Where exports go: nothing that is there is replaced unasked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lp_recognition.system.errors import UserError


def refuse_existing(paths: Sequence[Path], overwrite: bool, option: str) -> None:
    """Raises where one of the files to write is there already, unless it may be overwritten.

    Raises:
        UserError: by name, and how to go on; `option` is the one that names another place.
    """
    existing = [path for path in paths if path.exists()]
    if existing and not overwrite:
        raise UserError(
            f"{existing[0]}: expected no such file yet, received one; name another place with {option}, or add "
            "--overwrite to replace it"
        )
