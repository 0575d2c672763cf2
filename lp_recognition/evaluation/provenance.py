"""What makes a figure repeatable, for its record: the model, the plates, the software and the machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import cv2
import numpy as np

from lp_recognition import __version__
from lp_recognition.system.errors import UserError


@dataclass(frozen=True)
class ListRecord:
    """A list that was measured on.

    Attributes:
        path: As it was named.
        rows: Rows that were measured.
        sha256: Of the file, as hexadecimal digits.
    """

    path: str
    rows: int
    sha256: str


def record_lists(paths: Sequence[str], sources: Iterable[str]) -> tuple[ListRecord, ...]:
    """The lists that rows came from, those left out not counted; `sources` are `list.txt:12` of each row."""
    lists = [source.rpartition(":")[0] for source in sources]
    return tuple(ListRecord(path, lists.count(str(Path(path))), file_sha256(path)) for path in paths)


def file_sha256(path: str | Path) -> str:
    """The SHA-256 of a file, as hexadecimal digits.

    Raises:
        UserError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    return digest.hexdigest()


def utc_now() -> str:
    """Date and time, as `2026-11-26T13:53:02Z`."""
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def versions(packages: Iterable[str]) -> dict[str, str]:
    """The versions of this package, of what every reading goes through, and of the packages that run a model."""
    found = {
        "lp_recognition": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "opencv": cv2.__version__,
    }
    return found | {package: _version(package) for package in packages}


def machine() -> dict[str, str]:
    """The kind of machine: kernels, and so the last digits of their results, depend on it."""
    return {"system": platform.system(), "architecture": platform.machine(), "processor": _processor()}


def _version(package: str) -> str:
    stated = getattr(sys.modules.get(package), "__version__", None)
    try:
        return str(stated or importlib.metadata.version(package.replace("_", "-")))
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _processor() -> str:
    """`AMD EPYC 7B13`, where the system tells; Python's own answer is empty on Linux."""
    try:
        found = re.search(
            r"^(?:model name|Model|Hardware)\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE
        )
    except (OSError, UnicodeDecodeError):
        found = None
    return found[1].strip() if found else platform.processor()
