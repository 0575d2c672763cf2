"""Pictures out of requests: files, bytes, base64 text and addresses, none decoded before its header is looked at."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Sequence

from lp_recognition.images.headers import kind_of, read_header
from lp_recognition.images.image import UnreadableImageError, checked_header
from lp_recognition.service.bodies import UPLOAD, Body, Part, Value, base_name, text_of
from lp_recognition.service.engine.jobs import EncodedPicture
from lp_recognition.service.errors import RequestError
from lp_recognition.settings.service import ServiceConfig

#: What a picture is called whose client gives it no name.
_NAMELESS = "upload"
_DATA_URL = re.compile(rb"\s*data:[^,]{0,200};base64,", re.IGNORECASE)


async def pictures_of(body: Body, config: ServiceConfig, names: Sequence[str] = (UPLOAD,)) -> list[EncodedPicture]:
    """The pictures of a request: those of fields of some names, else that of an `upload_url`.

    Raises:
        RequestError: there is none, one is none, or too large, or they are too many.
    """
    values = [value for name in names for value in body.all(name) if not _is_empty(value)]
    if not values and (address := body.text("upload_url")):
        return [await _fetched(address, config)]
    if not values:
        received = "an empty one" if any(body.all(name) for name in names) else "none"
        raise RequestError(400, f"expected a picture in the field `{names[0]}`, received {received}")
    most = config.limits.max_pictures
    if len(values) > most:
        raise RequestError(413, f"expected at most {most} pictures, received {len(values)}")
    return [_picture(value, config) for value in values]


def checked_picture(data: bytes, name: str, config: ServiceConfig) -> EncodedPicture:
    """A picture that is fit to be decoded, by its size and by its header.

    Raises:
        RequestError: it is no image (400), or larger than allowed (413).
    """
    limits = config.limits
    if len(data) > limits.max_bytes:
        raise RequestError(413, f"{name}: expected at most {limits.max_bytes:,} bytes, received {len(data):,}")
    header = read_header(data)
    if header is not None and header.width * header.height > limits.max_pixels:
        size = f"{header.width}x{header.height}"
        raise RequestError(413, f"{name}: expected at most {limits.max_pixels:,} pixels, received {size}")
    try:
        return EncodedPicture(data, name, checked_header(data, len(data), name))
    except UnreadableImageError as error:
        raise RequestError(400, str(error)) from None


def _is_empty(value: Value) -> bool:
    return not (value.data if isinstance(value, Part) else value)


def _picture(value: Value, config: ServiceConfig) -> EncodedPicture:
    if not isinstance(value, Part):
        if not isinstance(value, str):
            raise RequestError(400, f"expected a picture as base64 text, received {text_of(value)[:40]}")
        value = Part(value.encode("utf-8", "replace"))
    data = value.data
    if kind_of(data) is None:
        data = _decoded_base64(data)
    try:
        return checked_picture(data, value.filename or _name_for(data), config)
    except RequestError as error:
        if error.status != 400 or kind_of(data) is not None or value.filename or not value.data.isascii():
            raise
        expected = f"a file, as `-F {UPLOAD}=@photo.jpg` sends it, or a picture as base64 text"
        raise RequestError(400, f"{UPLOAD}: expected {expected}, received another text") from None


def _decoded_base64(data: bytes) -> bytes:
    """What base64 text stands for, also where a form made blanks of its `+`; what is none stays what it is."""
    text = data
    if prefix := _DATA_URL.match(data):
        text = data[prefix.end() :]
    text = b"".join(text.replace(b" ", b"+").split()).translate(bytes.maketrans(b"-_", b"+/")).rstrip(b"=")
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return data


def _name_for(data: bytes) -> str:
    kind = kind_of(data)
    return f"{_NAMELESS}.{'jpg' if kind in (None, 'JPEG') else kind.lower().partition(' ')[0]}"


async def _fetched(address: str, config: ServiceConfig) -> EncodedPicture:
    if not config.upload_hosts:
        raise RequestError(400, "upload_url: expected an `upload`, as this service fetches nothing (upload_hosts)")
    from lp_recognition.images.urls import AllowedHosts, fetch
    from lp_recognition.system.errors import ImageError

    allowed = AllowedHosts(config.upload_hosts)
    try:
        data = await asyncio.to_thread(fetch, address, allowed, config.limits.max_bytes, config.limits.body_seconds)
    except ImageError as error:
        raise RequestError(400, f"upload_url: {error}") from None
    return checked_picture(data, base_name(address.partition("?")[0]) or _name_for(data), config)
