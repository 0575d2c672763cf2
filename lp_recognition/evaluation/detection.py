"""How well plates are found: average precision, recall, precision, false alarms and the error of the corners."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.boxes.cells import pairwise_iou
from lp_recognition.lists.scenes import Scene
from lp_recognition.reading.detector import Detection
from lp_recognition.system.tables import format_table

#: The widths of plates, in parts of the picture's width, that figures are given for.
_WIDTHS = (0.05, 0.1, 0.2, math.inf)
_BOOTSTRAPS = 400
#: The bounds at which detections are right.
_IOUS = (0.5, 0.7, 0.75)


@dataclass(frozen=True)
class Found:
    """What was found in one picture and what of it is right.

    Attributes:
        scores: Of each detection, the surest first.
        right: By intersection over union, which detections match a plate by so much: as COCO has it, at each of these
            bounds detections and plates are matched anew.
        plate_of: The number of the plate that each matches at 0.5; -1 where none.
        corner_errors: Mean distance of the corners in parts of the plate's height; NaN where they are not known.
        plates: Number of annotated plates.
        widths: Of each annotated plate, in parts of the picture's width.
        complete: Whether all plates are annotated.
        group: The set of the picture.
    """

    scores: NDArray[np.float32]
    right: Mapping[float, NDArray[np.bool_]]
    plate_of: NDArray[np.intp]
    corner_errors: NDArray[np.float32]
    plates: int
    widths: NDArray[np.float32]
    complete: bool
    group: str


@dataclass(frozen=True)
class DetectionMetrics:
    """How a list of scenes was searched. Shares are in [0, 1]; every annotated plate counts, however small.

    Attributes:
        pictures: Number of pictures.
        plates: Number of annotated plates.
        ap_50: Average precision at an intersection over union of 0.5: the area under the precision envelope.
        ap_50_interval: Its 95% interval (bootstrap by picture).
        ap_75: The same at 0.75.
        recall_50: Plates found, at 0.5, of all.
        recall_50_interval: Its 95% interval (bootstrap by picture).
        recall_70: Plates found at 0.7.
        precision: Of what was found in pictures whose plates are all annotated, the share that is right; None without.
        false_alarms: Detections a picture without plates; None without such pictures.
        corner_error: Median distance of corners over the plate's height, of plates found; None where none is known.
        corner_error_95: Its 95th percentile.
        by_width: `(found, plates)` by the plate's width in parts of the picture's.
        by_group: `(found, plates)` by set.
    """

    pictures: int
    plates: int
    ap_50: float
    ap_50_interval: tuple[float, float]
    ap_75: float
    recall_50: float
    recall_50_interval: tuple[float, float]
    recall_70: float
    precision: float | None
    false_alarms: float | None
    corner_error: float | None
    corner_error_95: float | None
    by_width: dict[str, tuple[int, int]]
    by_group: dict[str, tuple[int, int]]

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON knows them."""
        return dataclasses.asdict(self)

    def to_table(self) -> str:
        """All figures for a person, as Markdown tables."""
        rows: list[tuple[object, ...]] = [
            ("pictures", self.pictures),
            ("plates", self.plates),
            ("AP at IoU 0.5", f"{self.ap_50:.3f} (95% interval {_span(self.ap_50_interval)})"),
            ("AP at IoU 0.75", f"{self.ap_75:.3f}"),
            ("recall at IoU 0.5", f"{self.recall_50:.3f} (95% interval {_span(self.recall_50_interval)})"),
            ("recall at IoU 0.7", f"{self.recall_70:.3f}"),
            ("precision, complete pictures", _number(self.precision)),
            ("false alarms a plateless picture", _number(self.false_alarms, 2)),
            ("corner error / plate height, median", _number(self.corner_error)),
            ("corner error / plate height, 95th percentile", _number(self.corner_error_95)),
        ]
        tables = [format_table(("measure", "value"), rows)]
        for name, groups in (("plate width / picture", self.by_width), ("set", self.by_group)):
            cells = [
                (key, total, found, f"{100 * found / total:.1f}%") for key, (found, total) in groups.items() if total
            ]
            tables.append(format_table((name, "plates", "found", "recall"), cells))
        return "\n\n".join(tables)


def judge(scene: Scene, detections: Sequence[Detection]) -> Found:
    """Matches detections with annotated plates, the surest first, each with the free plate it shares most with."""
    detections = sorted(detections, key=lambda detection: -detection.score)
    boxes = np.array([detection.box for detection in detections], np.float32).reshape(-1, 4)
    truth = np.array([plate.box for plate in scene.plates], np.float32).reshape(-1, 4)
    shared = pairwise_iou(boxes, truth)
    plate_of = _match(shared, 0.5)
    right = {iou: _match(shared, iou) >= 0 for iou in _IOUS}
    errors = np.full(len(detections), np.nan, np.float32)
    for number in np.flatnonzero(plate_of >= 0):
        corners = scene.plates[plate_of[number]].corners
        if corners is not None:
            errors[number] = corner_error(detections[number].corners, np.array(corners, np.float32))
    widths = ((truth[:, 2] - truth[:, 0]) / scene.size[1]).astype(np.float32)
    scores = np.array([detection.score for detection in detections], np.float32)
    return Found(scores, right, plate_of, errors, len(truth), widths, scene.complete, scene.group)


def _match(shared: NDArray[np.floating], iou: float) -> NDArray[np.intp]:
    """The plate of each detection, -1 where it has none, by what each shares with each plate, the surest first."""
    plate_of = np.full(len(shared), -1, np.intp)
    free = np.ones(shared.shape[1], bool)
    for number, row in enumerate(shared):
        candidates = np.where(free, row, -1.0)
        if len(candidates) and candidates.max() >= iou:
            plate_of[number] = candidates.argmax()
            free[plate_of[number]] = False
    return plate_of


def corner_error(found: NDArray[np.floating], truth: NDArray[np.floating]) -> float:
    """The mean distance of four corners from the true ones, in parts of the plate's height (mean of both sides)."""
    height = (np.linalg.norm(truth[0] - truth[3]) + np.linalg.norm(truth[1] - truth[2])) / 2
    return float(np.linalg.norm(found - truth, axis=1).mean() / max(float(height), 1e-6))


def summarize(found: Sequence[Found], score_threshold: float, seed: int = 0) -> DetectionMetrics:
    """The figures of pictures that were judged.

    Args:
        found: One for each picture, of detections of low scores, too: they bound the average precision.
        score_threshold: That of recall, precision, false alarms and corner errors.
        seed: Of the bootstrap.

    Raises:
        ValueError: no picture.
    """
    if not found:
        raise ValueError("expected at least one picture, received none")
    shown = [_above(one, score_threshold) for one in found]
    total = sum(one.plates for one in found)
    errors = np.concatenate([one.corner_errors for one in shown])
    errors = errors[np.isfinite(errors)]
    complete = [one for one in shown if one.complete]
    detected = sum(len(one.scores) for one in complete)
    empty = [one for one in complete if one.plates == 0]
    return DetectionMetrics(
        pictures=len(found),
        plates=total,
        ap_50=average_precision(found, 0.5),
        ap_50_interval=bootstrap_interval(found, lambda some: average_precision(some, 0.5), seed),
        ap_75=average_precision(found, 0.75),
        recall_50=_recall(shown, 0.5),
        recall_50_interval=bootstrap_interval(shown, lambda some: _recall(some, 0.5), seed),
        recall_70=_recall(shown, 0.7),
        precision=sum(int((one.plate_of >= 0).sum()) for one in complete) / detected if detected else None,
        false_alarms=sum(len(one.scores) for one in empty) / len(empty) if empty else None,
        corner_error=float(np.median(errors)) if len(errors) else None,
        corner_error_95=float(np.quantile(errors, 0.95)) if len(errors) else None,
        by_width=_by_width(shown),
        by_group=_by_group(shown),
    )


def average_precision(found: Sequence[Found], iou: float) -> float:
    """The area under the precision envelope over recall, all points (as PASCAL VOC from 2010 on); 0 without plates."""
    total = sum(one.plates for one in found)
    if total == 0:
        return 0.0
    scores = np.concatenate([one.scores for one in found])
    right = np.concatenate([one.right[iou] for one in found])
    right = right[np.argsort(-scores, kind="stable")]
    hits = np.cumsum(right)
    precision = hits / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    return float((envelope * right).sum() / total)


def bootstrap_interval(
    found: Sequence[Found], figure: Callable[[Sequence[Found]], float], seed: int = 0
) -> tuple[float, float]:
    """The 95% interval of a figure of pictures: what it is of pictures drawn anew from them (Efron 1979)."""
    rng = np.random.default_rng(seed)
    samples = (rng.integers(0, len(found), len(found)) for _ in range(_BOOTSTRAPS))
    low, high = np.quantile([figure([found[number] for number in sample]) for sample in samples], (0.025, 0.975))
    return float(low), float(high)


def _above(found: Found, threshold: float) -> Found:
    keep = found.scores >= threshold
    right = {iou: hits[keep] for iou, hits in found.right.items()}
    return dataclasses.replace(
        found, scores=found.scores[keep], right=right, plate_of=found.plate_of[keep],
        corner_errors=found.corner_errors[keep],
    )  # fmt: skip


def _recall(found: Sequence[Found], iou: float) -> float:
    total = sum(one.plates for one in found)
    return sum(int(one.right[iou].sum()) for one in found) / total if total else 0.0


def _by_width(found: Sequence[Found]) -> dict[str, tuple[int, int]]:
    groups = {}
    low = 0.0
    for high in _WIDTHS:
        hits = count = 0
        for one in found:
            inside = (one.widths >= low) & (one.widths < high)
            count += int(inside.sum())
            hits += int(inside[one.plate_of[one.plate_of >= 0]].sum())
        groups[f"below {high:.0%}" if high < math.inf else f"{low:.0%} and more"] = hits, count
        low = high
    return groups


def _by_group(found: Sequence[Found]) -> dict[str, tuple[int, int]]:
    groups: dict[str, tuple[int, int]] = {}
    for one in found:
        hits, count = groups.get(one.group, (0, 0))
        groups[one.group] = hits + int((one.plate_of >= 0).sum()), count + one.plates
    return dict(sorted(groups.items(), key=lambda item: (-item[1][1], item[0])))


def _span(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


def _number(value: float | None, digits: int = 3) -> str:
    return "-" if value is None else f"{value:.{digits}f}"
