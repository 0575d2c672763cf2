"""The learning rate of a step."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from lp_recognition.settings.training import LoopConfig


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Warm-up, then cosine, steps or constant."""

    def __init__(self, train: LoopConfig) -> None:
        self.train = train

    def __call__(self, step: Any) -> Any:
        """The rate of a step, counted from 0."""
        train = self.train
        step = ops.cast(step, "float32")
        warmup = ops.minimum((step + 1.0) / max(train.learning_rate_warmup_steps, 1), 1.0)
        if train.learning_rate_schedule == "cosine":
            decay_steps = max(train.steps - train.learning_rate_warmup_steps, 1)
            progress = ops.clip((step - train.learning_rate_warmup_steps) / decay_steps, 0.0, 1.0)
            decay = 0.5 * (1.0 + ops.cos(math.pi * progress))
        elif train.learning_rate_schedule == "steps":
            decay = train.learning_rate_decay_factor ** ops.floor(step / train.learning_rate_decay_steps)
        else:
            decay = 1.0
        return train.learning_rate * warmup * decay

    def get_config(self) -> dict[str, Any]:
        """The settings it was made of."""
        return {"train": self.train.model_dump()}
