"""What TensorFlow and LiteRT print about processors and missing GPUs, kept from standard error."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

# Notices of native code; warnings and errors of substance begin otherwise and are passed on.
_NOTICES = (
    b"INFO:",
    b"I0000",
    b"W0000",
    b"WARNING: All log messages before absl",
    b"To enable the following instructions",
    b"fully_quantize: ",
)


def import_quietly(module: str) -> Any:
    """Imports a module whose native code greets with a screen of notices, and returns it."""
    with quiet_log():
        return importlib.import_module(module)


@contextlib.contextmanager
def quiet_log() -> Iterator[None]:
    """Holds back what native code logs to standard error; passes on all but notices.

    Of an attempt that fails nothing is passed on: the exception says it.
    """
    with contextlib.ExitStack() as stack:
        try:
            log = stack.enter_context(tempfile.TemporaryFile())
            original = os.dup(2)
        except OSError:  # no standard error, or nowhere to keep a file: then it is not quiet
            yield
            return
        if sys.stderr is not None:
            sys.stderr.flush()
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(original, 2)
            os.close(original)
        log.seek(0)
        lines = [line for line in log if not line.startswith(_NOTICES)]
        if lines:
            os.write(2, b"".join(lines))
