"""What is asked of an engine, and what it answers: plain values that travel between processes and machines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from lp_recognition.images.headers import Header
from lp_recognition.settings.service import FindingSettings
from lp_recognition.system.errors import UserError
from lp_recognition.video.events import Candidate

#: Find and read the plates of photographs; find them alone; read crops, which show nothing but a plate.
Kind = Literal["alpr", "detect", "read"]


class BusyError(UserError):
    """An engine that has more to do than may wait.

    Attributes:
        retry_after_s: When it is worth trying again.
    """

    def __init__(self, retry_after_s: int = 1) -> None:
        super().__init__("more requests wait than can be answered in time; try again later")
        self.retry_after_s = retry_after_s


class EngineDownError(UserError):
    """An engine that cannot answer: its processes are gone, or it is being stopped."""


@dataclass(frozen=True)
class EncodedPicture:
    """A picture as it came, whose header was found fit to be decoded.

    Attributes:
        data: The bytes of the file.
        name: What the client calls it.
        header: What it claims.
    """

    data: bytes = field(repr=False)
    name: str
    header: Header


@dataclass(frozen=True)
class Job:
    """What a request asks for.

    Attributes:
        kind: What is done.
        pictures: Of what.
        finding: How plates are looked for.
        annotated: Whether pictures are wanted with what was found drawn into them, as JPEG.
    """

    kind: Kind
    pictures: tuple[EncodedPicture, ...]
    finding: FindingSettings = field(default_factory=FindingSettings)
    annotated: bool = False


@dataclass(frozen=True)
class Plate:
    """A plate that was found and, but for `detect`, read.

    Attributes:
        corners: x, y of left-up, right-up, right-bottom, left-bottom in the picture's pixels.
        score: How sure the detector is, in [0, 1]; 1 of a picture that is a crop.
        text: What was read, in its written form.
        confidence: Probability of the text, in [0, 1].
        confidences: Probability of each symbol, in [0, 1].
        candidates: The text and the next best ones, the best first.
        reader: The name or file of the reader that is believed.
        is_crop: Whether the whole picture was taken for a crop of a plate.
    """

    corners: tuple[tuple[float, float], ...]
    score: float
    text: str = ""
    confidence: float = 0.0
    confidences: tuple[float, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    reader: str = ""
    is_crop: bool = False

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the upright box around the corners."""
        xs, ys = zip(*self.corners, strict=True)
        return min(xs), min(ys), max(xs), max(ys)


@dataclass(frozen=True)
class SearchedPicture:
    """What was found in a picture.

    Attributes:
        width: Of the picture, upright, in pixels.
        height: Likewise.
        plates: The plates, from left to right.
        annotated: The picture with what was found drawn into it, JPEG; None where it was not asked for.
    """

    width: int
    height: int
    plates: tuple[Plate, ...]
    annotated: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Answer:
    """What came of a job.

    Attributes:
        pictures: As many as were given.
        stages_ms: How long each stage took, in milliseconds: `queue`, `decode`, `detect`, `read`, `draw`.
    """

    pictures: tuple[SearchedPicture, ...]
    stages_ms: Mapping[str, float]


@dataclass(frozen=True)
class EngineState:
    """How an engine gets on.

    Attributes:
        waiting: Requests that wait.
        working: Requests that are being worked on.
        workers: Processes, or replicas, that can work.
        restarts: How many were started anew as they had been killed.
        is_full: Whether the next request is refused.
        batches: How many times a worker was given so many requests at once.
    """

    waiting: int
    working: int
    workers: int
    restarts: int
    is_full: bool
    batches: Mapping[int, int] = field(default_factory=dict)


class Engine(Protocol):
    """What finds and reads the plates of requests."""

    async def start(self) -> None:
        """Opens models.

        Raises:
            UserError: one cannot be opened.
        """

    async def stop(self) -> None:
        """Ends all processes; jobs that still wait get an `EngineDownError`."""

    async def read(self, job: Job) -> Answer:
        """Does a job. Where the task is cancelled, it is dropped from the queue.

        Raises:
            ImageError: a picture that cannot be decoded.
            BusyError: too many wait.
            EngineDownError: there is nobody to do it.
        """

    def check_room(self) -> None:
        """Raises what `read` would raise at once, before a request's body is received.

        Raises:
            BusyError, EngineDownError: as `read`.
        """

    def state(self) -> EngineState:
        """How it gets on."""
