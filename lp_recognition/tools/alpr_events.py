"""Finds the plates that passed in a database: by plate, time, source, and whether they are known.

examples:
  python alpr.py events --database sqlite:///plates.db --plate "A?12*" --since 2026-11-01 --csv
  python alpr.py events --database sqlite:///plates.db --unknown --newest 20
  python alpr.py events --database sqlite:///plates.db --source gate --since 2026-11-26T08:00 --json

Each row is a passage: one car, once past a camera. `?` in a plate stands for one character, `*` for any number; case,
spaces and dashes are no difference. A passage is found by what was read, and by the known plate that it is taken for.
Times without a zone are local ones; --until with a day alone includes that day.

--json prints an object a line, as targets of deliveries get it, with the files of its `picture` and its `crop`.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from lp_recognition.system.errors import UserError, run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.tools.alpr_known import add_database
from lp_recognition.tools.event_forms import ABOUT, local_time, printer
from lp_recognition.tools.printing import add_forms


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    add_database(parser)
    parser.add_argument("--pictures", metavar="FOLDER", help="the folder of pictures, where it is not the usual one")
    parser.add_argument("--plate", default="", help="a plate, with ? and * for what is not known")
    parser.add_argument("--since", type=_parse_since, metavar="TIME", help="a day or a moment, as 2026-11-26T08:00")
    parser.add_argument("--until", type=_parse_until, metavar="TIME", help="likewise")
    parser.add_argument("--source", default="", help="the name of the stream")
    known = parser.add_mutually_exclusive_group()
    known.add_argument("--known", dest="known", action="store_const", const=True, help="known plates alone")
    known.add_argument("--unknown", dest="known", action="store_const", const=False, help="unknown ones alone")
    parser.add_argument("--newest", type=int, metavar="COUNT", help="at most so many, the latest ones")
    add_forms(parser, ABOUT)
    arguments = parser.parse_args(argv)
    if arguments.newest is not None and arguments.newest < 1:
        raise UserError(f"--newest: expected at least 1, received {arguments.newest}")

    from lp_recognition.video.database.search import Query, find_events, find_sources
    from lp_recognition.video.database.store import Store

    with Store(arguments.database, pictures=arguments.pictures, create=False) as store:
        if arguments.source and arguments.source not in (sources := find_sources(store)):
            raise UserError(f"--source: expected one of {', '.join(sources) or '(none)'}, received {arguments.source}")
        query = Query(
            arguments.plate, arguments.since, arguments.until, arguments.source, arguments.known, arguments.newest
        )
        show = printer(arguments.form, find_sources(store), local_time)
        for found in find_events(store, query):
            show(found.event, picture=_name(found.picture), crop=_name(found.crop))
    return 0


def _parse_since(text: str) -> datetime:
    return _parse_time(text)


def _parse_until(text: str) -> datetime:
    moment = _parse_time(text)
    return moment + timedelta(days=1) if len(text) == len("2026-11-26") else moment


def _parse_time(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(
            f"expected a day, as 2026-11-26, or a moment, as 2026-11-26T08:00, received {text!r}"
        ) from None


def _name(path: Path | None) -> str | None:
    return None if path is None else str(path)


if __name__ == "__main__":
    run_script(main)
