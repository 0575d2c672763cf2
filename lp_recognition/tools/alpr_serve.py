"""Serves plates over HTTP, to the clients of Plate Recognizer and CodeProject.AI too, and a page to look at.

examples:
  python alpr.py serve                                       # http://127.0.0.1:8000, for this machine alone
  python alpr.py serve --token_file tokens.txt --new_token gate
  python alpr.py serve --host 0.0.0.0 --token_file tokens.txt
  python alpr.py serve --config config/service.yaml limits.max_bytes=8000000
  python alpr.py serve --workers 4 --database sqlite:///plates.db
  python alpr.py serve --engine ray                          # replicas of Ray Serve, here or on a cluster

Needs the extra: pip install 'lp-recognition[service]', and for Ray Serve [ray]. Pictures are found and read by
processes of this machine, one a core, or by replicas; what more may wait than can be answered in time gets 503 at once.
Other machines are served only where --host names an address that they reach, and then want a token each.
docs/service.md explains endpoints and settings, docs/scaling.md how to serve more.

Ctrl-C ends what is under way, and then the program. A second one ends it at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser

if TYPE_CHECKING:
    from lp_recognition.settings.service import ServiceConfig

_OPTIONS = ("host", "port", "token_file", "no_auth", "workers", "detector", "engine", "streams", "keep_days", "log")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    arguments = _parser().parse_args(argv)
    if arguments.new_token is not None:
        return _make_token(arguments.token_file, arguments.new_token)
    serve(_config(arguments))
    return 0


def _make_token(path: str | None, name: str) -> int:
    """Makes a token, and prints it this once."""
    from lp_recognition.service.security.tokens import add_token

    if not path:
        raise UserError("--new_token: expected --token_file, which its hash is added to, received none")
    print(add_token(path, name))
    print(f"the token of {name}; {path} holds its hash alone, so keep it now", file=sys.stderr)
    return 0


def serve(config: ServiceConfig) -> None:
    """Serves until Ctrl-C or SIGTERM.

    Raises:
        UserError: a model cannot be opened, the port cannot be had, or the database cannot be written.
    """
    from lp_recognition.service.logs import begin_logging
    from lp_recognition.service.opening import open_app
    from lp_recognition.service.server import listen, run

    begin_logging(config.log)
    with ExitStack() as opened:
        listening = opened.enter_context(listen(config))  # first: nothing is opened or made where it cannot be had
        app = open_app(config, opened)
        store = app.state.service.store
        if store is not None:
            print(f"events and known plates are kept in {store.name}", file=sys.stderr)
        run(app, config, listening)


def _parser() -> ScriptParser:
    parser = ScriptParser(__doc__)
    parser.add_argument("overrides", nargs="*", default=[], metavar="key=value", help="more settings")
    parser.add_argument("--config", metavar="FILE", help="a YAML of settings, as config/service.yaml")
    parser.add_argument("--host", metavar="ADDRESS", help="the address that is listened at (127.0.0.1)")
    parser.add_argument("--port", type=int, metavar="PORT", help="the port, 0 for one that is free (8000)")
    parser.add_argument("--token_file", metavar="FILE", help="who may ask: names and hashes of tokens")
    parser.add_argument("--new_token", metavar="NAME", help="add a token to --token_file, print it, and end")
    parser.add_argument("--no_auth", action="store_true", default=None, help="serve other machines without tokens")
    parser.add_argument("--workers", type=int, metavar="N", help="processes that find and read (as many as cores)")
    parser.add_argument("--detector", metavar="NAME_OR_FILE", help="what finds plates")
    parser.add_argument(
        "--reader", action="append", metavar="NAME_OR_FILE", help="what reads plates; may be given several times"
    )
    parser.add_argument("--engine", choices=("local", "ray"), help="processes of this machine, or Ray Serve (local)")
    parser.add_argument(
        "--database", metavar="ADDRESS",
        help="where events are kept: sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME; nowhere if empty "
        "(sqlite:///alpr.db)",
    )  # fmt: skip
    parser.add_argument("--streams", metavar="FILE", help="a YAML of streams that are watched, too")
    parser.add_argument("--keep_days", type=int, metavar="N", help="delete older pictures and looks")
    parser.add_argument("--log", choices=("text", "json"), help="how requests are told (text)")
    return parser


def _config(arguments: argparse.Namespace) -> ServiceConfig:
    """The settings by a YAML and by the command line, which has the last word."""
    from lp_recognition.settings.service import load_service

    given = {name: getattr(arguments, name) for name in _OPTIONS}
    given["database"] = arguments.database
    given["readers"] = tuple(arguments.reader) if arguments.reader else None
    return load_service(arguments.config, given, arguments.overrides)


if __name__ == "__main__":
    run_script(main)
