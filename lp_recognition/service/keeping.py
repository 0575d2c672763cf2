"""What is kept of photographs that were read, and what a service does now and then."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import numpy as np

from lp_recognition.images.image import Image, decode_image
from lp_recognition.reading.rectification import MARGIN, rectify
from lp_recognition.service.engine.jobs import EncodedPicture, Plate, SearchedPicture
from lp_recognition.settings.service import ServiceConfig
from lp_recognition.system.errors import UserError
from lp_recognition.video.database.known_plates import StoredKnownPlates
from lp_recognition.video.database.retention import forget
from lp_recognition.video.events import Event, KnownMatch, Look

if TYPE_CHECKING:
    from lp_recognition.service.usage import Usage
    from lp_recognition.video.database.store import Store

_log = logging.getLogger(__name__)

#: What photographs are kept under whose client names no camera.
PHOTOGRAPHS = "photographs"
#: Counts are saved, and what is old is forgotten, so often.
_SAVE_EVERY_S, _FORGET_EVERY_S = 1.0, 3600.0
_MOST_SOURCE = 100


class KeptReads:
    """Keeps the plates of photographs as events, each a passage of one look.

    Args:
        store: Where.
        config: How far a reading may be from a known plate.
    """

    def __init__(self, store: Store, config: ServiceConfig) -> None:
        self._store = store
        self._known = StoredKnownPlates(store, config.matching)

    def keep(self, picture: EncodedPicture, found: SearchedPicture, source: str = "", when: str = "") -> None:
        """Keeps what was read in a photograph; it takes its time, and is for a thread.

        Args:
            picture: The photograph as it came.
            found: Its plates.
            source: What the client calls its camera.
            when: When it was taken, by ISO 8601; now where that is not told.

        Raises:
            UserError: it cannot be written.
        """
        plates = [plate for plate in found.plates if plate.text]
        if not plates:
            return
        image = decode_image(picture.data, picture.name)
        for plate in plates:
            name = source[:_MOST_SOURCE] or PHOTOGRAPHS
            self._store.record(_event(plate, image, name, _moment(when), self._known.match(plate.text)))


def _event(plate: Plate, image: Image, source: str, when: datetime, known: KnownMatch | None) -> Event:
    corners = np.array(plate.corners, np.float32)
    look = Look(
        when, 0, None, corners, plate.score, plate.text, plate.confidence, plate.confidences, plate.reader
    )  # fmt: skip
    return Event(
        id=uuid.uuid4().hex, type="end", source=source, text=plate.text, confidence=plate.confidence,
        confidences=plate.confidences,
        candidates=plate.candidates,
        first_time=when, last_time=when, look_count=1, agreeing_count=1, best=look, looks=(look,), known=known,
        crop=rectify(image, corners, MARGIN), picture=image,
    )  # fmt: skip


def _moment(when: str) -> datetime:
    try:
        moment = datetime.fromisoformat(when.replace("Z", "+00:00"))
    except ValueError:
        return datetime.now(timezone.utc)
    return moment if moment.tzinfo is not None else moment.astimezone()


class Upkeep:
    """Saves counts and forgets what is old, beside the requests.

    Args:
        usage: The counts.
        store: The database.
        keep_days: Pictures and looks of older events are deleted; None keeps them.
    """

    def __init__(self, usage: Usage, store: Store, keep_days: int | None) -> None:
        self._usage = usage
        self._store = store
        self._keep_days = keep_days
        self._forget_at = 0.0

    async def run(self) -> None:
        """Does it again and again, until it is cancelled."""
        while True:
            await asyncio.to_thread(self.tick)
            await asyncio.sleep(_SAVE_EVERY_S)

    def tick(self) -> None:
        """Does what there is to do; what cannot be done now is tried again."""
        try:
            self._usage.save()
            if self._keep_days is not None and time.monotonic() >= self._forget_at:
                forget(self._store, self._keep_days)
                self._forget_at = time.monotonic() + _FORGET_EVERY_S
        except UserError as error:
            _log.error("the database is not kept up: %s", error)
