"""An evaluation as one HTML page that needs no other file: figures, and pictures of the plates that were misread."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lp_recognition.evaluation.metrics import Group
from lp_recognition.evaluation.recognition import EvaluationResult
from lp_recognition.images.image import Image
from lp_recognition.lists.image_facts import read_thumbnail
from lp_recognition.system.page import cards, chart, escape, figure, page, table
from lp_recognition.texts.vocabulary import split_symbols

#: So many misread plates are shown at once, and so many more on demand.
SHOWN = 60
FOLDED = 240
#: So many pairs of confused characters are counted at once; so many are shown, with so many pictures of each.
COMMONEST = 24
PAIRS = 12
PICTURES_OF_A_PAIR = 4
#: So many pictures of a first character.
PICTURES_OF_A_GROUP = 24


def recognition_page(result: EvaluationResult, description: Mapping[str, Any]) -> str:
    """Writes the page; the pictures of misread plates are read again from their files, a few hundred at most."""
    pictures = _Pictures(result)
    metrics = result.metrics
    lists = ", ".join(one["path"] for one in description["lists"]) or "drawn plates, held out"
    parts = [
        f"<h1>{metrics.lp_rr:.1%} of {metrics.plates:,} plates read without a mistake</h1>",
        f'<p class="soft">{escape(description["model"])} · {escape(lists)} · {escape(description["date"])}</p>',
        _figures(result),
        _worst(result, pictures),
        _confusions(result, pictures),
        _groups("First character", metrics.by_first_character, _first_characters(result), pictures),
        _groups("Length", {str(length): group for length, group in metrics.by_length.items()}, {}, pictures),
        _measured(description),
    ]
    return page(f"Evaluation of {Path(description['model']).name}", "\n".join(part for part in parts if part))


class _Pictures:
    """Figures of plates, each picture read once."""

    def __init__(self, result: EvaluationResult) -> None:
        self._result = result
        self._images: dict[int, Image] = {}

    def show(self, numbers: Sequence[int]) -> str:
        """Figures of plates, side by side."""
        return f'<div class="grid">{"".join(map(self._figure, numbers))}</div>'

    def _figure(self, number: int) -> str:
        plates, reading = self._result.plates, self._result.readings[number]
        pairs = self._result.judgements[number].alignment
        label = _marked((true, true == read) for true, read in pairs)
        read = _marked((read, true == read) for true, read in pairs)
        caption = (
            f"<b>{read or '(nothing)'}</b> {reading.confidence:.1%}<br>label <b>{label or '(empty)'}</b><br>"
            f"{escape(Path(plates.names[number]).name)}"
        )
        return figure(self._image(number), caption, plates.labels[number], plates.names[number])

    def _image(self, number: int) -> Image:
        """The photograph where there is one, else what the network saw."""
        if number not in self._images:
            plates = self._result.plates
            found = read_thumbnail(Path(plates.names[number])) if plates.lists else None
            self._images[number] = plates.images[number] if found is None else found
        return self._images[number]


def _marked(symbols: Any) -> str:
    """A text whose wrong symbols are red."""
    return "".join(
        escape(symbol) if right else f'<span class="bad">{escape(symbol)}</span>' for symbol, right in symbols if symbol
    )


def _figures(result: EvaluationResult) -> str:
    metrics = result.metrics
    low, high = metrics.lp_rr_interval
    figures = [
        ("LP-RR", f"{metrics.lp_rr:.1%}", f"95% interval {low:.1%} to {high:.1%}", ""),
        ("misread", f"{metrics.plates - metrics.right:,}", f"of {metrics.plates:,}", ""),
        ("at most one wrong", f"{metrics.lp_rr_at_most_one_wrong:.1%}", "", ""),
        ("last six characters", f"{metrics.lp_rr_last_six:.1%}", "", ""),
        ("character accuracy", f"{metrics.character_accuracy:.1%}", "", ""),
        ("calibration error", f"{result.ece:.1%}", "calibrated" if result.is_calibrated else "plain probabilities", ""),
    ]
    if result.by_patterns is not None:
        figures.insert(1, ("LP-RR, read by patterns", f"{result.by_patterns.metrics.lp_rr:.1%}", "", ""))
    return cards(figures)


def _worst(result: EvaluationResult, pictures: _Pictures) -> str:
    wrong = result.misread
    if not wrong:
        return '<p class="good">Every plate was read right.</p>'
    more, hidden = wrong[SHOWN : SHOWN + FOLDED], max(0, len(wrong) - SHOWN - FOLDED)
    folded = ""
    if more:
        left = f'<p class="soft">and {hidden:,} more in eval.csv</p>' if hidden else ""
        folded = f"<details><summary>{len(more):,} more</summary>{pictures.show(more)}{left}</details>"
    return (
        f'<h2>Misread, worst first: {len(wrong):,}</h2><p class="soft">By the number of wrong characters, then by how '
        f"sure the model was. Above stands what was read, with its confidence; what is wrong or missing is red.</p>"
        f"{pictures.show(wrong[:SHOWN])}{folded}"
    )


def _confusions(result: EvaluationResult, pictures: _Pictures) -> str:
    confusions = result.metrics.confusions
    if not confusions:
        return ""
    of_pair: dict[tuple[str, str], list[int]] = {}
    for number in result.misread:
        for pair in dict.fromkeys(result.judgements[number].alignment):
            if pair[0] != pair[1]:
                of_pair.setdefault(pair, []).append(number)
    most = confusions[0][2]
    bars = {_confused(true, read): [(count / most, f"{count:,}")] for true, read, count in confusions[:COMMONEST]}
    items = "".join(
        f'<div class="item"><h3>{escape(_confused(true, read))}: {count:,}</h3>'
        f"{pictures.show(of_pair[true, read][:PICTURES_OF_A_PAIR])}</div>"
        for true, read, count in confusions[:PAIRS]
    )
    return (
        f'<h2>Confused most often</h2>{chart(bars)}<p></p><div class="grid">{items}</div>'
        f"{_folded_table(confusions[COMMONEST:])}"
    )


def _folded_table(confusions: Sequence[tuple[str, str, int]]) -> str:
    if not confusions:
        return ""
    rows = [(_confused(true, read), count) for true, read, count in confusions]
    return f"<details><summary>{len(rows):,} rarer ones</summary>{table(('confused', 'times'), rows)}</details>"


def _confused(true: str, read: str) -> str:
    if not true:
        return f"{read} too many"
    return f"{true} as {read}" if read else f"{true} missed"


def _groups(title: str, groups: Mapping[str, Group], misread: Mapping[str, list[int]], pictures: _Pictures) -> str:
    bars = {
        name or "(none)": [(group.lp_rr, f"{group.lp_rr:.0%}, {group.right:,} of {group.plates:,}")]
        for name, group in groups.items()
    }
    sections = "".join(
        f"<details><summary>{escape(name or '(none)')}: {len(numbers):,} misread</summary>"
        f"{pictures.show(numbers[:PICTURES_OF_A_GROUP])}</details>"
        for name, numbers in misread.items()
    )
    return f'<h2>{title}</h2><p class="soft">LP-RR, plates read right and all</p>{chart(bars)}{sections}'


def _first_characters(result: EvaluationResult) -> dict[str, list[int]]:
    """Misread plates by the first character of the label, the character with most of them first."""
    found: dict[str, list[int]] = {}
    for number in result.misread:
        found.setdefault("".join(split_symbols(result.plates.labels[number])[:1]), []).append(number)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _measured(description: Mapping[str, Any]) -> str:
    """What makes the figures repeatable, flattened to a table."""
    rows: list[tuple[str, object]] = []

    def flatten(name: str, value: Any) -> None:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                flatten(f"{name}.{key}" if name else str(key), inner)
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            for index, inner in enumerate(value, start=1):
                flatten(f"{name} {index}", inner)
        else:
            rows.append((name, "-" if value in (None, [], "") else str(value)))

    flatten("", description)
    return f"<h2>What was measured</h2>{table(('', ''), rows)}"
