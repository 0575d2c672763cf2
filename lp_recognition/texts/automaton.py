r"""From regular expressions to a deterministic automaton over the classes of a model.

`interegular` turns the structure of a pattern, which is groups, alternatives and repetitions, into an automaton over
characters. What one of its sets of characters holds is asked of `re` itself, among the characters that the model can
write: so `\w`, `.` or `[^]A-C]` mean here what they mean there. What else `re` knows, such as anchors and references,
is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lp_recognition.system.errors import ConfigError, UserError
from lp_recognition.texts.vocabulary import Vocabulary

if TYPE_CHECKING:  # imported when it is needed
    from interegular.fsm import FSM, State

#: One piece of a legal pattern: what gives it its structure, or what stands for one character.
_PIECE = re.compile(
    r"""
    (?P<group> \( (?: \?: | \?P<\w+> | (?! \? ) ) )
    | (?P<structure> [)|] | (?: [*+?] | \{ (?: \d+ ,? \d* | ,\d* ) \} ) \?? (?! \+ ) )
    | (?P<character>
        \[ \^? \]? (?: \\. | [^\]\\] )* \]  # a bracket that comes first is one of the characters
        | \\ (?: [dDsSwW] | x [\da-fA-F]{2} | u [\da-fA-F]{4} | U [\da-fA-F]{8} | [^a-zA-Z\d] )
        | \{ (?! (?: \d+ ,? \d* | ,\d* ) \} )
        | [^\\^$()|*+?\[{]
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_REFUSED = re.compile(r"\(\?P?.|\\.|.\+?", re.DOTALL)
#: Where the stand-ins of the model's characters begin in what interegular is given: they mean nothing to it.
_STAND_INS = 0xF0000


@dataclass(frozen=True)
class Automaton:
    """Reads texts class by class, from state 0 on.

    Attributes:
        following: Integers `(states, classes)`: the state after another class. The last state is the one from which
            nothing fits any more; the blank leads there.
        accepting: Bool `(states,)`: whether a text that ends here fits.
        patterns: The regular expressions.
    """

    following: NDArray[np.intp]
    accepting: NDArray[np.bool_]
    patterns: tuple[str, ...]

    def fits(self, indices: Iterable[int]) -> bool:
        """Whether the text of these class indices fits one of the patterns."""
        state = 0
        for index in indices:
            state = int(self.following[state, index])
        return bool(self.accepting[state])


def build_automaton(patterns: Sequence[str], vocabulary: Vocabulary) -> Automaton:
    """Builds the automaton of all texts that fit one of the patterns as a whole, as `metrics.fits_patterns` has it.

    A merged class fits where one of the characters that it stands for does; a class such as `<Beijing>` is held against
    a pattern by the characters that it is written with.

    Args:
        patterns: Regular expressions, as `lpr_patterns`.
        vocabulary: The classes of the model.

    Raises:
        ConfigError: no pattern; one that holds more than characters, sets of them, groups, alternatives and
            repetitions; or one that no text of the model's alphabet fits.
        UserError: interegular is not installed.
    """
    if not patterns:
        raise ConfigError(
            "lpr_patterns: expected regular expressions of legal plates to decode by, received none; add "
            "lpr_patterns=... or leave decode.patterns at False"
        )
    members = [tuple(vocabulary.readings(written)) for written in vocabulary.classes]
    characters = sorted({character for texts in members for text in texts for character in text})
    stand_ins = {character: chr(_STAND_INS + number) for number, character in enumerate(characters)}
    replaced = [[[stand_ins[character] for character in text] for text in texts] for texts in members]
    machines = [_machine(pattern, stand_ins) for pattern in patterns]

    following, reached = _places_after(machines, replaced)
    fitted = [{number for number, state in places if state in machines[number].finals} for places in reached]
    for number, pattern in enumerate(patterns):
        if not any(number in found for found in fitted):
            raise ConfigError(
                f"lpr_patterns: expected patterns that a text of the model's alphabet can fit, received {pattern!r}; "
                "mend it, or leave it out"
            )
    accepting, table = _without_dead_ends(np.array([bool(found) for found in fitted]), following)
    transitions = np.full((len(table), vocabulary.num_classes), len(table) - 1, np.intp)
    transitions[:, : vocabulary.blank_index] = table
    return Automaton(transitions, accepting, tuple(patterns))


def _places_after(
    machines: Sequence[FSM], classes: Sequence[Sequence[Sequence[str]]]
) -> tuple[NDArray[np.intp], list[frozenset[tuple[int, Any]]]]:
    """The subset construction (Rabin and Scott 1959): a state is all the places where patterns may be after a text.

    Args:
        machines: Those of the patterns.
        classes: The texts that each class may stand for.

    Returns:
        The state after each class from each state, `(states, classes)`; and the states, as numbers and places of
        machines, the first being where texts begin.
    """
    start = frozenset((number, machine.initial) for number, machine in enumerate(machines))
    numbers = {start: 0}
    transitions = []
    waiting = [start]
    for places in waiting:  # grows on the way
        row = []
        for texts in classes:
            entered = frozenset(
                (number, place)
                for number, state in places
                for text in texts
                if (place := _run(machines[number], state, text)) is not None
            )
            if entered not in numbers:
                numbers[entered] = len(numbers)
                waiting.append(entered)
            row.append(numbers[entered])
        transitions.append(row)
    return np.array(transitions, np.intp), waiting


def _without_dead_ends(
    accepting: NDArray[np.bool_], following: NDArray[np.intp]
) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
    """The same automaton, but for the states from which nothing fits any more: these become one, the last."""
    alive = accepting
    while (more := alive | alive[following].any(axis=1)).sum() > alive.sum():
        alive = more
    dead = int(alive.sum())
    renumbered = np.where(alive, np.cumsum(alive) - 1, dead)
    table = np.full((dead + 1, following.shape[1]), dead, np.intp)
    table[:dead] = renumbered[following[alive]]
    return np.append(accepting[alive], False), table


def _machine(pattern: str, stand_ins: Mapping[str, str]) -> FSM:
    """The automaton of a pattern over stand-ins of characters."""
    try:
        from interegular import parse_pattern
    except ImportError:
        raise UserError(
            "decode.patterns: expected the package interegular, received none; run `pip install interegular`"
        ) from None
    pieces = []
    position = 0
    while position < len(pattern):
        piece = _PIECE.match(pattern, position)
        if piece is None:
            received = _REFUSED.match(pattern, position)
            raise ConfigError(
                "lpr_patterns: to decode by, expected characters, [sets] of them, groups, |, ?, *, + and {m,n}, "
                f"received {received[0] if received else ''!r} in {pattern!r}; patterns match whole texts: leave out ^ "
                "and $ and what else looks around, or leave decode.patterns at False"
            )
        position = piece.end()
        if piece["character"] is not None:
            matches = re.compile(piece[0]).fullmatch
            pieces.append(f"[{''.join(stand_ins[character] for character in stand_ins if matches(character))}]")
        else:
            pieces.append(piece["structure"] or "(?:")
    return parse_pattern("".join(pieces)).to_fsm()


def _run(machine: FSM, state: State, text: Iterable[str]) -> State | None:
    """The state that a text leads to; None where it leads nowhere."""
    for character in text:
        key = machine.alphabet[character]
        if state not in machine.map or key not in machine.map[state]:
            return None
        state = machine.map[state][key]
    return state
