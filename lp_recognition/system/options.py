"""Command lines: the parser that all scripts use, and values of options that several share."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, NoReturn

from lp_recognition.system.errors import did_you_mean
from lp_recognition.system.files import expand_home

#: The scripts of a clone that an installed package has as commands of their own.
_INSTALLED_SCRIPTS = (
    "alpr", "train_lpr", "eval_lpr", "test_lpr", "train_lpd", "eval_lpd", "test_lpd", "export_frozen_graph",
)  # fmt: skip

_subcommand: ContextVar[str] = ContextVar("subcommand", default="")


class ScriptParser(argparse.ArgumentParser):
    """An argument parser whose help is the script's docstring and whose errors are one `error:` line and status 2.

    The examples in the docstring are written for a clone (`python -m utils.read`, `python train_lpr.py`). The help
    shows them as the script was called, so that they can be repeated: `alpr read`, `train-lpr`,
    `python -m lp_recognition.tools.read`. In every argument `~/` stands for the home folder, also behind `--option=`
    and `key=`, where shells leave it as it is.

    Args:
        doc: The docstring of the script.
    """

    def __init__(self, doc: str | None) -> None:
        called = called_as()
        super().__init__(
            prog=called,
            description=as_called(doc or "", called),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )

    def add_config(self, example: str = "", also: str = "") -> None:
        """Adds the config that a script goes by, and settings of it to change.

        Args:
            example: A setting to change, for the help.
            also: What else is taken for a config, for the help.
        """
        self.add_argument("config", help=f"a config (.py), a recorded config.yaml, or the folder of one{also}")
        change = f"settings to change: {example}" if example else "settings to change"
        self.add_argument("overrides", nargs="*", default=[], metavar="key=value", help=change)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As of `argparse`, with the home folder for `~/`."""
        return super().parse_known_args(_at_home(args), namespace)

    def parse_known_intermixed_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As of `argparse`, with the home folder for `~/`."""
        return super().parse_known_intermixed_args(_at_home(args), namespace)

    def parse_args(self, args: Sequence[str] | None = None, namespace: Any = None) -> Any:  # type: ignore[override]
        """Reads a command line whose options may stand before, between and after its other words."""
        return self.parse_intermixed_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Ends the script on a mistake in its arguments; an unknown option is answered with the nearest one."""
        unknown = re.search(r"unrecognized arguments: (--[\w-]+)", message)
        hint = did_you_mean(unknown[1], self._option_string_actions) if unknown else ""
        self.exit(2, f"error: {self.prog}: {message}.{hint or ' --help shows what it takes.'}\n")


@contextlib.contextmanager
def as_subcommand(name: str) -> Iterator[None]:
    """Within, parsers belong to a command of several, as `read` of `alpr read`."""
    token = _subcommand.set(name)
    try:
        yield
    finally:
        _subcommand.reset(token)


def called_as() -> str:
    """What the user typed to start this script: `python -m utils.read`, `python train_lpr.py`, `alpr read`."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    program = Path(sys.argv[0])
    if spec is not None:
        called = f"python -m {spec.name.removesuffix('.__main__')}"
    elif program.suffix == ".py":
        called = f"python {program}"
    else:
        called = program.name.removesuffix(".exe")
    return f"{called} {_subcommand.get()}".rstrip()


def as_called(doc: str, called: str) -> str:
    """Writes the commands in a docstring as they run where a script was called like that."""
    name = _subcommand.get()
    if name:  # `python alpr.py read` is `python -m utils.read` of a clone
        doc = re.sub(rf"python -m utils\.{name}\b", called, doc)
    if called.startswith("python ") and not called.startswith("python -m lp_recognition."):  # in a clone
        return doc
    doc = re.sub(r"python utils/(?:\w+/)?(\w+)\.py", r"python -m utils.\1", doc)
    doc = re.sub(r"\butils[./](\w+)(?:\.py)?", r"lp_recognition.tools.\1", doc)
    for script in _INSTALLED_SCRIPTS:
        doc = doc.replace(f"python {script}.py", script.replace("_", "-"))
    return doc


def _at_home(arguments: Sequence[str] | None) -> list[str]:
    return [_expand(str(argument)) for argument in (sys.argv[1:] if arguments is None else arguments)]


def _expand(argument: str) -> str:
    name, equals, value = argument.partition("=")
    is_named = equals and re.fullmatch(r"[\w.-]+", name)
    return f"{name}={expand_home(value)}" if is_named and value != "~" else expand_home(argument)


def parse_size(text: str) -> tuple[int, int]:
    """Reads `24x94` as `(height, width)`, for argparse."""
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and 4 <= int(height) <= 4096 and 4 <= int(width) <= 4096):
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH in pixels, as 24x94, received {text!r}")
    return int(height), int(width)


def parse_share(text: str) -> float:
    """Reads a share between 0 and 1, for argparse."""
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"expected a share between 0 and 1, as 0.1, received {text!r}")
    return share


def default_workers() -> int:
    """As many processes as this one may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
