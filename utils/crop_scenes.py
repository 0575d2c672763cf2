"""The tool `lp_recognition.tools.crop_scenes`, from a clone."""

from __future__ import annotations

from lp_recognition.system.errors import run_script
from lp_recognition.tools.crop_scenes import main

if __name__ == "__main__":
    run_script(main)
