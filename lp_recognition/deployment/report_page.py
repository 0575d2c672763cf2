"""The deployment report as one HTML page that needs no other file, with a chart of what each layer costs."""

from __future__ import annotations

import html

from lp_recognition.deployment.layers import Layer
from lp_recognition.deployment.report import Report, shape_text, verdict_word
from lp_recognition.deployment.targets import Verdict
from lp_recognition.deployment.together import Together
from lp_recognition.system.page import cards, escape, page, table

_CLASSES = {"passed": "good", "failed": "bad", "not checked": "warn"}


def report_page(report: Report, together: Together | None = None) -> str:
    """Writes the page; of a detector also what it costs together with a reader."""
    network = report.network
    peak, layer = network.peak
    arena = report.micro.arena if report.micro is not None else None
    figures = [
        ("MACs", _short(network.macs), f"{network.macs:,}", ""),
        ("parameters", _short(network.parameters), f"{network.parameters:,}", ""),
        ("flash", f"{network.file_bytes / 1024:,.0f} KiB", "the file", ""),
        ("RAM for activations", f"{peak / 1024:,.0f} KiB", f"while {layer.name} runs", ""),
    ]
    if arena is not None:
        figures.append(("TFLite-Micro's arena", f"{arena.total / 1024:,.0f} KiB", "as it ran the file", ""))
    body = f"""<h1>{escape(report.source)}</h1>
<p class="soft">{escape(report.note)}</p>
{cards(figures)}
<h2>Targets</h2>
<div class="targets">{"".join(map(_verdict, report.verdicts))}</div>
{"" if together is None else _together(together)}
<h2>Where the work and the memory are</h2>
<p class="soft key"><i style="background:var(--bar)"></i>multiply-accumulates
<i style="background:var(--bar2)"></i>weight bytes
<i style="background:var(--bar3)"></i>activations that are live while the layer runs</p>
{_chart(report)}
<h2>Layers</h2>
<div class="wide"><table><tr><th></th><th>layer</th><th>operator</th><th>output</th><th class="number">MACs</th>
<th class="number">weight bytes</th><th class="number">in + out bytes</th><th class="number">live bytes</th>
<th>quantization</th></tr>{_rows(report)}</table></div>"""
    return page(f"Deployment of {report.source}", body)


def _together(together: Together) -> str:
    header = ("in turn on one chip", "detector", "reader", "both")
    reader = together.reader
    return f"""<h2>Together with a reader</h2>
<p class="soft">{escape(reader.source)}{f" ({escape(reader.note)})" if reader.note else ""}</p>
{table(header, together.rows())}
<p class="soft">{escape(together.note)}</p>
<div class="targets">{"".join(map(_verdict, together.verdicts))}</div>"""


def _verdict(verdict: Verdict) -> str:
    word = verdict_word(verdict)
    found = "".join(
        f'<li class="{"warn" if finding.is_warning else "bad"}">{escape(finding.problem)}'
        f'<br><span class="soft">To change: {escape(finding.fix)}</span></li>'
        for finding in verdict.findings
    )
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in verdict.facts)
    meter = ""
    if verdict.target.ram_bytes and verdict.ram_bytes is not None:
        share = verdict.ram_bytes / verdict.target.ram_bytes
        color = "var(--bad)" if share > 1 else "var(--bar3)"
        meter = f'<div class="meter"><i style="width:{min(100, 100 * share):.1f}%;background:{color}"></i></div>'
    return (
        f'<section><h3>{escape(verdict.target.name)} <span class="verdict {_CLASSES[word]}">{word}</span></h3>'
        f'<p class="soft">{escape(verdict.target.title)}</p>{meter}<ul class="facts">{facts}</ul>'
        f'<ul class="findings">{found}</ul></section>'
    )


def _chart(report: Report) -> str:
    layers, live = report.network.layers, report.network.live_bytes
    most = [
        max(1, *(layer.macs for layer in layers)),
        max(1, *(layer.weight_bytes for layer in layers)),
        max(1, *live),
    ]

    def bars(layer: Layer) -> str:
        values = (layer.macs, layer.weight_bytes, live[layer.number])
        texts = (f"{_short(layer.macs)} MACs", f"{layer.weight_bytes:,} B", f"{live[layer.number]:,} B")
        tracks = "".join(
            f'<div title="{text}"><i style="width:{78 * value / limit:.1f}%;background:{color}"></i>'
            f"{text if value else ''}</div>"
            for value, limit, text, color in zip(
                values, most, texts, ("var(--bar)", "var(--bar2)", "var(--bar3)"), strict=True
            )
        )
        name = html.escape(layer.name)
        return f'<div class="row"><span title="{html.escape(layer.operator)}">{name}</span>{tracks}</div>'

    return f'<div class="layers">{"".join(map(bars, layers))}</div>'


def _rows(report: Report) -> str:
    live = report.network.live_bytes
    return "".join(
        f"<tr><td>{layer.number}</td><td>{escape(layer.name)}</td><td>{escape(layer.operator)}</td>"
        f'<td>{shape_text(layer)}</td><td class="number">{layer.macs:,}</td>'
        f'<td class="number">{layer.weight_bytes:,}</td><td class="number">{layer.activation_bytes:,}</td>'
        f'<td class="number">{live[layer.number]:,}</td><td>{escape(layer.outputs[0].quantization)}</td></tr>'
        for layer in report.network.layers
    )


def _short(number: int) -> str:
    for size, unit in ((1_000_000, "M"), (1_000, "k")):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return str(number)
