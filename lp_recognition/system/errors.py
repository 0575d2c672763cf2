"""Expected mistakes and how a script ends on them.

A mistake of the user's (a config, a list, an image, a model that does not fit) is raised as `UserError` and ends a
script as one `error: ...` line on standard error and exit status 2. Anything else is a defect and keeps its traceback.
"""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
from collections.abc import Callable, Iterable, Sequence

from lp_recognition.system.extras import missing_package


class UserError(Exception):
    """A mistake the user can mend: the message says where, what was expected, what was received, and the fix."""


class ConfigError(UserError):
    """A setting that is unknown, of the wrong type, out of range, or at odds with another."""


class AnnotationError(UserError):
    """A list of images that cannot be read, or a row of it that cannot be used."""


class ImageError(UserError):
    """An image that is missing, unreadable or of the wrong shape."""


class ModelError(UserError):
    """A checkpoint, graph or `.tflite` that is missing, broken, or does not fit the config."""


def summarize(problems: Sequence[str], limit: int = 5) -> str:
    """Joins the first few of many problems into one line: `a; b; c; and 7 more`."""
    shown = "; ".join(problems[:limit])
    hidden = len(problems) - limit
    return f"{shown}; and {hidden} more" if hidden > 0 else shown


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """Returns ` Did you mean `x`?` for the nearest choice, or an empty string where none is near."""
    import difflib

    nearest = difflib.get_close_matches(word, list(choices), n=1, cutoff=0.6)
    return f" Did you mean `{nearest[0]}`?" if nearest else ""


def print_error(problem: object) -> None:
    """Prints a problem to standard error as one `error:` line, whatever it says and however a file in it is called."""
    print(f"error: {' '.join(str(problem).splitlines())}", file=sys.stderr)


def run_script(main: Callable[[Sequence[str] | None], int | None]) -> None:
    """Runs a script's `main(argv)` and exits with its status.

    Exit status 2 and one line on standard error for a `UserError`, for an operating system error that names a file (a
    missing folder, a read-only or full disk), or for a package that only an extra installs; 130 for Ctrl-C. Other
    exceptions keep their traceback. What the encoding of standard output has no character for is printed as `\\u7696`.
    """
    # TensorFlow greets with a screen of notices on processors and missing GPUs; its errors arrive as exceptions.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    logging.getLogger("absl").setLevel(logging.ERROR)
    print_anything()
    try:
        status = _status_of(main)
        sys.stdout.flush()
    except UserError as error:
        print_error(error)
        status = 2
    except ModuleNotFoundError as error:
        message = missing_package(error)
        if message is None:
            raise
        print_error(message)
        status = 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        status = 130
    except BrokenPipeError:  # the reader of our output went away (`| head`): not an error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 0
    except OSError as error:
        if error.filename is None and error.errno != errno.ENOSPC:
            raise
        place = f"{error.filename}: " if error.filename is not None else ""
        print_error(f"{place}{error.strerror}")
        status = 2
    except UnicodeEncodeError as error:  # of a file's name, where this system has no characters for it
        if _is_utf8(error.encoding) or error.encoding != sys.getfilesystemencoding():
            raise
        print_error(
            f"{error.object}: expected a file name in this system's encoding, {error.encoding}, received one beyond "
            "it; set the environment variable PYTHONUTF8=1"
        )
        status = 2
    sys.exit(status)


def print_anything() -> None:
    """Lets standard output and error take any text, whatever their encoding, also where they are closed."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # `>&-`, or no console
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _status_of(main: Callable[[Sequence[str] | None], int | None]) -> int:
    try:
        return main(None) or 0
    except SystemExit as end:  # of argparse: --help, or a refused option
        if isinstance(end.code, str):
            raise
        return end.code or 0


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("-", "") == "utf8"
