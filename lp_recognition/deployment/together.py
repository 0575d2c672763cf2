"""Whether a detector and a reader fit one chip together: they run in turn, so memory is shared and flash adds up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from lp_recognition.deployment.firmware_tasks import FIRMWARE_TASKS
from lp_recognition.deployment.forms import Finding
from lp_recognition.deployment.micro import Arena
from lp_recognition.deployment.report import Report, verdict_text, verdict_values
from lp_recognition.deployment.targets import Verdict, kib
from lp_recognition.system.tables import format_table


@dataclass(frozen=True)
class Together:
    """A detector and a reader in one firmware.

    Attributes:
        detector: The report of the detector.
        reader: That of the reader, for the same targets.
        verdicts: One of both for each target.
    """

    detector: Report
    reader: Report
    verdicts: tuple[Verdict, ...]

    def rows(self) -> list[tuple[str, ...]]:
        """What they cost, for a person: name, the detector's, the reader's, and that of both."""
        first, second = self.detector, self.reader
        rows = [
            _row("MACs, of a picture with one plate", first.network.macs, second.network.macs, sum),
            _row("flash", first.network.file_bytes, second.network.file_bytes, sum),
            _row("RAM for activations", first.network.peak[0], second.network.peak[0], max),
        ]
        arenas = _arena(first), _arena(second)
        if arenas[0] is not None and arenas[1] is not None:
            rows.append(_row("TFLite-Micro's arena", arenas[0].total, arenas[1].total, max))
        rows.append(_row("beside it, for the C of the outputs", working_bytes(first), working_bytes(second), max))
        return rows

    def to_table(self) -> str:
        """The whole for a person: a Markdown table, and the targets."""
        table = format_table(("in turn on one chip", "detector", "reader", "both"), self.rows())
        source = f"with the reader {self.reader.source}{f' ({self.reader.note})' if self.reader.note else ''}"
        return "\n\n".join([source, table, self.note, *map(verdict_text, self.verdicts)])

    @property
    def note(self) -> str:
        """What no target counts."""
        size = math.prod(self.detector.network.inputs[0].shape[1:])
        return (
            f"Not counted: the picture that plates are cut from, {size:,} bytes at the detector's size, which has to "
            "outlive the detector's run."
        )

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON knows them: those of the reader, and of both."""
        return {"reader": self.reader.to_dict(), "together": list(map(verdict_values, self.verdicts))}


def fit_together(detector: Report, reader: Report) -> Together:
    """Judges reports of a detector and a reader, of the same targets, as parts of one firmware."""
    arenas = _arena(detector), _arena(reader)
    verdicts = [_both(first, second, arenas) for first, second in zip(detector.verdicts, reader.verdicts, strict=True)]
    return Together(detector, reader, tuple(verdicts))


def working_bytes(report: Report) -> int | None:
    """Memory that the C of a report's task takes beside the network; None where the task is not known."""
    task = FIRMWARE_TASKS.get(report.task)
    return None if task is None else task.working_bytes(report.network.layers[-1].outputs[0].shape)


def _both(first: Verdict, second: Verdict, arenas: tuple[Arena | None, Arena | None]) -> Verdict:
    target = first.target
    flash = first.flash_bytes + second.flash_bytes
    ram, facts = None, []
    if first.ram_bytes is not None and second.ram_bytes is not None:
        ram = max(first.ram_bytes, second.ram_bytes)
        limit = "" if target.ram_bytes is None else f" of {kib(target.ram_bytes)} ({ram / target.ram_bytes:.0%})"
        facts.append(f"RAM: {kib(first.ram_bytes)}, then {kib(second.ram_bytes)}: {kib(ram)}{limit}")
    if target.interpreter is not None and arenas[0] is not None and arenas[1] is not None:
        kept = max(arena.activations for arena in arenas if arena) + sum(arena.persistent for arena in arenas if arena)
        facts.append(f"both interpreters kept in one arena: {kib(kept)}, as each has its own tables")
    limit = "" if target.flash_bytes is None else f" of {kib(target.flash_bytes)} ({flash / target.flash_bytes:.0%})"
    facts.append(f"flash: {kib(first.flash_bytes)} and {kib(second.flash_bytes)}: {kib(flash)}{limit}")
    findings = [*_failures("detector", first), *_failures("reader", second)]
    if target.flash_bytes is not None and flash > target.flash_bytes >= max(first.flash_bytes, second.flash_bytes):
        findings.append(
            Finding(
                f"the files take {kib(flash)} of flash together; the target has {kib(target.flash_bytes)}",
                "fewer weights in the larger one, or a smaller reader of pretrained/",
            )
        )
    complete = first.is_complete and second.is_complete
    return Verdict(target, tuple(findings), tuple(facts), ram, flash, complete)


def _failures(name: str, verdict: Verdict) -> Iterator[Finding]:
    """What a part fails by; its warnings stand in its own report."""
    for finding in verdict.findings:
        if not finding.is_warning:
            yield replace(finding, problem=f"{name}: {finding.problem}")


def _arena(report: Report) -> Arena | None:
    return None if report.micro is None else report.micro.arena


def _row(name: str, first: int | None, second: int | None, both: Any) -> tuple[str, ...]:
    if first is None or second is None:
        return name, *("-" if value is None else f"{value:,}" for value in (first, second)), "-"
    return name, f"{first:,}", f"{second:,}", f"{both((first, second)):,}"
