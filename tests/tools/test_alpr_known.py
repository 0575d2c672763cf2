"""The commands `alpr known` and `alpr events`: what they print, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import os
import time
from pathlib import Path

import pytest
from tiny_events import make_event

import alpr
from lp_recognition.system.errors import UserError
from lp_recognition.tools import alpr_events
from lp_recognition.video.database.store import Store
from lp_recognition.video.events import KnownMatch


@pytest.fixture
def address(tmp_path, monkeypatch) -> str:
    monkeypatch.chdir(tmp_path)
    return "sqlite:///plates.db"


@pytest.fixture
def known(address, capsys):
    """Runs `alpr known`; gives what it printed."""

    def run(*arguments: str, status: int = 0) -> str:
        assert alpr.main(["known", *arguments, "--database", address]) == status
        return capsys.readouterr().out

    return run


def test_a_list_goes_in_and_out_again(known):
    Path("residents.csv").write_text("Plate;Note;flat\nAB 123;the baker;7\nC?4*;;8\n", encoding="utf-8")
    assert known("import", "residents.csv") == "added: 2, replaced: 0\n"
    assert known("import", "residents.csv") == "added: 0, replaced: 2\n"
    assert known("export", "out.csv") == "out.csv\n"
    expected = "plate,note,flat\nAB 123,the baker,7\nC?4*,,8\n"
    assert Path("out.csv").read_text(encoding="utf-8") == known("export") == known("list", "--csv") == expected
    with pytest.raises(UserError, match=r"out.csv: expected no such file yet"):
        known("export", "out.csv")
    known("export", "out.csv", "--overwrite")
    assert known("list").splitlines()[2] == "| AB 123 | the baker | 7    |"


def test_plates_are_added_and_removed_one_by_one(known, capsys):
    assert known("add", "AB 123", "CD?4*", "--note", "the baker", "--set", "flat=7") == "added: 2, replaced: 0\n"
    assert json.loads(known("list", "--json").splitlines()[0]) == {
        "plate": "AB 123",
        "note": "the baker",
        "record": {"flat": "7"},
    }
    assert alpr.main(["known", "remove", "ab-123", "XX 1", "--database", "sqlite:///plates.db"]) == 2
    assert capsys.readouterr() == (
        "removed: 1\n", "error: XX 1: expected a known plate, received one that is not; nothing to remove\n",
    )  # fmt: skip
    Path("new.csv").write_text("plate\nEF 56\n")
    known("import", "new.csv", "--replace")
    assert known("list", "--csv") == "plate,note\nEF 56,\n"


def test_a_broken_row_leaves_the_list_as_it_was(known):
    known("add", "AB 123")
    Path("residents.csv").write_text("plate,name\nCD 4,Eve\n--,Adam\n")
    with pytest.raises(UserError, match=r"residents\.csv:3: expected a plate, received '--'.*Nothing was taken"):
        known("import", "residents.csv")
    assert known("list", "--csv") == "plate,note\nAB 123,\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["improt"], "known: expected one of import, export, list, add, remove, received `improt`. Did you mean"),
        (["import"], "known import: expected a CSV file to import, received none"),
        (["add"], "known add: expected plates to add, received none"),
        (["add", "·*"], r"known add: expected a plate, received '·\*'"),
        (["add", "A1", "--set", "flat"], "--set: expected NAME=VALUE, received 'flat'"),
    ],
)
def test_mistakes_are_told(known, arguments, message):
    with pytest.raises(UserError, match=message):
        known(*arguments)


def test_the_address_may_come_from_the_environment(known, monkeypatch, capsys):
    known("add", "AB 123")
    monkeypatch.setenv("ALPR_TEST_DATABASE", "sqlite:///plates.db")
    assert alpr.main(["known", "export", "--database", "env:ALPR_TEST_DATABASE"]) == 0
    assert capsys.readouterr().out == "plate,note\nAB 123,\n"
    with pytest.raises(SystemExit):
        alpr.main(["known", "list", "--database", "env:ALPR_NONE"])
    assert "expected the environment variable ALPR_NONE, received none" in capsys.readouterr().err


def test_what_only_reads_makes_no_database(known):
    for action in ("list", "export", "remove"):
        with pytest.raises(UserError, match=r"plates.db: expected a database, received no such file"):
            known(action, *(["A1"] if action == "remove" else []))
    assert not list(Path().iterdir())


# ---- Events --------------------------------------------------------------------------------------------------------


@pytest.fixture
def events(address, capsys, monkeypatch):
    """Runs `alpr events` on a database of three passages; gives what it printed."""
    monkeypatch.setenv("TZ", "Asia/Shanghai")
    time.tzset()
    with Store(address) as store:
        store.record(make_event(1, known=KnownMatch("AB 001", "exact", 0.0, "the baker")))
        store.record(make_event(2))
        store.record(make_event(3, "here", source="road"))

    def run(*arguments: str) -> str:
        assert alpr.main(["events", "--database", address, *arguments]) == 0
        return capsys.readouterr().out

    yield run
    monkeypatch.undo()
    time.tzset()


def test_a_table_for_people(events):
    head, *rows = events().splitlines()
    assert head.split() == ["stream", "time", "text", "confidence", "looks", "known"]
    assert rows[0].split() == ["gate", "2026-11-26", "20:01:00", "AB001", "0.750", "2/3", "AB", "001", "the", "baker"]
    assert [row.split()[3] for row in rows] == ["AB001", "AB002", "AB003"]


def test_csv_and_json_name_the_pictures(events):
    [row] = csv.DictReader(io.StringIO(events("--plate", "A*1", "--csv")))
    assert (row["text"], row["known"], row["source"], row["x"]) == ("AB001", "AB 001", "gate", "9.0")
    record = json.loads(events("--plate", "A*1", "--json"))
    assert Path(record["picture"]).is_file()
    assert record["picture"] == row["picture"]
    assert record["known"]["note"] == "the baker"


def test_filters(events):
    def texts(*arguments: str) -> list[str]:
        return [json.loads(line)["text"] for line in events("--json", *arguments).splitlines()]

    assert texts("--known") == ["AB001"]
    assert texts("--unknown") == ["AB002", "AB003"]
    assert texts("--source", "road") == ["AB003"]
    assert texts("--newest", "1") == ["AB003"]
    assert texts("--since", "2026-11-26", "--until", "2026-11-26") == ["AB001", "AB002", "AB003"]
    assert texts("--since", "2026-11-26T20:02:00") == ["AB002", "AB003"]
    assert texts("--since", "2026-11-26T12:02:30Z") == ["AB003"]
    assert texts("--until", "2026-11-26T12:02:00+00:00") == ["AB001"]
    assert texts("--since", "2026-11-27") == texts("--until", "2026-11-25") == []


def test_a_time_that_is_none_is_told(events, capsys):
    with pytest.raises(SystemExit):
        alpr_events.main(["--database", "x", "--since", "yesterday"])
    assert "expected a day, as 2026-11-26, or a moment, as 2026-11-26T08:00, received 'yesterday'" in (
        capsys.readouterr().err
    )
    with pytest.raises(UserError, match="--source: expected one of gate, road, received gat"):
        events("--source", "gat")


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everywhere")
def test_a_database_that_may_not_be_read(events):
    Path("plates.db").chmod(0)
    with pytest.raises(UserError, match=r"plates.db: "):
        events()
