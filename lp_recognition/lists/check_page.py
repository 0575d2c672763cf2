"""What `check_lists` found, as one HTML page that needs no other file: counts, and pictures of the worst."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from statistics import median

from lp_recognition.lists.annotation_checks import CheckResult, ListCounts
from lp_recognition.lists.image_facts import ImageFacts, read_thumbnail
from lp_recognition.lists.problems import ERRORS, WARNINGS, Problem, Row
from lp_recognition.system.page import cards, chart, color_key, escape, figure, page, table
from lp_recognition.texts.vocabulary import is_chinese

#: Of each kind of problem this many are shown with pictures, and this many more in words.
SHOWN = 24
LISTED = 200


def write_page(result: CheckResult) -> str:
    """Writes the page; pictures are read again, a few hundred at most."""
    readable = len(result.images)
    verdict = (
        f'<span class="bad">{_number(result.errors, "error")}</span>'
        if result.errors
        else '<span class="good">no errors</span>'
    )
    figures = [
        ("lists", len(result.lists), ""),
        ("rows", len(result.rows), ""),
        ("images opened", readable, ""),
        ("plates", len({row.plate for row in result.rows}), ""),
        ("errors", result.errors, "bad" if result.errors else "good"),
        ("warnings", result.warnings, "warn" if result.warnings else "good"),
    ]
    parts = [
        f"<h1>Lists checked: {verdict}</h1>",
        f'<p class="soft">{" · ".join(escape(counts.name) for counts in result.lists)}</p>',
        cards((name, f"{value:,}", "", style) for name, value, style in figures),
        _overview(result),
        *(_section(result, kind, problems) for kind, problems in result.by_kind().items()),
        _worst(result),
        _counts(result.lists),
    ]
    return page("Lists checked", "\n".join(part for part in parts if part))


def _overview(result: CheckResult) -> str:
    groups = result.by_kind()
    if not groups:
        return (
            '<p class="good">Nothing was found: every image opens, every label fits, no plate stands in two lists.</p>'
        )
    meaning = {**ERRORS, **WARNINGS}
    rows = [
        f'<tr><td class="{"bad" if kind in ERRORS else "warn"}"><a href="#{_anchor(kind)}">{kind}</a></td>'
        f'<td class="number">{len(problems):,}</td><td class="soft">{meaning[kind]}</td></tr>'
        for kind, problems in groups.items()
    ]
    return f'<table><tr><th>found</th><th class="number">times</th><th></th></tr>{"".join(rows)}</table>'


def _section(result: CheckResult, kind: str, problems: Sequence[Problem]) -> str:
    meaning = {**ERRORS, **WARNINGS}[kind]
    style = "bad" if kind in ERRORS else "warn"
    names = [counts.name for counts in result.lists]
    items = [_item(problem, names) for problem in problems[:SHOWN]]
    rest = [problem.message for problem in problems[SHOWN : SHOWN + LISTED]]
    more = ""
    if rest:
        hidden = len(problems) - SHOWN - len(rest)
        lines = "\n".join(escape(line) for line in rest) + (f"\n... and {hidden:,} more" if hidden > 0 else "")
        more = f"<details><summary>{len(problems) - SHOWN:,} more</summary><pre>{lines}</pre></details>"
    return (
        f'<h2 id="{_anchor(kind)}" class="{style}">{kind[0].upper() + kind[1:]}: {len(problems):,}</h2>'
        f'<p class="soft">{meaning}</p><div class="grid">{"".join(items)}</div>{more}'
    )


def _item(problem: Problem, names: Sequence[str]) -> str:
    # One picture of each list first, so that a leak shows both of its sides.
    first_of_list = {row.list_index: row for row in reversed(problem.rows)}
    ordered = [*first_of_list.values(), *(row for row in problem.rows if row not in first_of_list.values())]
    figures = "".join(_figure(row) for row in sorted(ordered[:4], key=lambda row: row.list_index))
    return f'<div class="item"><div class="pictures">{figures}</div><p>{escape(problem.message)}</p></div>'


def _figure(row: Row, note: str = "") -> str:
    path = row.annotation.path
    caption = f"<b>{escape(row.label)}</b><br>{escape(note or row.annotation.source)}"
    return figure(read_thumbnail(path), caption, row.label, str(path))


def _worst(result: CheckResult, count: int = 12) -> str:
    """The ends of the scales, whether or not they are problems: where a model will fail first."""
    row_of = {row.annotation.path: row for row in reversed(result.rows)}
    facts = list(result.images.values())
    scales: list[tuple[str, Callable[[ImageFacts], float], Callable[[ImageFacts], str]]] = [
        ("Smallest", lambda fact: fact.size[0] * fact.size[1], lambda fact: f"{fact.size[0]} x {fact.size[1]}"),
        ("Most blurred", lambda fact: fact.sharpness, lambda fact: f"sharpness {fact.sharpness:.0f}"),
        ("Least contrast", lambda fact: fact.contrast, lambda fact: f"contrast {fact.contrast:.0f}"),
        ("Darkest", lambda fact: fact.brightness, lambda fact: f"brightness {fact.brightness:.0f}"),
        ("Brightest", lambda fact: -fact.brightness, lambda fact: f"brightness {fact.brightness:.0f}"),
    ]
    parts = []
    for title, measure, note in scales:
        ends = sorted(facts, key=lambda fact: (measure(fact), str(fact.path)))[:count]
        figures = "".join(
            _figure(row_of[fact.path], f"{note(fact)} · {row_of[fact.path].annotation.source}") for fact in ends
        )
        parts.append(f'<h3>{title}</h3><div class="grid">{figures}</div>')
    return (
        '<h2>The ends of the scales</h2><p class="soft">No mistakes by themselves; a look tells whether a person could '
        f"read them.</p>{''.join(parts)}"
        if facts
        else ""
    )


def _counts(lists: Sequence[ListCounts]) -> str:
    heights = [[height for height, _ in counts.sizes] for counts in lists]
    step = 8 if max((max(some, default=0) for some in heights), default=0) <= 128 else 32
    rows = [
        (counts.name, counts.rows, counts.plates, len(counts.characters), *_middle_sides(counts)) for counts in lists
    ]
    header = ("list", "rows", "plates", "characters", "median height", "median width")
    charts = [
        _chart("Length of the label", [{str(k): v for k, v in counts.lengths.items()} for counts in lists]),
        _chart("First character (in China the province)", [counts.first_characters for counts in lists]),
        _chart("Height of the image, in pixels", [_bins(some, step) for some in heights]),
        _chart("Width of the image, in heights", [_bins(counts.aspects, 0.5) for counts in lists]),
        _chart("Characters", [counts.characters for counts in lists]),
    ]
    return (
        f"<h2>What the lists hold</h2>{table(header, rows)}"
        f'<p class="soft key">Share of the list, and the count:{color_key(counts.name for counts in lists)}</p>'
        f"{''.join(charts)}"
    )


def _middle_sides(counts: ListCounts) -> list[str]:
    sides = zip(*counts.sizes, strict=True) if counts.sizes else ((), ())
    return [f"{median(some):g}" if some else "" for some in sides]


def _bins(values: Sequence[float], width: float) -> dict[str, int]:
    """Counts in bins of a width, by their bounds: `24-32`."""
    counts = Counter(int(value // width) for value in values)
    return {f"{place * width:g}-{(place + 1) * width:g}": counts[place] for place in sorted(counts)}


def _chart(title: str, counts: Sequence[Mapping[str, int]]) -> str:
    totals = [max(1, sum(count.values())) for count in counts]
    highest = max(
        (value / total for count, total in zip(counts, totals, strict=True) for value in count.values()), default=1
    )
    bars = {
        name: [
            (count.get(name, 0) / total / highest, f"{count.get(name, 0):,}")
            for count, total in zip(counts, totals, strict=True)
        ]
        for name in _ordered({name for count in counts for name in count})
    }
    return f"<h3>{title}</h3>{chart(bars)}"


def _ordered(names: Iterable[str]) -> list[str]:
    """Digits, letters, then Chinese characters and names."""
    return sorted(names, key=lambda name: (is_chinese(name), not name.isdecimal(), len(name), name))


def _anchor(kind: str) -> str:
    return kind.replace(" ", "-").replace(",", "")


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
