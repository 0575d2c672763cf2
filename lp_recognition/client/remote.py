"""A service that reads plates, over HTTP: a picture is posted, and answers are told apart by what to do about them."""

from __future__ import annotations

import ipaddress
import json
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import httpx

from lp_recognition import __version__
from lp_recognition.client.answers import Answer, parse_answer
from lp_recognition.system.addresses import without_credentials
from lp_recognition.system.errors import UserError

#: Where the service reads plates, with everything that it knows of them.
PATH = "/v1/alpr"
#: An answer that is longer is none.
_ANSWER_BYTES = 8_000_000
#: What says of a picture that it is wrong in itself.
_REFUSALS = {400, 413, 415, 422}
#: What passes by itself.
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class TimedOutError(Exception):
    """There was no whole answer in time."""


class UnavailableError(Exception):
    """The service is away, or has too much to do: `str` says how.

    Attributes:
        retry_after_s: When it asks to be asked again; None where it says nothing.
    """

    def __init__(self, why: str, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.retry_after_s = retry_after_s


class RefusedError(Exception):
    """The service takes no such picture: `str` says why."""


class RemoteAlpr:
    """A service at an address. Any number of threads may ask it at once; connections are kept open.

    Args:
        url: Its address, as `http://127.0.0.1:8000`.
        token: What lets one in; empty for nothing.
        timeout_s: So long may an answer take.
        connections: Requests that are under way at once.

    Raises:
        UserError: the address is none.
    """

    def __init__(self, url: str, *, token: str = "", timeout_s: float = 30.0, connections: int = 1) -> None:
        self.address = without_credentials(url)
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UserError(f"{self.address}: expected the address of a service, as http://127.0.0.1:8000")
        self._url = url.rstrip("/").removesuffix(PATH) + PATH
        self._timeout_s = timeout_s
        headers = {"User-Agent": f"lp-recognition/{__version__}", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Token {token}"
        self._client = httpx.Client(
            headers=headers,
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            trust_env=not _is_loopback(parts.hostname),  # a proxy of the environment does not know this machine
        )

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()

    def read(self, picture: bytes, finding: Mapping[str, str] | None = None) -> Answer:
        """Has a picture read.

        Args:
            picture: An image file, of any kind that the service decodes.
            finding: How plates are looked for, as `tiles`; the service's own settings where nothing is said.

        Raises:
            TimedOutError, UnavailableError, RefusedError: as they say.
            UserError: what no waiting mends: the token is wrong, or no such service is at the address.
        """
        deadline = time.monotonic() + self._timeout_s
        body = bytearray()
        try:
            with self._client.stream(
                "POST", self._url, params=finding, content=picture, headers={"Content-Type": "application/octet-stream"}
            ) as response:
                for piece in response.iter_bytes():
                    body += piece
                    if time.monotonic() > deadline:
                        raise TimedOutError
                    if len(body) > _ANSWER_BYTES:
                        raise self._no_service("an answer without end")
        except httpx.TimeoutException as error:
            if isinstance(error, httpx.ConnectTimeout):
                raise UnavailableError("no connection in time") from None
            raise TimedOutError from None
        except httpx.HTTPError as error:
            raise UnavailableError(_reason(error)) from None
        except httpx.InvalidURL as error:
            raise UserError(f"{self.address}: expected the address of a service: {error}") from None
        return self._understood(response, bytes(body))

    def _understood(self, response: httpx.Response, body: bytes) -> Answer:
        status = response.status_code
        said = f"answered {status} {response.reason_phrase}".rstrip()
        if status in (401, 403):
            raise UserError(f"{self.address}: {said}{_detail(body)}; give its token with --token_file or --token")
        if status in _REFUSALS:
            raise RefusedError(f"{said}{_detail(body)}")
        if status in _PASSING:
            raise UnavailableError(said, _seconds(response.headers.get("Retry-After", "")))
        if 300 <= status < 400 and (place := response.headers.get("Location")):
            place = without_credentials(place)
            raise UserError(f"{self.address}: {said}; name the address that it points to, {place}")
        if status != 200:
            raise self._no_service(f"an answer of another kind ({said})")
        try:
            return parse_answer(json.loads(body))
        except ValueError:
            raise self._no_service("an answer of another kind") from None

    def _no_service(self, received: str) -> UserError:
        return UserError(f"{self.address}: expected a service that `alpr serve` starts, received {received}")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _seconds(retry_after: str) -> float | None:
    """What `Retry-After` asks for: seconds, or a date (RFC 9110, 10.2.3)."""
    try:
        return max(0.0, float(retry_after))
    except ValueError:
        pass
    try:
        date = parsedate_to_datetime(retry_after)
        return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())
    except (ValueError, TypeError):
        return None


def _detail(body: bytes) -> str:
    """What an answer says of an error, in a short line."""
    try:
        told = json.loads(body)
        said = told.get("error") or told.get("detail")
    except (ValueError, AttributeError):
        return ""
    return f": {' '.join(str(said).split())[:200].rstrip('.')}" if said else ""


def _reason(error: httpx.HTTPError) -> str:
    """What went wrong with a connection, in few words and without the address."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror.lower()
        cause = cause.__cause__ or cause.__context__
    return str(error).lower() or type(error).__name__
