"""One passage as it goes on: its looks, what they say together, its picture, and where it goes."""

from __future__ import annotations

import math
import uuid
from collections import deque
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from lp_recognition.images.image import Image
from lp_recognition.reading.alpr import AlprPlate
from lp_recognition.texts.normal_form import plate_key
from lp_recognition.texts.vocabulary import split_symbols
from lp_recognition.video.events import Event, EventType, Look, utc_text
from lp_recognition.video.frames import Frame
from lp_recognition.video.voting import Ballot, Vote

#: Looks that are kept of a passage; of more, every second one is dropped. The vote knows all of them.
_MOST_LOOKS = 512
#: Where a plate comes from and where it goes: the mean over so many places at both ends.
_ENDS = 3
#: A plate that has moved less than this, in its widths, stands.
_LEAST_WAY = 1.0
#: Answers are of one plate where one of the two passages takes the other's for at least so probable.
_SAME_PLATE = 0.05
#: Answers that are one edit apart are of two plates where both are so sure, or where more seconds lie between.
_SURE, _SOON_S = 0.9, 3.0
#: What is left of a plate that is half covered: so many symbols at least, and so many fewer at most.
_LEAST_PART, _MOST_COVERED = 4, 3

_IDS = uuid.uuid5(uuid.NAMESPACE_URL, "urn:lp_recognition:passages")


@dataclass(frozen=True)
class _Evidence:
    """The pictures of the best look."""

    crop: Image
    picture: Image


class Passage:
    """The way of one plate past one camera.

    Args:
        source: The name of the stream.
        look: The first look.

    Attributes:
        id: The same whenever the same frames are seen.
        last_time: When the plate was seen last, whether or not it could be read.
        told: What has been told of it: the text, empty before anything was.
        told_sure: Whether that was told as sure.
        told_here: When something was told of it last.
        ended: Whether its end was told.
        dismissed: Whether it went with too little to tell, or as a repetition; it may still be a part of a later one.
        stands: Whether it stood where it was seen last: then it is hidden rather than gone.
    """

    def __init__(self, source: str, look: Look) -> None:
        left, top, width, height = look.box
        place = f"{left + width / 2:.0f},{top + height / 2:.0f}"
        self.id = str(uuid.uuid5(_IDS, "|".join([source, utc_text(look.time), str(look.frame), place, look.text])))
        self.source = source
        self.first_time = self.last_time = look.time
        self.told, self.told_sure, self.told_here = "", False, look.time
        self.ended = self.dismissed = self.stands = False
        self._ballot, self._looks = Ballot(), list[Look]()
        self._evidence: _Evidence | None = None
        self._best = look
        self._came: list[NDArray[np.float32]] = []
        self._went: deque[NDArray[np.float32]] = deque(maxlen=_ENDS)
        self._vote: Vote | None = None

    @property
    def look_count(self) -> int:
        """Looks that take part in the vote."""
        return self._ballot.look_count

    @property
    def vote(self) -> Vote:
        """What the looks say together."""
        if self._vote is None:
            self._vote = self._ballot.result()
        return self._vote

    @property
    def direction_deg(self) -> float | None:
        """Where it moves in the picture, in [0, 360): 0 is up, 90 to the right; None where it stands."""
        if not self._came:
            return None
        first, last = np.mean(self._came, axis=0), np.mean(self._went, axis=0)
        (dx, dy), width = (last - first).mean(axis=0).tolist(), (np.ptp(first[:, 0]) + np.ptp(last[:, 0])) / 2
        if math.hypot(dx, dy) < _LEAST_WAY * width:
            return None
        return math.degrees(math.atan2(dx, -dy)) % 360

    def see(self, time: datetime, corners: NDArray[np.float32], stands: bool) -> None:
        """Takes note that the plate is there, read or not."""
        self.last_time, self.stands = max(self.last_time, time), stands
        if len(self._came) < _ENDS:
            self._came.append(corners)
        self._went.append(corners)

    def take(self, look: Look, plate: AlprPlate, frame: Frame) -> None:
        """Takes in a look, and its frame as the picture where it is the surest of those that agree."""
        self._ballot.add(look)
        self._vote = None
        self._looks.append(look)
        if len(self._looks) > _MOST_LOOKS:
            self._looks = self._looks[::2]
        if self._evidence is None or self._rank(look) > self._rank(self._best):
            self._best, self._evidence = look, _Evidence(plate.image, frame.image)

    def is_same_plate(self, other: Passage) -> bool:
        """Whether another passage, that is not in sight together with this one, is of the same plate.

        By the same answer; where one of the answers is a part of the other, as of a plate that is half covered; where
        one may as well be taken for the other; or where they are one edit apart, not both sure, and it is so soon
        after that it would be a strange chance.
        """
        key, other_key = self._key, other._key
        if key == other_key or _is_part(key, other_key) or _is_part(other_key, key):
            return True
        if other_key in self._likely_keys() or key in other._likely_keys():
            return True
        is_soon = (self.first_time - other.last_time).total_seconds() <= _SOON_S
        are_sure = min(self.vote.confidence, other.vote.confidence) >= _SURE
        return is_soon and not are_sure and Levenshtein.distance(key, other_key) <= 1

    def says_as(self, other: Passage) -> bool:
        """Whether its answer is that of another passage."""
        return self._key == other._key

    def go_on(self, other: Passage) -> None:
        """Takes in another passage of the same plate: both are one visit."""
        self.dismissed = False
        if other.last_time >= self.last_time:
            self._came, self._went, self.stands = other._came, other._went, other.stands
        self.first_time, self.last_time = min(self.first_time, other.first_time), max(self.last_time, other.last_time)
        self._ballot.add_all(other._ballot)
        self._vote = None
        self._looks = sorted([*self._looks, *other._looks], key=lambda look: look.time)[-_MOST_LOOKS:]
        if other._evidence is not None and (self._evidence is None or self._rank(other._best) > self._rank(self._best)):
            self._best, self._evidence = other._best, other._evidence

    def tell(self, kind: EventType) -> Event:
        """The event of what is known now."""
        vote, evidence = self.vote, self._evidence
        return Event(
            id=self.id,
            type=kind,
            source=self.source,
            text=vote.text,
            confidence=vote.confidence,
            confidences=vote.confidences,
            candidates=vote.candidates,
            first_time=self.first_time,
            last_time=self.last_time,
            look_count=vote.look_count,
            agreeing_count=vote.agreeing_count,
            best=self._best,
            direction_deg=self.direction_deg,
            looks=tuple(self._looks) if kind == "end" else (),
            crop=None if evidence is None else evidence.crop,
            picture=None if evidence is None else evidence.picture,
        )

    def drop_picture(self) -> None:
        """Lets go of the frame, which may be large."""
        self._evidence = None

    @property
    def _key(self) -> str:
        return _key(self.vote.text)

    def _likely_keys(self) -> set[str]:
        return {_key(one.text) for one in self.vote.candidates if one.confidence >= _SAME_PLATE}

    def _rank(self, look: Look) -> tuple[bool, float]:
        """By what a look is the best one: it says what the answer says, and is sure of it."""
        return look.text == self.vote.text, look.confidence


def _is_part(key: str, whole: str) -> bool:
    return key in whole and len(key) >= max(_LEAST_PART, len(whole) - _MOST_COVERED)


def _key(text: str) -> str:
    return plate_key(split_symbols(text))
