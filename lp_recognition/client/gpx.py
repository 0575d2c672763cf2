"""Positions from a GPX file: the track of a drive, looked up by the time at which a frame was captured."""

from __future__ import annotations

from bisect import bisect_right
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import gpxpy
import gpxpy.gpx

from lp_recognition.client.positions import MAX_AGE_S, Fix, Position
from lp_recognition.system.errors import UserError

if TYPE_CHECKING:
    from typing_extensions import Self


class GpxTrack:
    """The points of all tracks of a GPX file, in the order of time; between two of a segment the car moved evenly.

    Args:
        path: The file.
        offset_s: Seconds that are added to a frame's time: for a camera whose clock is wrong, or in another time zone.
        max_age_s: A moment further from both points is no position.

    Raises:
        UserError: it is missing, no GPX, or has no point with a time.
    """

    is_recorded = True

    def __init__(self, path: str | Path, offset_s: float = 0.0, max_age_s: float = MAX_AGE_S) -> None:
        try:
            with Path(path).open(encoding="utf-8-sig") as file:
                told = gpxpy.parse(file)
        except (gpxpy.gpx.GPXException, UnicodeDecodeError) as error:
            reason = " ".join(str(error).split())
            raise UserError(f"{path}: expected a GPX file, received what is none: {reason}") from None
        except OSError as error:
            raise UserError(f"{path}: expected a GPX file, cannot be read: {error.strerror}") from None
        segments = [segment for track in told.tracks for segment in track.segments]
        points = [
            (_utc(point.time), number, Fix(point.latitude, point.longitude, _utc(point.time), point.elevation))
            for number, segment in enumerate(segments)
            for point in segment.points
            if point.time is not None
        ]
        if not points:
            raise UserError(f"{path}: expected a track whose points have times, received none")
        points.sort(key=lambda point: point[:2])
        self._times = [time for time, _, _ in points]
        self._segments = [number for _, number, _ in points]
        self._fixes = [fix for _, _, fix in points]
        self._offset = timedelta(seconds=offset_s)
        self._max_age_s = max_age_s
        self.state = f"{len(points):,} points"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is open."""

    def at(self, moment: datetime) -> Position | None:
        """As of `Positions`: between the points before and after it; else that of the nearest."""
        moment = moment + self._offset
        after = bisect_right(self._times, moment)
        near = [index for index in (after - 1, after) if 0 <= index < len(self._times)]
        ages = [abs((moment - self._times[index]).total_seconds()) for index in near]
        age_s = min(ages)
        if age_s > self._max_age_s:
            return None
        if len(near) == 2 and self._segments[near[0]] == self._segments[near[1]]:
            fix = _between(self._fixes[near[0]], self._fixes[near[1]], ages[0] / (ages[0] + ages[1]), moment)
        else:
            fix = self._fixes[near[ages.index(age_s)]]
        return Position(fix, age_s)


def _between(one: Fix, other: Fix, share: float, moment: datetime) -> Fix:
    """The fix at a share of the way; by the shorter way around the world."""
    east = (other.longitude - one.longitude + 180) % 360 - 180
    altitude = None
    if one.altitude_m is not None and other.altitude_m is not None:
        altitude = one.altitude_m + share * (other.altitude_m - one.altitude_m)
    return Fix(
        one.latitude + share * (other.latitude - one.latitude),
        (one.longitude + share * east + 180) % 360 - 180,
        moment,
        altitude,
    )


def _utc(time: datetime | None) -> datetime:
    assert time is not None
    return time if time.tzinfo is not None else time.replace(tzinfo=timezone.utc)
