"""What every request has to pass: how the service is called, from which page, by whom, how often."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders

from lp_recognition.service.errors import RequestError, error_response
from lp_recognition.service.security.rates import Rates
from lp_recognition.service.security.tokens import Tokens
from lp_recognition.settings.service import ServiceConfig

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from lp_recognition.service.metrics import Metrics

#: Asked for without a token: a page that asks for one, and what tells whether the program lives.
_OPEN_PATHS = {"/", "/healthz", "/readyz", "/session"}
_OPEN_FOLDER = "/static/"
#: Where a browser keeps the token that its user gave; no script can read it, and no other site can have it sent.
COOKIE = "alpr_token"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
_SCHEMES = ("token ", "bearer ")

#: Scripts and styles come from here alone, and nothing of a text is ever run; pictures may be those a page has made.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class Guard:
    """Refuses requests that may not pass, and tells browsers what pages of the service may do.

    To the `state` of a request it adds `client_name`: the name of the token, else the client's address.

    Args:
        app: What the requests are for.
        config: Which names the service goes by, and how much a client may ask.
        tokens: Those that are known; None where none is asked for.
        metrics: Where refusals are counted.
    """

    def __init__(self, app: ASGIApp, config: ServiceConfig, tokens: Tokens | None, metrics: Metrics) -> None:
        self._app = app
        self._config = config
        self._tokens = tokens
        self._metrics = metrics
        limits = config.limits
        self._rates = None if limits.requests_per_second is None else Rates(limits.requests_per_second, limits.burst)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lets a request pass, or answers it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(scope)
        except RequestError as error:
            self._metrics.note_refusal({401: "token", 403: "forbidden", 421: "host", 429: "rate"}[error.status])
            await error_response(scope["path"], error.status, error.message, error.headers)(scope, receive, sending)
            return
        await self._app(scope, receive, sending)

    def _check(self, scope: Scope) -> None:
        headers = Headers(scope=scope)
        name = client = scope["client"][0] if scope.get("client") else ""
        scope.setdefault("state", {})["client_name"] = client  # who is refused is told by address
        self._check_host(headers.get("host", ""))
        if scope["method"] not in _SAFE_METHODS:
            check_origin(headers)
        is_open = scope["path"] in _OPEN_PATHS or scope["path"].startswith(_OPEN_FOLDER)
        if self._tokens is not None and not is_open:
            name = self._name_of(headers)
        scope["state"]["client_name"] = name or client
        if self._rates is not None and scope["method"] not in _SAFE_METHODS and (wait := self._rates.wait_s(name)):
            unit = "second" if wait == 1 else "seconds"
            message = f"Request was throttled. Expected available in {wait} {unit}."
            raise RequestError(429, message, {"Retry-After": str(wait)})

    def _check_host(self, host: str) -> None:
        """A page of elsewhere, whose name leads to this machine, may not read what only this machine may.

        Raises:
            RequestError: the service goes by another name.
        """
        if not self._config.is_local:
            return
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if name not in ("localhost", *(one.lower() for one in self._config.hosts)) and not _is_loopback(name):
            raise RequestError(421, f"expected a name of this service as Host, received {host[:100]!r} (hosts)")

    def _name_of(self, headers: Headers) -> str:
        """Whose token a request has.

        Raises:
            RequestError: none, or one that is not known.
        """
        assert self._tokens is not None
        token = token_of(headers)
        if token is None:
            message = "Authentication credentials were not provided."
            raise RequestError(401, message, {"WWW-Authenticate": "Token"})
        name = self._tokens.name_of(token)
        if name is None:
            raise RequestError(403, "Invalid token.")
        return name


def token_of(headers: Mapping[str, str]) -> str | None:
    """The token of a request: behind `Token` or `Bearer`, or in the browser's cookie."""
    authorization = headers.get("authorization", "").strip()
    for scheme in _SCHEMES:
        if authorization.lower().startswith(scheme):
            return authorization[len(scheme) :].strip()
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return None if cookie is None else cookie.value


def check_origin(headers: Mapping[str, str]) -> None:
    """Refuses what a page of another site has a browser send; programs that are no browsers say nothing of a site.

    Raises:
        RequestError: it came from another site.
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        is_ours = site in ("same-origin", "none")
    else:
        origin = headers.get("origin")
        is_ours = origin is None or origin.partition("://")[2] == headers.get("host")
    if not is_ours:
        raise RequestError(403, "Pages of other sites may not send this.")


def _is_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
