"""What the HTML pages of this package share: one style, light and dark, and no other file."""

from __future__ import annotations

import html

_STYLE = """
:root { --ink: #1d2733; --soft: #5c6b7a; --line: #dde3ea; --paper: #f6f8fa; --card: #fff; --bad: #b3261e;
  --warn: #8a5a00; --good: #1b6e3c; --bar: #4a7fb5; --bar2: #d08a3e; --bar3: #5f9a6b; --track: #e9eef3 }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa8b5; --line: #36414c; --paper: #171c21;
  --card: #20272e; --bad: #ff8a80; --warn: #e9b54f; --good: #7fd39c; --bar: #6d9fd2; --bar2: #d99a55;
  --bar3: #7db489; --track: #2b343d } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, "Noto Sans CJK SC", sans-serif }
main { max-width: 1240px; margin: 0 auto; padding: 28px 24px 60px }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere } h2 { font-size: 18px; margin: 36px 0 6px }
h3 { font-size: 15px; margin: 0 0 2px }
p { margin: 4px 0 12px } .soft { color: var(--soft) } .bad { color: var(--bad) } .warn { color: var(--warn) }
.good { color: var(--good) }
.cards { display: flex; flex-wrap: wrap; gap: 12px; margin: 18px 0 }
.cards div { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px 18px;
  min-width: 140px; color: var(--soft); font-size: 13px }
.cards b { display: block; font-size: 26px; color: var(--ink); font-variant-numeric: tabular-nums }
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
.grid { display: flex; flex-wrap: wrap; gap: 12px }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 10px }
figure img { display: block; border-radius: 3px; width: 240px; image-rendering: auto }
figcaption { font-size: 12px; color: var(--soft); max-width: 240px; overflow-wrap: anywhere }
figcaption b { color: var(--ink); font-size: 14px; font-weight: 600 }
"""


def page(title: str, body: str) -> str:
    """A whole page."""
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>'
        f"<body><main>\n{body}\n</main></body></html>\n"
    )


def escape(text: object) -> str:
    """Text as HTML shows it."""
    return html.escape(str(text), quote=True)
