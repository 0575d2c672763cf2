"""CTC against every path counted, the blank where the vocabulary has it, and the share of blanks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from lp_recognition.networks.losses import BlankShare, CTCLoss


def softmax(logits: np.ndarray) -> np.ndarray:
    shares = np.exp(logits - logits.max(-1, keepdims=True))
    return shares / shares.sum(-1, keepdims=True)


def collapse(path: tuple[int, ...], blank: int) -> list[int]:
    """What a path writes: neighbours merged, then blanks dropped."""
    return [key for key, _ in itertools.groupby(path) if key != blank]


def brute_force(label: list[int], logits: np.ndarray, blank: int) -> float:
    """The negative log of the summed probability of all paths that write `label`."""
    shares = softmax(logits.astype(np.float64))
    steps, classes = shares.shape
    total = sum(
        math.prod(shares[t, c] for t, c in enumerate(path))
        for path in itertools.product(range(classes), repeat=steps)
        if collapse(path, blank) == label
    )
    return -math.log(total)


def padded(*labels: list[int], length: int = 5) -> np.ndarray:
    return np.array([label + [-1] * (length - len(label)) for label in labels], np.int32)


LOGITS = np.random.default_rng(0).normal(0, 2, (5, 4)).astype(np.float32)  # time, classes; blank is 3


@pytest.mark.parametrize(
    "label", [[0], [2], [0, 1], [1, 1], [0, 0, 0], [0, 1, 0], [0, 1, 2, 0], [2, 2, 1], [0, 1, 2, 0, 1], []]
)
def test_every_path_is_counted(label):
    loss = CTCLoss(blank_index=3)(padded(label), LOGITS[None])
    assert float(loss) == pytest.approx(brute_force(label, LOGITS, 3), abs=1e-4)


def test_the_blank_is_where_the_vocabulary_has_it():
    values = {blank: float(CTCLoss(blank)(padded([0, 1]), LOGITS[None])) for blank in (2, 3)}
    for blank, value in values.items():
        assert value == pytest.approx(brute_force([0, 1], LOGITS, blank), abs=1e-4)
    assert values[2] != pytest.approx(values[3], abs=1e-2)


@pytest.mark.parametrize("length", [2, 3, 5])
def test_padding_is_ignored(length):
    loss = CTCLoss(3)(padded([0, 1], length=length), LOGITS[None])
    assert float(loss) == pytest.approx(brute_force([0, 1], LOGITS, 3), abs=1e-4)


def test_a_batch_is_the_mean_of_its_labels():
    labels = [[0], [1, 1], [2, 0, 1]]
    logits = np.random.default_rng(1).normal(0, 2, (3, 5, 4)).astype(np.float32)
    each = [brute_force(label, table, 3) for label, table in zip(labels, logits, strict=True)]
    assert float(CTCLoss(3)(padded(*labels), logits)) == pytest.approx(np.mean(each), abs=1e-4)


def test_a_sure_and_right_table_costs_nothing():
    logits = np.full((1, 5, 4), -30, np.float32)
    logits[0, range(5), [0, 3, 0, 1, 3]] = 30  # A_AB_
    assert float(CTCLoss(3)(padded([0, 0, 1]), logits)) == pytest.approx(0, abs=1e-3)
    assert float(CTCLoss(3)(padded([0, 1]), logits)) > 20


def test_share_of_blanks():
    logits = np.zeros((2, 4, 3), np.float32)
    logits[0, :, 2] = 1  # nothing but blanks
    logits[1, :2, 2], logits[1, 2:, 0] = 1, 1  # half of them
    share = BlankShare(blank_index=2)
    share.update_state(None, logits)
    assert float(share.result()) == pytest.approx(0.75)
    share.update_state(None, logits[:1])
    assert float(share.result()) == pytest.approx((0.75 + 1) / 2)
    share.reset_state()
    share.update_state(None, -logits[:1])
    assert float(share.result()) == 0
