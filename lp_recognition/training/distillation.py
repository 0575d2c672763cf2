"""Distillation: a small network learns what a larger one makes of every time step, not the labels alone.

Hinton et al., "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531), at each time step of CTC: the student
takes over the teacher's alignment, and its doubts.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import keras
from keras import ops

from lp_recognition.model_files.checkpoints import load_checkpoint
from lp_recognition.networks.lprnet import Architecture
from lp_recognition.networks.restoring import restored_lprnet
from lp_recognition.settings.recognition import RecognitionConfig
from lp_recognition.system.errors import ConfigError
from lp_recognition.texts.vocabulary import Vocabulary


class DistilledModel(keras.Model):
    """A network whose loss is partly that of its labels and partly its distance from a teacher.

    Args:
        student: The network, float32 images `(batch, height, width, channels)` to logits `(batch, time, classes)`.
        teacher: Another one from the same images to logits of the same shape; it learns nothing.
        share: The teacher's share of the loss, in [0, 1].
    """

    def __init__(self, student: keras.Model, teacher: keras.Model, share: float) -> None:
        super().__init__(inputs=student.inputs, outputs=student.outputs[0], name=student.name)
        # As a layer Keras would track it, and its weights would be this model's.
        self._teach = functools.partial(teacher, training=False)
        self._share = share

    def compute_loss(self, x: Any = None, y: Any = None, y_pred: Any = None, *args: Any, **kwargs: Any) -> Any:
        """The mixed loss of a batch; evaluation outside of training has no use for it."""
        of_labels = super().compute_loss(x, y, y_pred, *args, **kwargs)
        taught = ops.stop_gradient(self._teach(x))
        return (1 - self._share) * of_labels + self._share * distance(taught, y_pred)


def distance(taught: Any, logits: Any) -> Any:
    """The mean Kullback-Leibler divergence of plates, summed over the time steps.

    Args:
        taught: The teacher's logits, float32 `(batch, time, classes)`.
        logits: The student's, of the same shape.

    Returns:
        A scalar in nats, comparable to a CTC loss: both are the log likelihood of a whole plate.
    """
    probabilities = ops.softmax(taught, axis=-1)
    ratio = ops.log_softmax(taught, axis=-1) - ops.log_softmax(logits, axis=-1)
    return ops.mean(ops.sum(probabilities * ratio, axis=(1, 2)))


def load_teacher(path: str | Path, config: RecognitionConfig, vocabulary: Vocabulary) -> keras.Model:
    """Loads the teacher of a training.

    Raises:
        ModelError: the checkpoint is missing or broken.
        ConfigError: it reads other images, writes other classes, or has another number of time steps.
    """
    checkpoint = load_checkpoint(path)
    theirs = Architecture.from_config(checkpoint.config, checkpoint.vocabulary.num_classes)
    ours = Architecture.from_config(config, vocabulary.num_classes)
    pixels = ("input_shape", "symmetric_range", "convert_to_gray")
    differences = [
        f"{name} {getattr(config, name)}, received {getattr(checkpoint.config, name)}"
        for name in pixels
        if getattr(config, name) != getattr(checkpoint.config, name)
    ]
    if checkpoint.vocabulary.classes != vocabulary.classes:
        differences.append(
            f"the {vocabulary.num_classes} classes of this training's alphabet, received {theirs.num_classes} others"
        )
    if not differences and theirs.time_steps != ours.time_steps:
        differences.append(f"{ours.time_steps} time steps, received {theirs.time_steps} (stem_pool_strides)")
    if differences:
        raise ConfigError(f"train.teacher: {path}: expected {'; '.join(differences)}")
    teacher = restored_lprnet(checkpoint)
    teacher.trainable = False
    return teacher
