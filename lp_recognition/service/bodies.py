"""The bodies of requests: received within limits, and taken apart, in whatever form a client sends them.

Multipart and urlencoded forms, JSON objects, and pictures as they are. Forms are parsed in memory: a body is bounded,
and its parts are needed byte by byte, also where a client gives a file no name.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from lp_recognition.images.headers import kind_of
from lp_recognition.service.engine.jobs import BusyError
from lp_recognition.service.errors import RequestError
from lp_recognition.settings.service import LimitSettings

#: The field of a picture that is the body itself.
UPLOAD = "upload"
#: Base64 makes four bytes of three, and a form adds some lines; a picture larger than allowed is refused by itself.
_GROWTH, _FRAME_BYTES = 1.5, 65_536
#: What is larger is read, up to so many times the limit, before it is refused: who still sends does not listen.
_DRAINED = 4
_MOST_NAME = 255
#: What is larger is taken apart in a thread: a form can be made to take seconds, in which others shall be answered.
_QUICK_BYTES = 1_000_000


@dataclass(frozen=True)
class Part:
    """A file of a form, or a field of it.

    Attributes:
        data: Its bytes.
        filename: As the client calls it; None where it gives no name.
    """

    data: bytes = field(repr=False)
    filename: str | None = None

    @property
    def text(self) -> str:
        """The bytes as text."""
        return self.data.decode("utf-8", "replace")


#: A field of a form, or a value of JSON.
Value = Any


@dataclass(frozen=True)
class Body:
    """What a request brought: values by their names, those of JSON as they are, those of forms as `Part`."""

    values: Mapping[str, list[Value]]

    def all(self, name: str) -> list[Value]:
        """All values of a name."""
        return list(self.values.get(name, ()))

    def texts(self, name: str) -> list[str]:
        """All values of a name as texts."""
        return [text_of(value) for value in self.all(name)]

    def text(self, name: str) -> str | None:
        """The first value of a name as text; None where there is none, or an empty one."""
        return next((text for text in self.texts(name) if text), None)


def text_of(value: Value) -> str:
    """A value as text; JSON's own values as JSON writes them."""
    if isinstance(value, Part):
        return value.text
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()  # JSON can say half of a character
    return "" if value is None else json.dumps(value)


class Budget:
    """Bytes of bodies that are held at a time.

    Args:
        limit: How many there may be.
    """

    def __init__(self, limit: int) -> None:
        self._left = limit

    def take(self, size: int) -> None:
        """Takes some of them.

        Raises:
            BusyError: there are not so many left.
        """
        if size > self._left:
            raise BusyError
        self._left -= size

    def give_back(self, size: int) -> None:
        """Gives some back."""
        self._left += size


@asynccontextmanager
async def received(request: Request, limits: LimitSettings, budget: Budget) -> AsyncIterator[Body]:
    """The body of a request, taken apart; it is held as long as the block runs.

    Raises:
        RequestError: it is too large (413) or too slow (408), or is not what it says it is (400, 415).
        BusyError: all bodies together are too large.
    """
    holding = Holding(budget)
    try:
        data = await receive(request, limits, holding)
        if len(data) > _QUICK_BYTES:
            yield await asyncio.to_thread(_parsed, request, data, limits)
        else:
            yield _parsed(request, data, limits)
    finally:
        holding.end()


class Holding:
    """What one request holds of a budget."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._size = 0

    def take(self, size: int) -> None:
        """Takes so many bytes more.

        Raises:
            BusyError: there are not so many left.
        """
        self._budget.take(size)
        self._size += size

    def end(self) -> None:
        """Gives all of them back."""
        self._budget.give_back(self._size)
        self._size = 0


def _parsed(request: Request, data: bytes, limits: LimitSettings) -> Body:
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError(415, "expected a body without Content-Encoding, received a compressed one")
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind == b"multipart/form-data":
        return Body(_multipart(data, options.get(b"boundary", b""), limits.max_fields))
    if kind_of(data) is not None or kind.startswith(b"image/") or kind == b"application/octet-stream":
        return Body({UPLOAD: [Part(data)]})  # also where a client that sends a file calls it a form, as curl does
    if kind == b"application/json" or kind.endswith(b"+json"):
        return Body(_json(data, limits.max_fields))
    if kind == b"application/x-www-form-urlencoded":
        return Body(_urlencoded(data, limits.max_fields))
    if not data:
        return Body({})
    raise RequestError(
        415,
        "expected multipart/form-data, application/x-www-form-urlencoded, application/json or a picture, received "
        f"{kind.decode('latin-1')[:80] or 'no Content-Type'}",
    )


async def receive(request: Request, limits: LimitSettings, holding: Holding | None = None) -> bytes:
    """Receives the body of a request as it is.

    Args:
        request: The request.
        limits: How large it may be, and how long it may take.
        holding: What it takes of the bytes that may be held at a time.

    Raises:
        RequestError: it is too large (413) or too slow (408).
        BusyError: all bodies together are too large.
    """
    holding = holding or Holding(Budget(limits.max_waiting_bytes))
    limit = round(limits.max_bytes * _GROWTH) + _FRAME_BYTES
    too_large = RequestError(
        413, f"expected at most {limits.max_bytes:,} bytes, received more", {"Connection": "close"}
    )
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > _DRAINED * limit:
        raise too_large
    chunks: list[bytes] = []
    received = 0

    async def collect() -> None:
        nonlocal received
        async for chunk in request.stream():
            received += len(chunk)
            if received > _DRAINED * limit:
                return
            if received <= limit:
                holding.take(len(chunk))
                chunks.append(chunk)
            else:
                chunks.clear()
                holding.end()

    try:
        await asyncio.wait_for(collect(), limits.body_seconds)
    except asyncio.TimeoutError:
        raise RequestError(
            408, f"expected the whole body in {limits.body_seconds:g} seconds", {"Connection": "close"}
        ) from None
    except ClientDisconnect:
        raise RequestError(400, "the client has gone") from None
    if received > limit:
        raise too_large
    return b"".join(chunks)


def _urlencoded(data: bytes, most: int) -> dict[str, list[Value]]:
    try:
        pairs = parse_qsl(data.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=most)
    except ValueError:
        raise RequestError(400, f"expected at most {most} fields, received more") from None
    values: dict[str, list[Value]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return values


def _json(data: bytes, most: int) -> dict[str, list[Value]]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise RequestError(400, "expected a JSON object, received a text that is none") from None
    if not isinstance(found, dict):
        raise RequestError(400, f"expected a JSON object, received a value of another type: {type(found).__name__}")
    if len(found) > most:
        raise RequestError(400, f"expected at most {most} fields, received {len(found)}")
    return {name: value if isinstance(value, list) else [value] for name, value in found.items()}


def _multipart(data: bytes, boundary: bytes, most: int) -> dict[str, list[Value]]:
    form = _Form(most)
    try:
        parser = MultipartParser(boundary, form.callbacks())
        parser.write(data)
        parser.finalize()
    except FormParserError:
        raise RequestError(400, "expected a form as its Content-Type says, received a broken one") from None
    if data and not form.is_whole:
        raise RequestError(400, "expected a whole form, received one that is cut off")
    return form.values


class _Form:
    """Collects the parts of a multipart form."""

    def __init__(self, most: int) -> None:
        self.values: dict[str, list[Value]] = {}
        self.is_whole = False
        self._most, self._count = most, 0
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._data = bytearray()

    def callbacks(self) -> Any:
        """What the parser calls."""
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._end_header,
            "on_part_data": lambda data, start, end: self._data.extend(data[start:end]),
            "on_part_end": self._end,
            "on_end": self._finish,
        }

    def _begin(self) -> None:
        self._count += 1
        if self._count > self._most:
            raise RequestError(400, f"expected at most {self._most} fields, received more")
        self._disposition = b""
        self._data = bytearray()

    def _end_header(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header, self._value = bytearray(), bytearray()

    def _end(self) -> None:
        _, options = parse_options_header(self._disposition)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        part = Part(bytes(self._data), None if filename is None else base_name(filename.decode("utf-8", "replace")))
        self.values.setdefault(name, []).append(part)

    def _finish(self) -> None:
        self.is_whole = True


def base_name(path: str) -> str:
    """The name of a file without its folders, of any system, and without what no name should hold."""
    name = path.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in name if character.isprintable())[:_MOST_NAME]
