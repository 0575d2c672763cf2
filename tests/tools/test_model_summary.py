"""The cost of a config's network, of either task."""

from __future__ import annotations

import pytest
from tiny_models import ROOT

from lp_recognition.tools.model_summary import main


@pytest.mark.parametrize(
    ("config", "macs", "output"),
    [
        ("gap8.py", "16,886,198", "input 24x94x3, 42 time steps, 71 classes with the blank"),
        ("lpd_nano.py", "35,885,568", "input 192x256x1, 1008 cells at strides 8, 16, 32"),
        ("lpdnet_nano", "35,885,568", "input 192x256x1, 1008 cells at strides 8, 16, 32"),  # a model that ships
        ("lprnet_mcu_cn", "16,886,198", "input 24x94x3, 42 time steps, 71 classes with the blank"),
    ],
)
def test_layers_and_their_sum_and_what_comes_out(config, macs, output, capsys):
    assert main([str(ROOT / "config" / config) if config.endswith(".py") else config]) == 0
    shown = capsys.readouterr().out
    assert f"| {macs} " in " ".join(shown.split())
    assert output in shown
