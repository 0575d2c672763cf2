"""CodeProject.AI's contract, as Blue Iris, Agent DVR and Viseron rely on it."""

from __future__ import annotations

import pytest
from made_up_engine import MadeUpEngine, jpeg, served

from lp_recognition.service.engine.jobs import BusyError

FILE = {"upload": ("car.jpg", jpeg(), "image/jpeg")}


def test_plates_are_predictions():
    with served() as client:
        answer = client.post("/v1/vision/alpr", files=FILE).json()
    assert isinstance(answer.pop("processMs"), int)
    assert answer == {
        "success": True,
        "inferenceMs": 6,
        "predictions": [
            {
                "confidence": 0.9, "label": "Plate: AB-123", "plate": "AB-123",
                "x_min": 10, "y_min": 20, "x_max": 91, "y_max": 44,
            }
        ],
        "message": "Found 1 plate",
        "count": 1,
        "code": 200,
    }  # fmt: skip


@pytest.mark.parametrize(("least", "count"), [("0.91", 0), ("0.4", 1), ("x", 1)])
def test_unsure_ones_can_be_left_out(least, count):
    with served() as client:
        answer = client.post("/v1/vision/alpr", files=FILE, data={"min_confidence": least}).json()
    assert (answer["count"], len(answer["predictions"])) == (count, count)


@pytest.mark.parametrize(("error", "form", "status"), [(None, {}, 400), (BusyError(), {"files": FILE}, 503)])
def test_a_failure_says_so(error, form, status):
    engine = MadeUpEngine()
    engine.error = error
    with served(engine) as client:
        answer = client.post("/v1/vision/alpr", **form)
    assert answer.status_code == status
    assert {**answer.json(), "error": ""} == {"success": False, "error": "", "code": status}
