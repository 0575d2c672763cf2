"""Prefix beam search for CTC (Hannun et al. 2014, "First-Pass Large Vocabulary Continuous Speech Recognition").

A prefix is a text as far as it is written; its probability is the sum over all paths that write it, those that end in a
blank and those that end in its last character kept apart, for only across a blank can a character follow itself.
`decoding` gives what it finds its confidences.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Guide:
    """Which texts a beam search may read, by the state that each of its prefixes is in: the empty one in 0.

    Attributes:
        following: Integers `(states, classes)`: the state after another character.
        after_blank: Float64 `(samples, time + 1, states)`: the log probability, from each step on, of all that turns a
            prefix in this state into a text that may be read, on paths with a blank at the step before; -inf where
            nothing does.
        after_character: `(samples, time + 1, states, classes)`: the same, on paths with the last character of the
            prefix, which is this class, at the step before.
    """

    following: NDArray[np.intp]
    after_blank: NDArray[np.float64]
    after_character: NDArray[np.float64]


@dataclass
class _Beam:
    """The best prefixes of each sample, `(samples, beam_width)` each but for `prefixes`.

    Attributes:
        prefixes: Their classes, `(samples, beam_width, length)`, padded with -1.
        lengths: How many classes each has.
        after_blank: Log probability of the paths that write a prefix and end in a blank.
        after_character: Of those that end in its last character.
        states: Where each stands in the automaton of a guide.
    """

    prefixes: NDArray[np.intp]
    lengths: NDArray[np.intp]
    after_blank: NDArray[np.float64]
    after_character: NDArray[np.float64]
    states: NDArray[np.intp]

    @classmethod
    def empty(cls, samples: int, beam_width: int) -> _Beam:
        """The empty prefix; the other places are dead."""
        after_blank = np.full((samples, beam_width), -np.inf)
        after_blank[:, 0] = 0
        shape = samples, beam_width
        prefixes = np.full((*shape, 0), -1, np.intp)
        return cls(prefixes, np.zeros(shape, np.intp), after_blank, np.full(shape, -np.inf), np.zeros(shape, np.intp))

    @property
    def total(self) -> NDArray[np.float64]:
        """Log probability of each prefix."""
        return np.logaddexp(self.after_blank, self.after_character)

    @property
    def last(self) -> NDArray[np.intp]:
        """The last class of each prefix; -1 of the empty one."""
        return np.take_along_axis(self.prefixes, np.maximum(self.lengths - 1, 0)[:, :, None], axis=2)[:, :, 0]


def search_prefixes(
    log_probabilities: NDArray[np.float64], blank_index: int, beam_width: int, guide: Guide | None = None
) -> list[tuple[int, ...]]:
    """The most probable text of each sample, as far as a beam finds it; all samples in step.

    Prefixes are ranked by their probability; with a guide, by that of all texts that begin with them and may be read.

    Args:
        log_probabilities: Log probabilities of the classes, `(samples, time, classes)`.
        blank_index: The class of the blank.
        beam_width: So many prefixes are kept at each step.
        guide: Which texts may be read; None reads any.
    """
    samples, steps, classes = log_probabilities.shape
    characters = np.array([index for index in range(classes) if index != blank_index], np.intp)
    # Of the extensions of one prefix only those by the likeliest characters can survive: of `beam_width` + 1 one may be
    # handicapped (the prefix's own last character), and the others are enough to fill the beam. Nothing is lost.
    # A guide may see most in a character that is unlikely now.
    extending = len(characters) if guide is not None else min(beam_width + 1, len(characters))
    beam = _Beam.empty(samples, beam_width)
    rows = np.arange(samples)[:, None]
    for step in range(steps):
        scores = log_probabilities[:, step, :]
        order = np.argsort(-scores[:, characters], axis=1, kind="stable")[:, :extending]
        likeliest = characters[order]  # (samples, extending)
        if beam.prefixes.shape[2] == beam.lengths.max():  # room for one more character
            more = np.full((samples, beam_width, 1), -1, np.intp)
            beam.prefixes = np.concatenate([beam.prefixes, more], axis=2)
        last, total = beam.last, beam.total

        # Extended by a character: from any path if it differs from the last, else only across a blank.
        repeats = likeliest[:, None, :] == last[:, :, None]
        extended = np.where(repeats, beam.after_blank[:, :, None], total[:, :, None])
        extended += np.take_along_axis(scores, likeliest, axis=1)[:, None, :]

        # Kept as it is: by a blank, or by its last character once more.
        last_scores = np.where(last >= 0, np.take_along_axis(scores, np.maximum(last, 0), axis=1), -np.inf)
        kept_blank = total + scores[:, blank_index, None]
        kept_character = beam.after_character + last_scores
        _join_twins(beam, scores, likeliest, extended, kept_character)

        kept_rank, extended_rank = np.logaddexp(kept_blank, kept_character), extended
        if guide is not None:
            after, ahead = guide.after_blank[:, step + 1], guide.after_character[:, step + 1]
            entered = guide.following[beam.states[:, :, None], likeliest[:, None, :]]
            kept_rank = np.logaddexp(
                kept_blank + after[rows, beam.states], kept_character + ahead[rows, beam.states, last]
            )
            extended_rank = extended + ahead[rows[:, :, None], entered, likeliest[:, None, :]]
        beam = _best_of(beam, likeliest, (kept_rank, kept_blank, kept_character), (extended_rank, extended), guide)
    return [tuple(prefix[0, : length[0]].tolist()) for prefix, length in zip(beam.prefixes, beam.lengths, strict=True)]


def _join_twins(
    beam: _Beam,
    scores: NDArray[np.float64],
    likeliest: NDArray[np.intp],
    extended: NDArray[np.float64],
    kept_character: NDArray[np.float64],
) -> None:
    """Where a prefix of the beam also comes about as the extension of another one, adds that up and drops the twin.

    Args:
        beam: The beam before the step.
        scores: Log probabilities of the step, `(samples, classes)`.
        likeliest: The characters that extend, `(samples, extending)`.
        extended: Log probabilities of the extensions, `(samples, beam_width, extending)`; twins become -inf, in place.
        kept_character: Those of prefixes kept by a character, `(samples, beam_width)`; raised in place.
    """
    last, total = beam.last, beam.total
    parents = beam.prefixes.copy()
    np.put_along_axis(parents, np.maximum(beam.lengths - 1, 0)[:, :, None], -1, axis=2)
    alive = total > -np.inf  # while the beam is not full yet, its dead places hold copies
    is_child = alive[:, :, None] & alive[:, None, :] & (beam.lengths[:, :, None] == beam.lengths[:, None, :] + 1)
    is_child &= (parents[:, :, None, :] == beam.prefixes[:, None, :, :]).all(axis=3)  # (samples, child, parent)
    sample, child, parent = np.nonzero(is_child)
    child_last = last[sample, child]
    across = np.where(last[sample, parent] == child_last, beam.after_blank[sample, parent], total[sample, parent])
    kept_character[sample, child] = np.logaddexp(kept_character[sample, child], across + scores[sample, child_last])
    twin, position = np.nonzero(likeliest[sample] == child_last[:, None])
    extended[sample[twin], parent[twin], position] = -np.inf


def _best_of(
    beam: _Beam,
    likeliest: NDArray[np.intp],
    kept: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    extended: tuple[NDArray[np.float64], NDArray[np.float64]],
    guide: Guide | None,
) -> _Beam:
    """The beam after a step: the best of all candidates, in a stable order, so that ties fall alike everywhere.

    Args:
        beam: The beam before the step.
        likeliest: The characters that extend, `(samples, extending)`.
        kept: Of prefixes kept as they are, `(samples, beam_width)`: their rank, and their log probabilities ending in a
            blank and in a character.
        extended: Of extensions, `(samples, beam_width, extending)`: their rank, and their log probability.
        guide: Says where an extension leads.
    """
    (samples, extending), beam_width = likeliest.shape, beam.lengths.shape[1]
    (kept_rank, kept_blank, kept_character), (extended_rank, extended_character) = kept, extended
    rows = np.arange(samples)[:, None]
    candidates = np.concatenate([kept_rank, extended_rank.reshape(samples, -1)], axis=1)
    best = np.argsort(-candidates, axis=1, kind="stable")[:, :beam_width]
    is_kept = best < beam_width
    source = np.where(is_kept, best, (best - beam_width) // max(extending, 1))
    added = likeliest[rows, np.where(is_kept, 0, (best - beam_width) % max(extending, 1))] if extending else best
    possible = candidates[rows, best] > -np.inf
    written = np.concatenate([kept_character, extended_character.reshape(samples, -1)], axis=1)
    chosen = _Beam(
        prefixes=beam.prefixes[rows, source],
        lengths=beam.lengths[rows, source],
        after_blank=np.where(is_kept & possible, kept_blank[rows, source], -np.inf),
        after_character=np.where(possible, written[rows, best], -np.inf),
        states=beam.states[rows, source],
    )
    sample, place = np.nonzero(~is_kept)
    if guide is not None:
        states = chosen.states[sample, place]
        chosen.states[sample, place] = guide.following[states, added[sample, place]]
    chosen.prefixes[sample, place, chosen.lengths[sample, place]] = added[sample, place]
    chosen.lengths[sample, place] += 1
    return chosen
