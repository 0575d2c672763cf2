"""The benchmark of watching measures what it says."""

from __future__ import annotations

import pytest
from tiny_models import run_python


@pytest.mark.slow
def test_files_and_cameras_are_watched():
    words = ["--seconds", "2", "--streams", "1", "--detector", "lpdnet_nano", "--reader", "lprnet_nano_cn"]
    result = run_python("-m", "benchmarks.video_speed", *words, timeout=300)
    assert result.returncode == 0, result.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in result.stdout.splitlines() if line[:1] == "|"]
    header, _, *files, _cameras_header, _rule, camera = rows
    assert header[:3] == ["plates", "cores", "frames/s"]
    assert {row[0] for row in files} == {"1", "2"}
    assert all(float(cell) > 0 for row in files for cell in row)
    assert camera[0] == "1"
    assert float(camera[1]) > 0
