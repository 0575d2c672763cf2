"""Writing files so that a failed or interrupted write never harms what was there before."""

from __future__ import annotations

import codecs
import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lp_recognition.system.errors import UserError


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Gives a temporary path beside `path` to write to; renames it to `path` on success, removes it on failure.

    The folder is created where it is missing. The data are flushed to disk before the rename, so that after a crash
    `path` is either the old file or the whole new one. A device or pipe, such as `/dev/stdout`, stays what it is and is
    given the data.

    Raises:
        UserError: the folder or the file cannot be written (read-only, full, no permission), or it is a folder.
    """
    path = Path(path)
    temporary: Path | None = None
    if path.is_dir():
        raise UserError(f"{path}: cannot be written: it is a folder; name a file, such as {path / 'NAME'}")
    is_device = path.exists() and not path.is_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # The suffix stays last: some writers choose their format by it.
        folder = None if is_device else path.parent
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{path.stem}.", suffix=f".tmp{path.suffix}")
        os.close(handle)
        temporary = Path(name)
        temporary.chmod(0o666 & ~_umask())
        yield temporary
        if is_device:
            path.write_bytes(temporary.read_bytes())
            return
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written: {error.strerror or error}; nothing there was changed; make room, or name "
            "another place"
        ) from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes) -> None:
    """Writes `data` to `path` whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def write_text(path: str | Path, text: str) -> None:
    """Writes `text` to `path` in UTF-8, whole or not at all.

    What UTF-8 cannot hold, a byte of a file name in another encoding, is written as `\\udce9`, which JSON reads back.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def decode_text(data: bytes) -> str:
    """The text of a file that a person saved: UTF-8, with a byte-order mark or without, or UTF-16 with one.

    Raises:
        UnicodeDecodeError: it is in another encoding.
    """
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return data.decode("utf-16")
    return data.decode("utf-8-sig")


def expand_home(path: str) -> str:
    """The path with the home folder in the place of a leading `~/`; shells expand it only where a word begins."""
    return os.path.expanduser(path) if path == "~" or path.startswith(("~/", f"~{os.sep}")) else path


def is_same_file(one: str | Path, other: str | Path) -> bool:
    """Whether two paths name one file that is there, also by way of links."""
    return Path(one).exists() and Path(other).exists() and Path(one).samefile(other)


def check_folder(folder: str | Path) -> None:
    """Makes a folder and sees that it can be written to, before work whose result shall lie there.

    Raises:
        UserError: it cannot.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"{folder}: cannot be written to: {error.strerror or error}; name another folder") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
