"""The tool `lp_recognition.tools.average_checkpoints`, from a clone."""

from __future__ import annotations

from lp_recognition.system.errors import run_script
from lp_recognition.tools.average_checkpoints import main

if __name__ == "__main__":
    run_script(main)
