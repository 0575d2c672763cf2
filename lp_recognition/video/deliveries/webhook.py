"""Events posted to a web address."""

from __future__ import annotations

import base64
import json
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import IO
from urllib.parse import quote, unquote, urlencode, urlsplit, urlunsplit

from lp_recognition import __version__
from lp_recognition.settings.deliveries import WebhookConfig
from lp_recognition.video.database.outbox import Message
from lp_recognition.video.database.pictures import Pictures
from lp_recognition.video.deliveries import forms
from lp_recognition.video.deliveries.target import DeliveryError, RefusedError

#: What says of a request that it is wrong in itself; any other status may pass, or be mended.
_REFUSALS = {400, 413, 415, 422}
_ANSWER_BYTES = 1 << 16


class WebhookTarget:
    """A web address that every event is posted to, one after the other.

    The standard library does it: a request at a time to one host needs no more. Redirections are not followed: they
    could send events, and what lets one in, to another host.

    Args:
        config: The address, and what is posted.
        pictures: Where the pictures of events lie.
    """

    batch = 1

    def __init__(self, config: WebhookConfig, pictures: Pictures) -> None:
        self._config = config
        self._pictures = pictures
        self._opener = urllib.request.build_opener(_FollowingNothing)
        self._url, self._headers = _without_user(config.url.get_secret_value())
        self._headers |= {name: value.get_secret_value() for name, value in config.headers.items()}

    def send(self, messages: Sequence[Message], stopped: Callable[[], bool]) -> None:
        """As of `Target`."""
        for message in messages:
            self._post(message)

    def close(self) -> None:
        """Nothing stays open."""

    def _post(self, message: Message) -> None:
        body, kind = self._body(message)
        identity = quote(f"{message.event['id']}:{message.event['sequence']}", safe=":")
        headers = {
            "User-Agent": f"lp-recognition/{__version__}", "Idempotency-Key": identity, **self._headers,
            "Content-Type": kind,
        }  # fmt: skip
        request = urllib.request.Request(self._url, data=body, headers=headers, method="POST")
        try:
            with self._opener.open(request, timeout=self._config.timeout_s) as response:
                response.read1(_ANSWER_BYTES)
        except urllib.error.HTTPError as error:
            error.close()
            self._tell_status(message, error)
        except urllib.error.URLError as error:
            raise DeliveryError(f"{self._config.address}: {_reason(error.reason)}") from None
        except (OSError, HTTPException) as error:
            raise DeliveryError(f"{self._config.address}: {_reason(error)}") from None

    def _tell_status(self, message: Message, error: urllib.error.HTTPError) -> None:
        said = f"{self._config.address}: answered {error.code} {error.reason}".rstrip()
        if error.code in _REFUSALS:
            raise RefusedError(message, said)
        place = error.headers.get("Location") if 300 <= error.code < 400 else None
        raise DeliveryError(f"{said}; name the address that it points to, {_host(place)}" if place else said)

    def _body(self, message: Message) -> tuple[bytes, str]:
        """What is posted, and its type."""
        picture = self._pictures.find(message.event.get("picture")) if self._config.pictures else None
        told = message.event
        if self._config.form == "platerecognizer":
            name = picture.name if picture else f"{message.event['id']}.jpg"
            told = forms.platerecognizer(message.event, self._config.address, name)
        text = json.dumps(told, ensure_ascii=False)
        if picture is not None:
            return _multipart(text, picture)
        if self._config.form == "platerecognizer":
            return urlencode({"json": text}).encode(), "application/x-www-form-urlencoded"
        return text.encode("utf-8", "backslashreplace"), "application/json"


class _FollowingNothing(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> None:
        """None: the redirection is the answer."""


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """An address without user and password, and the header that stands for them."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    plain = urlunsplit(parts._replace(netloc=host))
    if not at:
        return plain, {}
    return plain, {"Authorization": f"Basic {base64.b64encode(unquote(user).encode()).decode()}"}


def _host(url: str) -> str:
    """An address up to its host: the rest may hold what lets one in."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _multipart(text: str, picture: Path) -> tuple[bytes, str]:
    """A form with the fields `json` and `upload`."""
    boundary = secrets.token_hex(16)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="json"\r\n\r\n{text}\r\n'.encode(
            "utf-8", "backslashreplace"
        ),
        f'--{boundary}\r\nContent-Disposition: form-data; name="upload"; filename="{picture.name}"\r\n'
        "Content-Type: image/jpeg\r\n\r\n".encode(),
        picture.read_bytes(),
        f"\r\n--{boundary}--\r\n".encode(),
    ]
    return b"".join(parts), f"multipart/form-data; boundary={boundary}"


def _reason(error: object) -> str:
    """An error in a few words."""
    said = getattr(error, "strerror", None) or str(error)
    return said or type(error).__name__
