"""Signing in with a browser: its user gives a token once, and a cookie brings it along."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from lp_recognition.service.bodies import Budget, received
from lp_recognition.service.documents import error_answers
from lp_recognition.service.errors import RequestError
from lp_recognition.service.security.guard import COOKIE, token_of
from lp_recognition.service.security.tokens import Tokens
from lp_recognition.settings.service import LimitSettings

_SECONDS = 180 * 24 * 3600
#: Who gives a wrong token waits: nobody shall try many.
_PAUSE_S = 0.5


def session_router(tokens: Tokens | None) -> APIRouter:
    """Signing in and out.

    Args:
        tokens: Those that are known; None where none is asked for.
    """
    router = APIRouter(tags=["session"])
    limits = LimitSettings(max_bytes=10_000)

    @router.get("/session")
    async def session(request: Request) -> Response:
        """Whether a token is asked for, and whether this browser has one."""
        token = token_of(request.headers)
        is_signed_in = tokens is None or (token is not None and tokens.name_of(token) is not None)
        return JSONResponse({"needs_token": tokens is not None, "signed_in": is_signed_in})

    @router.post("/session", status_code=204, responses=error_answers(400, 403), openapi_extra=_body())
    async def sign_in(request: Request) -> Response:
        """Signs a browser in: the field `token` of a form or of JSON becomes a cookie that no script can read."""
        async with received(request, limits, Budget(limits.max_waiting_bytes)) as body:
            token = body.text("token") or ""
        if not token:
            raise RequestError(400, "expected a token in the field `token`, received none")
        if tokens is not None and tokens.name_of(token) is None:
            await asyncio.sleep(_PAUSE_S)
            raise RequestError(403, "Invalid token.")
        response = Response(status_code=204)
        if tokens is not None:
            secure = request.url.scheme == "https"
            response.set_cookie(COOKIE, token, _SECONDS, httponly=True, samesite="strict", secure=secure)
        return response

    @router.delete("/session", status_code=204)
    async def sign_out() -> Response:
        """Signs a browser out."""
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return response

    return router


def _body() -> dict[str, object]:
    schema = {"type": "object", "properties": {"token": {"type": "string"}}, "required": ["token"]}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}
