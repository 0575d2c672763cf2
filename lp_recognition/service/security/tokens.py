"""Tokens: who may ask. A file holds their names and hashes, and the tokens themselves are nowhere.

A token is 256 random bits, so that one round of SHA-256 hides it: there is nothing to guess, as there would be in a
password.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import time
from pathlib import Path

from lp_recognition.system.errors import ConfigError, UserError
from lp_recognition.system.files import replacing

_LINE = re.compile(r"(?P<name>\S+)\s+sha256:(?P<hash>[0-9a-f]{64})")
_HEAD = "# Names and hashes of tokens; alpr serve --new_token adds one. Delete a line, and its token is void.\n"
#: A file that was changed holds for the requests that come so much later.
_FRESH_SECONDS = 1.0

_log = logging.getLogger(__name__)


class Tokens:
    """The tokens of a file. What is changed in it holds soon: a deleted line ends the rights of its token.

    Args:
        path: The file.

    Raises:
        ConfigError: it is missing, holds no token, or a line that is none.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._stamp = self._current_stamp()
        self._hashes = read_tokens(self._path)
        self._looked = time.monotonic()

    def name_of(self, token: str) -> str | None:
        """Whose token it is; None of one that is not known. It takes as long for any, known or not."""
        self._refresh()
        given = _hash(token)
        found = None
        for name, known in self._hashes.items():
            if hmac.compare_digest(given, known):
                found = name
        return found

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked < _FRESH_SECONDS:
            return
        self._looked = now
        stamp = self._current_stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._hashes = read_tokens(self._path)
        except ConfigError as error:  # nobody is let in by a file that cannot be read
            self._hashes = {}
            _log.error("no token is known any more: %s", error)

    def _current_stamp(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_size


def read_tokens(path: Path) -> dict[str, str]:
    """The hashes of a file, by their names.

    Raises:
        ConfigError: it is missing, holds no token, or a line that is none.
    """
    make = f"make one with alpr serve --token_file {path} --new_token NAME"
    try:
        text = _read(path)
    except FileNotFoundError:
        raise ConfigError(f"{path}: expected a file of tokens, received none; {make}") from None
    found = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = _LINE.fullmatch(line.strip())
        if parts is None:  # the line itself is not shown: it may be a token
            raise ConfigError(f"{path}:{number}: expected `NAME sha256:HASH`, received another line; {make}")
        found[parts["name"]] = parts["hash"]
    if not found:
        raise ConfigError(f"{path}: expected at least one token, received none; {make}")
    return found


def add_token(path: str | Path, name: str) -> str:
    """Makes a token and adds its hash to a file, which only its owner may read.

    Returns:
        The token, which is nowhere else.

    Raises:
        UserError: the name is none or taken, or the file cannot be written.
    """
    path = Path(path)
    if not re.fullmatch(r"[^\s#]\S{0,99}", name):
        raise UserError(f"--new_token: expected a name of one word, received {name!r}")
    text = _read(path) if path.exists() else _HEAD
    if any(line.split()[:1] == [name] for line in text.splitlines()):
        raise UserError(f"{path}: expected a new name, received {name}, which has a token; delete its line first")
    token = secrets.token_urlsafe(32)
    with replacing(path) as temporary:
        temporary.chmod(0o600)
        temporary.write_text(f"{text.rstrip()}\n{name} sha256:{_hash(token)}\n", "utf-8")
    return token


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: expected a file of tokens, received one that is no text; name another") from None
    except IsADirectoryError:
        raise ConfigError(f"{path}: expected a file of tokens, received a folder; name another") from None
    except OSError as error:
        raise ConfigError(f"{path}: expected a file of tokens, cannot be read: {error.strerror}") from None


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "backslashreplace")).hexdigest()
