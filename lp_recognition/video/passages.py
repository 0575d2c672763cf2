"""From frames to events: one event a passing plate, told at once and corrected later.

Plates of a frame are given to tracks; the looks of a track that pass the filters are voted on; and a track is a
passage, or the next part of one that was seen a moment ago. All times are those of the frames, and nothing is left to
chance: the same frames give the same events with the same ids.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.corners import mean_sides
from lp_recognition.reading.alpr import AlprPlate
from lp_recognition.settings.passages import PassageSettings
from lp_recognition.texts.vocabulary import split_symbols
from lp_recognition.video.events import Event, EventType, Look
from lp_recognition.video.frames import Frame
from lp_recognition.video.passage import Passage
from lp_recognition.video.regions import Regions
from lp_recognition.video.tracking import Track, Tracker


@dataclass(frozen=True)
class Visible:
    """A plate in the frame that was seen last, as it is shown to people.

    Attributes:
        corners: Where it is, as of the look.
        id: The passage's; None where the plate could not be read yet.
        text: The answer so far; empty likewise.
        confidence: Probability of the answer, in [0, 1].
    """

    corners: NDArray[np.float32]
    id: str | None
    text: str
    confidence: float


class Passages:
    """Makes events of the frames of one source.

    Pictures are kept as they are in the frames, one for each open passage: draw on copies.

    Args:
        source: The name of the stream, the same in each run: ids are made of it.
        settings: Which looks count, and what is told when.
    """

    def __init__(self, source: str, settings: PassageSettings | None = None) -> None:
        self._source = source
        self._settings = settings or PassageSettings()
        self._formats = [re.compile(pattern) for pattern in self._settings.formats]
        self._regions = Regions(self._settings.regions, self._settings.ignore)
        self._tracker = Tracker(self._settings, self._window)
        self._passage_of: dict[Track, Passage] = {}
        self._passages: list[Passage] = []  # told or not, open or ended a moment ago
        self._visible: list[tuple[AlprPlate, Track]] = []

    @property
    def visible(self) -> list[Visible]:
        """The plates of the frame that was seen last."""
        found = []
        for plate, track in self._visible:
            passage = self._passage_of.get(track)
            if passage is None:
                found.append(Visible(plate.corners, None, "", 0.0))
            else:
                found.append(Visible(plate.corners, passage.id, passage.vote.text, passage.vote.confidence))
        return found

    def see(self, frame: Frame, plates: Sequence[AlprPlate]) -> list[Event]:
        """Takes in what was found and read in a frame, and tells what is new by it.

        Args:
            frame: Of the source; later than those before. Frames may be left out.
            plates: What `Alpr.read` gives for it.
        """
        size = frame.image.shape[:2]
        inside = [plate for plate in plates if self._regions.hold(plate.corners, size)]
        tracks = self._tracker.update(frame.time.timestamp(), inside)
        self._visible = [(plate, track) for plate, track in zip(inside, tracks, strict=True) if track is not None]
        for plate, track in self._visible:
            self._take(frame, plate, track)
        alive = set(self._tracker.tracks)
        self._passage_of = {track: passage for track, passage in self._passage_of.items() if track in alive}
        seen = dict.fromkeys(self._passage_of[track] for _, track in self._visible if track in self._passage_of)
        events = self._tell_ends(frame.time)  # first: what is over cannot go on
        for passage in seen:
            if passage in self._passages:  # and not a part of another one by now
                events += self._tell(passage, frame.time)
        return events

    def finish(self) -> list[Event]:
        """Ends all that is open: the source has no more frames."""
        events = self._end_all(self._passages)
        self._passages, self._passage_of, self._visible = [], {}, []
        self._tracker = Tracker(self._settings, self._window)
        return events

    def _take(self, frame: Frame, plate: AlprPlate, track: Track) -> None:
        """Notes a plate with its passage, and takes it for a look where it passes the filters."""
        look = _look_of(frame, plate)
        passage, counts = self._passage_of.get(track), self._counts(look)
        if passage is None:
            if not counts:
                return
            passage = self._passage_of[track] = Passage(self._source, look)
            self._passages.append(passage)
        passage.see(frame.time, plate.corners, track.is_standing)
        if counts:
            passage.take(look, plate, frame)

    def _counts(self, look: Look) -> bool:
        """Whether a look takes part in the vote. What does not belong is left out before it, not after."""
        settings = self._settings
        height = mean_sides([(x, y) for x, y in look.corners.tolist()])[1]
        return (
            height >= settings.min_height
            and look.confidence >= settings.min_confidence
            and len(split_symbols(look.text)) >= settings.min_symbols
            and (not self._formats or any(pattern.fullmatch(look.text) for pattern in self._formats))
        )

    def _tell(self, passage: Passage, now: datetime) -> Iterable[Event]:
        """What is new of a passage that is in sight."""
        vote, settings = passage.vote, self._settings
        is_sure = vote.confidence >= settings.sure_confidence
        if not passage.told:
            if vote.agreeing_count < settings.preview_looks and not is_sure:
                return
            earlier = self._earlier_part(passage)
            if earlier is None:
                yield self._told(passage, "start")
            elif not earlier.ended:
                self._join(earlier, passage)
                yield from self._tell(earlier, now)
        elif vote.text != passage.told or (is_sure and not passage.told_sure):
            yield self._told(passage, "update")
        elif (now - passage.told_here).total_seconds() >= settings.here_seconds:
            yield self._told(passage, "here")

    def _told(self, passage: Passage, kind: EventType) -> Event:
        passage.told, passage.told_here = passage.vote.text, passage.last_time
        passage.told_sure = passage.vote.confidence >= self._settings.sure_confidence
        return passage.tell(kind)

    def _earlier_part(self, passage: Passage) -> Passage | None:
        """The passage that one goes on with: the same plate in another track, or a moment ago.

        One that has ended may be repeated within the window, and nothing is told of that. What is still there when the
        window is over is a visit of its own.
        """
        in_view = {self._passage_of.get(track) for _, track in self._visible}
        number = self._passages.index(passage)
        for place, other in reversed(list(enumerate(self._passages))):
            if other is passage or (place > number and not other.told):
                continue
            gap = (passage.last_time - other.last_time).total_seconds()
            is_in_time = not other.ended or gap <= self._window
            is_same = passage.says_as if other in in_view else passage.is_same_plate
            if is_in_time and is_same(other):
                return other
        return None

    def _join(self, earlier: Passage, passage: Passage) -> None:
        earlier.go_on(passage)
        self._passages.remove(passage)
        for track, of in self._passage_of.items():
            if of is passage:
                self._passage_of[track] = earlier

    @property
    def _window(self) -> float:
        return max(self._settings.repeat_seconds, self._settings.absent_seconds)

    def _tell_ends(self, now: datetime) -> list[Event]:
        """The ends of passages that are out of sight; those that cannot go on any more are let go."""

        def is_gone(passage: Passage) -> bool:
            unseen = (now - passage.last_time).total_seconds()
            return unseen > (self._window if passage.stands else self._settings.absent_seconds)

        events = self._end_all([passage for passage in self._passages if is_gone(passage)])
        self._passages = [one for one in self._passages if (now - one.last_time).total_seconds() <= self._window]
        return events

    def _end_all(self, passages: Sequence[Passage]) -> list[Event]:
        """Ends passages: the last ones first, for each may be a part of one before; told in their order."""
        told = [[] if one.ended or one.dismissed else self._end(one) for one in reversed(passages)]
        return [event for events in reversed(told) for event in events]

    def _end(self, passage: Passage) -> list[Event]:
        """Tells the end of a passage that has none yet, and before it the start where that was never told."""
        if passage.told:
            passage.ended = True
            event = self._told(passage, "end")
            passage.drop_picture()
            return [event]
        earlier = self._earlier_part(passage)
        if earlier is not None and not earlier.ended:
            self._join(earlier, passage)
            return []
        vote, settings = passage.vote, self._settings
        is_enough = vote.look_count >= settings.min_looks or vote.confidence >= settings.sure_confidence
        if earlier is not None or not is_enough:
            passage.dismissed = True
            passage.drop_picture()
            return []
        return [self._told(passage, "start"), *self._end(passage)]


def _look_of(frame: Frame, plate: AlprPlate) -> Look:
    return Look(
        time=frame.time,
        frame=frame.number,
        position_s=frame.position_s,
        corners=plate.corners,
        detection_confidence=plate.detection_confidence,
        text=plate.text,
        confidence=plate.confidence,
        confidences=plate.confidences,
        reader=plate.reader,
        alternatives=plate.reading.alternatives,
    )
