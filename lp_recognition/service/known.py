"""The known plates: a list that several people edit, without losing what another one has written."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lp_recognition.service.bodies import receive
from lp_recognition.service.documents import error_answers
from lp_recognition.service.errors import told_of
from lp_recognition.service.history import opened_store
from lp_recognition.settings.service import LimitSettings
from lp_recognition.system.errors import UserError
from lp_recognition.video.database.known_plates import (
    KnownConflictError,
    KnownMissingError,
    add_known,
    edit_known,
    find_known,
    list_known,
    put_known,
    remove_known,
)
from lp_recognition.video.database.store import Store
from lp_recognition.video.known import KnownPlate, known_key
from lp_recognition.video.known_lists import known_list_text, parse_known_list, record_names

#: A list of 100,000 plates with their notes.
_LIMITS = LimitSettings(max_bytes=16_000_000)

_Plate = Annotated[str, Field(min_length=1, max_length=64)]
_Words = Annotated[str, Field(max_length=10_000)]


class KnownEdit(BaseModel):
    """What is said of a known plate from now on; what is left out stays as it is.

    Attributes:
        plate: How it is written; `?` and `*` are wild cards.
        note: What a person wants to be told of it.
        record: The columns of its row, by their names: all of them.
    """

    model_config = ConfigDict(extra="forbid")

    plate: _Plate | None = None
    note: _Words | None = None
    record: (
        Annotated[dict[Annotated[str, Field(min_length=1, max_length=200)], _Words], Field(max_length=100)] | None
    ) = None


def known_router(store: Store | None) -> APIRouter:
    """The endpoints of known plates: `/v1/known`, and `/v1/known.csv`."""
    errors = error_answers(400, 401, 403, 404, 408, 409, 412, 413, 422, 503)
    router = APIRouter(prefix="/v1", tags=["known plates"], responses=errors)
    opened = Depends(opened_store(store))

    @router.get("/known", summary="The known plates")
    def known(
        search: Annotated[str, Query(max_length=200, description="words of a plate, its note or record")] = "",
        limit: Annotated[int, Query(ge=1, le=1000)] = 200,
        offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
        store: Store = opened,
    ) -> dict[str, Any]:
        """By the alphabet; `total` is how many were found, `columns` the names in all records."""
        plates = list_known(store)
        found = [plate for plate in plates if _holds(plate, search)]
        page = [_json(plate) for plate in found[offset : offset + limit]]
        return {"plates": page, "total": len(found), "columns": record_names(plates)}

    @router.get("/known.csv", summary="The known plates as a file", response_class=PlainTextResponse)
    def exported(store: Store = opened) -> Response:
        """A CSV file that can be imported again: plate, note, and the columns of all records."""
        headers = {"Content-Disposition": 'attachment; filename="known.csv"', "Cache-Control": "no-store"}
        text = "\ufeff" + known_list_text(list_known(store))  # by the mark spreadsheets know that it is UTF-8
        return Response(text, media_type="text/csv; charset=utf-8", headers=headers)

    @router.post(
        "/known.csv", summary="Import a file of known plates", openapi_extra=_body("text/csv", {"type": "string"})
    )
    def imported(
        data: Annotated[bytes, Depends(_received)],
        others: Annotated[bool, Query(description="keep the known plates that the file does not have")] = True,
        store: Store = opened,
    ) -> dict[str, int]:
        """Adds the plates of a CSV file, all or none. Of plates that are there already, what it leaves empty stays."""
        try:
            plates = parse_known_list(data, "the file")
        except UserError as error:
            raise HTTPException(400, str(error)) from None
        added, replaced = put_known(store, plates, others=others, keep=True)
        return {"added": added, "replaced": replaced}

    @router.get("/known/{plate:path}", summary="A known plate")
    def one(plate: str, response: Response, store: Store = opened) -> dict[str, Any]:
        """What is said of it, however it is written."""
        found = find_known(store, _checked(plate))
        if found is None:
            raise HTTPException(404, f"{plate} is not known")
        return _answer(found, response)

    @router.put(
        "/known/{plate:path}",
        summary="Add or edit a known plate",
        openapi_extra=_body("application/json", KnownEdit.model_json_schema()),
    )
    def put(
        plate: str,
        edit: Annotated[KnownEdit, Depends(_edit)],
        response: Response,
        if_match: Annotated[str, Header()] = "",
        if_none_match: Annotated[str, Header()] = "",
        store: Store = opened,
    ) -> dict[str, Any]:
        """Edits the plate; adds it where it is not known.

        With `If-Match` and the `ETag` that one has, an edit is refused (412) where somebody else has written meanwhile;
        with `If-None-Match: *` a plate that is known is not edited. 409 where the new way to write it is another known
        plate's.
        """
        _checked(edit.plate or plate)
        try:
            if if_none_match == "*" or (not if_match and find_known(store, _checked(plate)) is None):
                new = KnownPlate(edit.plate or plate, edit.note or "", edit.record or {})
                return _answer(add_known(store, new), response)
            seen = _moment(if_match) if if_match and if_match != "*" else None
            done = edit_known(store, _checked(plate), **edit.model_dump(), seen=seen)
            return _answer(done, response)
        except KnownMissingError as error:
            raise HTTPException(404, str(error)) from None
        except KnownConflictError as error:
            raise HTTPException(412 if if_match or if_none_match else 409, str(error)) from None

    @router.delete("/known/{plate:path}", summary="Remove a known plate", status_code=204)
    def delete(plate: str, store: Store = opened) -> None:
        """Removes it, however it is written."""
        if remove_known(store, [_checked(plate)]):
            raise HTTPException(404, f"{plate} is not known")

    return router


async def _received(request: Request) -> bytes:
    return await receive(request, _LIMITS)


async def _edit(request: Request) -> KnownEdit:
    try:
        return KnownEdit.model_validate_json(await receive(request, _LIMITS))
    except ValidationError as error:
        raise HTTPException(422, told_of(error.errors())) from None


def _body(kind: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {kind: {"schema": schema}}}}


def _holds(plate: KnownPlate, search: str) -> bool:
    """Whether every word of a search is in a plate, its note or its record."""
    text = " ".join([plate.plate, plate.note, *plate.record.values()]).casefold()
    return all(word in text or (known_key(word) or "\0") in plate.key for word in search.casefold().split())


def _checked(plate: str) -> str:
    if not KnownPlate(plate).is_plate or "\0" in plate or len(plate) > 64:
        raise HTTPException(400, f"expected a plate, as AB 123 or CD?4*, received {plate[:64]!r}")
    return plate


def _json(plate: KnownPlate) -> dict[str, Any]:
    return {"plate": plate.plate, "note": plate.note, "record": dict(plate.record), "etag": _etag(plate.changed)}


def _answer(plate: KnownPlate, response: Response) -> dict[str, Any]:
    response.headers["ETag"] = _etag(plate.changed)
    return _json(plate)


def _etag(changed: datetime | None) -> str:
    return f'"{changed:%Y%m%dT%H%M%S.%f}"' if changed else '""'


def _moment(etag: str) -> datetime:
    """The `changed` of an ETag; a moment that no plate has where it is none of ours."""
    try:
        return datetime.strptime(f"{etag} +0000", '"%Y%m%dT%H%M%S.%f" %z')
    except ValueError:
        return datetime.min
