"""Starting a network from a checkpoint whose alphabet differs: what both know carries over."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.model_files.checkpoints import Checkpoint, _is_range, restore_model
from lp_recognition.system.errors import ModelError, summarize
from lp_recognition.texts.vocabulary import Vocabulary

#: Symbols of the classes run along the last axis of these weights.
_CLASS_AXES = ("classes/", "context/", "logits/")


def transfer_weights(model: Any, vocabulary: Vocabulary, checkpoint: Checkpoint) -> list[str]:
    """Starts a model from a checkpoint whose alphabet may differ: rows of the characters that both have carry over.

    Args:
        model: The model to fill.
        vocabulary: Its classes.
        checkpoint: Where the weights come from.

    Returns:
        The names of the weights that did not carry over whole, because classes were added or dropped.

    Raises:
        ModelError: a weight differs in more than the classes.
    """
    theirs = checkpoint.config.vocabulary()
    if theirs.classes == vocabulary.classes:
        restore_model(model, checkpoint, whole=False)
        return []
    old_of_new = {
        new: theirs.classes.index(symbol) for new, symbol in enumerate(vocabulary.classes) if symbol in theirs.classes
    } | {vocabulary.blank_index: theirs.blank_index}
    context_of_classes = any(weight.path == "context/kernel" for weight in model.weights)
    changed, problems, values = [], [], []
    for weight in model.weights:
        saved = checkpoint.arrays.get(f"weights/{weight.path}")
        if saved is None and _is_range(weight.path):
            continue
        current = np.asarray(weight).copy()
        mapped = None
        if saved is not None:
            mapped = _map_classes(weight.path, saved, current, old_of_new, theirs.num_classes, context_of_classes)
        if mapped is None:
            received = "nothing" if saved is None else str(saved.shape)
            problems.append(f"{weight.path}: expected {current.shape}, received {received}")
            continue
        values.append((weight, mapped))
        if saved is None or not np.array_equal(mapped, saved):
            changed.append(weight.path)
    if problems:
        raise ModelError(f"{checkpoint.path}: is of another architecture: {summarize(problems)}")
    for weight, value in values:
        weight.assign(value)
    return changed


def _map_classes(
    name: str,
    saved: NDArray[Any],
    current: NDArray[Any],
    old_of_new: Mapping[int, int],
    old_classes: int,
    context_of_classes: bool,
) -> NDArray[Any] | None:
    """`current` with the entries of the common classes taken from `saved`; None where other sizes differ too.

    `context_of_classes` says that the context beside the class map has a channel for each class, too.
    """
    new = np.array(list(old_of_new))
    old = np.array(list(old_of_new.values()))
    if name.startswith("pattern/kernel"):  # its inputs are (time, class), flattened
        if saved.ndim != 2 or saved.shape[1] != current.shape[1] or saved.shape[0] % old_classes:
            return None
        steps = saved.shape[0] // old_classes
        mapped = current.reshape(steps, -1, current.shape[1]).copy()
        mapped[:, new] = saved.reshape(steps, old_classes, -1)[:, old]
        return mapped.reshape(current.shape)
    if saved.ndim != current.ndim or not name.startswith(_CLASS_AXES):
        return saved if saved.shape == current.shape else None
    mapped = current.copy()
    if name == "logits/kernel":  # (1, 1, classes + context, classes): the input axis holds the class map first
        return _map_logits(saved, mapped, new, old, old_classes, context_of_classes)
    if name == "context/kernel":  # depthwise: (1, width, classes, 1)
        if saved.shape[1] != current.shape[1]:
            return None
        mapped[:, :, new] = saved[:, :, old]
        return mapped
    if saved.shape[:-1] != current.shape[:-1]:
        return None
    if current.ndim == 0:
        return saved
    mapped[..., new] = saved[..., old]
    return mapped


def _map_logits(
    saved: NDArray[Any], mapped: NDArray[Any], new: NDArray[Any], old: NDArray[Any], old_classes: int, of_classes: bool
) -> NDArray[Any] | None:
    num_classes = mapped.shape[3]
    ours, theirs = mapped.shape[2] - num_classes, saved.shape[2] - old_classes  # channels of the context
    mapped[:, :, new[:, None], new] = saved[:, :, old[:, None], old]
    if of_classes and (ours, theirs) == (num_classes, old_classes):
        mapped[:, :, num_classes + new[:, None], new] = saved[:, :, old_classes + old[:, None], old]
    elif not of_classes and ours == theirs:
        mapped[:, :, num_classes:, :][..., new] = saved[:, :, old_classes:, :][..., old]
    else:
        return None
    return mapped
