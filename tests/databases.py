"""A PostgreSQL server of the tests, where Debian's is installed; it refuses root, so it runs as somebody else."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import subprocess
from pathlib import Path

_FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def find_postgresql() -> str | None:
    """The folder of PostgreSQL's programs; None where there are none that can be run here."""
    folders = [*reversed(_FOLDERS), Path(shutil.which("initdb") or ".").parent]
    folder = next((str(folder) for folder in folders if (folder / "initdb").is_file()), None)
    return folder if folder and (os.getuid() != 0 or _other_user()) else None


def _other_user() -> str | None:
    names = {user.pw_name for user in pwd.getpwall()}
    usable = [name for name in ("postgres", "nobody") if name in names]
    return usable[0] if usable and shutil.which("setpriv") else None


class PostgreSQL:
    """A server that listens on a socket in its own folder, so that no port can clash.

    Args:
        folder: For it alone; short, as paths of sockets are.
        programs: The folder of PostgreSQL's programs.
    """

    def __init__(self, folder: Path, programs: str) -> None:
        self._programs = programs
        self._folder = folder
        self._numbers = itertools.count(1)
        if os.getuid() == 0:
            shutil.chown(folder, _other_user())
        folder.chmod(0o700)
        self._run("initdb", "-D", "data", "-A", "trust", "-U", "tester", "-N", "-E", "UTF8", "--locale=C")
        self.start()

    def start(self) -> None:
        options = "-c listen_addresses='' -c fsync=off -c unix_socket_directories=. -c max_connections=60"
        self._run("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self) -> None:
        self._run("pg_ctl", "-D", "data", "-m", "immediate", "stop")

    def new_database(self) -> str:
        """The address of a database that is still empty."""
        database = f"plates{next(self._numbers)}"
        self._run("createdb", "-h", str(self._folder / "data"), "-U", "tester", database)
        return f"postgresql://tester:sesame@/{database}?host={self._folder / 'data'}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [f"{self._programs}/{program}", *arguments]
        if os.getuid() == 0:
            user = pwd.getpwnam(str(_other_user()))
            command = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", *command]
        result = subprocess.run(
            command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=60, env={**os.environ, "LC_ALL": "C"},
        )  # fmt: skip
        assert result.returncode == 0, f"{command}: {result.stdout}"
