"""Hundreds of requests that are broken in some way: each is answered, none by a failure of the service."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import cv2
import pytest
from made_up_engine import MadeUpEngine, served
from starlette.testclient import TestClient
from tiny_photographs import photograph, tiny_detector, tiny_reader

from lp_recognition.reading.alpr import Alpr
from lp_recognition.service.engine.jobs import Answer, Job
from lp_recognition.service.engine.reading import search

PATHS = ("/v1/alpr", "/v1/detect", "/v1/read", "/v1/plate-reader/", "/v1/vision/alpr", "/session")
PICTURE = photograph([(1, 1, "BBBCCC")])
PICTURES = [bytes(cv2.imencode(suffix, PICTURE)[1]) for suffix in (".jpg", ".png", ".webp", ".bmp", ".tiff", ".ppm")]
KINDS = (
    "image/jpeg", "application/octet-stream", "application/json", "application/x-www-form-urlencoded", "text/plain",
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x", "", ";", "x" * 5000,
    "application/json; charset=utf-7", "multipart/form-data; boundary=" + "b" * 300, "image/jpeg, image/png",
)  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, -1, 1e308, 10**400, "", "x", "\0", "皖A", "' OR 1=1 --", "<script>", "../../etc/passwd", [], {},
    [[[]]], {"a": None}, "9" * 5000, "nan", "-inf", "data:image/jpeg;base64,", "data:,x", "%", "\ud800",
)  # fmt: skip
NAMES = (
    "upload", "image", "img", "upload_url", "regions", "ignore", "config", "mmc", "timestamp", "camera_id", "tiles",
    "score_threshold", "iou_threshold", "min_height", "input_size", "annotated", "min_confidence", "token", "", "\n",
)  # fmt: skip


class HereEngine(MadeUpEngine):
    """Reads in this process, with models that know what `photograph` draws."""

    def __init__(self, alpr: Alpr) -> None:
        super().__init__()
        self._alpr = alpr

    async def read(self, job: Job) -> Answer:
        """Reads."""
        return await asyncio.to_thread(search, self._alpr, job)


@pytest.fixture(scope="module")
def client(tmp_path_factory) -> Iterator[TestClient]:
    folder = tmp_path_factory.mktemp("models")
    (folder / "finder.tflite").write_bytes(tiny_detector())
    (folder / "reader.tflite").write_bytes(tiny_reader())
    alpr = Alpr(folder / "finder.tflite", folder / "reader.tflite", corners=None)
    limits = {"max_bytes": 200_000, "max_pixels": 1_000_000, "max_fields": 20, "max_pictures": 4}
    with served(HereEngine(alpr), limits=limits) as client:
        yield client


def broken_picture(random: Random) -> bytes:
    """A picture that is cut off, has other bytes in it, or claims another size."""
    data = bytearray(random.choice(PICTURES))
    way = random.randrange(4)
    if way == 0:
        del data[random.randrange(len(data)) :]
    for _ in range(random.choice((1, 3, 50)) if way == 1 else 0):
        data[random.randrange(len(data))] = random.randrange(256)
    for position in range(random.randrange(2, 40), 40) if way == 2 else ():
        data[position] = random.choice((0, 1, 127, 255))
    return bytes(data) + (random.randbytes(random.randrange(300)) if way == 3 else b"")


def as_picture(random: Random) -> dict[str, Any]:
    """A broken picture, in one of the ways that pictures come."""
    data = broken_picture(random)
    ways: list[dict[str, Any]] = [
        {"files": {"upload": (random.choice(("car.jpg", "../x", "\0", "")), data)}},
        {"files": {"upload": (None, data)}},
        {"content": data, "headers": {"Content-Type": "image/jpeg"}},
        {"json": {"upload": base64.b64encode(data).decode()}},
        {"data": {"upload": base64.b64encode(data).decode()[: random.randrange(4000)]}},
    ]
    return random.choice(ways)


def as_values(random: Random) -> dict[str, Any]:
    """Fields with any value, as JSON, a form or a query."""
    values = {random.choice(NAMES): random.choice(VALUES) for _ in range(random.randrange(1, 6))}
    texts = {name: str(value).encode("utf-8", "replace").decode() for name, value in values.items()}
    picture = random.choice(PICTURES)
    whole = {"upload": base64.b64encode(picture).decode(), **values}
    ways: list[dict[str, Any]] = [
        {"content": json.dumps(values), "headers": {"Content-Type": "application/json"}},
        {"content": json.dumps(whole), "headers": {"Content-Type": "application/json"}},
        {"data": texts, "files": {"upload": ("car.png", picture)}},
        {"data": texts},
        {"params": texts, "content": picture, "headers": {"Content-Type": "image/png"}},
    ]
    return random.choice(ways)


def as_bytes(random: Random) -> dict[str, Any]:
    """Any bytes, called anything."""
    frames = (
        b'--x\r\nContent-Disposition: form-data; name="upload"\r\n\r\n', b"--x--", b"\r\n", b"--x\r\n", b"{",
        b"[" * 5000,
        b'{"a":' * 3000, b'"', b"upload=", b"&" * 2000, b"=", b"%zz", random.randbytes(50), random.choice(PICTURES),
        b"0" * 250_000, b'{"upload": "' + b"A" * 400_000 + b'"}', b'{"x": 1' + b"0" * 5000 + b"}",
    )  # fmt: skip
    content = b"".join(random.choices(frames, k=random.randrange(5)))
    headers = {"Content-Type": random.choice(KINDS)}
    if random.randrange(10) == 0:
        headers["Content-Encoding"] = random.choice(("gzip", "identity", "x"))
    return {"content": content, "headers": headers}


@pytest.mark.parametrize("make", [as_picture, as_values, as_bytes])
def test_no_request_makes_the_service_fail(client, make: Callable[[Random], dict[str, Any]]):
    random, statuses = Random(make.__name__), set()
    for number in range(100):
        path, request = random.choice(PATHS), make(random)
        answer = client.post(path, **request)
        statuses.add(answer.status_code)
        shown = (number, path, str(request)[:300], answer.text[:300])
        assert answer.status_code in (200, 204, 400, 413, 415, 422), shown
        if answer.headers.get("content-type") == "application/json":
            record = answer.json()
            assert ("error" in record) == (answer.status_code >= 400), shown
            assert "Traceback" not in answer.text, shown
    assert {200, 400} <= statuses  # it reached both


@pytest.mark.parametrize("name", ["camera_id", "timestamp", "tiles", "regions", "upload"])
def test_half_a_character_is_no_failure(client, name):
    values = {"upload": base64.b64encode(PICTURES[0]).decode(), name: "\ud800"}
    for path in PATHS:
        answer = client.post(path, content=json.dumps(values), headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 204, 400, 422), (path, answer.text)


def test_a_picture_that_claims_more_than_it_may_is_not_decoded(client):
    large = bytearray(PICTURES[1])
    large[16:24] = (60_000).to_bytes(4, "big") * 2  # of a PNG, its width and height
    answer = client.post("/v1/alpr", content=bytes(large), headers={"Content-Type": "image/png"})
    assert answer.status_code == 413
    assert "60000x60000" in answer.json()["error"]
