"""One program at a time: who writes a source, and who delivers to a target, of a database that several share.

The operating system, or the server, takes a claim back when its program ends in whatever way: no time has to pass until
a program that was killed can be started again.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

try:
    import fcntl
except ImportError:  # not a POSIX system: there nothing is claimed
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from typing_extensions import Self


#: A machine that went away without a word loses its claims at the server within a minute or so.
_KEEPALIVE = {"tcp_keepalives_idle": 30, "tcp_keepalives_interval": 10, "tcp_keepalives_count": 3}


class Claim:
    """Something that one program has for itself until it is released; a context manager does that."""

    def __init__(self, name: str, file: int | None = None, connection: Connection | None = None) -> None:
        self.name = name
        self._file = file
        self._connection = connection

    def holds(self) -> bool:
        """Whether it is still this program's: a server that was started again knows nothing of it."""
        if self._connection is None:
            return self._file is not None
        try:
            self._connection.execute(text("SELECT 1"))
        except DBAPIError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Lets others have it."""
        if self._file is not None:
            os.close(self._file)
        if self._connection is not None:
            self._connection.invalidate()  # its lock belongs to the connection to the server
            self._connection.close()
        self._file = self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.release()


def claim(engine: Engine, name: str) -> Claim | None:
    """Claims something by its name; None where another program, or another part of this one, has it.

    Raises:
        OSError: the folder of an SQLite database cannot be written to.
        DBAPIError: the server does not answer.
    """
    number = hashlib.sha256(name.encode("utf-8", "backslashreplace")).digest()[:8]
    if engine.dialect.name == "postgresql":
        connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        for setting, value in _KEEPALIVE.items():
            connection.exec_driver_sql(f"SET {setting} = {value}")
        key = int.from_bytes(number, "big", signed=True)
        if connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}):
            return Claim(name, connection=connection)
        connection.close()
        return None
    if fcntl is None:
        return Claim(name, file=os.open(os.devnull, os.O_RDONLY))
    # A lock file stays where it is: removing it could let two programs lock two files of one name.
    path = Path(f"{engine.url.database}.locks") / number.hex()
    path.parent.mkdir(exist_ok=True)
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(file)
        return None
    except BaseException:
        os.close(file)
        raise
    return Claim(name, file=file)
