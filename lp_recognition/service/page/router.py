"""The page: plain files of this package, that ask for nothing from elsewhere."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Response

_FOLDER = Path(__file__).parent / "static"
_KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True)
class _File:
    """A file of the page: its bytes, and what they are told by."""

    data: bytes
    kind: str
    etag: str


def page_router() -> APIRouter:
    """The page at `/`, and its files below `/static/`; it is for anybody, what it shows is not."""
    router = APIRouter(include_in_schema=False)
    # All of them, by their names: no path leads anywhere else.
    files = {path.name: _read(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _KINDS}

    @router.get("/")
    @router.head("/")
    def page(if_none_match: Annotated[str, Header()] = "") -> Response:
        return _answer(files["index.html"], if_none_match)

    @router.get("/static/{name}")
    @router.head("/static/{name}")
    def file(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
        if name not in files:
            raise HTTPException(404, "the page has no such file")
        return _answer(files[name], if_none_match)

    return router


def _read(path: Path) -> _File:
    data = path.read_bytes()
    return _File(data, _KINDS[path.suffix], f'"{hashlib.sha256(data).hexdigest()[:20]}"')


def _answer(file: _File, if_none_match: str) -> Response:
    # Asked for anew each time: a newer service shows its own page at once.
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    if if_none_match == file.etag:
        return Response(status_code=304, headers=headers)
    return Response(file.data, media_type=file.kind, headers=headers)
