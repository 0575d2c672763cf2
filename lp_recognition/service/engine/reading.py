"""What a worker does of a job: pictures are decoded, searched and read."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone

import cv2
import numpy as np

from lp_recognition.evaluation.drawing import draw_detections, plate_caption
from lp_recognition.images.image import Image, decode_image
from lp_recognition.images.pixels import Reduced
from lp_recognition.reading.alpr import Alpr, AlprPlate
from lp_recognition.reading.detector import Detection
from lp_recognition.service.engine.jobs import Answer, EncodedPicture, Job, Plate, SearchedPicture
from lp_recognition.settings.service import FindingSettings
from lp_recognition.video.events import Candidate, Look
from lp_recognition.video.regions import Regions
from lp_recognition.video.voting import Ballot
from lp_recognition.video.workers import Models, Opened

_JPEG_QUALITY = 90
#: Where plates are only found, a picture is shrunk to the detector's input anyway: so many times its sides are enough,
#: also for the second look from near. Of 128 plates in photographs of 1,000 to 2,000 pixels 117 are found in whole
#: pictures, and 116 in halved ones; but of 88 texts 72 and 62 are read right.
_DETECTED = 2
_ANY_TIME = datetime.fromtimestamp(0, timezone.utc)


@dataclass
class Stages:
    """How long each stage takes, in milliseconds, over all pictures of a job."""

    ms: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Adds what the block takes to a stage."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self.ms[name] = self.ms.get(name, 0.0) + 1000 * (time.perf_counter() - began)


def do_job(opened: Opened, item: tuple[Models, Job]) -> Answer:
    """A worker's task: does a job with the models it names.

    Raises:
        ImageError: a picture that cannot be decoded.
    """
    models, job = item
    return search(opened.alpr(models), job)


def search(alpr: Alpr, job: Job) -> Answer:
    """Does a job.

    Raises:
        ImageError: a picture that cannot be decoded.
    """
    stages = Stages()
    return Answer(tuple(_searched(alpr, picture, job, stages) for picture in job.pictures), stages.ms)


def _searched(alpr: Alpr, encoded: EncodedPicture, job: Job, stages: Stages) -> SearchedPicture:
    with stages.timed("decode"):
        picture, scale = _decoded(alpr, encoded, job)
    found, plates = [], []
    if job.kind == "read":
        with stages.timed("read"):
            plates = [alpr.read_crop(picture)]
    else:
        with stages.timed("detect"):
            found = _found(alpr, picture, job.finding, scale)
    if job.kind == "alpr":
        with stages.timed("read"):
            plates = alpr.read_found(picture, found)
    annotated = None
    if job.annotated:
        with stages.timed("draw"):
            annotated = _drawn(picture, found, plates)
    told = [_told(plate, scale) for plate in plates]
    if job.kind == "detect":
        told = [Plate(_points(one.corners, scale), one.score) for one in sorted(found, key=lambda one: one.box[0])]
    height, width = picture.shape[:2]
    return SearchedPicture(round(width * scale), round(height * scale), tuple(told), annotated)


def _decoded(alpr: Alpr, encoded: EncodedPicture, job: Job) -> tuple[Image, float]:
    """The picture as it is looked at, and how much larger it was."""
    longest = max(encoded.header.width, encoded.header.height)
    size = longest if job.finding.input_size is None or job.kind == "read" else min(job.finding.input_size, longest)
    picture = decode_image(encoded.data, encoded.name, _reduced(longest, _needed(alpr, job, size)))
    scale = size / max(picture.shape[:2])
    if size < longest and scale < 1:
        width, height = (max(1, round(side * scale)) for side in picture.shape[1::-1])
        picture = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return picture, longest / max(picture.shape[:2])


def _needed(alpr: Alpr, job: Job, size: int) -> int:
    """The longest side that a picture of `size` has to be decoded to."""
    if job.kind == "detect" and job.finding.tiles == "off" and not job.annotated and alpr.detector is not None:
        return min(size, _DETECTED * max(alpr.detector.config.input_shape[:2]))
    return size


def _reduced(longest: int, needed: int) -> Reduced:
    """The smallest part of its sides that a JPEG may be decoded to."""
    if longest >= 8 * needed:
        return 8
    if longest >= 4 * needed:
        return 4
    return 2 if longest >= 2 * needed else 1


def _found(alpr: Alpr, picture: Image, finding: FindingSettings, scale: float) -> list[Detection]:
    """The plates that count."""
    found = alpr.find(
        picture,
        tiles=finding.tiles,
        score_threshold=finding.score_threshold,
        iou_threshold=finding.iou_threshold,
    )
    regions = Regions(finding.regions, finding.ignore)
    height, width = (round(side * scale) for side in picture.shape[:2])
    return [
        one
        for one in found
        if scale * (one.box[3] - one.box[1]) >= finding.min_height
        and regions.hold(np.float32(scale) * one.corners, (height, width))
    ]


def _told(plate: AlprPlate, scale: float) -> Plate:
    return Plate(
        corners=_points(plate.corners, scale),
        score=plate.detection_confidence,
        text=plate.text,
        confidence=plate.confidence,
        confidences=plate.confidences,
        candidates=_candidates(plate),
        reader=plate.reader,
        is_crop=plate.is_crop,
    )


def _candidates(plate: AlprPlate) -> tuple[Candidate, ...]:
    """What the plate may say, as a vote of one look has it; the text itself comes first."""
    ballot, reading = Ballot(), plate.reading
    ballot.add(
        Look(
            _ANY_TIME, 0, None, plate.corners, plate.detection_confidence, reading.text, reading.confidence,
            reading.confidences, plate.reader, reading.alternatives,
        )
    )  # fmt: skip
    others = ballot.result().candidates if ballot.look_count else ()
    first = Candidate(reading.text, reading.confidence)
    return (first, *(one for one in others if one.text != reading.text))


def _points(corners: np.ndarray, scale: float) -> tuple[tuple[float, float], ...]:
    return tuple((scale * float(x), scale * float(y)) for x, y in corners)


def _drawn(picture: Image, found: Sequence[Detection], plates: Sequence[AlprPlate]) -> bytes:
    detections = [Detection(plate.corners, plate.detection_confidence) for plate in plates] or list(found)
    captions = [plate_caption(plate.text, plate.confidence) for plate in plates]
    drawn = draw_detections(picture, detections, captions=captions)
    return bytes(cv2.imencode(".jpg", drawn, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1])
