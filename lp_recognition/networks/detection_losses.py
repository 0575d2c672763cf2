"""The loss of a plate detector: a score for every cell, corners and boxes where a plate is.

What is right stands in one array for each picture, float32 `(cells, TARGETS)`, of the columns of `boxes.targets`.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from lp_recognition.boxes.targets import BOX, COMPLETE, CORNER_WEIGHT, CORNERS, HAS_PLATE, HEIGHT, UNDECIDED

_SMALLEST = 1e-6
#: In a picture whose plates are not all known, a cell so sure of one may have found one that nobody noted.
_MAY_BE_RIGHT = 0.4
#: Errors below this share of a plate's height count squared, above it by their size.
_HUBER = 0.1


class DetectionLoss(keras.losses.Loss):
    """Scores by the quality focal loss, corners by Huber's, boxes by generalized intersection over union.

    - Scores: Li et al., "Generalized Focal Loss" (arXiv 2006.04388). A cell shall be as sure as its box is right: its
      target is the intersection over union of what it says and the truth.
    - Corners: the distance in parts of the plate's height, so that plates of all sizes count alike (Huber 1964).
    - Boxes: Rezatofighi et al., "Generalized Intersection over Union" (arXiv 1902.09630), of the box around the
      corners; the only part that plates without known corners have.

    Args:
        corner_weight: Weight of the corners.
        box_weight: Weight of the boxes.
        part: The one part to compute, `score`, `corners` or `box`, unweighted; None for the weighted sum of all.
    """

    def __init__(self, corner_weight: float = 1.0, box_weight: float = 1.0, part: str | None = None) -> None:
        super().__init__(name=part or "detection_loss", reduction="mean")
        self.corner_weight = corner_weight
        self.box_weight = box_weight
        self.part = part

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Losses `(batch,)` of targets `(batch, cells, TARGETS)` and outputs `(batch, cells, 9)`."""
        has_plate = y_true[..., HAS_PLATE]
        # Over the batch, not the picture: one with a single far plate shall not weigh what one with ten near ones does.
        count = ops.maximum(ops.sum(has_plate) / ops.cast(ops.shape(y_true)[0], "float32"), 1.0)
        boxes = _sides(y_pred[..., 1:])
        iou, generalized = _overlap(boxes, y_true[..., BOX])
        parts = {
            "score": lambda: _score_loss(y_true, y_pred[..., 0], ops.stop_gradient(iou)),
            "corners": lambda: _corner_loss(y_true, y_pred[..., 1:]),
            "box": lambda: has_plate * (1.0 - generalized),
        }
        if self.part is not None:
            return ops.sum(parts[self.part](), axis=-1) / count
        loss = parts["score"]() + self.corner_weight * parts["corners"]() + self.box_weight * parts["box"]()
        return ops.sum(loss, axis=-1) / count


def _score_loss(y_true: Any, logits: Any, iou: Any) -> Any:
    """The quality focal loss of each cell, `(batch, cells)`."""
    has_plate = y_true[..., HAS_PLATE]
    probability = ops.sigmoid(logits)
    quality = has_plate * iou
    surprise = ops.square(quality - probability)
    # Binary cross entropy with soft targets, in the form that never overflows.
    entropy = ops.maximum(logits, 0.0) - logits * quality + ops.log1p(ops.exp(-ops.abs(logits)))
    doubtful = (1.0 - y_true[..., COMPLETE]) * ops.cast(probability > _MAY_BE_RIGHT, "float32")
    counts = has_plate + (1.0 - has_plate) * (1.0 - y_true[..., UNDECIDED]) * (1.0 - doubtful)
    return ops.stop_gradient(counts) * surprise * entropy


def _corner_loss(y_true: Any, offsets: Any) -> Any:
    """Huber's loss of each cell's corners in parts of the plate's height, `(batch, cells)`."""
    height = ops.maximum(y_true[..., HEIGHT], 0.25)[..., None]
    error = ops.abs(offsets - y_true[..., CORNERS]) / height
    huber = ops.where(error < _HUBER, 0.5 * ops.square(error) / _HUBER, error - 0.5 * _HUBER)
    return y_true[..., HAS_PLATE] * y_true[..., CORNER_WEIGHT] * ops.mean(huber, axis=-1)


def _sides(offsets: Any) -> Any:
    """Left, top, right, bottom `(..., 4)` around corner offsets `(..., 8)`."""
    x, y = offsets[..., 0::2], offsets[..., 1::2]
    return ops.stack([ops.min(x, axis=-1), ops.min(y, axis=-1), ops.max(x, axis=-1), ops.max(y, axis=-1)], axis=-1)


def _overlap(boxes: Any, truth: Any) -> tuple[Any, Any]:
    """Intersection over union, and its generalized form, of boxes `(..., 4)`; 0 and -1 where they have no area."""
    width = ops.minimum(boxes[..., 2], truth[..., 2]) - ops.maximum(boxes[..., 0], truth[..., 0])
    height = ops.minimum(boxes[..., 3], truth[..., 3]) - ops.maximum(boxes[..., 1], truth[..., 1])
    shared = ops.maximum(width, 0.0) * ops.maximum(height, 0.0)
    areas = [(box[..., 2] - box[..., 0]) * (box[..., 3] - box[..., 1]) for box in (boxes, truth)]
    union = areas[0] + areas[1] - shared
    around_width = ops.maximum(boxes[..., 2], truth[..., 2]) - ops.minimum(boxes[..., 0], truth[..., 0])
    around_height = ops.maximum(boxes[..., 3], truth[..., 3]) - ops.minimum(boxes[..., 1], truth[..., 1])
    around = ops.maximum(around_width * around_height, _SMALLEST)
    iou = shared / ops.maximum(union, _SMALLEST)
    return iou, iou - (around - union) / around
