"""What several looks at a plate say together: a vote by symbol, over the probabilities that the network gave.

A single look loses a symbol in a shadow, doubles one in a blur, takes B for 8 at a distance; over a passage such
faults come and go. Looks are voted on as ROVER does it (Fiscus 1997, "A post-processing system to yield reduced word
error rates: Recognizer Output Voting Error Reduction"): they are aligned one after another, the heaviest first, into
columns that hold what may stand there, *nothing* among it, and each column is decided for itself. What is added up are
the probabilities of a look's symbols, not its text alone: a look that is torn between B and 8 says both.

The vote does not depend on the order of the looks, and looks of one text are kept as their sum: a car that is parked
for a day costs no more than one that passes.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lp_recognition.texts.vocabulary import split_symbols
from lp_recognition.video.events import Candidate, Look

#: Different texts that are kept, and that take part in a vote: the heaviest ones.
_KEPT_TEXTS, _VOTING_TEXTS = 128, 24
#: A look counts by its confidence, and by this at least.
_LEAST_WEIGHT = 0.01
#: What was read is never held to be impossible.
_LEAST_SHARE = 1e-6
_CANDIDATES = 5
#: Choices of a column that candidates are made of.
_CHOICES = 3
#: A gap costs no less than this, even where nothing is the likeliest: pairs are preferred.
_LEAST_GAP = 0.05


@dataclass(frozen=True)
class Vote:
    """What looks say together.

    Attributes:
        text: The answer.
        confidence: Probability of the answer, in [0, 1].
        confidences: Probability of each of its symbols, in [0, 1].
        candidates: The answer and the next best texts, the best first.
        look_count: Looks that took part.
        agreeing_count: Those of them that say just the answer.
    """

    text: str
    confidence: float
    confidences: tuple[float, ...]
    candidates: tuple[Candidate, ...]
    look_count: int
    agreeing_count: int


@dataclass
class _Said:
    """All looks of one text: the sum of their weights, and of the weighted shares in each place."""

    places: list[dict[str, float]]
    weight: float = 0.0
    count: int = 0
    surest: float = field(default=0.0)


class Ballot:
    """Collects looks and says what they say together."""

    def __init__(self) -> None:
        self._said: dict[str, _Said] = {}
        self.look_count = 0

    def add(self, look: Look) -> None:
        """Takes in a look; one without text says nothing."""
        symbols = split_symbols(look.text)
        if not symbols:
            return
        said = self._said.setdefault(look.text, _Said([{} for _ in symbols]))
        weight = max(look.confidence, _LEAST_WEIGHT)
        for place, shares in zip(said.places, _shares_of(look, symbols), strict=True):
            for symbol, share in shares:
                place[symbol] = place.get(symbol, 0.0) + weight * max(share, _LEAST_SHARE)
        said.weight += weight
        said.count += 1
        said.surest = max(said.surest, look.confidence)
        self.look_count += 1
        self._forget_light_texts()

    def add_all(self, other: Ballot) -> None:
        """Takes in all looks of another ballot."""
        for text, theirs in other._said.items():
            said = self._said.setdefault(text, _Said([{} for _ in theirs.places]))
            for place, shares in zip(said.places, theirs.places, strict=True):
                for symbol, share in shares.items():
                    place[symbol] = place.get(symbol, 0.0) + share
            said.weight += theirs.weight
            said.count += theirs.count
            said.surest = max(said.surest, theirs.surest)
        self.look_count += other.look_count
        self._forget_light_texts()

    def result(self) -> Vote:
        """What the looks say.

        Raises:
            ValueError: there was no look.
        """
        if not self._said:
            raise ValueError("expected at least one look, received none")
        heaviest = sorted(self._said.items(), key=lambda item: (-item[1].weight, item[0]))[:_VOTING_TEXTS]
        columns = _columns([said for _, said in heaviest])
        best = [max(column, key=lambda symbol: (column[symbol], symbol)) for column in columns]
        answer = "".join(best)
        said = self._said.get(answer)
        ranked = _ranked(columns)
        confidence = ranked[0][1]
        if self.look_count == 1 and said is not None:
            confidence = said.surest  # calibrated by the file of its reader
        return Vote(
            answer,
            confidence,
            tuple(column[symbol] for column, symbol in zip(columns, best, strict=True) if symbol),
            _candidates(answer, confidence, ranked),
            self.look_count,
            0 if said is None else said.count,
        )

    def _forget_light_texts(self) -> None:
        if len(self._said) > _KEPT_TEXTS:
            lightest = min(self._said, key=lambda text: (self._said[text].weight, text))
            del self._said[lightest]


def _shares_of(look: Look, symbols: Sequence[str]) -> Iterable[Iterable[tuple[str, float]]]:
    """What may stand in each place of a look; where its reader did not say, its symbol alone."""
    if len(look.alternatives) == len(symbols):
        return look.alternatives
    confidences = look.confidences if len(look.confidences) == len(symbols) else [1.0] * len(symbols)
    return [[(symbol, share)] for symbol, share in zip(symbols, confidences, strict=True)]


def _columns(said: Sequence[_Said]) -> list[dict[str, float]]:
    """Aligns texts one after another: for each column what may stand there, `""` for nothing, with its share."""
    names = list(dict.fromkeys(["", *(symbol for one in said for place in one.places for symbol in place)]))
    number = {name: i for i, name in enumerate(names)}
    total = 0.0
    columns: list[NDArray[np.float64]] = []
    for one in said:
        slots = np.zeros((len(one.places), len(names)))
        for slot, place in zip(slots, one.places, strict=True):
            for symbol, share in place.items():
                slot[number[symbol]] = share
        nothing = np.zeros(len(names))
        nothing[0] = 1.0
        merged = []
        for column, slot_number in _align(np.array(columns) / max(total, 1e-9), slots / one.weight):
            before = nothing * total if column is None else columns[column]
            merged.append(before + (nothing * one.weight if slot_number is None else slots[slot_number]))
        columns, total = merged, total + one.weight
    shares = [column / total for column in columns]
    found = [{names[i]: float(column[i]) for i in np.flatnonzero(column)} for column in shares]
    if all(column.get("", 0.0) >= max(column.values()) for column in found):  # a plate says something
        found = [{symbol: share for symbol, share in column.items() if symbol} for column in found]
    return [column for column in found if column]


def _align(columns: NDArray[np.float64], slots: NDArray[np.float64]) -> list[tuple[int | None, int | None]]:
    """Pairs columns and slots by the cheapest edit (Needleman and Wunsch 1970); None where one has no counterpart.

    A pair costs the probability that the two differ; a gap that something stands where the other has nothing.
    """
    if not len(columns):
        return [(None, j) for j in range(len(slots))]
    differ = (1 - columns @ slots.T).tolist()
    left_out = np.maximum(1 - columns[:, 0], _LEAST_GAP).tolist()
    put_in = np.maximum(1 - slots[:, 0], _LEAST_GAP).tolist()
    costs = [[0.0] * (len(slots) + 1) for _ in range(len(columns) + 1)]
    for i, cost in enumerate(left_out):
        costs[i + 1][0] = costs[i][0] + cost
    for j, cost in enumerate(put_in):
        costs[0][j + 1] = costs[0][j] + cost
    for i, row in enumerate(differ):
        above, here = costs[i], costs[i + 1]
        for j, cost in enumerate(row):
            here[j + 1] = min(above[j] + cost, above[j + 1] + left_out[i], here[j] + put_in[j])
    pairs: list[tuple[int | None, int | None]] = []
    i, j = len(columns), len(slots)
    while i or j:
        if i and j and math.isclose(costs[i][j], costs[i - 1][j - 1] + differ[i - 1][j - 1], abs_tol=1e-12):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif i and math.isclose(costs[i][j], costs[i - 1][j] + left_out[i - 1], abs_tol=1e-12):
            i -= 1
            pairs.append((i, None))
        else:
            j -= 1
            pairs.append((None, j))
    return pairs[::-1]


def _ranked(columns: Sequence[dict[str, float]]) -> list[tuple[str, float]]:
    """The most probable texts that columns make, each with the product of its shares, the best first."""
    choices = [
        sorted(column.items(), key=lambda item: (item[1], item[0]), reverse=True)[:_CHOICES] for column in columns
    ]

    def probability(picks: tuple[int, ...]) -> float:
        return math.prod(choice[pick][1] for choice, pick in zip(choices, picks, strict=True))

    start = (0,) * len(choices)
    waiting, seen = [(-probability(start), start)], {start}
    texts: dict[str, float] = {}
    first = ""
    for _ in range(4 * _CANDIDATES):
        if not waiting:
            break
        negative, picks = heapq.heappop(waiting)
        text = "".join(choice[pick][0] for choice, pick in zip(choices, picks, strict=True))
        first = first or text
        texts[text] = texts.get(text, 0.0) - negative  # several columns' ways to write one text
        for place, pick in enumerate(picks):
            following = (*picks[:place], pick + 1, *picks[place + 1 :])
            if pick + 1 < len(choices[place]) and following not in seen:
                seen.add(following)
                heapq.heappush(waiting, (-probability(following), following))
    ranked = sorted(texts.items(), key=lambda item: (item[0] != first, -item[1], item[0]))
    return [(text, min(share, 1.0)) for text, share in ranked if text]


def _candidates(answer: str, confidence: float, ranked: Sequence[tuple[str, float]]) -> tuple[Candidate, ...]:
    """The answer with its confidence, and the others, which share what it leaves as they did before."""
    left = (1 - confidence) / max(1 - ranked[0][1], 1e-9)
    others = [Candidate(text, min(share * left, confidence)) for text, share in ranked if text != answer]
    return (Candidate(answer, confidence), *others[: _CANDIDATES - 1])
