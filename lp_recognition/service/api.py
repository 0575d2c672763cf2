"""Our own endpoints: `/v1/detect`, `/v1/read`, `/v1/alpr`, which tell everything that is known."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from lp_recognition.service import answers
from lp_recognition.service.bodies import UPLOAD, Body, text_of
from lp_recognition.service.documents import described
from lp_recognition.service.engine.jobs import Job, Kind
from lp_recognition.service.errors import RequestError
from lp_recognition.service.images import pictures_of
from lp_recognition.service.serving import Service
from lp_recognition.settings.loading import validate
from lp_recognition.settings.service import FindingSettings
from lp_recognition.system.errors import ConfigError

#: How a field with a picture may be called; the other names are those of older clients.
_PICTURE_FIELDS = (UPLOAD, "image", "img")
_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"", "0", "false", "no", "off"}


def api_router(service: Service) -> APIRouter:
    """The endpoints of one application."""
    router = APIRouter(prefix="/v1", tags=["plates"])

    async def answered(request: Request, kind: Kind) -> Response:
        began = time.perf_counter()
        _check_query(request.query_params, () if kind == "read" else (*FindingSettings.model_fields, "annotated"))
        async with service.receiving(request) as body:
            annotated = kind != "read" and _is_true(request, body, "annotated")
            finding = finding_of(request.query_params, body, service.config.finding)
            pictures = await pictures_of(body, service.config, _PICTURE_FIELDS)
            if kind != "read" and len(pictures) > 1:
                raise RequestError(400, f"expected one picture, received {len(pictures)}; /v1/read takes several crops")
            answer = await service.read(request, Job(kind, tuple(pictures), finding, annotated))
        if annotated:
            return Response(answer.pictures[0].annotated, media_type="image/jpeg")
        ms = 1000 * (time.perf_counter() - began)
        return answers.of_kind(kind, pictures, answer, ms)

    @router.post("/alpr", **described(answers.AlprAnswer, finding=True, annotated=True))
    async def alpr(request: Request) -> Response:
        """Finds the plates of a photograph and reads them."""
        return await answered(request, "alpr")

    @router.post("/detect", **described(answers.DetectAnswer, finding=True, annotated=True))
    async def detect(request: Request) -> Response:
        """Finds the plates of a photograph without reading them."""
        return await answered(request, "detect")

    @router.post("/read", **described(answers.ReadAnswer, several=True))
    async def read(request: Request) -> Response:
        """Reads crops, pictures that show nothing but a plate; several at once."""
        return await answered(request, "read")

    return router


def _check_query(query: Mapping[str, str], known: Collection[str]) -> None:
    """Refuses a setting that there is none of, as a misspelt one would be passed over.

    Raises:
        RequestError: names it, and those that there are.
    """
    for name in query:
        if name not in known:
            there = f"one of {', '.join(known)}" if known else "none"
            raise RequestError(422, f"request: expected {there}, received {name[:40]!r}")


def finding_of(query: Mapping[str, str], body: Body, base: FindingSettings) -> FindingSettings:
    """How plates are looked for in a request: by its query, its fields, and what is configured.

    Raises:
        RequestError: a value of the wrong type, or out of range.
    """
    given: dict[str, Any] = {}
    for name in FindingSettings.model_fields:
        value = query[name] if name in query else next(iter(body.all(name)), None)
        if value is not None and value != "":
            given[name] = _parsed(name, value)
    if not given:
        return base
    try:
        return validate(FindingSettings, base.model_dump() | given, "request")
    except ConfigError as error:
        raise RequestError(422, str(error)) from None


def _parsed(name: str, value: Any) -> Any:
    """Areas come as JSON, also in a field of a form; what is none is told by the check of the settings."""
    if name not in ("regions", "ignore") or isinstance(value, list):
        return value if isinstance(value, (list, int, float)) else text_of(value)
    try:
        return json.loads(text_of(value))
    except (ValueError, RecursionError):
        raise RequestError(422, f"request: {name}: expected corners as JSON, received another text") from None


def _is_true(request: Request, body: Body, name: str) -> bool:
    """A switch of the query, or of a field.

    Raises:
        RequestError: it is neither true nor false.
    """
    word = (request.query_params.get(name) or body.text(name) or "").lower()
    if word not in _TRUE | _FALSE:
        raise RequestError(422, f"{name}: expected true or false, received {word[:40]!r}")
    return word in _TRUE
