"""Known plates over HTTP: edits that lose nothing, import and export, and what is no plate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from made_up_engine import served

from lp_recognition.video.database.known_plates import list_known, put_known
from lp_recognition.video.database.store import Store
from lp_recognition.video.known import KnownPlate

BAKER, ANN = KnownPlate("AB 12", "the baker", {"flat": "7"}), KnownPlate("C?D*", "Ann", {"floor": "1"})


@pytest.fixture
def store(tmp_path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'plates.db'}") as opened:
        put_known(opened, [BAKER, ANN])
        yield opened


@pytest.fixture
def client(store) -> Iterator[TestClient]:
    with served(store=store) as client:
        yield client


@pytest.mark.parametrize(
    ("search", "found"),
    [("", ["AB 12", "C?D*"]), ("ab-1", ["AB 12"]), ("ANN", ["C?D*"]), ("baker 7", ["AB 12"]), ("baker 1x", [])],
)
def test_plates_are_found_by_what_is_said_of_them(client, search, found):
    told = client.get("/v1/known", params={"search": search}).json()
    assert ([plate["plate"] for plate in told["plates"]], told["total"]) == (found, len(found))
    assert told["columns"] == ["flat", "floor"]


def test_a_long_list_comes_in_pages(client):
    told = client.get("/v1/known", params={"limit": 1, "offset": 1}).json()
    assert ([plate["plate"] for plate in told["plates"]], told["total"]) == (["C?D*"], 2)


def test_an_edit_keeps_what_it_does_not_name(client, store):
    etag = client.get("/v1/known/ab12").headers["ETag"]
    answer = client.put("/v1/known/AB 12", json={"plate": "AB 13"}, headers={"If-Match": etag})
    told = {"plate": "AB 13", "note": "the baker", "record": {"flat": "7"}}
    assert answer.json() == told | {"etag": answer.headers["ETag"]}
    assert client.put("/v1/known/ab-13", json={"note": "the butcher"}).status_code == 200
    assert list_known(store) == [KnownPlate("AB 13", "the butcher", {"flat": "7"}), ANN]


def test_a_name_that_is_not_known_is_told(client):
    answer = client.put("/v1/known/AB12", json={"nota": "x"})
    assert answer.json() == {"error": "nota: expected no such name; is it spelt right?"}


def test_an_edit_of_what_somebody_else_has_changed_is_refused(client, store):
    etag = client.get("/v1/known/AB12").headers["ETag"]
    client.put("/v1/known/AB12", json={"note": "mine"}, headers={"If-Match": etag})
    answer = client.put("/v1/known/AB12", json={"note": "yours"}, headers={"If-Match": etag})
    assert (answer.status_code, answer.json()["error"]) == (412, "AB 12 was changed meanwhile; look at it again")
    for foreign in ('"x"', "W/1"):
        assert client.put("/v1/known/AB12", json={}, headers={"If-Match": foreign}).status_code == 412
    assert client.put("/v1/known/AB12", json={"plate": "C?D*"}).status_code == 409
    assert list_known(store)[0].note == "mine"


def test_adding_a_plate_replaces_none(client, store):
    alone = {"If-None-Match": "*"}
    assert client.put("/v1/known/EF 56", json={"note": "new"}, headers=alone).status_code == 200
    answer = client.put("/v1/known/ab12", json={"note": "new"}, headers=alone)
    assert (answer.status_code, answer.json()["error"]) == (412, "AB 12 is known already; change that one")
    assert client.put("/v1/known/G/7", json={"record": {"flat": "8"}}).status_code == 200
    assert list_known(store) == [BAKER, ANN, KnownPlate("EF 56", "new"), KnownPlate("G/7", "", {"flat": "8"})]


def test_a_plate_is_removed_however_it_is_written(client, store):
    assert client.delete("/v1/known/ab12").status_code == 204
    assert client.delete("/v1/known/ab12").status_code == 404
    assert list_known(store) == [ANN]


def test_an_exported_list_can_be_imported_and_loses_no_note(client, store):
    answer = client.get("/v1/known.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="known.csv"'
    assert answer.text == "\ufeffplate,note,flat,floor\nAB 12,the baker,7,\nC?D*,Ann,,1\n"
    answer = client.post("/v1/known.csv", content=answer.content, headers={"Content-Type": "text/csv"})
    assert answer.json() == {"added": 0, "replaced": 2}
    answer = client.post("/v1/known.csv", content=b"plate\nAB12\nXY1\n", params={"others": False})
    assert answer.json() == {"added": 1, "replaced": 1}
    assert list_known(store) == [KnownPlate("AB12", "the baker", {"flat": "7", "floor": ""}), KnownPlate("XY1")]


def test_of_a_broken_list_nothing_is_taken(client, store):
    answer = client.post("/v1/known.csv", content=b"plate,note\nXY1\n")
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("the file:2: expected 2 columns, received 1")
    assert client.post("/v1/known.csv", content="plate\nß\xff".encode("latin-1")).status_code == 400
    assert list_known(store) == [BAKER, ANN]


@pytest.mark.parametrize(
    ("plate", "edit", "status"),
    [
        ("**", {}, 400),
        ("-", {}, 400),
        ("A" * 65, {}, 400),
        ("A%00B", {}, 400),
        ("AB12", {"plate": "?*"}, 400),
        ("AB12", {"plate": ""}, 422),
        ("AB12", {"colour": "red"}, 422),
        ("AB12", {"note": "x" * 10_001}, 422),
        ("AB12", {"note": 7}, 422),
    ],
)
def test_what_is_no_plate_is_refused(client, store, plate, edit, status):
    assert client.put(f"/v1/known/{plate}", json=edit).status_code == status
    assert list_known(store) == [BAKER, ANN]


def test_text_that_is_none_is_refused(client):
    for body in (rb'{"note": "\ud800"}', b"[]", b"note", b"", b'{"record": {"a": {"b": 1}}}', b"[" * 100_000):
        assert client.put("/v1/known/AB12", content=body).status_code == 422
