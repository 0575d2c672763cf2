"""The contract of CodeProject.AI's license plate reader, which Blue Iris, Agent DVR and Viseron speak."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel
from starlette.responses import JSONResponse

from lp_recognition.service import documents
from lp_recognition.service.bodies import UPLOAD, Body
from lp_recognition.service.engine.jobs import Job, Plate
from lp_recognition.service.errors import CODE_PROJECT_PATH
from lp_recognition.service.images import pictures_of
from lp_recognition.service.serving import Service

#: These clients call a picture one or the other.
_PICTURE_FIELDS = (UPLOAD, "image")


class PredictionAnswer(BaseModel):
    """A plate: how sure its text is, and its box in whole pixels."""

    confidence: float
    label: str
    plate: str
    x_min: int
    y_min: int
    x_max: int
    y_max: int


class AlprAnswer(BaseModel):
    """The plates of a photograph; times are in milliseconds."""

    success: bool
    processMs: int  # noqa: N815
    inferenceMs: int  # noqa: N815
    predictions: list[PredictionAnswer]
    message: str
    count: int
    code: int


class FailureAnswer(BaseModel):
    """What is wrong."""

    success: bool
    error: str
    code: int


def code_project_router(service: Service) -> APIRouter:
    """The endpoint of one application."""
    router = APIRouter(tags=["CodeProject.AI"])
    about = {"min_confidence": {"type": "number", "description": "Texts less sure are left out, in [0, 1]."}}

    @router.post(f"{CODE_PROJECT_PATH}alpr", **documents.described(AlprAnswer, fields=about, failure=FailureAnswer))
    async def alpr(request: Request) -> Response:
        """Finds and reads the plates of a photograph, as CodeProject.AI's clients ask for it."""
        began = time.perf_counter()
        async with service.receiving(request) as body:
            [picture, *_] = await pictures_of(body, service.config, _PICTURE_FIELDS)
            answer = await service.read(request, Job("alpr", (picture,), service.config.finding))
            least = _least_confidence(body)
        plates = [one for one in answer.pictures[0].plates if one.text and one.confidence >= least]
        inference_ms = sum(value for stage, value in answer.stages_ms.items() if stage != "queue")
        return JSONResponse(
            {
                "success": True,
                "processMs": round(1000 * (time.perf_counter() - began)),
                "inferenceMs": round(inference_ms),
                "predictions": [_prediction(plate) for plate in plates],
                "message": f"Found {len(plates)} {'plate' if len(plates) == 1 else 'plates'}",
                "count": len(plates),
                "code": 200,
            }
        )

    return router


def _prediction(plate: Plate) -> dict[str, Any]:
    left, top, right, bottom = (max(0, round(value)) for value in plate.box)
    return {
        "confidence": round(plate.confidence, 4),
        "label": f"Plate: {plate.text}",
        "plate": plate.text,
        "x_min": left,
        "y_min": top,
        "x_max": right,
        "y_max": bottom,
    }


def _least_confidence(body: Body) -> float:
    try:
        return float(body.text("min_confidence") or 0)
    except ValueError:
        return 0.0
