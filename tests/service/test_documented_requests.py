"""The requests that docs/service.md shows: each is answered, and the answers that it shows have the right keys."""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fastapi.testclient import TestClient
from made_up_engine import jpeg, served

from lp_recognition.video.database.store import Store

TEXT = (Path(__file__).parents[2] / "docs" / "service.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^    (curl .*)$", TEXT, re.MULTILINE)
ANSWERS = re.findall(r"^```json\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    with Store(f"sqlite:///{tmp_path_factory.mktemp('kept')}/plates.db") as store, served(store=store) as client:
        yield client


def asked(command: str) -> dict[str, Any]:
    """A request as a command of curl's asks for it; every file is a picture."""
    words = iter(shlex.split(command)[1:])
    files: list[tuple[str, Any]] = []
    request: dict[str, Any] = {"method": "GET", "headers": {}}
    for word in words:
        if word == "-F":
            name, _, value = next(words).partition("=")
            files.append((name, (value[1:], jpeg()) if value.startswith("@") else (None, value)))
        elif word in ("-d", "--data-binary"):
            value = next(words)
            picture = base64.b64encode(jpeg()).decode()
            request["content"] = jpeg() if value.startswith("@") else value.replace("BASE64", picture)
        elif word == "-H":
            name, _, value = next(words).partition(": ")
            request["headers"][name] = value
        elif word == "-X":
            request["method"] = next(words)
        elif word == "-o":
            next(words)
        elif word == "-N":
            request["goes_on"] = True
        else:
            request["url"] = word
    if files or "content" in request:
        request["method"] = "POST" if request["method"] == "GET" else request["method"]
    return {**request, "files": files} if files else request


@pytest.mark.parametrize("command", SHOWN)
def test_a_shown_request_is_answered(client, command):
    request = asked(command)
    if request.pop("goes_on", False):  # for ever: it has to be there
        paths = client.get("/openapi.json").json()["paths"]
        assert request["method"].lower() in paths[urlsplit(request["url"]).path]
        return
    answer = client.request(**request)
    assert answer.status_code in (200, 201, 204), answer.text


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_a_shown_answer_has_the_keys_of_the_real_one(client, number):
    path = ("/v1/alpr", "/v1/plate-reader/", "/v1/vision/alpr")[number]
    real = client.post(path, files={"upload": ("car.jpg", jpeg())}).json()
    assert keys_of(json.loads(ANSWERS[number])) == keys_of(real)


def keys_of(value: Any) -> Any:
    """The keys of an answer, and of all in it."""
    if isinstance(value, dict):
        return {name: keys_of(one) for name, one in value.items()}
    return keys_of(value[0]) if isinstance(value, list) and value and isinstance(value[0], dict) else None


def test_there_is_an_example_of_every_kind_of_endpoint(client):
    paths = {re.sub(r"\{.*?\}", "{}", path) for path in client.get("/openapi.json").json()["paths"]}
    text = re.sub(r"\{.*?\}", "{}", TEXT)
    assert {path for path in paths if path not in text} == {"/session"}  # which is the page's
