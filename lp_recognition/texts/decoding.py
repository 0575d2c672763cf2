"""From logits to class indices: CTC best path and prefix beam search, with confidences, in NumPy.

CTC (Graves et al. 2006, "Connectionist temporal classification") writes a text as a path of one class per time step,
the blank among them: equal neighbours count once and blanks are dropped. So `AA` reads A, and `A_A`, with a blank
between, reads AA. This module is the one place where that is done.

Confidences are probabilities, defined alike for both searches:

- of a reading: its CTC probability, the sum over *all* paths that write it (the forward algorithm). A best path alone
  would understate readings whose characters might begin a step earlier or later, which is no doubt about the text.
- of a character: the highest softmax probability that it reaches in its run of time steps, on the most probable path
  that writes the reading. The highest and not the mean, because the flanks of a run, where a character and the blank
  share the probability, tell how wide a character is and not how sure the network is of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lp_recognition.texts.beam_search import Guide, search_prefixes

#: Samples worked on at once: large enough to amortize NumPy's calls, small enough to stay in the cache.
_CHUNK = 128
#: So many classes are told of each character: votes over several readings gain nothing from more.
_ALTERNATIVES = 4

#: What may stand in one place: class indices, the blank among them, with their probabilities, the best first.
ClassShares = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Decoded:
    """One reading.

    Attributes:
        indices: Class indices of the characters, without blanks.
        confidence: Probability of the whole reading, in [0, 1].
        confidences: Probability of each character, in [0, 1], as many as `indices`.
        alternatives: What may stand in the place of each character, itself among it: the best few classes.
    """

    indices: tuple[int, ...]
    confidence: float
    confidences: tuple[float, ...]
    alternatives: tuple[ClassShares, ...] = field(default=(), compare=False, repr=False)


def decode(logits: NDArray[np.floating], blank_index: int, beam_width: int = 1) -> list[Decoded]:
    """Reads a batch of logits: the best path where `beam_width` is 1, else a prefix beam search.

    Args:
        logits: Scores of shape `(batch, time, classes)`, float, *not* softmaxed.
        blank_index: The class of the CTC blank.
        beam_width: Readings kept after each time step.

    Raises:
        ValueError: logits of another rank or type, or with NaN; a blank index outside the classes; no beam.
    """
    if beam_width == 1:
        return decode_greedy(logits, blank_index)
    return decode_beam(logits, blank_index, beam_width)


def decode_greedy(logits: NDArray[np.floating], blank_index: int) -> list[Decoded]:
    """Reads the best path: the most probable class of each time step (Graves et al. 2006, section 3.2).

    Args:
        logits: Scores of shape `(batch, time, classes)`, float, *not* softmaxed.
        blank_index: The class of the CTC blank.

    Returns:
        A reading for each sample.

    Raises:
        ValueError: logits of another rank or type, or with NaN; a blank index outside the classes.
    """
    logits = _checked(logits, blank_index)
    return [decoded for chunk in _chunks(logits) for decoded in _decode_greedy(chunk, blank_index)]


def decode_beam(
    logits: NDArray[np.floating],
    blank_index: int,
    beam_width: int,
    guide: Callable[[NDArray[np.float64]], Guide] | None = None,
) -> list[Decoded]:
    """Reads by prefix beam search (Graves 2012; Hannun et al. 2014, without its prior over words).

    Paths that write the same text are added up, so the result may be more probable than the best path's text. With a
    beam as wide as there are prefixes it is the most probable text; a narrow one comes near it.

    Args:
        logits: Scores of shape `(batch, time, classes)`, float, *not* softmaxed.
        blank_index: The class of the CTC blank.
        beam_width: Prefixes kept after each time step, at least 1.
        guide: Makes the guide of some samples from their log probabilities, float64 `(samples, time, classes)`; None
            reads any text.

    Returns:
        A reading for each sample.

    Raises:
        ValueError: logits of another rank or type, or with NaN; a blank index outside the classes; no beam.
    """
    logits = _checked(logits, blank_index)
    if beam_width < 1:
        raise ValueError(f"expected a beam width of at least 1, received {beam_width}")
    found = []
    for chunk in _chunks(logits):
        log_probabilities = _log_softmax(chunk.astype(np.float64))
        guided = None if guide is None else guide(log_probabilities)
        texts = search_prefixes(log_probabilities, blank_index, beam_width, guided)
        totals = _text_probabilities(np.exp(log_probabilities), texts, blank_index)
        aligned = _align(log_probabilities, texts, blank_index)
        found += [Decoded(text, total, *each) for text, total, each in zip(texts, totals, aligned, strict=True)]
    return found


def _checked(logits: NDArray[np.floating], blank_index: int) -> NDArray[np.floating]:
    logits = np.asarray(logits)
    if logits.ndim != 3 or logits.shape[2] == 0:
        raise ValueError(f"expected logits of shape (batch, time, classes), received {logits.shape}")
    if not np.issubdtype(logits.dtype, np.floating):
        raise ValueError(f"expected float logits, received {logits.dtype} of shape {logits.shape}; dequantize first")
    if not 0 <= blank_index < logits.shape[2]:
        raise ValueError(
            f"expected a blank index of 0 to {logits.shape[2] - 1}, received {blank_index} for logits of shape "
            f"{logits.shape}"
        )
    # A class may be ruled out by -inf; NaN, +inf or a step without any class are no scores. `max` passes NaN on.
    if not np.isfinite(logits.max(axis=2)).all():
        raise ValueError(f"expected finite logits, received NaN or infinity in logits of shape {logits.shape}")
    return logits.astype(np.float32, copy=False) if logits.dtype == np.float16 else logits


def _chunks(logits: NDArray[np.floating]) -> list[NDArray[np.floating]]:
    return [logits[start : start + _CHUNK] for start in range(0, len(logits), _CHUNK)]


def _softmax(logits: NDArray[np.floating]) -> NDArray[np.floating]:
    exponentials = np.exp(logits - logits.max(axis=2, keepdims=True))
    return exponentials / exponentials.sum(axis=2, keepdims=True)


def _log_softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """Finite wherever the logits are: the logarithm of `_softmax` would be -inf for what underflows there."""
    differences = logits - logits.max(axis=2, keepdims=True)
    return differences - np.log(np.exp(differences).sum(axis=2, keepdims=True))


def _decode_greedy(logits: NDArray[np.floating], blank_index: int) -> list[Decoded]:
    samples, steps, _ = logits.shape
    if steps == 0:
        return [Decoded((), 1.0, ())] * samples
    best = logits.argmax(axis=2)  # (samples, time)
    probabilities = _softmax(logits)
    highest = probabilities.max(axis=2)

    begins = np.ones((samples, steps), bool)  # the first time step begins a run, whatever it holds
    begins[:, 1:] = best[:, 1:] != best[:, :-1]
    starts = np.flatnonzero(begins)
    run_classes = best.ravel()[starts]
    run_confidences = np.maximum.reduceat(highest.ravel(), starts)
    is_character = run_classes != blank_index
    lengths = np.bincount(starts[is_character] // steps, minlength=samples)
    ends = np.cumsum(lengths).tolist()
    characters = run_classes[is_character].tolist()
    confidences = run_confidences[is_character].tolist()
    run_of_step = np.cumsum(begins.ravel()) - 1
    peaks = np.flatnonzero(highest.ravel() == run_confidences[run_of_step])
    _, first = np.unique(run_of_step[peaks], return_index=True)
    alternatives = _best_classes(probabilities.reshape(samples * steps, -1)[peaks[first][is_character]])

    bounds = list(zip([0, *ends[:-1]], ends, strict=True))
    texts = [tuple(characters[begin:end]) for begin, end in bounds]
    totals = _text_probabilities(probabilities, texts, blank_index)
    return [
        Decoded(text, total, tuple(confidences[begin:end]), tuple(alternatives[begin:end]))
        for text, total, (begin, end) in zip(texts, totals, bounds, strict=True)
    ]


def _best_classes(probabilities: NDArray[np.floating]) -> list[ClassShares]:
    """The best few classes of each row of `(rows, classes)`."""
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :_ALTERNATIVES]
    shares = np.take_along_axis(probabilities, best, axis=1)
    return [tuple(zip(*row, strict=True)) for row in zip(best.tolist(), shares.tolist(), strict=True)]


def _padded(texts: Sequence[tuple[int, ...]], filler: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Texts as an array `(samples, longest)`, and their lengths."""
    lengths = np.array([len(text) for text in texts], np.intp)
    labels = np.full((len(texts), int(lengths.max(initial=0))), filler, np.intp)
    for row, text in zip(labels, texts, strict=True):
        row[: len(text)] = text
    return labels, lengths


def _text_probabilities(
    probabilities: NDArray[np.floating], texts: Sequence[tuple[int, ...]], blank_index: int
) -> list[float]:
    """The CTC probability of each sample's text: the forward algorithm of Graves et al. 2006, section 4.1.

    Probabilities are added as they are, in float64: what underflows there is zero for every purpose.
    """
    labels, lengths = _padded(texts, blank_index)
    samples, steps, _ = probabilities.shape
    chosen = np.broadcast_to(labels[:, None, :], (samples, steps, labels.shape[1]))
    of_labels = np.take_along_axis(probabilities, chosen, axis=2).astype(np.float64)
    of_blank = probabilities[:, :, blank_index, None].astype(np.float64)

    # characters[i]: written up to and with character i, which stands at this step. blanks[i]: i characters are written
    # and the blank stands here. The state before the first step is "nothing is written".
    characters = np.zeros(labels.shape)
    blanks = np.zeros((samples, labels.shape[1] + 1))
    blanks[:, 0] = 1
    differs = np.ones(labels.shape)
    differs[:, 1:] = labels[:, 1:] != labels[:, :-1]  # only then may a character follow without a blank between
    for step in range(steps):
        arrived = characters + blanks[:, :-1]
        arrived[:, 1:] += characters[:, :-1] * differs[:, 1:]
        blanks[:, 1:] += characters
        blanks *= of_blank[:, step]
        characters = arrived * of_labels[:, step]
    rows = np.arange(samples)
    totals = blanks[rows, lengths]
    written = lengths > 0
    totals[written] += characters[rows[written], lengths[written] - 1]
    return np.clip(totals, 0, 1).tolist()


def _align(
    log_probabilities: NDArray[np.float64], texts: Sequence[tuple[int, ...]], blank_index: int
) -> list[tuple[tuple[float, ...], tuple[ClassShares, ...]]]:
    """The confidence of each character and what else may stand there, on the most probable path that writes the text
    (Viterbi).
    """
    labels, lengths = _padded(texts, blank_index)
    samples, steps, _ = log_probabilities.shape
    states = np.full((samples, 2 * labels.shape[1] + 1), blank_index)  # blank, character, blank, character, ..., blank
    states[:, 1::2] = labels
    skips = np.zeros(states.shape, bool)  # a character may follow a different one directly
    skips[:, 3::2] = labels[:, 1:] != labels[:, :-1]
    scores = np.full(states.shape, -np.inf)
    scores[:, 0] = 0  # before the first step: as after a blank
    moves = np.zeros((steps, *states.shape), np.int8)  # how many states back the best predecessor is
    emitted = np.take_along_axis(
        log_probabilities, np.broadcast_to(states[:, None, :], (samples, steps, states.shape[1])), 2
    )
    for step in range(steps):
        choices = np.full((3, *states.shape), -np.inf)
        choices[0] = scores
        choices[1, :, 1:] = scores[:, :-1]
        choices[2, :, 2:] = np.where(skips[:, 2:], scores[:, :-2], -np.inf)
        moves[step] = choices.argmax(axis=0)
        scores = choices.max(axis=0) + emitted[:, step]
    rows = np.arange(samples)
    state = 2 * lengths  # the last blank, or the character before it
    state = np.where((lengths > 0) & (scores[rows, np.maximum(state - 1, 0)] > scores[rows, state]), state - 1, state)
    reached, peaks = np.full(states.shape, -np.inf), np.zeros(states.shape, np.intp)
    for step in reversed(range(steps)):
        here = emitted[rows, step, state]
        peaks[rows, state] = np.where(here > reached[rows, state], step, peaks[rows, state])
        reached[rows, state] = np.maximum(reached[rows, state], here)
        state = state - moves[step, rows, state]
    confidences = np.minimum(np.exp(reached[:, 1::2]), 1)
    return [
        (tuple(row[:length].tolist()), tuple(_best_classes(np.exp(log_probabilities[sample, at[:length]]))))
        for sample, (row, at, length) in enumerate(zip(confidences, peaks[:, 1::2], lengths, strict=True))
    ]
