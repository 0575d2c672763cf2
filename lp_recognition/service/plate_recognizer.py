"""The contract that clients of Plate Recognizer speak: `/v1/plate-reader`, `/v1/statistics`, `/info`."""

from __future__ import annotations

from fastapi import APIRouter

from lp_recognition.service.serving import Service


def plate_recognizer_router(service: Service) -> APIRouter:
    """The endpoints of one application."""
    router = APIRouter(tags=["Plate Recognizer"])
    return router
