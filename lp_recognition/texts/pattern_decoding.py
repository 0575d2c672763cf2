"""From logits to the most probable text that fits a pattern: CTC prefix beam search that knows where it may end.

Plain decoding reads what the network writes, and a pattern can only judge it. Here the patterns of legal plates take
part: of all texts that fit one of them the most probable is read. The search is the beam search of `decoding`, its
prefixes ranked by the probability of *all* fitting texts that begin with them, as in the prefix search of Graves et al.
2006 ("Connectionist temporal classification", section 3.2). What may follow a prefix is summed exactly, for it depends
on the state of the automaton and on the last class alone. So a prefix from which no text that fits can be written in
the time steps that are left, with the blanks that equal neighbours need, is worth nothing and is dropped; and where
every text fits, this *is* the plain beam search.

The confidence of a reading is its CTC probability among all texts, as in plain decoding. It is not shared out anew
among those that fit: a reading that the patterns bend far from what the network wrote has a low one. So has it where a
file calibrates its confidences, which is done by plain readings: the order stays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lp_recognition.system.errors import ConfigError
from lp_recognition.texts.automaton import Automaton
from lp_recognition.texts.beam_search import Guide
from lp_recognition.texts.decoding import Decoded, decode_beam

#: Prefixes kept where the settings ask for the best path, which knows nothing of patterns.
DEFAULT_BEAM_WIDTH = 16

#: Values of a guide at once: 64 MiB, for two thirds of them stand in `after_character`.
_VALUES = 2**23


def decode_patterns(
    logits: NDArray[np.floating], blank_index: int, automaton: Automaton, beam_width: int = 1
) -> list[Decoded]:
    """Reads a batch of logits: the most probable texts that fit, as far as the beam sees.

    Args:
        logits: Scores of shape `(batch, time, classes)`, float, *not* softmaxed.
        blank_index: The class of the CTC blank.
        automaton: Which texts fit.
        beam_width: Prefixes kept after each time step; 1, which elsewhere asks for the best path, is
            `DEFAULT_BEAM_WIDTH`.

    Returns:
        A reading for each sample. Each fits.

    Raises:
        ValueError: as `decode_beam`, or logits of another number of classes, or that rule out every text that fits.
        ConfigError: every text that fits is longer than the time steps can hold.
    """
    logits = np.asarray(logits)
    states, classes = automaton.following.shape
    if logits.ndim == 3 and logits.shape[2] != classes:
        raise ValueError(f"expected logits of {classes} classes, as the automaton has, received {logits.shape}")

    def guide(log_probabilities: NDArray[np.float64]) -> Guide:
        ahead = look_ahead(log_probabilities, blank_index, automaton)
        for scores, best in zip(log_probabilities, ahead.after_blank[:, 0, 0], strict=True):
            if best == -np.inf and np.isfinite(scores).all():
                raise ConfigError(
                    f"lpr_patterns: expected a text that the model can write in its {len(scores)} time steps, received "
                    f"only longer ones from {', '.join(map(repr, automaton.patterns))}"
                )
            if best == -np.inf:
                raise ValueError("expected logits that leave a text that fits possible, received -inf for all of them")
        return ahead

    width = DEFAULT_BEAM_WIDTH if beam_width == 1 else beam_width
    steps = logits.shape[1] if logits.ndim == 3 else 0
    size = max(1, _VALUES // ((steps + 1) * states * (classes + 1)))
    starts = range(0, max(len(logits), 1), size)  # once also where there is nothing, so that it is checked
    return [one for start in starts for one in decode_beam(logits[start : start + size], blank_index, width, guide)]


def look_ahead(log_probabilities: NDArray[np.float64], blank_index: int, automaton: Automaton) -> Guide:
    """Sums up, backwards in time, what may follow each state and last class: a backward pass of Graves et al. 2006
    (section 4.1) over all texts that fit at once.

    Args:
        log_probabilities: Float64 `(samples, time, classes)`.
        blank_index: The class of the CTC blank.
        automaton: Which texts fit.
    """
    samples, steps, classes = log_probabilities.shape
    following = automaton.following
    after_blank = np.empty((samples, steps + 1, len(following)))
    after_character = np.empty((*after_blank.shape, classes))
    after_blank[:, steps] = np.where(automaton.accepting, 0, -np.inf)
    after_character[:, steps] = after_blank[:, steps, :, None]
    for step in reversed(range(steps)):
        scores = log_probabilities[:, step]
        blank = scores[:, blank_index, None] + after_blank[:, step + 1]
        again = scores[:, None, :] + after_character[:, step + 1]
        extended = again[:, following, np.arange(classes)]  # (samples, states, classes); -inf into the last state
        # All extensions but the one by the last class again, which would need a blank between: from the left, from the
        # right, and no subtraction, which would lose what is small.
        others = np.full_like(extended, -np.inf)
        others[:, :, 1:] = np.logaddexp.accumulate(extended, axis=2)[:, :, :-1]
        right = np.logaddexp.accumulate(extended[:, :, ::-1], axis=2)[:, :, ::-1]
        others[:, :, :-1] = np.logaddexp(others[:, :, :-1], right[:, :, 1:])
        after_blank[:, step] = np.logaddexp(blank, right[:, :, 0])
        after_character[:, step] = np.logaddexp(np.logaddexp(blank[:, :, None], again), others)
    return Guide(following, after_blank, after_character)
