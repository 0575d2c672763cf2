"""Whether a network suits a target: its operators, the forms they come in, and its memory.

Targets are data, `targets.yaml`; what cannot be said by a list there is one of the functions in `forms`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict

from lp_recognition.deployment.forms import FORMS, Finding, place, tensors
from lp_recognition.deployment.layers import BROKEN, Network
from lp_recognition.deployment.micro import INSTALL_HINT, MicroRun
from lp_recognition.model_files.meaning import ANY_NETWORK, Advice
from lp_recognition.system.errors import ConfigError, ModelError, UserError, did_you_mean


class Target(BaseModel):
    """What a target takes; `targets.yaml` explains each field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    file: str = "int8"
    types: tuple[str, ...]
    operators: tuple[str, ...] | None = None
    refused: dict[str, str] = {}
    forms: tuple[str, ...] = ()
    interpreter: str | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a network suits a target.

    Attributes:
        target: The target.
        findings: What is wrong, warnings among them.
        facts: What was measured against what, for a person.
        ram_bytes: Memory that the network takes there; None where it is not known.
        flash_bytes: What its file takes there.
        is_complete: False where the target's interpreter is not installed, so that it could not be asked.
    """

    target: Target
    findings: tuple[Finding, ...]
    facts: tuple[str, ...]
    ram_bytes: int | None
    flash_bytes: int
    is_complete: bool

    @property
    def passed(self) -> bool:
        """Whether nothing but warnings was found."""
        return self.is_complete and all(finding.is_warning for finding in self.findings)


def load_targets(path: str | Path | None = None) -> dict[str, Target]:
    """Reads the targets of the package, and those of a file of the user's, which may replace them.

    Raises:
        ConfigError: the file is missing or broken.
    """
    texts = {"targets.yaml": resources.files(__package__).joinpath("targets.yaml").read_text(encoding="utf-8")}
    if path is not None:
        try:
            texts[str(path)] = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: expected a file of targets, received an error: {error}") from None
    stated: dict[str, dict[str, Any]] = {}
    targets = {}
    for source, text in texts.items():
        try:
            entries = yaml.safe_load(text)
            if not isinstance(entries, dict) or not all(isinstance(values, dict) for values in entries.values()):
                raise ConfigError(f"{source}: expected targets by name, each with its fields")
            for name, values in entries.items():
                base = values.pop("base", None)
                if base is not None and base not in stated:
                    raise ConfigError(f"{source}: {name}: base: expected a target from above, received `{base}`")
                stated[name] = (stated[base] if base is not None else {}) | values
                targets[name] = Target(name=name, **stated[name])
                for form in targets[name].forms:
                    if form not in FORMS:
                        hint = did_you_mean(form, FORMS) or f" Known forms: {', '.join(FORMS)}"
                        raise ConfigError(f"{source}: {name}: unknown form `{form}`.{hint}")
        except yaml.YAMLError as error:
            raise ConfigError(f"{source}: expected YAML, received: {' '.join(str(error).split())}") from None
        except (pydantic.ValidationError, TypeError) as error:
            problem = error.errors()[0] if isinstance(error, pydantic.ValidationError) else None
            detail = f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" if problem else str(error)
            raise ConfigError(f"{source}: {name}: {detail}") from None
    return targets


def choose_targets(targets: Mapping[str, Target], names: Sequence[str]) -> list[Target]:
    """The named targets, or all where none is named.

    Raises:
        UserError: a name that no target has.
    """
    for name in names:
        if name not in targets:
            raise UserError(
                f"--target: expected one of {', '.join(targets)}, received `{name}`.{did_you_mean(name, targets)}"
            )
    return [targets[name] for name in names] or list(targets.values())


def check(network: Network, target: Target, micro: MicroRun | None, advice: Advice = ANY_NETWORK) -> Verdict:
    """Checks a network against a target.

    Args:
        network: The layers of its file.
        target: The target.
        micro: What TFLite-Micro said of the file, for targets that it runs on; None where it is not installed.
        advice: What makes the network smaller.

    Raises:
        ModelError: parts of the file do not fit together.
    """
    try:
        findings = [*_check_operators(network, target), *_check_types(network, target)]
        for form in target.forms:
            findings += FORMS[form](network)
        peak, layer = network.peak
    except BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{network.source}: expected a whole .tflite file, received a broken one ({reason})") from None
    facts = [f"activations: {kib(peak)} at most, at layer {layer.number} `{layer.name}`"]
    ram_bytes: int | None = peak
    is_complete = True
    if target.interpreter is not None:
        ram_bytes, is_complete = None, micro is not None
        if micro is None:
            facts.append(f"not run: the package tflite-micro is not installed; {INSTALL_HINT}")
        elif micro.arena is None:
            findings.append(
                Finding(f"TFLite-Micro refuses the file: {micro.refusal}", _fix_of_refusal(network, findings))
            )
        else:
            ram_bytes = micro.arena.total
            facts.append(
                f"arena, as TFLite-Micro ran the file: {micro.arena.total:,} bytes ({micro.arena.activations:,} for "
                f"activations, {micro.arena.persistent:,} for tables)"
            )
    findings += _check_memory(network, target, ram_bytes, facts, advice)
    return Verdict(target, tuple(findings), tuple(facts), ram_bytes, network.file_bytes, is_complete)


def _check_operators(network: Network, target: Target) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator in target.refused:
            yield Finding(f"{place(layer)}: {layer.operator} is refused", target.refused[layer.operator], layer.number)
        elif target.operators is not None and layer.operator not in target.operators and not layer.is_custom:
            yield Finding(
                f"{place(layer)}: {layer.operator} is none of the operators known to work there",
                f"use {', '.join(target.operators[:8])}, ...",
                layer.number,
            )


def _check_types(network: Network, target: Target) -> list[Finding]:
    wrong = [
        (layer, tensor)
        for layer in network.layers
        for tensor in tensors(layer)
        if tensor.dtype not in (*target.types, "UINT8" if "uint8_at_the_ends_alone" in target.forms else "")
    ]
    if not wrong:
        return []
    layer, tensor = wrong[0]
    more = len({layer.number for layer, _ in wrong}) - 1
    return [
        Finding(
            f"{place(layer)}: computes with {tensor.dtype.lower()}" + (f", as do {more} more layers" if more else ""),
            f"export it with --tflite {target.file}, or quantize a float "
            "checkpoint with python -m lp_recognition.tools.quantize_after_training",
            layer.number,
        )
    ]


def _check_memory(
    network: Network, target: Target, ram_bytes: int | None, facts: list[str], advice: Advice
) -> Iterator[Finding]:
    if target.ram_bytes is not None and ram_bytes is not None:
        facts.append(f"RAM: {kib(ram_bytes)} of {kib(target.ram_bytes)} ({ram_bytes / target.ram_bytes:.0%})")
        if ram_bytes > target.ram_bytes:
            _, layer = network.peak
            yield Finding(
                f"{place(layer)}: the network needs {kib(ram_bytes)} of RAM, most of it here; the target has "
                f"{kib(target.ram_bytes)}",
                f"shrink what is stored there: {advice.ram}",
                layer.number,
            )
    if target.flash_bytes is not None:
        share = network.file_bytes / target.flash_bytes
        facts.append(f"flash: {kib(network.file_bytes)} of {kib(target.flash_bytes)} ({share:.0%})")
        if network.file_bytes > target.flash_bytes:
            heaviest = max(network.layers, key=lambda layer: layer.weight_bytes)
            yield Finding(
                f"{place(heaviest)}: the file takes {kib(network.file_bytes)} of flash, "
                f"{kib(heaviest.weight_bytes)} of it here; the target has {kib(target.flash_bytes)}",
                advice.flash,
                heaviest.number,
            )


def _fix_of_refusal(network: Network, findings: Sequence[Finding]) -> str:
    if findings:
        return f"what is named above first: {findings[0].fix}"
    if any(tensor.dtype == "FLOAT32" for layer in network.layers for tensor in tensors(layer)):
        return "export the file with --tflite int8"
    return "see which layer the words name; the safe operators are those of the target gap8"


def kib(size: int) -> str:
    """A size for a person: `68.1 KiB`."""
    return f"{size / 1024:,.1f} KiB"
