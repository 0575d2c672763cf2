"""One training a folder: two at a time would mix their checkpoints."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from lp_recognition.system.errors import UserError
from lp_recognition.system.files import check_folder

try:
    import fcntl
except ImportError:  # not a POSIX system: there a folder has no owner
    fcntl = None  # type: ignore[assignment]

_LOCK = ".training.lock"


@contextlib.contextmanager
def owned(folder: str | Path) -> Iterator[None]:
    """Makes a folder this training's own until it ends, in whatever way: the system takes back a dead one's lock.

    A folder that was made for it and is still empty in the end, because nothing came of the training, goes again.

    Raises:
        UserError: another training has it, or it cannot be written to.
    """
    folder = Path(folder)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        check_folder(folder)
        with _locked(folder) if fcntl is not None else contextlib.nullcontext():
            yield
    finally:
        for path in made:
            with contextlib.suppress(OSError):  # it holds what the training made
                path.rmdir()


@contextlib.contextmanager
def _locked(folder: Path) -> Iterator[None]:
    path = folder / _LOCK
    try:
        descriptor = _open_and_lock(path)
    except BlockingIOError:
        raise UserError(
            f"{folder}: expected a folder that no other training writes into, received that of {_owner(path)}; wait "
            "for its end, stop it, or name another model_dir"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: cannot be locked: {error.strerror or error}; name another model_dir") from None
    try:
        since = datetime.datetime.now().strftime("%Y-%m-%d %H:%M:%S")
        owner = json.dumps({"pid": os.getpid(), "host": platform.node(), "since": since})
        with contextlib.suppress(OSError):  # on a full disk the lock holds all the same
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, owner.encode(), 0)
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is still ours
        os.close(descriptor)


def _open_and_lock(path: Path) -> int:
    """Opens and locks a file, the one that bears the name: its last owner may just have taken it away."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _owner(path: Path) -> str:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return f"process {record['pid']} on {record['host']}, there since {record['since']}"
    except (OSError, ValueError, KeyError, TypeError):  # it has just come, or is just going
        return "another process"
