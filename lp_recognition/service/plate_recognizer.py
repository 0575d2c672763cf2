"""The contract that clients of Plate Recognizer speak: `/v1/plate-reader`, `/v1/statistics`, `/info`.

Clients are met where they are: whatever of a field cannot be used is passed over, and no key of an answer is ever left
out, for some clients add to a box before they look whether it is there.
"""

from __future__ import annotations

import json
import math
import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

import lp_recognition
from lp_recognition.plates.countries import is_known, region_of
from lp_recognition.service import documents
from lp_recognition.service.bodies import Body, text_of
from lp_recognition.service.engine.jobs import Answer, EncodedPicture, Job, Plate, SearchedPicture
from lp_recognition.service.images import pictures_of
from lp_recognition.service.plate_recognizer_answers import (
    InfoAnswer,
    PlateReaderAnswer,
    StatisticsAnswer,
    UsageAnswer,
    reader_fields,
)
from lp_recognition.service.serving import Service
from lp_recognition.settings.service import FindingSettings
from lp_recognition.texts.normal_form import plate_key
from lp_recognition.texts.vocabulary import split_symbols

#: The version of the answer's form.
_FORM = 1
#: There is no limit to calls; clients compute with a number.
_MOST_CALLS = 1_000_000_000
#: So much of what a client calls its camera, or its time, is given back.
_MOST_ECHOED = 200
_REGION = re.compile(r"[A-Za-z]{2}(?:-[A-Za-z0-9]{1,3})?")
_UNSURE = {"score": 0.0}


@dataclass(frozen=True)
class Asked:
    """What a client asked for.

    Attributes:
        camera_id: Given back as it is.
        timestamp: Likewise; the time of now where there is none.
        regions: Where plates may be from.
        is_strict: Whether plates that cannot be from there are left out.
        least_score: Readings less sure are left out, unless plates are to be covered.
        finding: How plates are looked for.
        with_make: Whether make, colour and orientation of vehicles are asked for.
        is_redaction: Whether plates are to be covered: also those are told that nothing was read on.
        by_vehicle: Whether results are vehicles, each with its plate.
    """

    camera_id: str | None
    timestamp: str
    regions: tuple[str, ...]
    is_strict: bool
    least_score: float
    finding: FindingSettings
    with_make: bool
    is_redaction: bool
    by_vehicle: bool


def plate_recognizer_router(service: Service) -> APIRouter:
    """The endpoints of one application."""
    router = APIRouter(tags=["Plate Recognizer"])

    def usage() -> dict[str, int]:
        return {"calls": service.usage.this_month, "max_calls": _MOST_CALLS}

    @router.post("/v1/plate-reader", **documents.described(PlateReaderAnswer, fields=reader_fields()))
    async def plate_reader(request: Request) -> Response:
        """Finds and reads the plates of a photograph, as Plate Recognizer's clients ask for it."""
        began = time.perf_counter()
        async with service.receiving(request) as body:
            asked = asked_of(body, service.config.finding)
            [picture, *_] = await pictures_of(body, service.config)
            job = Job("alpr", (picture,), asked.finding)
            answer = await service.read(request, job, asked.camera_id or "", asked.timestamp)
        record = answer_record(asked, picture, answer, 1000 * (time.perf_counter() - began))
        return JSONResponse({**record, "usage": usage()})

    @router.get("/v1/statistics", responses=documents.error_answers(401, 403, 429))
    async def statistics() -> StatisticsAnswer:
        """How many pictures were read: in this calendar month, and ever."""
        return StatisticsAnswer(**service.usage.statistics())

    @router.get("/info", responses=documents.error_answers(401, 403, 429))
    async def info() -> InfoAnswer:
        """What is running here."""
        return InfoAnswer(
            version=lp_recognition.__version__,
            name="alpr",
            total_calls=service.usage.total,
            usage=UsageAnswer(**usage()),
        )

    return router


def asked_of(body: Body, base: FindingSettings) -> Asked:
    """What a client asked for; what is no legal value asks for nothing."""
    config = _config_of(body)
    changes: dict[str, Any] = {}
    if (score := _share(config.get("threshold_d"))) is not None:
        changes["score_threshold"] = score
    if config.get("mode") == "fast":
        changes["tiles"] = "off"
    if config.get("mode") == "redaction":
        changes["tiles"] = "on"  # no plate shall stay to be seen
    words = [word.strip() for text in body.texts("regions") for word in text.split(",")]
    return Asked(
        camera_id=_echoed(body, "camera_id"),
        timestamp=_echoed(body, "timestamp") or utc_now(),
        regions=tuple(word.lower() for word in words if _REGION.fullmatch(word)),
        is_strict=config.get("region") == "strict",
        least_score=_share(config.get("threshold_o")) or 0.0,
        finding=base.with_values(**changes) if changes else base,
        with_make=(body.text("mmc") or "").strip().lower() == "true",
        is_redaction=config.get("mode") == "redaction",
        by_vehicle=config.get("detection_mode") == "vehicle",
    )


def utc_now() -> str:
    """The time it is, by ISO 8601 in UTC, with microseconds and a Z."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def answer_record(asked: Asked, picture: EncodedPicture, answer: Answer, ms: float) -> dict[str, Any]:
    """An answer as clients expect it."""
    return {
        "processing_time": round(ms, 3),
        "results": results_of(asked, answer.pictures[0]),
        "filename": picture.name,
        "version": _FORM,
        "camera_id": asked.camera_id,
        "timestamp": asked.timestamp,
    }


def results_of(asked: Asked, picture: SearchedPicture) -> list[dict[str, Any]]:
    """The plates that were asked for, the surest first."""
    results = []
    for plate in sorted(picture.plates, key=lambda one: -one.confidence):
        region = region_of(plate.text, asked.regions)
        is_elsewhere = asked.regions and region.code == "unknown" and all(map(is_known, asked.regions))
        is_unsure = not plate.text or plate.confidence < asked.least_score
        if (is_unsure and not asked.is_redaction) or (asked.is_strict and is_elsewhere):
            continue
        box = _box(plate, picture)
        result = {
            "box": box,
            "plate": written(plate.text),
            "region": {"code": region.code, "score": round(region.score * plate.confidence, 3)},
            "score": round(plate.confidence, 3),
            "candidates": [{"score": round(one.confidence, 3), "plate": written(one.text)} for one in plate.candidates],
            "dscore": round(plate.score, 3),
            "vehicle": {"score": 0.0, "type": "Unknown", "box": box},
        }
        result |= _make() if asked.with_make else {}
        results.append(_by_vehicle(result) if asked.by_vehicle else result)
    return results


def _by_vehicle(result: dict[str, Any]) -> dict[str, Any]:
    """A result as the vehicle that it belongs to, the form of `detection_mode: vehicle`."""
    candidates = [{"value": one["plate"], "score": one["score"]} for one in result["candidates"]]
    region = {"value": result["region"]["code"], "score": result["region"]["score"]}
    colors, orientations = result.get("color", []), result.get("orientation", [])
    return {
        "plate": {
            "type": "Plate",
            "score": result["dscore"],
            "box": result["box"],
            "props": {"plate": candidates, "region": [region]},
        },
        "vehicle": {
            **result["vehicle"],
            "props": {
                "make_model": result.get("model_make", []),
                "color": [{"value": one["color"], "score": one["score"]} for one in colors],
                "orientation": [{"value": one["orientation"], "score": one["score"]} for one in orientations],
            },
        },
    }


def written(text: str) -> str:
    """A text as these clients know it: lower case, without what stands between characters."""
    return plate_key(split_symbols(text)).lower()


def _box(plate: Plate, picture: SearchedPicture) -> dict[str, int]:
    """Whole pixels inside of the picture: clients cut by them."""
    left, top, right, bottom = plate.box
    return {
        "xmin": min(max(0, math.floor(left)), picture.width),
        "ymin": min(max(0, math.floor(top)), picture.height),
        "xmax": min(max(0, math.ceil(right)), picture.width),
        "ymax": min(max(0, math.ceil(bottom)), picture.height),
    }


def _make() -> dict[str, Any]:
    """What is said of a vehicle that nobody looked at."""
    return {
        "model_make": [{"make": "Unknown", "model": "Unknown", **_UNSURE}],
        "color": [{"color": "unknown", **_UNSURE}],
        "orientation": [{"orientation": "Unknown", **_UNSURE}],
    }


def _config_of(body: Body) -> dict[str, Any]:
    """The settings of a request: an object, as JSON or as it is; anything else stands for none."""
    for value in body.all("config"):
        if not isinstance(value, dict):
            try:
                value = json.loads(text_of(value))
            except (ValueError, RecursionError):
                continue
        if isinstance(value, dict):
            return value
    return {}


def _share(value: Any) -> float | None:
    """A share between 0 and 1, also as text; None of anything else."""
    try:
        share = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return share if 0 <= share <= 1 else None


def _echoed(body: Body, name: str) -> str | None:
    text = body.text(name)
    return None if text is None else text[:_MOST_ECHOED]
