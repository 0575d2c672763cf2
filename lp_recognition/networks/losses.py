"""The CTC loss, with the blank where the vocabulary has it, and what to watch beside it.

Graves et al., "Connectionist Temporal Classification" (ICML 2006).
"""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


class CTCLoss(keras.losses.Loss):
    """Mean negative log likelihood of labels under CTC.

    Args:
        blank_index: The class index of the blank.
    """

    def __init__(self, blank_index: int) -> None:
        super().__init__(name="ctc_loss", reduction="mean")
        self.blank_index = blank_index

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Losses `(batch,)` of int labels `(batch, length)`, filled up with -1, and logits `(batch, time, classes)`."""
        lengths = ops.sum(ops.cast(y_true >= 0, "int32"), axis=1)
        time_steps = ops.full_like(lengths, ops.shape(y_pred)[1])
        return ops.ctc_loss(ops.maximum(y_true, 0), y_pred, lengths, time_steps, mask_index=self.blank_index)


class BlankShare(keras.metrics.Mean):
    """Share of the time steps whose most probable class is the blank: 1 means the model writes nothing.

    Args:
        blank_index: The class index of the blank.
    """

    def __init__(self, blank_index: int) -> None:
        super().__init__(name="blank_share")
        self.blank_index = blank_index

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Adds a batch of logits `(batch, time, classes)`."""
        blanks = ops.cast(ops.equal(ops.argmax(y_pred, axis=-1), self.blank_index), "float32")
        return super().update_state(ops.mean(blanks))
