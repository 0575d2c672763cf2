"""The benchmark of reading photographs measures what it says, with a detector of any kind."""

from __future__ import annotations

from deployed_detector import exported_detector
from tiny_models import run_python


def test_a_photograph_is_read_step_by_step():
    path = str(exported_detector() / "graph_int8.tflite")
    result = run_python("-m", "benchmarks.detection_speed", path, "--runs", "2", timeout=120)
    assert result.returncode == 0, result.stderr
    header, _, row, *_ = result.stdout.splitlines()
    cells = dict(zip(map(str.strip, header.split("|")), map(str.strip, row.split("|")), strict=True))
    assert cells["model"] == path
    times = {step: float(cells[step]) for step in ("network", "detect", "rectify", "read", "in all", "with the JPEG")}
    assert 0 < times["network"] < times["detect"] < times["in all"] < times["with the JPEG"]
    assert cells["of the first"] == "1.0"
    assert "medians of 2 runs in turn; read by lprnet_mcu_cn" in result.stdout


def test_the_number_of_runs_is_told():
    result = run_python("-m", "benchmarks.detection_speed", "--runs", "0", timeout=60)
    assert (result.returncode, result.stderr) == (2, "error: --runs: expected at least 1, received 0\n")
