"""What a client is told where it gets no answer: always JSON, in the words of the contract that it speaks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.responses import JSONResponse

from lp_recognition.system.errors import summarize

#: Clients of Plate Recognizer look for `detail` in these, and for `error` in all others.
_DETAILED = {401, 403, 404, 405, 429}
#: CodeProject.AI's clients look for `success` before anything else.
CODE_PROJECT_PATH = "/v1/vision/"


class RequestError(Exception):
    """A request that is not answered.

    Attributes:
        status: The HTTP status.
        message: What is told.
        headers: More lines for the head of the answer.
    """

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = dict(headers or {})


def error_body(path: str, status: int, message: str) -> dict[str, Any]:
    """The JSON of an error, for who asked at a path."""
    message = message.encode("utf-8", "replace").decode()
    if path.startswith(CODE_PROJECT_PATH):
        return {"success": False, "error": message, "code": status}
    return {"detail" if status in _DETAILED else "error": message}


def told_of(problems: Sequence[Any]) -> str:
    """What pydantic finds wrong with a request, in a line and in words of ours."""
    lines = []
    for problem in problems:
        place = ".".join(str(part) for part in problem["loc"] if part not in ("query", "path", "header")) or "body"
        expected = problem["msg"].removeprefix("Input should be ")
        if problem["type"] == "extra_forbidden":
            lines.append(f"{place}: expected no such name; is it spelt right?")
        elif expected == problem["msg"]:
            lines.append(f"{place}: {expected}")
        else:
            lines.append(f"{place}: expected {expected}, received {repr(problem['input'])[:100]}")
    return summarize(lines)


def error_response(path: str, status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer that tells an error."""
    return JSONResponse(error_body(path, status, message), status, dict(headers or {}))
