"""Where exports go: nothing that is there is replaced unasked."""

from __future__ import annotations

import shutil
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


def prepare_folder(folder: Path, overwrite: bool, *, lists: Sequence[str], images: str, below: str = "images") -> None:
    """Makes a folder for drawn pictures, `images/` below it; or takes from it what an earlier run drew there.

    Args:
        folder: The folder.
        overwrite: Replace what an earlier run drew.
        lists: Files that name the pictures; they go first.
        images: The pictures in `images/`, as a pattern; those whose names are numbers go, folders of pictures too.
        below: Another name for `images`.

    Raises:
        UserError: it is a file, or holds something and may not be replaced.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: expected a folder, received a file; name another --output")
    if folder.exists() and any(folder.iterdir()):
        if not overwrite:
            raise UserError(f"{folder}: expected an empty folder; name another --output, or add --overwrite")
        for name in lists:
            (folder / name).unlink(missing_ok=True)
        for image in folder.glob(f"{below}/{images}"):
            if image.stem.isdigit() and image.is_dir():
                shutil.rmtree(image)
            elif image.stem.isdigit():
                image.unlink()
    (folder / below).mkdir(parents=True, exist_ok=True)


def write_drawn(folder: Path, path: str, data: bytes, list_name: str) -> None:
    """Writes one of thousands of pictures, whole or not at all, without waiting for the disk.

    Raises:
        UserError: it cannot be written.
    """
    try:
        (folder / path).write_bytes(data)
    except BaseException as error:
        (folder / path).unlink(missing_ok=True)
        if not isinstance(error, OSError):
            raise
        message = f"{folder / path}: cannot be written: {error.strerror}; {list_name} lists those that were"
        raise UserError(message) from None
