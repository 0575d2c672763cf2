"""A comparison as one HTML page that needs no other file, with pictures of what is read differently."""

from __future__ import annotations

from lp_recognition.deployment.comparison import Bounds, Comparison
from lp_recognition.deployment.noise import FALLEN_APART_DB, noise_verdict
from lp_recognition.system.page import escape, figure, page

#: So many images are shown.
SHOWN = 60


def comparison_page(comparison: Comparison, bounds: Bounds) -> str:
    """Writes the page; `bounds` say how much may be read differently."""
    wrong = comparison.beyond(bounds)
    verdict = (
        "".join(f'<p class="bad">{escape(name)} {escape(problem)}.</p>' for name, problem in wrong.items())
        or f'<p class="good">Every model reads what {escape(comparison.models[0].name)} reads, as far as it should.</p>'
    )
    notes = "".join(f'<p class="soft">{escape(note)}</p>' for note in comparison.notes)
    total, noun = len(comparison.subject.names), escape(comparison.noun)
    body = f"""<h1>One list, {len(comparison.models)} models</h1>
<p class="soft">{total:,} {noun}; all are held against the first.</p>{verdict}
<div class="wide"><table>{_row(comparison.header, "th")}
{"".join(_row(comparison.row(model, bounds), "td") for model in comparison.models)}</table></div>{notes}
{_noise(comparison)}
{_pictures(comparison)}"""
    return page("Comparison of models", body)


def _row(cells: tuple[str, ...], tag: str) -> str:
    texts = (0, 1, 3)  # all other columns are numbers
    return (
        "<tr>"
        + "".join(
            f"<{tag}>{escape(cell)}</{tag}>" if column in texts else f'<{tag} class="number">{escape(cell)}</{tag}>'
            for column, cell in enumerate(cells)
        )
        + "</tr>"
    )


def _noise(comparison: Comparison) -> str:
    """One table of bars: a row for each layer, a column for each file."""
    if not comparison.noise:
        return ""
    by_file = [{layer.name: layer.decibels for layer in layers} for layers in comparison.noise.values()]
    finite = [value for layers in by_file for value in layers.values() if value != float("inf")]
    most = max(1.0, *finite, 1.0)
    verdicts = "".join(
        f'<p class="soft">{escape(name)}: {escape(noise_verdict(layers))}</p>'
        for name, layers in comparison.noise.items()
    )
    names = dict.fromkeys(name for layers in by_file for name in layers)
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{''.join(_bar(layers.get(name), most) for layers in by_file)}</tr>"
        for name in names
    )
    heads = "".join(f"<th>{escape(name)}</th>" for name in comparison.noise)
    return (
        f"<h2>Signal to quantization noise</h2>{verdicts}"
        f'<div class="wide"><table><tr><th>layer</th>{heads}</tr>{rows}</table></div>'
    )


def _bar(decibels: float | None, most: float) -> str:
    if decibels is None:
        return "<td>-</td>"
    width = max(0.0, min(80.0, 80 * decibels / most))
    color = "var(--bad)" if decibels < FALLEN_APART_DB else "var(--bar)"
    style = f"display:inline-block;height:.7em;margin-right:.5em;width:{width:.1f}px;background:{color}"
    return f'<td><i style="{style}"></i>{decibels:.1f} dB</td>'


def _pictures(comparison: Comparison) -> str:
    title = f"{comparison.noun.capitalize()} that are read differently"
    numbers = sorted({number for model in comparison.models for number in model.different})
    if not numbers:
        return f"<h2>{title}</h2><p class='soft'>None.</p>"
    figures = "".join(_figure(comparison, number) for number in numbers[:SHOWN])
    more = f'<p class="soft">and {len(numbers) - SHOWN} more</p>' if len(numbers) > SHOWN else ""
    return f'<h2>{title}: {len(numbers)}</h2><div class="grid">{figures}</div>{more}'


def _figure(comparison: Comparison, number: int) -> str:
    subject = comparison.subject
    lines = "".join(
        f'<br><span class="{"good" if model.score is not None and model.score.right[number] else "bad"}">'
        f"{escape(subject.show(model.readings[number]))}</span> {escape(model.name)}"
        for model in comparison.models
    )
    caption = f"<b>{escape(subject.labels[number])}</b>{lines}"
    return figure(subject.images[number], caption, title=subject.names[number])
