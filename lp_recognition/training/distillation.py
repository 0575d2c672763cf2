"""Distillation: a small network learns what a larger one makes of a picture, not the labels alone.

Hinton et al., "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531).
"""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import ops

from lp_recognition.training.task import Teacher


class DistilledModel(keras.Model):
    """A network whose loss is partly that of its labels and partly its distance from a teacher.

    Args:
        student: The network.
        teacher: Another one, from the same inputs to outputs of the same shape.
        share: The teacher's share of the loss, in [0, 1].
    """

    def __init__(self, student: keras.Model, teacher: Teacher, share: float) -> None:
        super().__init__(inputs=student.inputs, outputs=student.outputs[0], name=student.name)
        # As a layer Keras would track it, and its weights would be this model's.
        self._teach = functools.partial(teacher.model, training=False)
        self._distance = teacher.distance
        self._share = share

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The mixed loss of a batch; evaluation outside of training has no use for it."""
        of_labels = super().compute_loss(x, y, y_pred, *args, **kwargs)
        taught = ops.stop_gradient(self._teach(x))
        return (1 - self._share) * of_labels + self._share * self._distance(taught, y_pred)
