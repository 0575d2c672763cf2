"""Keeps the list of known plates in a database: whose they are, and what a person wants to be told of them.

examples:
  python alpr.py known import residents.csv --database sqlite:///plates.db
  python alpr.py known export residents.csv --database sqlite:///plates.db --overwrite
  python alpr.py known list --database sqlite:///plates.db
  python alpr.py known add "AB 123" "CD?4*" --note "the baker" --set flat=7 --database sqlite:///plates.db
  python alpr.py known remove "AB 123" --database sqlite:///plates.db

import takes a CSV file: comma, semicolon or tab. The plate is in its first column, or in the one called `plate`; a
column `note` is the note; all others are kept as the plate's record. A plate that is there already is replaced, however
it is written; --replace removes those that the file does not have. A broken row is named, and nothing is imported then.
export writes such a file again, to standard output where none is named.

`?` in a plate stands for one character, `*` for any number. Case, spaces and dashes are no difference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lp_recognition.system.errors import UserError, did_you_mean, run_script
from lp_recognition.system.options import ScriptParser
from lp_recognition.tools.printing import add_forms, print_json

if TYPE_CHECKING:
    from lp_recognition.video.database.store import Store

_FORMS = {
    "table": "a table for people, a row a plate",
    "csv": "CSV, as of export",
    "json": "a JSON object a line, for each plate",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    parser = ScriptParser(__doc__)
    parser.add_argument("action", metavar="ACTION", help=f"one of {', '.join(_ACTIONS)}")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a file to import or export, plates to add or remove")
    add_database(parser)
    parser.add_argument("--replace", action="store_true", help="import: remove the plates that the file does not have")
    parser.add_argument("--overwrite", action="store_true", help="export: replace a file that is there")
    parser.add_argument("--note", default="", help="add: what a person wants to be told")
    parser.add_argument(
        "--set", action="append", default=[], metavar="NAME=VALUE", help="add: a column of the record; may be repeated"
    )
    add_forms(parser, _FORMS)
    arguments = parser.parse_args(argv)
    action = _ACTIONS.get(arguments.action)
    if action is None:
        raise UserError(
            f"known: expected one of {', '.join(_ACTIONS)}, received `{arguments.action}`."
            f"{did_you_mean(arguments.action, _ACTIONS)}"
        )
    from lp_recognition.video.database.store import Store

    with Store(arguments.database, create=arguments.action in ("import", "add")) as store:
        return action(store, arguments)


def add_database(parser: argparse.ArgumentParser) -> None:
    """Adds the option that names the database."""
    parser.add_argument(
        "--database", required=True, type=_read_address, metavar="URL",
        help="sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME; env:NAME takes it from the environment",
    )  # fmt: skip


def _read_address(text: str) -> str:
    from lp_recognition.settings.deliveries import read_secret

    try:
        return str(read_secret(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _import(store: Store, arguments: argparse.Namespace) -> int:
    from lp_recognition.video.database.known_plates import put_known
    from lp_recognition.video.known_lists import read_known_list

    plates = read_known_list(_only_name(arguments, "a CSV file to import"))
    added, replaced = put_known(store, plates, others=not arguments.replace)
    print(f"added: {added}, replaced: {replaced}")
    return 0


def _export(store: Store, arguments: argparse.Namespace) -> int:
    from lp_recognition.system.files import write_text
    from lp_recognition.system.outputs import refuse_existing
    from lp_recognition.video.database.known_plates import list_known
    from lp_recognition.video.known_lists import known_list_text

    path = Path(_only_name(arguments, "a CSV file to write")) if arguments.names else None
    text = known_list_text(list_known(store))
    if path is None:
        print(text, end="")
        return 0
    if path.is_file():
        refuse_existing([path], arguments.overwrite, "another NAME")
    write_text(path, text)
    print(path)
    return 0


def _list(store: Store, arguments: argparse.Namespace) -> int:
    from lp_recognition.system.tables import format_table
    from lp_recognition.video.database.known_plates import list_known
    from lp_recognition.video.known_lists import known_list_text, record_names

    plates = list_known(store)
    if arguments.form == "csv":
        print(known_list_text(plates), end="")
    elif arguments.form == "json":
        for plate in plates:
            print_json({"plate": plate.plate, "note": plate.note, "record": dict(plate.record)})
    else:
        names = record_names(plates)
        rows = [[one.plate, one.note, *(one.record.get(name, "") for name in names)] for one in plates]
        print(format_table(["plate", "note", *names], [[" ".join(cell.split()) for cell in row] for row in rows]))
    return 0


def _add(store: Store, arguments: argparse.Namespace) -> int:
    from lp_recognition.video.database.known_plates import put_known
    from lp_recognition.video.known import KnownPlate

    record = {}
    for text in arguments.set:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise UserError(f"--set: expected NAME=VALUE, received {text!r}")
        record[name] = value
    plates = [KnownPlate(name, arguments.note, record) for name in _some_names(arguments, "plates to add")]
    for plate in plates:
        if not plate.is_plate:
            raise UserError(f"known add: expected a plate, received {plate.plate!r}")
    added, replaced = put_known(store, plates)
    print(f"added: {added}, replaced: {replaced}")
    return 0


def _remove(store: Store, arguments: argparse.Namespace) -> int:
    from lp_recognition.video.database.known_plates import remove_known

    names = _some_names(arguments, "plates to remove")
    missing = remove_known(store, names)
    print(f"removed: {len(names) - len(missing)}")
    for name in missing:
        print(f"error: {name}: expected a known plate, received one that is not; nothing to remove", file=sys.stderr)
    return 2 if missing else 0


_ACTIONS: dict[str, Callable[[Store, argparse.Namespace], int]] = {
    "import": _import,
    "export": _export,
    "list": _list,
    "add": _add,
    "remove": _remove,
}


def _only_name(arguments: argparse.Namespace, what: str) -> str:
    if len(arguments.names) != 1:
        received = ", ".join(arguments.names) or "none"
        raise UserError(f"known {arguments.action}: expected {what}, received {received}")
    return arguments.names[0]


def _some_names(arguments: argparse.Namespace, what: str) -> list[str]:
    if not arguments.names:
        raise UserError(f"known {arguments.action}: expected {what}, received none")
    return list(dict.fromkeys(arguments.names))


if __name__ == "__main__":
    run_script(main)
