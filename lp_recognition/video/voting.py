"""What several looks at a plate say together: a vote by symbol, over the probabilities that the network gave.

A single look loses a symbol in a shadow, doubles one in a blur, takes B for 8 at a distance; over a passage such
faults come and go. Looks are voted on as ROVER does it (Fiscus 1997, "A post-processing system to yield reduced word
error rates: Recognizer Output Voting Error Reduction"): they are aligned one after another, the heaviest first, into
columns that hold what may stand there, *nothing* among it, and each column is decided for itself. What is added up are
the probabilities of a look's symbols, not its text alone: a look that is torn between B and 8 says both.

The vote does not depend on the order of the looks, and looks of one text are kept as their sum: a car that is parked
for a day costs no more than one that passes.

The confidence of an answer is the product of its symbols' shares. Of 5,831 votes over parts of 207 drawn passages it
has an expected calibration error of 1.1% as it is; Platt scaling leaves as much, and the number of looks would add
nothing: looks that agree repeat each other, and are not many witnesses.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lp_recognition.texts.vocabulary import is_chinese, split_symbols
from lp_recognition.video.events import Candidate, Look

#: Different texts that are kept, and that take part in a vote: the heaviest ones.
_KEPT_TEXTS, _VOTING_TEXTS = 128, 24
#: A look counts by its odds: one of 0.95 as much as two of 0.9. Confidences are calibrated, but looks of one passage
#: repeat each other's mistakes, and of those the sure one is seldom wrong. Nothing is surer than this, or less sure.
_SUREST, _LEAST_SURE = 0.999, 0.001
#: What was read is never held to be impossible.
_LEAST_SHARE = 1e-6
#: How much it counts against a Chinese character that a reader did not see it that never writes any.
_UNABLE = 0.1
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
    """All looks of one text by one reader: the sum of their weights, and of the weighted shares in each place."""

    places: list[dict[str, float]]
    weight: float = 0.0
    count: int = 0
    surest: float = 0.0

    def take(self, places: Iterable[Iterable[tuple[str, float]]], weight: float, count: int, confidence: float) -> None:
        """Adds weighted shares."""
        for place, shares in zip(self.places, places, strict=True):
            for symbol, share in shares:
                place[symbol] = place.get(symbol, 0.0) + share
        self.weight += weight
        self.count += count
        self.surest = max(self.surest, confidence)


class Ballot:
    """Collects looks and says what they say together."""

    def __init__(self) -> None:
        self._said: dict[tuple[str, str], _Said] = {}
        self._able: set[str] = set()  # readers that may write a Chinese character
        self.look_count = 0

    def add(self, look: Look) -> None:
        """Takes in a look; one without text says nothing."""
        symbols = split_symbols(look.text)
        if not symbols:
            return
        weight = _odds(look.confidence)
        shares = [
            [(symbol, weight * max(share, _LEAST_SHARE)) for symbol, share in place]
            for place in _shares_of(look, symbols)
        ]
        if any(is_chinese(symbol) for place in shares for symbol, _ in place if symbol):
            self._able.add(look.reader)
        self._take((look.text, look.reader), shares, weight, 1, look.confidence)

    def add_all(self, other: Ballot) -> None:
        """Takes in all looks of another ballot."""
        self._able |= other._able
        for key, theirs in other._said.items():
            places = [place.items() for place in theirs.places]
            self._take(key, places, theirs.weight, theirs.count, theirs.surest)

    def _take(
        self,
        key: tuple[str, str],
        places: Sequence[Iterable[tuple[str, float]]],
        weight: float,
        count: int,
        confidence: float,
    ) -> None:
        self._said.setdefault(key, _Said([{} for _ in places])).take(places, weight, count, confidence)
        self.look_count += count
        if len(self._said) > _KEPT_TEXTS:
            del self._said[min(self._said, key=lambda key: (self._said[key].weight, key))]

    def result(self) -> Vote:
        """What the looks say.

        Raises:
            ValueError: there was no look.
        """
        if not self._said:
            raise ValueError("expected at least one look, received none")
        heaviest = sorted(self._said, key=lambda key: (-self._said[key].weight, key))[:_VOTING_TEXTS]
        columns = _columns([(self._said[key], key[1] in self._able) for key in heaviest])
        best = [max(column, key=lambda symbol: (column[symbol], symbol)) for column in columns]
        answer = "".join(best)
        agreeing = [said for (text, _), said in self._said.items() if text == answer]
        ranked = _ranked(columns)
        confidence = ranked[0][1]
        if self.look_count == 1 and agreeing:
            confidence = agreeing[0].surest  # calibrated by the file of its reader
        return Vote(
            answer,
            confidence,
            tuple(column[symbol] for column, symbol in zip(columns, best, strict=True) if symbol),
            _candidates(answer, confidence, ranked),
            self.look_count,
            sum(said.count for said in agreeing),
        )


def _odds(confidence: float) -> float:
    sure = min(max(confidence, _LEAST_SURE), _SUREST)
    return sure / (1 - sure)


def _shares_of(look: Look, symbols: Sequence[str]) -> Iterable[Iterable[tuple[str, float]]]:
    """What may stand in each place of a look; where its reader did not say, its symbol alone."""
    if len(look.alternatives) == len(symbols):
        return look.alternatives
    confidences = look.confidences if len(look.confidences) == len(symbols) else [1.0] * len(symbols)
    return [[(symbol, share)] for symbol, share in zip(symbols, confidences, strict=True)]


def _columns(said: Sequence[tuple[_Said, bool]]) -> list[dict[str, float]]:
    """Aligns texts one after another: for each column what may stand there, `""` for nothing, with its share.

    Args:
        said: Texts, and whether their readers may write a Chinese character.
    """
    names = list(dict.fromkeys(["", *(symbol for one, _ in said for place in one.places for symbol in place)]))
    chinese = np.array([bool(name) and is_chinese(name) for name in names])
    weights = {True: 0.0, False: 0.0}  # so far, of readers that may write one and of those that may not
    columns = np.zeros((0, len(names) + 1))  # sums of weights: of each symbol and, at last, of what was left unsaid

    def absent(present: NDArray[np.float64], able: float, unable: float) -> NDArray[np.float64]:
        """Nothing, where others have something: by weights of readers that may and that may not write Chinese."""
        row = np.zeros(len(names) + 1)
        row[0] = able + unable * (_UNABLE if chinese[1 + present[1:-1].argmax()] else 1.0)
        return row

    for one, able in said:
        slots = _slots(one, names)
        here = (one.weight, 0.0) if able else (0.0, one.weight)
        merged = []
        for i, j in _align(_shares(columns)[:, :-1], _shares(slots)[:, :-1]):
            if i is None or j is None:
                present = slots[j] if i is None else columns[i]
                merged.append(present + absent(present, *((weights[True], weights[False]) if i is None else here)))
            else:
                merged.append(columns[i] + slots[j])
        columns = np.array(merged)
        weights[able] += one.weight
    found = [{names[i]: float(share[i]) for i in np.flatnonzero(share[:-1])} for share in _shares(columns)]
    if all(column.get("", 0.0) >= max(column.values()) for column in found):  # a plate says something
        found = [{symbol: share for symbol, share in column.items() if symbol} for column in found]
    return [column for column in found if column]


def _slots(said: _Said, names: Sequence[str]) -> NDArray[np.float64]:
    """The places of a text as rows: the weight of each symbol and, at last, of what was left unsaid."""
    number = {name: i for i, name in enumerate(names)}
    slots = np.zeros((len(said.places), len(names) + 1))
    for slot, place in zip(slots, said.places, strict=True):
        for symbol, share in place.items():
            slot[number[symbol]] = share
    slots[:, -1] = np.maximum(said.weight - slots.sum(axis=1), 0.0)
    return slots


def _shares(sums: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of weights as shares of each row."""
    return sums / sums.sum(axis=1, keepdims=True)


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

    start = (0,) * len(choices)
    waiting, seen = [(-math.prod(choice[0][1] for choice in choices), start)], {start}
    texts: dict[str, float] = {}
    first = ""
    for _ in range(3 * _CANDIDATES):
        if not waiting:
            break
        negative, picks = heapq.heappop(waiting)
        text = "".join(choice[pick][0] for choice, pick in zip(choices, picks, strict=True))
        first = first or text
        texts[text] = texts.get(text, 0.0) - negative  # several columns' ways to write one text
        for place, (choice, pick) in enumerate(zip(choices, picks, strict=True)):
            following = (*picks[:place], pick + 1, *picks[place + 1 :])
            if pick + 1 < len(choice) and following not in seen:
                seen.add(following)
                heapq.heappush(waiting, (negative * choice[pick + 1][1] / choice[pick][1], following))
    ranked = sorted(texts.items(), key=lambda item: (item[0] != first, -item[1], item[0]))
    return [(text, min(share, 1.0)) for text, share in ranked if text]


def _candidates(answer: str, confidence: float, ranked: Sequence[tuple[str, float]]) -> tuple[Candidate, ...]:
    """The answer with its confidence, and the others, which share what it leaves as they did before."""
    left = (1 - confidence) / max(1 - ranked[0][1], 1e-9)
    others = [Candidate(text, min(share * left, confidence)) for text, share in ranked if text != answer]
    return (Candidate(answer, confidence), *others[: _CANDIDATES - 1])
