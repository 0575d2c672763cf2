"""What building C for this machine and for emulated chips needs, and whether it is here."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import pytest
from deployed_models import ROOT

needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler `cc`")


def needs(*programs: str) -> pytest.MarkDecorator:
    missing = [program for program in programs if shutil.which(program) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


@functools.cache
def builds(compiler: str) -> bool:
    """Whether the Makefile's `CORTEX_M` or `RISCV` is there with all that it needs, picolibc above all."""
    makefile = ROOT / "lp_recognition" / "deployment" / "firmware" / "Makefile"
    rule = f'probe: ; @echo "int main(void) {{ return 0; }}" | $({compiler}) -x c -o {os.devnull} -'
    command = ["make", "-s", "-f", str(makefile), f"--eval={rule}", "probe"]
    return shutil.which("make") is not None and subprocess.run(command, capture_output=True, timeout=60).returncode == 0


def needs_target(compiler: str) -> pytest.MarkDecorator:
    reason = f"the Makefile's {compiler} builds no program here (its head names Debian's packages)"
    return pytest.mark.skipif(not builds(compiler), reason=reason)
