"""Finds and reads license plates: one command for those who install the package.

examples:
  python alpr.py read photo.jpg
  python alpr.py read photos/ --json
  python alpr.py detect photo.jpg --output drawn.jpg
  python alpr.py watch drive.mp4
  python alpr.py serve
  python alpr.py stream drive.mp4 --url http://127.0.0.1:8000 --csv reads.csv
  python alpr.py known import residents.csv --database sqlite:///plates.db
  python alpr.py events --database sqlite:///plates.db --plate "A?12*"
  python alpr.py models

commands:
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import lp_recognition
from lp_recognition.system.errors import UserError, did_you_mean, run_script
from lp_recognition.system.options import ScriptParser, as_subcommand, called_as


@dataclass(frozen=True)
class Command:
    """A command of `alpr`.

    Attributes:
        module: The module of `lp_recognition.tools` whose `main(argv)` it runs; imported once it is asked for.
        about: What it does, in a line.
    """

    module: str
    about: str


COMMANDS = {
    "read": Command("alpr_read", "find and read the plates of photographs, folders and lists"),
    "detect": Command("alpr_detect", "find them without reading"),
    "watch": Command("alpr_watch", "read the plates that pass in videos and before cameras"),
    "serve": Command("alpr_serve", "serve plates over HTTP, to known clients too, and a page to look at"),
    "stream": Command("alpr_stream", "send the frames of a drive to a service, and keep what it reads"),
    "known": Command("alpr_known", "keep the list of known plates: import, export, list, add, remove"),
    "events": Command("alpr_events", "find what passed, in a database"),
    "view": Command("alpr_view", "leaf through photographs in a browser, or look through a camera"),
    "models": Command("list_models", "list the models that ship"),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `alpr COMMAND ...`; returns the exit status."""
    # Before NumPy is imported: threads of BLAS wait for each other at every small product. Beside other programs a
    # photograph then takes 63 ms in place of 14.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    given = list(sys.argv[1:] if argv is None else argv)
    parser = ScriptParser(f"{__doc__}{_list_of_commands()}")
    parser.usage = f"{called_as()} [-h] [--version] COMMAND ..."
    parser.add_argument("--version", action="version", version=f"alpr {lp_recognition.__version__}")
    parser.add_argument(
        "command", nargs="?", metavar="COMMAND", help="one of them; COMMAND --help tells of its options"
    )
    name = parser.parse_args(given[:1]).command
    command = COMMANDS.get(name)
    if command is None:
        received = f"`{name}`.{did_you_mean(name, COMMANDS)}" if name else "none; alpr --help"
        raise UserError(f"alpr: expected a command ({', '.join(COMMANDS)}), received {received}")
    with as_subcommand(name):
        module = importlib.import_module(f"lp_recognition.tools.{command.module}")
        return module.main(given[1:]) or 0


def script() -> None:
    """The entry point `alpr`."""
    run_script(main)


def _list_of_commands() -> str:
    return "".join(f"  {name:10}{command.about}\n" for name, command in COMMANDS.items())


if __name__ == "__main__":
    script()
