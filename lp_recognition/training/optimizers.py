"""Optimizers by name, and noise on their gradients."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from lp_recognition.settings.training import LoopConfig
from lp_recognition.training.schedule import Schedule


class _NoiseSeed(keras.random.SeedGenerator):
    """Seeds that follow from the optimizer's step: nothing more to save, and the same on every back end."""

    def __init__(self, seed: int, optimizer: Any) -> None:
        super().__init__(seed, name="noise_seed")
        self.optimizer = optimizer
        self.number = 0

    def next(self, ordered: bool = True) -> Any:
        """A fresh seed, uint32 `(2,)`, for each tensor of a step."""
        self.number += 1
        step = ops.cast(self.optimizer.iterations, self.state.dtype)
        return ops.stack([step, ops.cast(self._initial_seed + 7919 * self.number, self.state.dtype)])


def build_optimizer(train: LoopConfig) -> Any:
    """The optimizer, with noise on the gradients where asked (Neelakantan et al., arXiv 1511.06807)."""
    kinds: dict[str, tuple[Any, dict[str, Any]]] = {
        "Adam": (keras.optimizers.Adam, {}),
        "AdamW": (keras.optimizers.AdamW, {"weight_decay": train.weight_decay}),
        "SGD": (keras.optimizers.SGD, {"momentum": 0.9, "nesterov": True}),
        "RMSprop": (keras.optimizers.RMSprop, {}),
    }
    kind, options = kinds[train.opt_type]

    class Noisy(kind):  # type: ignore[valid-type, misc]
        def build(self, variables: Any) -> None:
            super().build(variables)
            self.noise_seed = _NoiseSeed(train.random_seed, self)

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            seed = self.noise_seed
            seed.number = 0  # the same numbers for the same tensors, however often this is traced
            noisy = [g + train.grad_noise_scale * keras.random.normal(g.shape, dtype=g.dtype, seed=seed) for g in grads]
            return super().apply(noisy, trainable_variables)

    optimizer = (Noisy if train.grad_noise_scale > 0 else kind)(
        learning_rate=Schedule(train), global_clipnorm=train.clip_norm, name=train.opt_type.lower(), **options
    )
    if train.opt_type == "AdamW":
        optimizer.exclude_from_weight_decay(var_names=["beta", "gamma"])
    return optimizer
