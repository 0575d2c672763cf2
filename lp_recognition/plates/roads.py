"""A camera over a road, and the ways that plates take past it: metres and seconds in, corners in the picture out."""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

#: How high above the road a plate hangs, in metres.
_PLATE_HEIGHT_M = 0.6
#: A plate is no nearer to the camera than this, in metres.
_NEAREST_M = 1.5


@dataclass(frozen=True)
class RoadCamera:
    """A pinhole camera that looks along a road.

    Attributes:
        size: Height and width of its pictures.
        focal_px: Its focal length, in pixels.
        horizon_px: Where the horizon is, from above.
        height_m: How high above the road it hangs.
    """

    size: tuple[int, int]
    focal_px: float
    horizon_px: float
    height_m: float

    @classmethod
    def draw(cls, size: tuple[int, int], random: Random) -> RoadCamera:
        """A camera by chance, over a gate or a road."""
        height, width = size
        return cls(
            size, width * random.uniform(1.4, 1.9), height * random.uniform(0.08, 0.25), random.uniform(1.4, 2.2)
        )

    @property
    def nearest_m(self) -> float:
        """How near a plate may come before it leaves the picture below, in metres."""
        return self.focal_px * (self.height_m - _PLATE_HEIGHT_M) / (0.92 * self.size[0] - self.horizon_px)

    def corners(self, pose: Pose, size_mm: tuple[float, float]) -> NDArray[np.float64] | None:
        """Where the corners of a plate of this width and height are, `(4, 2)`; None where it is too near."""
        wide, high = size_mm[0] / 2000, size_mm[1] / 2000
        right_x, right_z = math.cos(pose.yaw), math.sin(pose.yaw)
        points = []
        for across, down in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
            x, z = pose.x + across * wide * right_x, pose.z + across * wide * right_z
            if z < _NEAREST_M:
                return None
            y = self.height_m - _PLATE_HEIGHT_M + down * high
            points.append((self.size[1] / 2 + self.focal_px * x / z, self.horizon_px + self.focal_px * y / z))
        return np.array(points)

    def holds(self, corners: NDArray[np.float64]) -> bool:
        """Whether all corners are in the picture."""
        return bool((corners >= 0).all() and (corners <= (self.size[1], self.size[0])).all())


@dataclass(frozen=True)
class Pose:
    """Where a plate is: metres to the right of the camera and away from it, and how far it is turned, in radians."""

    x: float
    z: float
    yaw: float


@dataclass(frozen=True)
class Way:
    """The way of a car: from a place, straight on at an even speed, as long as it lasts.

    Attributes:
        x: Metres to the right of the camera, at the start.
        z: Metres away from it.
        speed_x: Metres a second to the right.
        speed_z: Metres a second away from the camera; below 0 it comes near, and shows its front plate.
        begin_s: When it starts.
        seconds: How long it goes.
        yaw: How far its plate is turned where it stands.
    """

    x: float
    z: float
    speed_x: float
    speed_z: float
    begin_s: float
    seconds: float
    yaw: float = 0.0

    def at(self, seconds: float) -> Pose | None:
        """Where the plate is then; None before and after."""
        since = seconds - self.begin_s
        if not 0 <= since <= self.seconds:
            return None
        yaw = self.yaw if not self.speed_z else -math.atan(self.speed_x / self.speed_z)
        return Pose(self.x + self.speed_x * since, self.z + self.speed_z * since, yaw)


def straight_way(camera: RoadCamera, random: Random, begin_s: float, seconds: tuple[float, float]) -> Way:
    """A car that comes near, or goes away, in its lane, within so many seconds."""
    near = camera.nearest_m * random.uniform(0.95, 1.1)
    far = near * random.uniform(2.0, 2.8)
    lasts = random.uniform(*seconds)
    lane, drift = random.uniform(-0.12, 0.12) * near, random.uniform(-0.05, 0.05) * near
    begin, end = (far, near) if random.random() < 0.65 else (near, far)
    return Way(lane, begin, drift / lasts, (end - begin) / lasts, begin_s, lasts)


def crossing_ways(camera: RoadCamera, random: Random, begin_s: float, seconds: tuple[float, float]) -> tuple[Way, Way]:
    """Two cars that come from both sides, one behind the other, and cross in the picture."""
    near, lasts, side = camera.nearest_m, random.uniform(*seconds), random.choice((-1, 1))
    ways = []
    for direction, behind in ((side, 0.0), (-side, random.uniform(0.25, 0.7) * near)):
        far, close = random.uniform(2.1, 2.5) * near + behind, random.uniform(1.0, 1.2) * near + behind
        begin_x, end_x = -direction * random.uniform(0.15, 0.19) * far, direction * random.uniform(0.15, 0.19) * close
        ways.append(Way(begin_x, far, (end_x - begin_x) / lasts, (close - far) / lasts, begin_s, lasts))
    return ways[0], ways[1]


def parked_way(camera: RoadCamera, random: Random, begin_s: float, seconds: float) -> Way:
    """A car that stands."""
    z = camera.nearest_m * random.uniform(1.1, 1.8)
    turned = math.radians(random.uniform(-25, 25))
    return Way(random.uniform(-0.12, 0.12) * z, z, 0.0, 0.0, begin_s, seconds, turned)
