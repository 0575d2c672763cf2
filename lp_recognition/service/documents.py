"""What the OpenAPI page says of endpoints whose bodies are read by hand, in any of several forms."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from lp_recognition.settings.service import FindingSettings

_BINARY = {"type": "string", "format": "binary"}
_BASE64 = {"type": "string", "minLength": 1, "description": "A picture as base64, with or without `data:` before it."}
#: The statuses that any endpoint with a picture may answer, and why.
_ERRORS = {
    400: "No picture, or none that can be read; a broken form.",
    401: "No token, where one is asked for.",
    403: "A token that is unknown; a page of another site.",
    408: "The body came too slowly.",
    413: "Too many bytes, pixels or pictures.",
    415: "A body of a kind that is not understood.",
    422: "A setting of the wrong type, or out of range.",
    429: "More requests than the token may send.",
    503: "More requests wait than can be answered in time.",
}
#: Those of other endpoints.
_MORE_ERRORS = {
    404: "There is no such thing, or no longer.",
    409: "The new way to write a plate is that of another known one.",
    412: "Somebody else has changed it meanwhile, or it is there already.",
}


class ErrorAnswer(BaseModel):
    """What is wrong: `detail` of 401, 403, 404, 405 and 429, `error` of all others."""

    error: str | None = None
    detail: str | None = None


def described(
    answer: type[BaseModel],
    *,
    several: bool = False,
    finding: bool = False,
    annotated: bool = False,
    fields: dict[str, Any] | None = None,
    failure: type[BaseModel] = ErrorAnswer,
) -> dict[str, Any]:
    """Arguments for the decorator of an endpoint that takes a picture.

    Args:
        answer: What it answers.
        several: Whether it takes several pictures.
        finding: Whether a request may say how plates are looked for.
        annotated: Whether it gives the picture back where it is asked to.
        fields: More fields that a form may have.
        failure: What it answers where something is wrong.
    """
    parameters = _finding_parameters() if finding else []
    ok: dict[str, Any] = {"model": answer, "description": "What was found."}
    if annotated:
        about = "Give the picture back, with what was found drawn into it."
        parameters.append(
            {"name": "annotated", "in": "query", "description": about, "schema": {"type": "boolean", "default": False}}
        )
        ok["content"] = {"image/jpeg": {"schema": _BINARY}}
    return {
        "response_model": None,
        "responses": {200: ok, **error_answers(model=failure)},
        "openapi_extra": {"parameters": parameters, "requestBody": picture_body(several=several, fields=fields)},
    }


def error_answers(*statuses: int, model: type[BaseModel] = ErrorAnswer) -> dict[int | str, dict[str, Any]]:
    """What the OpenAPI page says of errors: of some statuses, or of all that an endpoint with a picture may have."""
    return {status: {"model": model, "description": (_ERRORS | _MORE_ERRORS)[status]} for status in statuses or _ERRORS}


def picture_body(*, several: bool = False, fields: dict[str, Any] | None = None) -> dict[str, Any]:
    """A body with a picture: a form, JSON, or the picture itself."""

    def form(upload: dict[str, Any]) -> dict[str, Any]:
        values = {"type": "array", "items": upload, "minItems": 1} if several else upload
        properties = {"upload": values, **(fields or {})}
        return {"schema": {"type": "object", "properties": properties, "required": ["upload"]}}

    return {
        "required": True,
        "content": {
            "multipart/form-data": form(_BINARY),
            "application/x-www-form-urlencoded": form(_BASE64),
            "application/json": form(_BASE64),
            "image/jpeg": {"schema": _BINARY},
            "image/png": {"schema": _BINARY},
            "application/octet-stream": {"schema": _BINARY},
        },
    }


def _finding_parameters() -> list[dict[str, Any]]:
    """The settings of finding, as they may stand in a query."""
    parameters = []
    for name, schema in FindingSettings.model_json_schema()["properties"].items():
        plain = {key: value for key, value in schema.items() if key not in ("title", "default")}
        if name in ("regions", "ignore"):
            parameters.append({"name": name, "in": "query", "content": {"application/json": {"schema": plain}}})
        else:
            choices = [one for one in plain.get("anyOf", [plain]) if one.get("type") != "null"]
            parameters.append({"name": name, "in": "query", "schema": choices[0]})
    return parameters
