"""What operators look at: health, figures, and a line a request."""

from __future__ import annotations

import json
import logging

import pytest
from made_up_engine import MadeUpEngine, jpeg, served
from prometheus_client.parser import text_string_to_metric_families

from lp_recognition.service.engine.jobs import BusyError
from lp_recognition.service.health import Health
from lp_recognition.service.logs import JsonLines, Words

FILE = {"upload": ("car.jpg", jpeg(), "image/jpeg")}


def test_ready_says_whether_it_keeps_up():
    engine = MadeUpEngine()
    with served(engine) as client:
        assert client.get("/readyz").json()["status"] == "ready"
        engine.error = BusyError()
        assert client.post("/v1/alpr", files=FILE).status_code == 503
        for path, status in (("/readyz", "cannot keep up"), ("/healthz", "ok")):
            answer = client.get(path)
            assert answer.status_code == 200
            assert (answer.json()["status"], answer.json()["keeps_up"]) == (status, False)
        client.app.state.service.stopping.set()
        assert (client.get("/readyz").status_code, client.get("/readyz").json()["status"]) == (503, "stopping")


def test_refusals_of_long_ago_are_forgotten():
    now = [0.0]
    health = Health(lambda: now[0])
    assert health.keeps_up
    for refused in [True] + [False] * 3:
        health.note(refused=refused)
    assert (health.refused_share, health.keeps_up) == (0.25, False)
    now[0] = 31.0
    assert (health.refused_share, health.keeps_up) == (0.0, True)


def test_figures_count_requests_stages_and_refusals():
    engine = MadeUpEngine()
    with served(engine) as client:
        client.post("/v1/alpr", files=FILE)
        client.post("/v1/plate-reader/", files=FILE)
        client.get("/nothing/1")
        client.get("/nothing/2")
        client.get("/healthz", headers={"Host": "evil.example"})
        engine.error = BusyError()
        client.post("/v1/alpr", files=FILE)
        families = list(text_string_to_metric_families(client.get("/metrics").text))
    samples = {(one.name, *one.labels.values()): one.value for family in families for one in family.samples}
    assert samples["alpr_requests_total", "/v1/alpr", "200"] == samples["alpr_requests_total", "/v1/alpr", "503"] == 1
    assert samples["alpr_requests_total", "/v1/plate-reader", "200"] == 1
    assert samples["alpr_requests_total", "other", "404"] == 2  # and no label of a client's making
    assert (samples["alpr_refused_total", "busy"], samples["alpr_refused_total", "host"]) == (1, 1)
    assert samples["alpr_stage_seconds_sum", "detect"] == pytest.approx(0.004)
    assert (samples["alpr_workers",], samples["alpr_plates_total",], samples["alpr_keeps_up",]) == (1, 2, 0)
    [info] = [one for family in families if family.name == "alpr_info" for one in family.samples]
    assert {"version", "detector", "readers", "corners"} == set(info.labels)


def test_a_request_is_a_line_without_what_was_read(caplog):
    with caplog.at_level(logging.INFO, "lp_recognition.service.operation"), served() as client:
        answer = client.post("/v1/alpr?tiles=off", files=FILE)
    [record] = [one for one in caplog.records if one.getMessage() == "request"]
    line = json.loads(JsonLines().format(record))
    assert line.pop("ms") >= 0 and line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "event": "request", "request": answer.headers["x-request-id"], "method": "POST",
        "path": "/v1/alpr", "status": 200, "client": "testclient",
    }  # fmt: skip
    assert "method=POST path=/v1/alpr status=200" in Words().format(record)


def test_a_client_makes_no_line_of_its_own():
    record = logging.makeLogRecord({"msg": "request", "fields": {"path": "/x\n2026 error fake", "status": 404}})
    assert Words().format(record).endswith(r'request path="/x\n2026 error fake" status=404')


def test_a_fault_is_in_the_log_and_not_in_the_answer(caplog):
    engine = MadeUpEngine()
    engine.error = KeyError("a secret")
    with served(engine) as client:
        answer = client.post("/v1/alpr", files=FILE)
    assert answer.status_code == 500 and "secret" not in answer.text
    [record] = [one for one in caplog.records if one.exc_info]
    line = json.loads(JsonLines().format(record))
    assert line["request"] == answer.headers["x-request-id"]
    assert "KeyError: 'a secret'" in line["trace"]
