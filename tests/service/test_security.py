"""Who may ask: tokens, names, pages of other sites; and what browsers are told."""

from __future__ import annotations

import logging
import os

import pytest
from made_up_engine import jpeg, served

from lp_recognition.service.security import tokens as tokens_module
from lp_recognition.service.security.guard import COOKIE
from lp_recognition.service.security.rates import Rates
from lp_recognition.service.security.tokens import Tokens, add_token
from lp_recognition.settings.loading import validate
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import ConfigError, UserError

FILE = {"upload": ("car.jpg", jpeg(), "image/jpeg")}


@pytest.fixture
def guarded(tmp_path):
    """A client of a service that asks for a token, and the token."""
    token = add_token(tmp_path / "tokens.txt", "gate")
    with served(token_file=str(tmp_path / "tokens.txt")) as client:
        yield client, token


def test_a_token_is_kept_as_its_hash_alone(tmp_path):
    path = tmp_path / "tokens.txt"
    first, second = add_token(path, "gate"), add_token(path, "phone")
    assert first != second
    assert first not in path.read_text() and second not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    tokens = Tokens(path)
    assert [tokens.name_of(token) for token in (first, second, "", f"{first}x")] == ["gate", "phone", None, None]
    with pytest.raises(UserError, match="expected a new name, received gate"):
        add_token(path, "gate")


def test_a_line_that_is_deleted_ends_the_rights_of_its_token(tmp_path, monkeypatch):
    path = tmp_path / "tokens.txt"
    first = add_token(path, "gate")
    second = add_token(path, "phone")
    tokens = Tokens(path)
    monkeypatch.setattr(tokens_module, "_FRESH_SECONDS", 0)
    path.write_text("".join(line for line in path.read_text().splitlines(True) if not line.startswith("gate")))
    assert (tokens.name_of(first), tokens.name_of(second)) == (None, "phone")
    os.truncate(path, 0)
    assert tokens.name_of(second) is None


@pytest.mark.parametrize("text", ["", "a plain token\n", "gate sha256:12\n"])
def test_a_file_without_hashes_is_refused(tmp_path, text):
    (tmp_path / "tokens.txt").write_text(text)
    with pytest.raises(ConfigError, match=r"expected (at least one token|`NAME sha256:HASH`), received") as caught:
        Tokens(tmp_path / "tokens.txt")
    assert "plain" not in str(caught.value)  # it may be one


@pytest.mark.parametrize("use", [Tokens, lambda path: add_token(path, "gate")], ids=["asked", "added to"])
def test_a_picture_or_a_folder_is_no_file_of_tokens(tmp_path, use):
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    with pytest.raises(ConfigError, match=r"photo\.jpg: expected a file of tokens, received one that is no text; name"):
        use(tmp_path / "photo.jpg")
    assert (tmp_path / "photo.jpg").read_bytes() == b"\xff\xd8\xff\xe0"
    with pytest.raises(ConfigError, match=r"expected a file of tokens, received a folder; name another"):
        use(tmp_path)


@pytest.mark.parametrize("scheme", ["Token", "Bearer", "token"])
def test_a_token_lets_in(guarded, scheme):
    client, token = guarded
    for path in ("/v1/plate-reader/", "/v1/alpr"):
        assert client.post(path, files=FILE, headers={"Authorization": f"{scheme} {token}"}).status_code == 200


def test_without_a_token_nothing_but_health_is_told(guarded):
    client, _ = guarded
    for method, path in (("POST", "/v1/plate-reader/"), ("GET", "/v1/statistics/"), ("GET", "/metrics"), ("GET", "/x")):
        answer = client.request(method, path)
        assert (answer.status_code, list(answer.json())) == (401, ["detail"])
    answer = client.get("/v1/statistics", headers={"Authorization": "Token x"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "Invalid token."})
    assert client.get("/healthz").status_code == client.get("/readyz").status_code == 200


def test_who_brings_no_good_token_is_told_by_address(guarded, caplog):
    client, token = guarded
    with caplog.at_level(logging.INFO, "lp_recognition.service.operation"):
        client.get("/info/")
        client.get("/info/", headers={"Authorization": f"Token {token}"})
    told = [record.fields["client"] for record in caplog.records if record.getMessage() == "request"]
    assert told == ["testclient", "gate"]


def test_any_token_is_good_where_none_is_asked_for():
    with served() as client:
        assert client.get("/v1/statistics/", headers={"Authorization": "Token XXX"}).status_code == 200


def test_a_browser_signs_in_by_a_cookie(guarded):
    client, token = guarded
    assert client.get("/session").json() == {"needs_token": True, "signed_in": False}
    assert client.post("/session", json={"token": "x"}).status_code == 403
    answer = client.post("/session", json={"token": token})
    assert answer.status_code == 204
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(answer.headers["set-cookie"].split("; "))
    assert client.cookies[COOKIE] == token
    assert client.get("/session").json()["signed_in"]
    assert client.get("/v1/statistics").status_code == 200
    client.delete("/session")
    assert client.get("/v1/statistics").status_code == 401


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Origin": "http://127.0.0.1:8000"}, 200),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://["}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://127.0.0.1:9999"}, 403),
    ],
)
def test_a_page_of_another_site_can_send_nothing(headers, status):
    with served() as client:
        assert client.post("/v1/plate-reader/", files=FILE, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("host", "settings", "status"),
    [
        ("127.0.0.1:8000", {}, 200),
        ("localhost", {}, 200),
        ("[::1]:8000", {}, 200),
        ("evil.example", {}, 421),
        ("[", {}, 421),
        ("plates.example", {"hosts": ["plates.example"]}, 200),
        ("anything.example", {"host": "0.0.0.0", "no_auth": True}, 200),
    ],
)
def test_at_this_machine_it_goes_by_names_of_this_machine(host, settings, status):
    with served(**settings) as client:
        assert client.get("/healthz", headers={"Host": host}).status_code == status


def test_other_machines_are_served_with_tokens_or_by_word():
    with pytest.raises(ConfigError, match=r"host: expected a token_file beside 0\.0\.0\.0"):
        validate(ServiceConfig, {"host": "0.0.0.0"}, "command line")
    assert validate(ServiceConfig, {"host": "0.0.0.0", "token_file": "tokens.txt"}, "command line")
    assert validate(ServiceConfig, {"host": "127.0.0.2"}, "command line").is_local


def test_a_client_that_asks_too_often_is_told_when_to_come_again():
    with served(limits={"requests_per_second": 0.5, "burst": 2}) as client:
        answers = [client.post("/v1/plate-reader/", files=FILE) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json() == {"detail": "Request was throttled. Expected available in 2 seconds."}
    assert answers[2].headers["retry-after"] == "2"


def test_a_bucket_fills_steadily_and_for_each():
    now = [0.0]
    rates = Rates(per_second=1, burst=2, clock=lambda: now[0])
    assert [rates.wait_s("a") for _ in range(3)] == [0, 0, 1]
    assert rates.wait_s("b") == 0
    now[0] = 1.0
    assert [rates.wait_s("a") for _ in range(2)] == [0, 1]


def test_browsers_are_told_what_pages_may_do():
    with served() as client:
        headers = client.get("/healthz").headers
        refused = client.get("/healthz", headers={"Host": "evil.example"}).headers
    for each in (headers, refused):
        assert each["x-content-type-options"] == "nosniff"
        assert each["x-frame-options"] == "DENY"
        assert "default-src 'none'" in each["content-security-policy"]
        assert "unsafe" not in each["content-security-policy"]
