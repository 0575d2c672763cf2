"""Confidences that mean what they say: of the plates read with 0.9, nine in ten are right.

The CTC probability of a text is surer than it should be where the network was trained until it made no mistakes, and
less sure where many paths write the same. Platt scaling (Platt 1999, "Probabilistic outputs for support vector
machines"; Guo et al. 2017, arXiv 1706.04599) mends that with two numbers, fitted on plates whose text is known:

    calibrated = sigmoid(slope * log(p / (1 - p)) + offset)

The slope is positive, so a reading that was surer than another one stays so: what changes is the figure, never the
order, and never the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: Probabilities count as at least this and at most 1 less this. A text's probability is made of float32 ones over some
#: twenty time steps, which leaves no more digits; and no list of plates is long enough to show a mistake in a million.
_SMALLEST = 1e-6
#: Below it a confidence would say nothing; the fit goes no lower, so that the order stays.
_SMALLEST_SLOPE = 0.01
#: The fit pays half of this for each squared step away from slope 1 and offset 0: as a few doubtful plates would, which
#: is nothing beside hundreds of plates, and keeps both numbers finite where all readings are right, or none.
_PRIOR_WEIGHT = 1.0
_MOST_STEPS = 100


@dataclass(frozen=True)
class Calibration:
    """Platt scaling of the probability of a text; as it is made without arguments it changes nothing.

    Attributes:
        slope: Factor of the log-odds, positive; below 1 for a model that is too sure of itself.
        offset: What is added to the log-odds.

    Raises:
        ValueError: a slope that is not positive, or a number that is not finite.
    """

    slope: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.slope) and self.slope > 0):
            raise ValueError(f"slope: expected a positive number, received {self.slope}")
        if not math.isfinite(self.offset):
            raise ValueError(f"offset: expected a finite number, received {self.offset}")

    def apply(self, confidences: ArrayLike) -> NDArray[np.float64]:
        """Calibrates probabilities; they count as 1e-6 at least and 1 - 1e-6 at most.

        Args:
            confidences: Probabilities of texts, in [0, 1].

        Returns:
            As many, in [0, 1] and in the same order.
        """
        with np.errstate(over="ignore"):  # a slope may be steep enough for infinite log-odds
            return _sigmoid(self.slope * _log_odds(confidences) + self.offset)

    @classmethod
    def fit(cls, confidences: ArrayLike, correct: ArrayLike) -> Calibration:
        """The calibration under which it is most likely that just these readings are right.

        Maximum likelihood with a weak prior around no change, by Newton's method: the loss is convex, so there is one
        answer, which does not depend on the order of the plates.

        Args:
            confidences: Probabilities of texts, in [0, 1].
            correct: Whether each text is right.

        Raises:
            ValueError: no plate, not as many of both, or a confidence outside [0, 1].
        """
        values, right = _checked(confidences, correct)
        odds = _log_odds(values)
        slope, offset = _minimize(odds, right, np.array([1.0, 0.0]), hold_slope=False)
        if slope < _SMALLEST_SLOPE:  # the loss being convex, the best of the slopes allowed is the smallest
            slope, offset = _minimize(odds, right, np.array([_SMALLEST_SLOPE, 0.0]), hold_slope=True)
        return cls(round(float(slope), 6), round(float(offset), 6))


def cross_calibrate(
    confidences: ArrayLike, correct: ArrayLike, plates: Sequence[str], folds: int = 5, seed: int = 0
) -> NDArray[np.float64]:
    """Calibrates each confidence by the *other* plates, so that the error left can be measured on the same list.

    Args:
        confidences: Probabilities of texts, in [0, 1].
        correct: Whether each text is right.
        plates: The text of each plate. All photographs of a plate fall into one fold: a plate never calibrates itself.
        folds: Parts that the plates are dealt into; as many as there are different plates where those are fewer.
        seed: Of the dealing. The same list gives the same folds, in whatever order its rows stand.

    Returns:
        The calibrated confidences, each by the fit on the folds it is not in.

    Raises:
        ValueError: as `Calibration.fit`; fewer than two different plates or folds, or not a plate for each confidence.
    """
    values, right = _checked(confidences, correct)
    if len(plates) != len(values):
        raise ValueError(f"expected a plate for each of {len(values)} confidences, received {len(plates)}")
    texts = sorted(set(plates))
    if len(texts) < 2 or folds < 2:
        raise ValueError(f"expected at least 2 different plates and 2 folds, received {len(texts)} and {folds}")
    folds = min(folds, len(texts))
    order = np.random.default_rng(seed).permutation(len(texts)).tolist()
    fold_of = {texts[place]: number % folds for number, place in enumerate(order)}
    fold = np.array([fold_of[plate] for plate in plates])
    calibrated = np.empty(len(values))
    for number in range(folds):
        held_out = fold == number
        calibration = Calibration.fit(values[~held_out], right[~held_out])
        calibrated[held_out] = calibration.apply(values[held_out])
    return calibrated


def expected_calibration_error(confidences: ArrayLike, correct: ArrayLike, bins: int = 15) -> float:
    """How far confidences are from the share that is right: the mean over bins (Naeini et al. 2015; Guo et al. 2017).

    The bins hold equally many plates (equal mass), not equally wide pieces of [0, 1]: a good reader is surer than 0.9
    of nearly every plate, so that one of 15 equal pieces would hold the whole list and the others a handful of plates
    each. Plates of the same confidence share a bin, so that the order of the list is of no account.

    It is never quite 0: a bin of few plates is off by chance. Compare figures of one list, of hundreds of plates.

    Args:
        confidences: In [0, 1].
        correct: Whether each reading is right.
        bins: Number of bins; with fewer plates, some stay empty.

    Returns:
        In [0, 1]: 0 where in each bin the mean confidence is the share that is right.

    Raises:
        ValueError: no plate, no bin, not as many of both, or a confidence outside [0, 1].
    """
    values, right = _checked(confidences, correct)
    if bins < 1:
        raise ValueError(f"expected at least 1 bin, received {bins}")
    _, group, counts = np.unique(values, return_inverse=True, return_counts=True)
    middles = np.cumsum(counts) - counts / 2  # the rank of each group of equal confidences
    bin_of_group = (middles * bins / len(values)).astype(np.intp)
    # Of a bin: its share of the plates times |mean confidence - share right|, which is |sum of differences| / plates.
    return float(np.abs(np.bincount(bin_of_group[group], weights=values - right)).sum() / len(values))


def _checked(confidences: ArrayLike, correct: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    values, right = np.asarray(confidences, np.float64), np.asarray(correct, bool).astype(np.float64)
    if values.ndim != 1 or values.shape != right.shape:
        raise ValueError(f"expected as many confidences as judgements, received {values.shape} and {right.shape}")
    if len(values) == 0:
        raise ValueError("expected at least one plate, received none")
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"expected confidences in [0, 1], received {values.min()} to {values.max()}")
    return values, right


def _log_odds(confidences: ArrayLike) -> NDArray[np.float64]:
    values = np.clip(np.asarray(confidences, np.float64), _SMALLEST, 1 - _SMALLEST)
    return np.log(values) - np.log1p(-values)


def _sigmoid(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.exp(-np.logaddexp(0, -odds))


def _minimize(
    odds: NDArray[np.float64], right: NDArray[np.float64], start: NDArray[np.float64], *, hold_slope: bool
) -> NDArray[np.float64]:
    """Slope and offset of the smallest loss, by Newton steps that are halved until the loss falls."""
    center = np.array([1.0, 0.0])
    free = np.array([False, True]) if hold_slope else np.array([True, True])
    columns = np.stack([odds, np.ones_like(odds)], axis=1)  # (plates, 2)

    def loss(numbers: NDArray[np.float64]) -> float:
        scores = columns @ numbers
        doubt = np.logaddexp(0, scores) - right * scores  # -log of the probability of what came out
        return float(doubt.sum() + _PRIOR_WEIGHT / 2 * np.square(numbers - center).sum())

    numbers = start
    for _ in range(_MOST_STEPS):
        shares = _sigmoid(columns @ numbers)
        gradient = columns.T @ (shares - right) + _PRIOR_WEIGHT * (numbers - center)
        curvature = columns.T @ (columns * (shares * (1 - shares))[:, None]) + _PRIOR_WEIGHT * np.eye(2)
        step = np.zeros(2)
        step[free] = -np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        if np.abs(step).max() < 1e-9:
            break
        before, length = loss(numbers), 1.0
        while length > 1e-9 and not loss(numbers + length * step) < before:
            length /= 2
        if length <= 1e-9:  # no smaller loss in float64: this is the place
            break
        numbers = numbers + length * step
    return numbers
