"""Our own endpoints: whatever form a picture comes in, everything that is known of its plates is told."""

from __future__ import annotations

import base64

import pytest
from made_up_engine import MadeUpEngine, jpeg, served

JPEG = jpeg()
BASE64 = base64.b64encode(JPEG).decode()
FORMS = {
    "file": {"files": {"upload": ("car.jpg", JPEG, "image/jpeg")}},
    "file without a name": {"files": {"upload": (None, JPEG)}},
    "text of a form": {"data": {"upload": BASE64}},
    "text of a form with files": {"files": {"upload": (None, BASE64)}},
    "JSON": {"json": {"upload": BASE64}},
    "JSON with its type": {"json": {"image": f"data:image/jpeg;base64,{BASE64}"}},
    "older clients' JSON": {"json": {"img": BASE64}},
    "picture": {"content": JPEG, "headers": {"Content-Type": "image/jpeg"}},
    "bytes": {"content": JPEG, "headers": {"Content-Type": "application/octet-stream"}},
    "bytes that curl calls a form": {
        "content": JPEG, "headers": {"Content-Type": "application/x-www-form-urlencoded"},
    },
    "base64 whose plus became a blank": {"files": {"upload": (None, BASE64.replace("+", " "))}},
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_a_picture_comes_in_any_form(form):
    engine = MadeUpEngine()
    with served(engine) as client:
        answer = client.post("/v1/alpr", **FORMS[form])
    assert answer.status_code == 200, answer.text
    [plate] = answer.json()["plates"]
    assert (plate["text"], plate["reader"], plate["box"]) == ("AB-123", "lprnet_mcu_latin", [10.4, 20, 80.2, 24])
    [job] = engine.jobs
    assert job.pictures[0].data == JPEG


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"files": {"upload": ("1.jpg", b"")}}, "field `upload`, received an empty one"),
        ({"files": {"upload": (None, "photo.jpg")}}, "upload: expected a file, as `-F upload=@photo.jpg` sends it"),
        ({"json": {"upload": "BASE64"}}, "or a picture as base64 text, received another text"),
    ],
    ids=["empty", "a name in place of a file", "no base64"],
)
def test_what_is_no_picture_is_told(form, told):
    with served() as client:
        answer = client.post("/v1/alpr", **form)
    assert (answer.status_code, told in answer.json()["error"]) == (400, True), answer.text


def test_plates_are_found_without_reading():
    with served() as client:
        answer = client.post("/v1/detect", **FORMS["file"]).json()
    assert set(answer) == {"image", "width", "height", "plates", "ms", "stages_ms"}
    assert [set(plate) for plate in answer["plates"]] == [{"box", "corners", "score"}]


def test_several_crops_are_read_at_once():
    files = [("upload", ("1.jpg", JPEG)), ("upload", ("2.jpg", JPEG))]
    with served() as client:
        answer = client.post("/v1/read", files=files).json()
        assert client.post("/v1/alpr", files=files).status_code == 400
    assert [(one["image"], one["text"]) for one in answer["readings"]] == [("1.jpg", "AB-123"), ("2.jpg", "AB-123")]


def test_the_picture_is_given_back_with_what_was_found():
    with served() as client:
        answer = client.post("/v1/alpr?annotated=true", **FORMS["picture"])
    assert (answer.headers["content-type"], answer.content) == ("image/jpeg", JPEG)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/v1/alpr?treshold=0.5", "request: expected one of score_threshold, "),
        ("/v1/detect?<b>=1", "received '<b>'"),
        ("/v1/read?annotated=true", "request: expected none, received 'annotated'"),
    ],
)
def test_a_misspelt_setting_is_not_passed_over(path, told):
    with served() as client:
        answer = client.post(path, **FORMS["picture"])
    assert answer.status_code == 422
    assert told in answer.json()["error"]
