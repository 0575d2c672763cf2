"""A detector and a reader on one chip: flash adds up, memory is shared in time, and what one fails both fail."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess

import numpy as np
import pytest
from deployed_detector import exported_detector
from deployed_models import ROOT, exported
from emulated_chips import needs_compiler

from lp_recognition.deployment import micro
from lp_recognition.deployment.c_code import FRAME_BYTES
from lp_recognition.deployment.firmware_tasks import FIRMWARE_TASKS
from lp_recognition.deployment.report import Report, report_file
from lp_recognition.deployment.targets import Target, load_targets
from lp_recognition.deployment.together import fit_together, working_bytes
from lp_recognition.model_files.interpreter import open_interpreter
from lp_recognition.system.errors import UserError
from lp_recognition.tools import deployment_report

needs_micro = pytest.mark.skipif(not micro.is_installed(), reason="tflite-micro (extra [mcu]) is not installed")
MEANINGS = [task.meaning for task in FIRMWARE_TASKS.values()]
FILES = {
    "detector": lambda: exported_detector() / "graph_int8.tflite",
    "reader": lambda: exported() / "graph_int8.tflite",
}


def report(name: str, *targets: Target) -> Report:
    return report_file(str(FILES[name]()), targets or (load_targets()["gap8"],), MEANINGS)


def limited(**limits: int) -> Target:
    return load_targets()["gap8"].model_copy(update={"name": "small", **limits})


def test_work_and_flash_add_up_and_memory_is_shared():
    detector, reader = report("detector"), report("reader")
    rows = {row[0].split(",")[0]: row[1:] for row in fit_together(detector, reader).rows()}
    macs, sizes, peaks = (
        [value(part.network) for part in (detector, reader)]
        for value in (lambda of: of.macs, lambda of: of.file_bytes, lambda of: of.peak[0])
    )
    counted = {
        "MACs": (*macs, sum(macs)), "flash": (*sizes, sum(sizes)), "RAM for activations": (*peaks, max(peaks)),
    }  # fmt: skip
    for name, values in counted.items():
        assert rows[name] == tuple(f"{value:,}" for value in values)
    [verdict] = fit_together(detector, reader).verdicts
    assert (verdict.passed, verdict.flash_bytes, verdict.ram_bytes) == (True, sum(sizes), max(peaks))


def test_flash_that_each_fits_alone_may_be_too_little_for_both():
    sizes = [report(name).network.file_bytes for name in FILES]
    target = limited(flash_bytes=max(sizes) + 100)
    parts = [report(name, target) for name in FILES]
    assert all(part.verdicts[0].passed for part in parts)
    [verdict] = fit_together(*parts).verdicts
    assert not verdict.passed
    assert "together; the target has" in verdict.findings[0].problem
    [enough] = fit_together(*(report(name, limited(flash_bytes=sum(sizes))) for name in FILES)).verdicts
    assert enough.passed


def test_memory_that_each_fits_alone_is_enough_for_both():
    peaks = [report(name).network.peak[0] for name in FILES]
    [verdict] = fit_together(*(report(name, limited(ram_bytes=max(peaks))) for name in FILES)).verdicts
    assert verdict.passed
    [less] = fit_together(*(report(name, limited(ram_bytes=max(peaks) - 1)) for name in FILES)).verdicts
    assert [finding.problem.split(":")[0] for finding in less.findings if not finding.is_warning] == [
        list(FILES)[int(np.argmax(peaks))]
    ]


@needs_micro
def test_the_arena_is_the_larger_one_or_that_of_both_with_their_tables():
    target = load_targets()["tflite-micro"]
    parts = [report(name, target) for name in FILES]
    arenas = [part.micro.arena for part in parts]
    [verdict] = fit_together(*parts).verdicts
    assert verdict.ram_bytes == max(arena.total for arena in arenas)
    kept = max(arena.activations for arena in arenas) + sum(arena.persistent for arena in arenas)
    assert f"both interpreters kept in one arena: {kept / 1024:,.1f} KiB, as each has its own tables" in verdict.facts


@needs_micro
def test_tflite_micro_computes_a_detector_as_the_reference_kernels_do():
    """To the last bit; the default kernels round once less, so there some numbers are their neighbours."""
    data = FILES["detector"]().read_bytes()
    model, reference = micro.MicroModel(data), open_interpreter(data, reference_kernels=True)
    default = open_interpreter(data)
    rng = np.random.default_rng(0)
    steps = []
    for _ in range(5):
        pixels = rng.integers(-128, 128, model.inputs[0].shape).astype(np.int8)
        output = model.run(pixels)
        assert len(np.unique(output)) > 50  # it says something
        assert np.array_equal(output, reference.run(pixels))
        steps.append(np.abs(output.astype(int) - default.run(pixels)))
    assert np.max(steps) <= 8
    assert np.mean(np.array(steps) > 2) < 0.05


def test_the_memory_of_the_c_is_told_where_the_task_is_known():
    detector = report("detector")
    assert working_bytes(detector) == 2 * 252 + 8 * 36 + FRAME_BYTES
    stranger = dataclasses.replace(detector, task="")
    assert working_bytes(stranger) is None
    assert fit_together(stranger, report("reader")).rows()[-1][1::2] == ("-", "-")


@needs_compiler
@pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc, which says what stack a function takes")
@pytest.mark.parametrize("name", FILES)
def test_the_memory_of_the_c_is_enough_for_its_stack(name, tmp_path):
    """Of the functions that call each other, as gcc counts them, on a machine whose pointers are twice as wide."""
    task = FIRMWARE_TASKS[report(name).task]
    task.export(FILES[name](), tmp_path)
    source = {"detector": "lpd_decode.c", "reader": "lpr_ctc.c"}[name]
    command = ["gcc", "-std=c99", "-O2", "-fstack-usage", "-c", source, "-o", "x.o"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    lines = [line.split("\t") for line in (tmp_path / "x.su").read_text().splitlines()]
    stack = {line[0].split(":")[-1]: int(line[1]) for line in lines}
    taken = stack["lpd_decode"] + 8 * 36 if name == "detector" else stack["lpr_decode"] + stack["text_probability"]
    assert working_bytes(report(name)) >= taken


def test_the_command_tells_of_both(tmp_path, capsys):
    page, record = tmp_path / "r.html", tmp_path / "r.json"
    arguments = [str(FILES["detector"]()), "--reader", str(FILES["reader"]()), "--target", "gap8"]
    assert deployment_report.main([*arguments, "--html", str(page), "--json", str(record)]) == 0
    output = capsys.readouterr().out
    both = report("detector").network.file_bytes + report("reader").network.file_bytes
    assert f"{both:,}" in output
    assert output.count("gap8: passed") == 2
    assert "12,288 bytes at the detector's size" in output
    values = json.loads(record.read_text())
    assert values["together"][0]["flash_bytes"] == both
    assert values["reader"]["macs"] == report("reader").network.macs
    text = page.read_text()
    assert "Together with a reader" in text
    assert f"{both:,}" in text


@pytest.mark.slow
@needs_micro
def test_the_detector_for_chips_and_its_reader_fit_together(capsys):
    targets = ["gap8", "tflite-micro", "stm32h7"]
    configs = [str(ROOT / "config" / name) for name in ("lpd_mcu.py", "gap8.py")]
    assert deployment_report.main([configs[0], "--reader", configs[1], "--target", *targets]) == 0
    output = capsys.readouterr().out
    for target in targets:
        assert output.count(f"{target}: passed") == 2
    assert "TFLite-Micro's arena: " in output


def test_two_readers_are_no_pair(capsys):
    reader = str(FILES["reader"]())
    with pytest.raises(UserError, match=r"--reader: expected a detector and its reader, received .* for recognition"):
        deployment_report.main([reader, "--reader", reader])
