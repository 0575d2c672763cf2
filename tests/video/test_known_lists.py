"""Lists of known plates: CSV files in, the same out, and nothing half imported."""

from __future__ import annotations

import re
import threading

import pytest

from lp_recognition.system.errors import UserError
from lp_recognition.video.database.known_plates import (
    KnownConflictError,
    KnownMissingError,
    StoredKnownPlates,
    add_known,
    edit_known,
    find_known,
    list_known,
    put_known,
    remove_known,
)
from lp_recognition.video.database.store import Store
from lp_recognition.video.known import KnownPlate
from lp_recognition.video.known_lists import known_list_text, read_known_list


def read(tmp_path, text: str) -> list[KnownPlate]:
    path = tmp_path / "list.csv"
    path.write_text(text, encoding="utf-8")
    return read_known_list(path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plate\nAB 12\nCD34\n", [KnownPlate("AB 12"), KnownPlate("CD34")]),
        (
            "name;License_Plate;Note;flat\nEve;AB12;the baker;7\n",
            [KnownPlate("AB12", "the baker", {"name": "Eve", "flat": "7"})],
        ),
        ("Kennzeichen,Name\nAB12,Eve\n", [KnownPlate("AB12", "", {"Name": "Eve"})]),
        ("AB12\tEve\n\nA?C*\tAdam\n", [KnownPlate("AB12", "", {"column 2": "Eve"}),
                                       KnownPlate("A?C*", "", {"column 2": "Adam"})]),
        ('\ufeffplate,note\nAB12,"one\ntwo, ""three"""\n', [KnownPlate("AB12", 'one\ntwo, "three"')]),
    ],
)  # fmt: skip
def test_tables_of_several_kinds(tmp_path, text, expected):
    assert read(tmp_path, text) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("plate,name\nAB12,Eve\nCD34\n", "list.csv:3: expected 2 columns, received 1"),
        ("plate,name\n-,Eve\n**,Eve\n", "list.csv:2: expected a plate, received '-'.*list.csv:3"),
        ("plate\nAB12\nCD34\nab-12\n", "list.csv:4: expected each plate once, received ab-12 as in row 2"),
        ('plate,name\nAB12,Eve\nCD34,"Adam\nEF56,Ann\n', "list.csv:3: expected quotes in pairs"),
        ("plate,name,name\nAB12,Eve,Ann\n", "list.csv:1: expected columns of different names, received `name` twice"),
        ("", "expected known plates, received an empty list"),
        ("plate\n", "expected known plates, received an empty list"),
    ],
)
def test_a_broken_line_is_named(tmp_path, text, problem):
    with pytest.raises(UserError, match=problem):
        read(tmp_path, text)


def test_a_list_that_is_written_reads_the_same(tmp_path):
    plates = [
        KnownPlate("AB 12", "the baker", {"flat": "7", "name": 'E"v,e'}),
        KnownPlate("C?*", "", {"flat": "", "name": "two\nlines"}),
    ]
    assert read(tmp_path, known_list_text(plates)) == plates


# ---- In the database -----------------------------------------------------------------------------------------------


def test_plates_are_added_replaced_and_removed(store):
    eve, adam = KnownPlate("AB 12", "old"), KnownPlate("京C*", "x", {"b": "2", "a": "1"})
    assert put_known(store, [eve, adam]) == (2, 0)
    assert put_known(store, [KnownPlate("ab-12", "new"), KnownPlate("D1")]) == (1, 1)
    assert list_known(store) == [KnownPlate("ab-12", "new"), KnownPlate("D1"), adam]
    assert list(list_known(store)[2].record) == ["b", "a"]  # the order of the columns
    assert remove_known(store, ["AB12", "<Beijing>C*", "no 1"]) == ["no 1"]
    assert list_known(store) == [KnownPlate("D1")]
    assert put_known(store, [eve], others=False) == (1, 0)
    assert list_known(store) == [eve]


def test_a_list_that_changes_holds_for_the_next_car(address, tmp_path):
    with Store(address) as one, Store(address) as other:
        plates = StoredKnownPlates(one, fresh_seconds=0)
        assert plates.match("AB12") is None
        put_known(other, [KnownPlate("AB 12", "the baker")])
        assert plates.match("AB12").note == "the baker"
        put_known(other, [KnownPlate("AB 12", "the butcher")])
        assert plates.match("AB12").note == "the butcher"
        remove_known(other, ["AB12"])
        assert plates.match("AB12") is None


def test_two_imports_of_one_list_at_a_time(address):
    plates, failures = [KnownPlate(f"AB {number}") for number in range(200)], []

    def add() -> None:
        try:
            with Store(address) as store:
                put_known(store, plates)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=add) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Store(address) as store:
        assert len(list_known(store)) == 200


def test_a_list_that_cannot_be_read_is_told(tmp_path):
    with pytest.raises(UserError, match=re.escape("none.csv: expected a list of known plates (CSV), received no such")):
        read_known_list(tmp_path / "none.csv")
    (tmp_path / "latin.csv").write_bytes(b"plate\nK\xd6 12\n")
    with pytest.raises(UserError, match="received byte 7 of another encoding; save it as UTF-8"):
        read_known_list(tmp_path / "latin.csv")


def test_an_edit_changes_what_it_names_alone(store):
    put_known(store, [KnownPlate("AB 12", "the baker", {"flat": "7"}), KnownPlate("CD34", "Ann")])
    assert edit_known(store, "ab-12", plate="AB 13") == KnownPlate("AB 13", "the baker", {"flat": "7"})
    assert edit_known(store, "AB13", note="the butcher") == KnownPlate("AB 13", "the butcher", {"flat": "7"})
    assert edit_known(store, "AB13", note="", record={}) == KnownPlate("AB 13")
    assert list_known(store) == [KnownPlate("AB 13"), KnownPlate("CD34", "Ann")]
    assert find_known(store, "ab13") == KnownPlate("AB 13")
    assert find_known(store, "AB12") is None


def test_no_edit_loses_what_another_one_wrote(store):
    seen = add_known(store, KnownPlate("AB 12", "the baker")).changed
    add_known(store, KnownPlate("CD34", "Ann"))
    for change in (
        lambda: add_known(store, KnownPlate("ab12")),
        lambda: edit_known(store, "AB12", plate="CD 34"),
        lambda: edit_known(store, "AB12", note="the thief", seen=seen.replace(year=2001)),
    ):
        with pytest.raises(KnownConflictError):
            change()
    with pytest.raises(KnownMissingError, match="EF56 is not known"):
        edit_known(store, "EF56", note="")
    assert list_known(store) == [KnownPlate("AB 12", "the baker"), KnownPlate("CD34", "Ann")]
    assert edit_known(store, "AB12", note="the butcher", seen=seen).note == "the butcher"


def test_a_list_without_notes_loses_none_where_they_shall_stay(store):
    put_known(store, [KnownPlate("AB12", "the baker", {"flat": "7", "floor": "1"})])
    assert put_known(store, [KnownPlate("ab 12", "", {"flat": "8", "floor": ""})], keep=True) == (0, 1)
    assert list_known(store) == [KnownPlate("ab 12", "the baker", {"flat": "8", "floor": "1"})]
