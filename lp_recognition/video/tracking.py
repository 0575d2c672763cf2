"""Which plates of one frame are those of the frame before: ByteTrack, for things that move like plates.

Zhang et al. 2022, "ByteTrack: Multi-Object Tracking by Associating Every Detection Box" (arXiv 2110.06864): a Kalman
filter says where each track will be; plates found surely are assigned to tracks first, doubtful ones to what is left,
so that a plate that is hard to see keeps its track and noise begins none. Three things are fitted to plates:

- Plates are small and fast: from frame to frame one often leaves its own box. So it is not the plates' boxes whose
  overlap counts but boxes of a car's proportions around them (as Yang et al. 2023, arXiv 2211.14317, buffer boxes): no
  two cars are in one place.
- Plates can be told apart by what stands on them. A text that is alike draws together, also over a distance; texts
  that are read surely and have little in common keep apart, so that cars that cross do not exchange theirs.
- A lost track is kept for a time in seconds, not in frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import lap
import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from lp_recognition.boxes.intersection import box_iou
from lp_recognition.reading.alpr import AlprPlate
from lp_recognition.settings.passages import TrackSettings
from lp_recognition.texts.vocabulary import split_symbols
from lp_recognition.video.motion import Motion

#: Width and height of the box that stands for the car, in widths of its plate.
_CAR = (4.0, 2.0)
#: Texts read at least so surely that share less than this are of two plates; that share more than the other, of one.
_SURE_TEXT, _OTHER_TEXT, _SAME_TEXT = 0.6, 0.45, 0.7
#: Unless the plate is in its place, give or take this overlap of the plates themselves, so soon after: then it is the
#: one that was there, whatever is read.
_SAME_PLACE, _SOON_S = 0.4, 0.5
#: What is read less surely says nothing of which plate it is.
_LEAST_TEXT = 0.15
_FORBIDDEN = 1e6
#: More than any cost that is allowed.
_COST_LIMIT = 10.0


@dataclass(eq=False)
class Track:
    """A plate on its way through the frames.

    Attributes:
        motion: Where it is and where it goes.
        seen_at: Seconds, of the frame that it was seen in last.
        missed: Frames since then.
        seen_count: Frames that it was seen in.
        text: What its surest look says.
        confidence: How sure that look is.
    """

    motion: Motion
    seen_at: float
    missed: int = 0
    seen_count: int = 0
    text: str = ""
    confidence: float = -1.0

    @property
    def is_standing(self) -> bool:
        """Whether it moves less than half its width a second, as far as three looks or more can tell."""
        return self.seen_count >= 3 and float(np.hypot(*self.motion.velocity)) < 0.5 * float(self.motion.place[2])

    def _take(self, plate: AlprPlate, seconds: float) -> None:
        self.seen_at, self.missed, self.seen_count = seconds, 0, self.seen_count + 1
        if plate.confidence > self.confidence:
            self.text, self.confidence = plate.text, plate.confidence


class Tracker:
    """Follows the plates of one source.

    Args:
        settings: Thresholds.
        forget_seconds: A track that was not seen for so long is another one when it comes back, even if there was no
            frame in between.

    Attributes:
        tracks: Those that are followed, lost ones included, the oldest first.
    """

    def __init__(self, settings: TrackSettings, forget_seconds: float) -> None:
        self._settings, self._forget_seconds = settings, forget_seconds
        self.tracks: list[Track] = []
        self._seconds: float | None = None

    def update(self, seconds: float, plates: Sequence[AlprPlate]) -> list[Track | None]:
        """Takes in the plates of a frame.

        Args:
            seconds: When the frame was captured, on any clock. A clock that goes back is taken to stand still.
            plates: What was found in it.

        Returns:
            The track of each plate; None of a doubtful one that belongs to none.
        """
        if self._seconds is not None and seconds > self._seconds:
            for track in self.tracks:
                track.motion.predict(min(seconds - self._seconds, self._forget_seconds))
        self._seconds = seconds if self._seconds is None else max(seconds, self._seconds)
        self.tracks = [track for track in self.tracks if not self._is_gone(track)]
        for track in self.tracks:
            track.missed += 1

        settings = self._settings
        scores = [plate.detection_confidence for plate in plates]
        high = [i for i, score in enumerate(scores) if score >= settings.high_score]
        low = [i for i, score in enumerate(scores) if settings.low_score <= score < settings.high_score]
        found: list[Track | None] = [None] * len(plates)
        self._assign(self.tracks, plates, high, found, settings.least_overlap, by_text=True)
        recent = [track for track in self.tracks if track.missed == 1]  # neither found yet nor lost before
        self._assign(recent, plates, low, found, settings.least_overlap_of_low, by_text=False)
        for i in high:
            if found[i] is None and scores[i] >= settings.new_score:
                track = found[i] = Track(Motion(_measured(plates[i])), self._seconds)
                track._take(plates[i], self._seconds)
                self.tracks.append(track)
        return found

    def _assign(
        self,
        tracks: Sequence[Track],
        plates: Sequence[AlprPlate],
        among: Sequence[int],
        found: list[Track | None],
        least_overlap: float,
        *,
        by_text: bool,
    ) -> None:
        """Gives some of the plates the tracks that suit them best together, and these their plates."""
        if not tracks or not among:
            return
        costs = np.array([[self._cost(track, plates[i], least_overlap, by_text) for i in among] for track in tracks])
        _, plate_of, _ = lap.lapjv(costs, extend_cost=True, cost_limit=_COST_LIMIT)
        for track, chosen in zip(tracks, plate_of.tolist(), strict=True):
            if chosen >= 0:
                plate = plates[among[chosen]]
                track.motion.correct(_measured(plate))
                track._take(plate, self._seconds or 0.0)
                found[among[chosen]] = track

    def _cost(self, track: Track, plate: AlprPlate, least_overlap: float, by_text: bool) -> float:
        expected, measured = track.motion.place, _measured(plate)
        overlap = box_iou(_car_around(expected), _car_around(measured))
        alike = _likeness(track, plate)
        if alike is not None and alike < _OTHER_TEXT and min(track.confidence, plate.confidence) >= _SURE_TEXT:
            is_soon = (self._seconds or 0.0) - track.seen_at <= _SOON_S
            if not is_soon or box_iou(_sides(expected), _sides(measured)) < _SAME_PLACE:
                return _FORBIDDEN
        apart = float(np.hypot(*(expected[:2] - measured[:2]))) / max(expected[2], measured[2])
        drawn = by_text and alike is not None and alike >= _SAME_TEXT and apart <= self._settings.reach
        if overlap < least_overlap and not drawn:
            return _FORBIDDEN
        # Where no car's box is overlapped, the nearer one is the better one.
        nearness = overlap - 0.01 * apart
        return 2.0 - nearness - self._settings.text_weight * (0.5 if alike is None else alike)

    def _is_gone(self, track: Track) -> bool:
        unseen = (self._seconds or 0.0) - track.seen_at
        return unseen > self._forget_seconds or (track.missed > 0 and unseen > self._settings.lost_seconds)


def _likeness(track: Track, plate: AlprPlate) -> float | None:
    """How much of two texts is the same, in [0, 1]; None where one of them says nothing."""
    if min(track.confidence, plate.confidence) < _LEAST_TEXT or not track.text or not plate.text:
        return None
    return Levenshtein.normalized_similarity(split_symbols(track.text), split_symbols(plate.text))


def _measured(plate: AlprPlate) -> NDArray[np.float64]:
    left, top, width, height = plate.box
    return np.array([left + width / 2, top + height / 2, width, height])


def _sides(place: NDArray[np.float64]) -> tuple[float, float, float, float]:
    x, y, width, height = place.tolist()
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _car_around(place: NDArray[np.float64]) -> tuple[float, float, float, float]:
    x, y, width, _ = place.tolist()
    half_width, half_height = _CAR[0] * width / 2, _CAR[1] * width / 2
    return x - half_width, y - half_height, x + half_width, y + half_height
