"""What `check_lists` found, as one HTML page that needs no other file: counts, and pictures of the worst."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Iterable, Mapping, Sequence

import cv2

from lp_recognition.lists.annotation_checks import CheckResult, ListCounts
from lp_recognition.lists.image_facts import ImageFacts, read_thumbnail
from lp_recognition.lists.problems import ERRORS, WARNINGS, Problem, Row
from lp_recognition.texts.vocabulary import is_chinese

#: Of each kind of problem this many are shown with pictures, and this many more in words.
SHOWN = 24
LISTED = 200

_STYLE = """
:root { --ink: #1d2733; --soft: #5c6b7a; --line: #dde3ea; --paper: #f6f8fa; --card: #fff; --bad: #b3261e;
  --warn: #8a5a00; --good: #1b6e3c; --bar: #4a7fb5; --bar2: #d08a3e; --bar3: #5f9a6b; --bar4: #9b72b0 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa8b5; --line: #36414c; --paper: #171c21;
  --card: #20272e; --bad: #ff8a80; --warn: #e9b54f; --good: #7fd39c; --bar: #6d9fd2 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "Noto Sans CJK SC", sans-serif }
main { max-width: 1160px; margin: 0 auto; padding: 28px 24px 60px }
h1 { font-size: 24px; margin: 0 0 4px } h2 { font-size: 18px; margin: 36px 0 4px }
h3 { font-size: 15px; margin: 18px 0 6px }
p { margin: 4px 0 12px } .soft { color: var(--soft) } .bad { color: var(--bad) } .warn { color: var(--warn) }
.good { color: var(--good) }
.cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0 }
.cards div { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: 10px 18px; min-width: 120px }
.cards b { display: block; font-size: 26px; font-variant-numeric: tabular-nums }
table { border-collapse: collapse; background: var(--card); border: 1px solid var(--line); border-radius: 8px }
th, td { text-align: left; padding: 5px 14px; border-bottom: 1px solid var(--line); vertical-align: top }
tr:last-child td { border-bottom: 0 } td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
a { color: inherit } .grid { display: flex; flex-wrap: wrap; gap: 12px; align-items: stretch }
.item { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px; max-width: 100% }
.item .pictures { display: flex; flex-wrap: wrap; gap: 10px } figure { margin: 0; max-width: 240px }
figure img { display: block; border-radius: 3px; image-rendering: auto; max-width: 100% }
figure .none { display: grid; place-items: center; width: 150px; height: 48px; color: var(--soft);
  border: 1px dashed var(--line) }
figcaption { font-size: 12px; color: var(--soft); overflow-wrap: anywhere }
figcaption b { display: block; font-size: 15px; color: var(--ink); font-weight: 600 }
.item > p { margin: 8px 0 0; font-size: 12px; color: var(--soft); max-width: 480px; overflow-wrap: anywhere }
details { margin: 10px 0 } summary { cursor: pointer; color: var(--soft) }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px; overflow-x: auto;
  font-size: 12px }
.chart { display: grid; gap: 2px 22px; align-items: center;
  grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)) }
.bar { display: grid; grid-template-columns: 5.2em 1fr; gap: 8px; font-size: 13px; align-items: center }
.bar span { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; text-align: right }
.tracks i { display: block; height: 8px; margin: 1px 0; border-radius: 2px; background: var(--bar); min-width: 1px }
.tracks div { display: flex; align-items: center; gap: 6px; font-size: 11px; color: var(--soft); line-height: 1.1;
  font-variant-numeric: tabular-nums }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin: 0 5px 0 14px;
  vertical-align: -1px }
"""
_COLORS = ("var(--bar)", "var(--bar2)", "var(--bar3)", "var(--bar4)")


def write_page(result: CheckResult) -> str:
    """Writes the page; pictures are read again, a few hundred at most."""
    readable = len(result.images)
    verdict = (
        f'<span class="bad">{_number(result.errors, "error")}</span>'
        if result.errors
        else '<span class="good">no errors</span>'
    )
    cards = [
        ("lists", len(result.lists), ""),
        ("rows", len(result.rows), ""),
        ("images opened", readable, ""),
        ("plates", len({row.plate for row in result.rows}), ""),
        ("errors", result.errors, "bad" if result.errors else "good"),
        ("warnings", result.warnings, "warn" if result.warnings else "good"),
    ]
    parts = [
        f"<h1>Lists checked: {verdict}</h1>",
        f'<p class="soft">{" · ".join(_escape(counts.name) for counts in result.lists)}</p>',
        '<div class="cards">',
        *(f'<div><b class="{style}">{value:,}</b>{name}</div>' for name, value, style in cards),
        "</div>",
        _overview(result),
        *(_section(result, kind, problems) for kind, problems in result.by_kind().items()),
        _worst(result),
        _counts(result.lists),
    ]
    body = "\n".join(part for part in parts if part)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Lists checked</title><style>{_STYLE}</style></head>\n<body><main>\n{body}\n</main></body></html>\n"
    )


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
        lines = "\n".join(_escape(line) for line in rest) + (f"\n... and {hidden:,} more" if hidden > 0 else "")
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
    return f'<div class="item"><div class="pictures">{figures}</div><p>{_escape(problem.message)}</p></div>'


def _figure(row: Row, note: str = "") -> str:
    image = read_thumbnail(row.annotation.path)
    if image is None:
        picture = '<div class="none">no picture</div>'
    else:
        data = base64.b64encode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()).decode()
        picture = f'<img src="data:image/jpeg;base64,{data}" alt="{_escape(row.label)}">'
    caption = f"<b>{_escape(row.label)}</b>{_escape(note or row.annotation.source)}"
    return f'<figure title="{_escape(str(row.annotation.path))}">{picture}<figcaption>{caption}</figcaption></figure>'


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
    table = "".join(
        f'<tr><td>{_escape(counts.name)}</td><td class="number">{counts.rows:,}</td>'
        f'<td class="number">{counts.plates:,}</td><td class="number">{len(counts.characters)}</td></tr>'
        for counts in lists
    )
    key = "".join(
        f'<i style="background:{_COLORS[index % len(_COLORS)]}"></i>{_escape(counts.name)}'
        for index, counts in enumerate(lists)
    )
    charts = [
        _chart("Length of the label", [{str(k): v for k, v in counts.lengths.items()} for counts in lists]),
        _chart("First character (in China the province)", [counts.first_characters for counts in lists]),
        _chart("Characters", [counts.characters for counts in lists]),
    ]
    return (
        '<h2>What the lists hold</h2><table><tr><th>list</th><th class="number">rows</th><th class="number">plates</th>'
        f'<th class="number">characters</th></tr>{table}</table>'
        f'<p class="soft key">Share of the list, and the count:{key}</p>{"".join(charts)}'
    )


def _chart(title: str, counts: Sequence[Mapping[str, int]]) -> str:
    totals = [max(1, sum(count.values())) for count in counts]
    highest = max(
        (value / total for count, total in zip(counts, totals, strict=True) for value in count.values()), default=1
    )
    bars = []
    for name in _ordered({name for count in counts for name in count}):
        tracks = "".join(
            f'<div><i style="width:{65 * count.get(name, 0) / total / highest:.1f}%;'
            f'background:{_COLORS[index % len(_COLORS)]}"></i>{count.get(name, 0):,}</div>'
            for index, (count, total) in enumerate(zip(counts, totals, strict=True))
        )
        bars.append(f'<div class="bar"><span>{_escape(name)}</span><div class="tracks">{tracks}</div></div>')
    return f'<h3>{title}</h3><div class="chart">{"".join(bars)}</div>'


def _ordered(names: Iterable[str]) -> list[str]:
    """Digits, letters, then Chinese characters and names."""
    return sorted(names, key=lambda name: (is_chinese(name), not name.isdecimal(), len(name), name))


def _anchor(kind: str) -> str:
    return kind.replace(" ", "-").replace(",", "")


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _escape(text: str) -> str:
    return html.escape(text, quote=True)
