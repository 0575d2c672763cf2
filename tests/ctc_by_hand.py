"""CTC as it is defined: every path, one after another."""

from __future__ import annotations

import itertools

import numpy as np


def collapse(path: tuple[int, ...], blank_index: int) -> tuple[int, ...]:
    return tuple(key for key, _ in itertools.groupby(path) if key != blank_index)


def all_texts(logits: np.ndarray, blank_index: int) -> dict[tuple[int, ...], float]:
    """The probability of every text, by going through every path. `logits` is `(time, classes)`."""
    probabilities = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    texts: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(logits.shape[1]), repeat=logits.shape[0]):
        text = collapse(path, blank_index)
        texts[text] = texts.get(text, 0.0) + float(
            np.prod([row[k] for row, k in zip(probabilities, path, strict=True)])
        )
    return texts
