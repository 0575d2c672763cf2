"""The deployment report: what each layer of a network costs, and which targets it suits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lp_recognition.deployment.layers import Layer, Network, read_model_file, read_network
from lp_recognition.deployment.micro import MicroRun, is_installed, run_once
from lp_recognition.deployment.targets import Target, Verdict, check
from lp_recognition.model_files.description import read_description
from lp_recognition.model_files.meaning import ANY_NETWORK, Meaning
from lp_recognition.settings.loading import Schema
from lp_recognition.system.tables import format_table

if TYPE_CHECKING:
    from lp_recognition.export.task import ExportTask

_COLUMNS = ("", "layer", "operator", "output", "MACs", "weight bytes", "in + out bytes", "live bytes", "quantization")
#: Batches of noise that give a network without training the ranges that 8 bits need.
_NOISE_BATCHES = 2


@dataclass(frozen=True)
class Report:
    """What one file, or two of one network, cost, and which targets they suit.

    Attributes:
        source: What was looked at.
        note: What else to know of it; empty where there is nothing.
        task: The task that it is for, by name; empty where nobody knows.
        network: Its layers; where there is a file for each kind of target, those of the first.
        verdicts: One for each target.
        micro: What TFLite-Micro said of the int8 file, or of the only one; None where it was not asked.
    """

    source: str
    note: str
    task: str
    network: Network
    verdicts: tuple[Verdict, ...]
    micro: MicroRun | None

    def to_table(self) -> str:
        """The whole report for a person: a Markdown table of the layers, sums, and the targets."""
        live = self.network.live_bytes
        rows: list[tuple[object, ...]] = [
            (layer.number, layer.name, layer.operator, shape_text(layer), f"{layer.macs:,}", f"{layer.weight_bytes:,}",
             f"{layer.activation_bytes:,}", f"{live[layer.number]:,}", layer.outputs[0].quantization)
            for layer in self.network.layers
        ]  # fmt: skip
        sums = "\n".join(f"{name}: {value}" for name, value in self.sums())
        parts = [f"{self.source}{f' ({self.note})' if self.note else ''}", format_table(_COLUMNS, rows), sums]
        return "\n\n".join([*parts, *map(verdict_text, self.verdicts)])

    def sums(self) -> list[tuple[str, str]]:
        """The network in figures: name and value for a person."""
        network = self.network
        peak, layer = network.peak
        found = [
            ("MACs", f"{network.macs:,}"),
            ("parameters", f"{network.parameters:,} in {network.weight_bytes:,} bytes"),
            ("flash", f"{network.file_bytes:,} bytes of the file"),
            ("RAM for activations", f"{peak:,} bytes at most, while layer {layer.number} `{layer.name}` runs"),
        ]
        if self.micro is not None and self.micro.arena is not None:
            arena = self.micro.arena
            found.append(("TFLite-Micro's arena", f"{arena.total:,} bytes, as its interpreter ran the file"))
        return found

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON knows them."""
        network, live = self.network, self.network.live_bytes
        peak, peak_layer = network.peak
        arena = self.micro.arena if self.micro is not None else None
        return {
            "source": self.source,
            "note": self.note,
            "macs": network.macs,
            "parameters": network.parameters,
            "weight_bytes": network.weight_bytes,
            "file_bytes": network.file_bytes,
            "peak_activation_bytes": peak,
            "peak_layer": peak_layer.number,
            "arena": None if arena is None else vars(arena),
            "layers": [
                {
                    "number": layer.number,
                    "name": layer.name,
                    "operator": layer.operator,
                    "output_shape": list(layer.outputs[0].shape),
                    "macs": layer.macs,
                    "parameters": layer.parameters,
                    "weight_bytes": layer.weight_bytes,
                    "activation_bytes": layer.activation_bytes,
                    "live_bytes": live[layer.number],
                    "quantization": layer.outputs[0].quantization,
                }
                for layer in network.layers
            ],
            "targets": list(map(verdict_values, self.verdicts)),
        }


def report_file(path: str, targets: Sequence[Target], meanings: Sequence[Meaning] = ()) -> Report:
    """Looks at a `.tflite` of anyone.

    Args:
        path: The file.
        targets: What to check.
        meanings: Those of the tasks whose files are described; none leaves a description unread.

    Raises:
        ModelError: it is missing or broken.
    """
    data = read_model_file(path)
    network = read_network(data, path)
    description = read_description(path, meanings) if meanings else None
    micro = run_once(data) if is_installed() and any(target.interpreter for target in targets) else None
    note, task, advice = "", "", ANY_NETWORK
    if description is not None:
        note, task, advice = description.summary, description.meaning.name, description.meaning.advice
    verdicts = tuple(check(network, target, micro, advice) for target in targets)
    return Report(path, note, task, network, verdicts, micro)


def report_config(task: ExportTask[Schema], config: Schema, source: str, targets: Sequence[Target]) -> Report:
    """Looks at the network of a config before any training: random weights, the same graph and the same files.

    Args:
        task: What its network is for.
        config: Its settings, with all that training settles.
        source: For the report.
        targets: What to check; each gets the kind of file it takes.

    Raises:
        ModelError: the network cannot be converted.
    """
    kinds = sorted({target.file for target in targets}, reverse=True)
    data = {kind: untrained_file(task, config, kind) for kind in kinds}
    networks = {kind: read_network(data[kind], f"{source}, {kind}") for kind in kinds}
    asked = {target.file for target in targets if target.interpreter}
    micro = {kind: run_once(data[kind]) for kind in asked} if is_installed() else {}
    advice = task.meaning.advice
    verdicts = tuple(check(networks[target.file], target, micro.get(target.file), advice) for target in targets)
    note = f"random weights; as {' and '.join(kinds)}"
    return Report(source, note, task.meaning.name, networks[kinds[0]], verdicts, next(iter(micro.values()), None))


def untrained_file(task: ExportTask[Schema], config: Schema, kind: str) -> bytes:
    """A `.tflite` of a config's network, uint8 or int8, with random weights: as large and as fast as a trained one.

    Raises:
        ModelError: the network cannot be converted.
    """
    from lp_recognition.export.frozen_graph import freeze
    from lp_recognition.export.tflite import convert

    preprocessing = task.meaning.preprocessing(config)
    per_channel = None if kind == "int8" else False  # uint8 files have one scale a kernel
    model = task.network(config, quantized=True, per_channel=per_channel)
    rng = np.random.default_rng(0)
    _spread_biases(model, rng)
    for _ in range(_NOISE_BATCHES):
        pixels = rng.integers(0, 256, (2, *preprocessing.input_shape), np.uint8)
        model(preprocessing.normalize(pixels), training=True)
    return convert(freeze(model), kind, preprocessing)


def _spread_biases(model: Any, rng: np.random.Generator) -> None:
    """Gives each bias a value of its own: equal ones, as they are before training, share their bytes in a file."""
    for weight in model.weights:
        if weight.path.endswith("/beta"):
            weight.assign(rng.normal(0.0, 0.1, weight.shape))


def shape_text(layer: Layer) -> str:
    """The shape of a layer's output without the batch: `24x94x24`."""
    return "x".join("?" if size < 0 else str(size) for size in layer.outputs[0].shape[1:]) or "1"


def verdict_word(verdict: Verdict) -> str:
    """`passed`, `failed` or `not checked`."""
    failed = any(not finding.is_warning for finding in verdict.findings)
    return "failed" if failed else "passed" if verdict.is_complete else "not checked"


def verdict_text(verdict: Verdict) -> str:
    """A verdict with its facts and findings, in lines for a person."""
    lines = [f"{verdict.target.name}: {verdict_word(verdict)} ({verdict.target.title})"]
    lines += [f"  {fact}" for fact in verdict.facts]
    for finding in verdict.findings:
        lines.append(f"  {'warning' if finding.is_warning else 'FAILED'}: {finding.problem}")
        lines.append(f"    to change: {finding.fix}")
    return "\n".join(lines)


def verdict_values(verdict: Verdict) -> dict[str, Any]:
    """A verdict as JSON knows it."""
    return {
        "name": verdict.target.name,
        "passed": verdict.passed,
        "complete": verdict.is_complete,
        "ram_bytes": verdict.ram_bytes,
        "flash_bytes": verdict.flash_bytes,
        "facts": list(verdict.facts),
        "findings": [vars(finding) for finding in verdict.findings],
    }
