"""What /openapi.json says of the endpoints is true of their answers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from made_up_engine import PLATE, MadeUpEngine, jpeg, served
from pydantic import BaseModel, ConfigDict

from lp_recognition.service import answers, code_project, plate_recognizer_answers
from lp_recognition.service.documents import ErrorAnswer
from lp_recognition.service.operation import HealthAnswer

FILE = {"upload": ("car.jpg", jpeg(), "image/jpeg")}
READER = plate_recognizer_answers.PlateReaderAnswer


def closed(model: type[BaseModel]) -> type[BaseModel]:
    """The model, which takes no key that it does not name."""
    return type(model.__name__, (model,), {"model_config": ConfigDict(extra="forbid"), "__module__": model.__module__})


@pytest.mark.parametrize(
    ("path", "data", "model"),
    [
        ("/v1/alpr", {}, answers.AlprAnswer),
        ("/v1/detect", {}, answers.DetectAnswer),
        ("/v1/read", {}, answers.ReadAnswer),
        ("/v1/plate-reader", {}, READER),
        ("/v1/plate-reader", {"mmc": "true"}, READER),
        ("/v1/plate-reader", {"config": '{"detection_mode": "vehicle"}'}, READER),
        ("/v1/vision/alpr", {}, code_project.AlprAnswer),
    ],
)
def test_an_answer_is_what_is_said_of_it(path, data, model):
    with served(MadeUpEngine([PLATE, replace(PLATE, text="皖AY339S")])) as client:
        record = client.post(path, files=FILE, data=data).json()
        schema = client.get("/openapi.json").json()["paths"][path]["post"]["responses"]["200"]
    assert schema["content"]["application/json"]["schema"]["$ref"].endswith(model.__name__)
    closed(model).model_validate(record)


def test_health_and_errors_are_what_is_said_of_them():
    with served() as client:
        closed(HealthAnswer).model_validate(client.get("/readyz").json())
        for path in ("/v1/alpr", "/v1/plate-reader"):
            closed(ErrorAnswer).model_validate(client.post(path).json())
        closed(code_project.FailureAnswer).model_validate(client.post("/v1/vision/alpr").json())


def test_every_endpoint_with_a_picture_says_what_it_takes_and_how_it_fails():
    with served() as client:
        paths: dict[str, Any] = client.get("/openapi.json").json()["paths"]
    for path in ("/v1/alpr", "/v1/detect", "/v1/read", "/v1/plate-reader", "/v1/vision/alpr"):
        operation = paths[path]["post"]
        assert {"multipart/form-data", "application/json", "image/jpeg"} <= set(operation["requestBody"]["content"])
        assert {"200", "400", "401", "403", "413", "415", "422", "429", "503"} <= set(operation["responses"])
