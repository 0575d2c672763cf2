"""What the HTML pages of this package share: one style, light and dark, and the parts; no page needs another file."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import cv2
from numpy.typing import NDArray

#: Colours of bars, of as many lists or figures side by side.
BAR_COLORS = ("var(--bar)", "var(--bar2)", "var(--bar3)", "var(--bar4)")

#: Pictures of at most so many values, as what a network sees, stay as they are; larger ones become JPEGs.
_EXACT = 8_000

_STYLE = """
:root { --ink: #1d2733; --soft: #5c6b7a; --line: #dde3ea; --paper: #f6f8fa; --card: #fff; --bad: #b3261e;
  --warn: #8a5a00; --good: #1b6e3c; --bar: #4a7fb5; --bar2: #d08a3e; --bar3: #5f9a6b; --bar4: #9b72b0;
  --track: #e9eef3 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa8b5; --line: #36414c; --paper: #171c21;
  --card: #20272e; --bad: #ff8a80; --warn: #e9b54f; --good: #7fd39c; --bar: #6d9fd2; --bar2: #d99a55;
  --bar3: #7db489; --bar4: #b795c9; --track: #2b343d } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "Noto Sans CJK SC", sans-serif }
main { max-width: 1240px; margin: 0 auto; padding: 28px 24px 60px }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere } h2 { font-size: 18px; margin: 36px 0 6px }
h3 { font-size: 15px; margin: 0 0 2px }
a { color: inherit } p { margin: 4px 0 12px }
.soft { color: var(--soft) } .bad { color: var(--bad) } .warn { color: var(--warn) }
.good { color: var(--good) }
.cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0 }
.cards div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 16px;
  min-width: 120px; color: var(--soft); font-size: 13px }
.cards b { display: block; font-size: 26px; color: var(--ink); font-variant-numeric: tabular-nums }
.cards b.bad { color: var(--bad) } .cards b.warn { color: var(--warn) } .cards b.good { color: var(--good) }
.cards small { font-size: 12px }
.targets { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 12px }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 14px 18px }
.verdict { font-weight: 600; float: right } ul { margin: 6px 0; padding-left: 18px; font-size: 13px }
.facts { color: var(--soft); list-style: none; padding: 0 } .findings:empty { display: none }
.findings li { margin: 6px 0; overflow-wrap: anywhere }
.meter { height: 8px; border-radius: 4px; background: var(--track); overflow: hidden }
.meter i { display: block; height: 100% }
.wide { overflow-x: auto }
table { border-collapse: collapse; background: var(--card); border: 1px solid var(--line); font-size: 13px }
th, td { text-align: left; padding: 4px 10px; border-bottom: 1px solid var(--line); white-space: nowrap }
tr:last-child td { border-bottom: 0 }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums }
.layers { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px }
.row { display: grid; grid-template-columns: 12em 1fr 1fr 1fr; gap: 12px; align-items: center; font-size: 13px }
.row.one { grid-template-columns: 12em 1fr }
.row > span { text-align: right; overflow: hidden; text-overflow: ellipsis; white-space: nowrap }
.row div { display: flex; align-items: center; gap: 6px; color: var(--soft); font-size: 11px; height: 20px;
  white-space: nowrap; font-variant-numeric: tabular-nums }
.row i { height: 11px; border-radius: 2px; min-width: 1px }
.key i { display: inline-block; width: 12px; height: 12px; border-radius: 3px; margin: 0 5px 0 14px;
  vertical-align: -1px }
.grid { display: flex; flex-wrap: wrap; gap: 12px; align-items: stretch }
.item { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px; max-width: 100% }
.item .pictures { display: flex; flex-wrap: wrap; gap: 10px }
.item > p { margin: 8px 0 0; font-size: 12px; color: var(--soft); max-width: 480px; overflow-wrap: anywhere }
details { margin: 10px 0 } summary { cursor: pointer; color: var(--soft) }
pre { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px; overflow-x: auto;
  font-size: 12px }
.chart { display: grid; gap: 2px 22px; align-items: center;
  grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)) }
.bar { display: grid; grid-template-columns: 6em 1fr; gap: 8px; font-size: 13px; align-items: center }
.bar > span { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; text-align: right }
.tracks i { display: block; height: 8px; margin: 1px 0; border-radius: 2px; min-width: 1px }
.tracks div { display: flex; align-items: center; gap: 6px; font-size: 11px; color: var(--soft); line-height: 1.1;
  font-variant-numeric: tabular-nums; white-space: nowrap }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px }
figure img { display: block; border-radius: 3px; width: 200px; image-rendering: auto }
figcaption { font-size: 12px; color: var(--soft); max-width: 200px; overflow-wrap: anywhere }
figcaption b { color: var(--ink); font-size: 14px; font-weight: 600 }
figure .none { display: grid; place-items: center; width: 150px; height: 48px; color: var(--soft);
  border: 1px dashed var(--line) }
.item figure { border: 0; padding: 0; max-width: 240px } .item > h3 { margin: 0 0 8px }
.item figure img { width: auto; max-width: 100% } .item .pictures figcaption b { display: block; font-size: 15px }
"""


def page(title: str, body: str) -> str:
    """A whole page."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def escape(text: object) -> str:
    """Text as HTML shows it."""
    return html.escape(str(text), quote=True)


def cards(figures: Iterable[tuple[str, str, str, str]]) -> str:
    """Large figures side by side: name, value, a note below (may be empty), and a style (`good`, `bad` or none)."""
    shown = []
    for name, value, note, style in figures:
        below = f"<small>{escape(note)}</small>" if note else ""
        shown.append(f"<div>{escape(name)}<b{_class(style)}>{escape(value)}</b>{below}</div>")
    return f'<div class="cards">{"".join(shown)}</div>'


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; columns that hold nothing but numbers, and shares in percent, stand to the right."""
    cells = [list(row) for row in rows]
    numeric = [bool(cells) and all(_is_number(row[column]) for row in cells) for column in range(len(header))]

    def line(values: Sequence[object], tag: str) -> str:
        return "".join(
            f"<{tag}{_class('number' if right else '')}>{_cell(value)}</{tag}>"
            for value, right in zip(values, numeric, strict=True)
        )

    body = "".join(f"<tr>{line(row, 'td')}</tr>" for row in cells)
    return f'<div class="wide"><table><tr>{line(header, "th")}</tr>{body}</table></div>'


def chart(bars: Mapping[str, Sequence[tuple[float, str]]]) -> str:
    """Bars by name: of each a length in [0, 1] and the text behind it, in the order and colours of `BAR_COLORS`."""
    shown = []
    for name, tracks in bars.items():
        lines = "".join(
            f'<div><i style="width:{65 * max(0.0, min(1.0, length)):.1f}%;background:'
            f'{BAR_COLORS[index % len(BAR_COLORS)]}"></i>{escape(text)}</div>'
            for index, (length, text) in enumerate(tracks)
        )
        shown.append(f'<div class="bar"><span>{escape(name)}</span><div class="tracks">{lines}</div></div>')
    return f'<div class="chart">{"".join(shown)}</div>'


def color_key(names: Iterable[str]) -> str:
    """Names beside the colours of their bars."""
    return "".join(
        f'<i style="background:{BAR_COLORS[index % len(BAR_COLORS)]}"></i>{escape(name)}'
        for index, name in enumerate(names)
    )


def picture(image: NDArray[Any] | None, description: str = "") -> str:
    """A picture within the page, uint8 gray or BGR; a frame without one where it is None."""
    if image is None:
        return '<div class="none">no picture</div>'
    kind, options = ("png", []) if image.size <= _EXACT else ("jpeg", [cv2.IMWRITE_JPEG_QUALITY, 85])
    data = base64.b64encode(cv2.imencode(f".{kind}", image, options)[1].tobytes()).decode()
    return f'<img src="data:image/{kind};base64,{data}" alt="{escape(description)}">'


def figure(image: NDArray[Any] | None, caption: str, description: str = "", title: str = "") -> str:
    """A picture with a caption, which is HTML; `title` is shown where a pointer rests on it."""
    return f'<figure title="{escape(title)}">{picture(image, description)}<figcaption>{caption}</figcaption></figure>'


class Html(str):
    """Text that is HTML already, for a cell of a table."""


def _cell(value: object) -> str:
    if isinstance(value, Html):
        return value
    return f"{value:,}" if isinstance(value, int) else escape(value)


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) or bool(re.fullmatch(r"[\d.,]+%?", str(value)))


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""
