"""A comparison as one HTML page that needs no other file, with pictures of the plates that are read differently."""

from __future__ import annotations

import base64

import cv2

from lp_recognition.deployment.comparison import FALLEN_APART_DB, Comparison, LayerNoise, difference_text, noise_verdict
from lp_recognition.images.image import Image
from lp_recognition.system.page import escape, page

#: So many plates are shown.
SHOWN = 60


def comparison_page(comparison: Comparison, bound: float) -> str:
    """Writes the page; `bound` is the share of plates that may be read differently."""
    beyond = comparison.beyond(bound)
    total = len(comparison.plates.labels)
    verdict = (
        f'<p class="bad">{escape(", ".join(model.name for model in beyond))}: reads another text than '
        f"{escape(comparison.models[0].name)} on more than {bound:.1%} of the plates.</p>"
        if beyond
        else f'<p class="good">Every model reads what {escape(comparison.models[0].name)} reads, on all but '
        f"{bound:.1%} of the plates.</p>"
    )
    notes = "".join(f'<p class="soft">{escape(note)}</p>' for note in comparison.notes)
    body = f"""<h1>One list, {len(comparison.models)} models</h1>
<p class="soft">{total:,} plates; all are held against the first.</p>{verdict}
<div class="wide"><table><tr><th>model</th><th>made by</th><th class="number">LP-RR</th><th>95% interval</th>
<th class="number">reads otherwise</th><th class="number">mean difference</th>
<th class="number">beyond 2 steps</th><th class="number">largest</th></tr>{_rows(comparison)}</table></div>{notes}
{"".join(_noise(name, layers) for name, layers in comparison.noise.items())}
{_plates(comparison)}"""
    return page("Comparison of models", body)


def _rows(comparison: Comparison) -> str:
    rows = []
    for number, model in enumerate(comparison.models):
        assert model.metrics is not None
        low, high = model.metrics.lp_rr_interval
        step = model.step or comparison.output_step
        apart = ("", "", "", "")
        if number:
            apart = (
                f"{len(model.different)} ({len(model.different) / len(comparison.plates.labels):.1%})",
                difference_text(model.mean_difference, step),
                f"{model.beyond_two_steps:.3%}" if step else "",
                difference_text(model.largest_difference, step),
            )
        cells = "".join(f'<td class="number">{cell}</td>' for cell in apart)
        rows.append(
            f"<tr><td>{escape(model.name)}</td><td>{escape(model.made_by)}</td>"
            f'<td class="number">{model.metrics.lp_rr:.1%}</td><td>{low:.1%} to {high:.1%}</td>{cells}</tr>'
        )
    return "".join(rows)


def _noise(name: str, layers: tuple[LayerNoise, ...]) -> str:
    most = max(1.0, *(layer.decibels for layer in layers if layer.decibels != float("inf")))
    rows = "".join(
        f'<div class="row one"><span>{escape(layer.name)}</span><div><i style="width:'
        f"{max(0.0, min(95.0, 95 * layer.decibels / most)):.1f}%;background:"
        f'{"var(--bad)" if layer.decibels < FALLEN_APART_DB else "var(--bar)"}"></i>{layer.decibels:.1f} dB</div></div>'
        for layer in layers
    )
    return (
        f"<h2>Signal to quantization noise of {escape(name)}</h2>"
        f'<p class="soft">{escape(noise_verdict(layers))}</p><div class="layers">{rows}</div>'
    )


def _plates(comparison: Comparison) -> str:
    numbers = sorted({number for model in comparison.models for number in model.different})
    if not numbers:
        return "<h2>Plates that are read differently</h2><p class='soft'>None.</p>"
    figures = "".join(_figure(comparison, number) for number in numbers[:SHOWN])
    more = f'<p class="soft">and {len(numbers) - SHOWN} more</p>' if len(numbers) > SHOWN else ""
    return f'<h2>Plates that are read differently: {len(numbers)}</h2><div class="grid">{figures}</div>{more}'


def _figure(comparison: Comparison, number: int) -> str:
    label = comparison.merged_labels[number]
    lines = "".join(
        f'<br><span class="{"good" if model.texts[number] == label else "bad"}">'
        f"{escape(model.texts[number]) or '(nothing)'}</span> {escape(model.name)}"
        for model in comparison.models
    )
    return (
        f'<figure title="{escape(comparison.plates.names[number])}">{_picture(comparison.plates.images[number])}'
        f"<figcaption><b>{escape(label)}</b>{lines}</figcaption></figure>"
    )


def _picture(image: Image) -> str:
    data = base64.b64encode(cv2.imencode(".png", image)[1].tobytes()).decode()
    return f'<img src="data:image/png;base64,{data}" alt="">'
