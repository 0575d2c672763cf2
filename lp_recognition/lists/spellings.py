"""Labels that look alike and are written differently: a model would make classes of what a person takes for one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from lp_recognition.lists.annotations import Annotation
from lp_recognition.lists.problems import Problem, Row
from lp_recognition.texts.normal_form import lookalikes_among, mixed_scripts, name_of, odd_characters
from lp_recognition.texts.vocabulary import Vocabulary, split_symbols


def spelling_problems(rows: Sequence[Row], vocabulary: Vocabulary | None) -> list[Problem]:
    """Warnings of how labels are written; what is of the alphabet, where one is given, is meant so."""
    problems = []
    plates: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        plates[row.plate].append(row)
        where = row.annotation.source
        if row.annotation.written:
            message = f"{where}: taken as {row.label}, received {odd_characters(row.annotation.written)}"
            problems.append(Problem("other form", message, (row,)))
        if (mixed := mixed_scripts(row.label)) and not (vocabulary and vocabulary.knows(row.label)):
            problems.append(Problem("mixed scripts", f"{where}: {mixed}", (row,)))
    for found in plates.values():
        spellings = {row.label: row for row in reversed(found)}
        if len(spellings) > 1:
            places = ", ".join(f"{label} ({row.annotation.source})" for label, row in sorted(spellings.items()))
            problems.append(Problem("one plate, several spellings", places, tuple(spellings.values())))
    annotations = [row.annotation for row in rows]
    return problems + [Problem("look-alike characters", note) for note in lookalike_notes(annotations, vocabulary)]


def lookalike_notes(rows: Sequence[Annotation], vocabulary: Vocabulary | None = None) -> list[str]:
    """Says which characters of labels look the same, and where each stands first; those of the alphabet are meant."""
    first: dict[str, Annotation] = {}
    for row in rows:
        for symbol in split_symbols(row.label):
            first.setdefault(symbol, row)
    return [
        "; ".join(f"{name_of(symbol)} in {first[symbol].source}" for symbol in group)
        for group in lookalikes_among(first)
        if vocabulary is None or not all(map(vocabulary.knows, group))
    ]


def training_notes(rows: Sequence[Annotation], alphabet: Vocabulary | None) -> list[str]:
    """What a training should say of its labels; `alphabet` is the one that the config states, if any."""
    notes = []
    if other := [row for row in rows if row.written]:
        first = other[0]
        notes.append(
            f"{first.source}: taken as {first.label}, received {odd_characters(first.written)} (labels in another "
            f"form than the normal one: {len(other)})"
        )
    notes += [f"each is a class of its own, and they look the same: {note}" for note in lookalike_notes(rows, alphabet)]
    return notes
