"""Plate Recognizer's contract, as its published clients rely on it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest
from made_up_engine import ADDRESS, PLATE, MadeUpEngine, jpeg, served

from lp_recognition.service.engine.jobs import BusyError, EngineDownError
from lp_recognition.service.usage import Usage
from lp_recognition.video.database.store import Store

JPEG = jpeg()
FILE = {"upload": ("car.jpg", JPEG, "image/jpeg")}
PATHS = ("/v1/plate-reader/", "/v1/plate-reader", "//v1/plate-reader/")


@pytest.mark.parametrize("path", PATHS)
def test_every_key_of_an_answer_is_there(path):
    with served() as client:
        answer = client.post(f"{ADDRESS}{path}", files=FILE, data={"config": "{}"})
    assert answer.status_code == 200
    record = answer.json()
    assert isinstance(record.pop("processing_time"), float)
    time = datetime.strptime(record.pop("timestamp"), "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert abs((datetime.now(timezone.utc) - time).total_seconds()) < 60
    box = {"xmin": 10, "ymin": 20, "xmax": 91, "ymax": 44}
    assert record == {
        "filename": "car.jpg",
        "version": 1,
        "camera_id": None,
        "usage": {"calls": 1, "max_calls": 1_000_000_000},
        "results": [
            {
                "box": box,
                "plate": "ab123",
                "score": 0.9,
                "dscore": 0.75,
                "region": {"code": "unknown", "score": 0.0},
                "candidates": [{"score": 0.9, "plate": "ab123"}, {"score": 0.05, "plate": "a8123"}],
                "vehicle": {"score": 0.0, "type": "Unknown", "box": box},
            }
        ],
    }


@pytest.mark.parametrize(
    "form",
    [
        {"files": {"upload": JPEG}},  # named after its field
        {"files": {"upload": (None, JPEG)}},
        {"data": {"upload": base64.b64encode(JPEG).decode()}},
        {"files": {"upload": (None, base64.b64encode(JPEG))}},
        {"json": {"upload": base64.b64encode(JPEG).decode(), "regions": ["cz"], "config": {"mode": "fast"}}},
    ],
    ids=["bytes", "nameless", "urlencoded", "base64 in a form", "JSON"],
)
def test_a_picture_comes_in_any_way_that_clients_have(form):
    engine = MadeUpEngine()
    with served(engine) as client:
        assert client.post("/v1/plate-reader/", **form).json()["results"][0]["plate"] == "ab123"
    assert engine.jobs[0].pictures[0].data == JPEG


def test_what_a_client_says_of_its_picture_is_given_back():
    said = {"camera_id": "gate", "timestamp": "2026-11-26T10:00:00+01:00"}
    with served() as client:
        answer = client.post("/v1/plate-reader/", files=FILE, data=said).json()
    assert {name: answer[name] for name in said} == said


@pytest.mark.parametrize("word", ["true", "True"])
def test_make_and_color_are_filled_where_they_are_asked_for(word):
    with served() as client:
        [asked] = client.post("/v1/plate-reader/", files=FILE, data={"mmc": word}).json()["results"]
        [other] = client.post("/v1/plate-reader/", files=FILE, data={"mmc": "False"}).json()["results"]
    assert asked["model_make"] == [{"make": "Unknown", "model": "Unknown", "score": 0.0}]
    assert asked["color"] == [{"color": "unknown", "score": 0.0}]
    assert asked["orientation"] == [{"orientation": "Unknown", "score": 0.0}]
    assert not {"model_make", "color", "orientation"} & set(other)


@pytest.mark.parametrize("config", ["False", "", "null", "[1]", '"x"', "{", "[" * 10_000, '{"threshold_d": "much"}'])
def test_a_config_that_is_none_asks_for_nothing(config):
    with served() as client:
        answer = client.post("/v1/plate-reader/", files=FILE, data={"config": config})
    assert (answer.status_code, len(answer.json()["results"])) == (200, 1)


def test_thresholds_and_modes_are_obeyed():
    engine = MadeUpEngine()
    with served(engine) as client:

        def results(**config):
            return client.post("/v1/plate-reader/", files=FILE, data={"config": json.dumps(config)}).json()["results"]

        assert results(threshold_o=0.91) == []
        assert len(results(threshold_d=0.2, mode="fast", detection_rule="strict")) == 1
        assert (engine.jobs[-1].finding.score_threshold, engine.jobs[-1].finding.tiles) == (0.2, "off")
        engine.plates = (replace(PLATE, text="", confidence=0.0, candidates=()),)
        assert results() == []
        [covered] = results(mode="redaction", threshold_o=0.5)  # whatever cannot be read is covered, too
        assert (covered["plate"], covered["vehicle"]["box"]) == ("", covered["box"])


@pytest.mark.parametrize("mmc", ["true", "false"])
def test_results_by_vehicle(mmc):
    with served() as client:
        form = {"config": json.dumps({"detection_mode": "vehicle"}), "mmc": mmc}
        [result] = client.post("/v1/plate-reader/", files=FILE, data=form).json()["results"]
    box = {"xmin": 10, "ymin": 20, "xmax": 91, "ymax": 44}
    assert result["plate"] == {
        "type": "Plate",
        "score": 0.75,
        "box": box,
        "props": {
            "plate": [{"value": "ab123", "score": 0.9}, {"value": "a8123", "score": 0.05}],
            "region": [{"value": "unknown", "score": 0.0}],
        },
    }
    props = result["vehicle"].pop("props")
    assert result["vehicle"] == {"score": 0.0, "type": "Unknown", "box": box}
    assert list(props) == ["make_model", "color", "orientation"]
    assert [len(values) for values in props.values()] == [int(mmc == "true")] * 3
    assert props["color"] == ([{"value": "unknown", "score": 0.0}] if mmc == "true" else [])


@pytest.mark.parametrize(
    ("text", "regions", "region"),
    [
        ("皖AY339S", [], {"code": "cn-ah", "score": 0.9}),
        ("01A123BC", [], {"code": "uz", "score": 0.45}),
        ("ABC1234", [], {"code": "unknown", "score": 0.0}),
        ("ABC1234", ["gb", "us-ca"], {"code": "us-ca", "score": 0.45}),
        ("ABC1234", ["None"], {"code": "unknown", "score": 0.0}),
    ],
)
def test_the_region_is_what_the_text_tells(text, regions, region):
    with served(MadeUpEngine([replace(PLATE, text=text)])) as client:
        [result] = client.post("/v1/plate-reader/", files=FILE, data={"regions": regions}).json()["results"]
    assert result["region"] == region


@pytest.mark.parametrize(("regions", "count"), [(["uz"], 0), (["us"], 1), (["uz", "gb"], 1), ([], 1)])
def test_strict_regions_leave_out_what_cannot_be_from_there(regions, count):
    data = {"regions": regions, "config": '{"region": "strict"}'}
    with served(MadeUpEngine([replace(PLATE, text="ABC1234")])) as client:
        assert len(client.post("/v1/plate-reader/", files=FILE, data=data).json()["results"]) == count


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"data": {"regions": "us"}}, 400),
        ({"files": {"upload": ("car.jpg", b"no picture")}}, 400),
        ({"files": {"upload": ("car.jpg", JPEG[:200])}}, 400),
        ({"data": {"upload_url": "http://127.0.0.1:1/car.jpg"}}, 400),
        ({"files": {"upload": ("car.jpg", jpeg(400, 400))}}, 413),
    ],
    ids=["nothing", "text", "cut off", "address", "pixels"],
)
def test_what_cannot_be_read_is_told_as_an_error(form, status):
    with served(limits={"max_pixels": 100_000}) as client:
        answer = client.post("/v1/plate-reader/", **form)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])


def test_too_many_bytes_are_refused():
    with served(limits={"max_bytes": 1000}) as client:
        answer = client.post("/v1/plate-reader/", files={"upload": ("car.jpg", bytes(200_000))})
    assert (answer.status_code, list(answer.json())) == (413, ["error"])


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/v1/plate-reader/", 405), ("GET", "/v2/", 404)])
def test_what_is_not_there_is_told_in_json(method, path, status):
    with served() as client:
        answer = client.request(method, path)
    assert (answer.status_code, list(answer.json())) == (status, ["detail"])


@pytest.mark.parametrize(("error", "status"), [(BusyError(3), 503), (EngineDownError("x"), 503), (KeyError("x"), 500)])
def test_an_engine_that_fails_is_told_without_its_reasons(error, status):
    engine = MadeUpEngine()
    engine.error = error
    with served(engine) as client:
        answer = client.post("/v1/plate-reader/", files=FILE)
    assert (answer.status_code, list(answer.json())) == (status, ["error"])
    assert answer.headers.get("retry-after") == {BusyError: "3", EngineDownError: "5"}.get(type(error))


def test_calls_are_counted_by_month_and_over_a_restart(tmp_path):
    address = f"sqlite:///{tmp_path}/plates.db"
    for calls in (1, 2):
        with Store(address) as store, served(store=store) as client:
            usage = client.post("/v1/plate-reader/", files=FILE).json()["usage"]
            statistics = client.get("/v1/statistics/").json()
            assert client.get("/info/").json()["usage"] == usage
        assert usage["calls"] == statistics["usage"]["calls"] == statistics["total_calls"] == calls
        assert set(statistics["usage"]) == {"month", "calls", "year", "resets_on"}


def test_a_month_begins_anew():
    times = iter([datetime(2026, 12, 31, tzinfo=timezone.utc), *[datetime(2027, 1, 1, tzinfo=timezone.utc)] * 3])
    usage = Usage(None, lambda: next(times))
    usage.count(2)
    assert usage.this_month == 0
    assert usage.statistics() == {
        "usage": {"month": 1, "calls": 0, "year": 2027, "resets_on": "2027-02-01T00:00:00Z"},
        "total_calls": 2,
    }
