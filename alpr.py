"""The command `alpr`, from a clone: `python alpr.py read plate.jpg`."""

from __future__ import annotations

from lp_recognition.tools.alpr import main, script

__all__ = ["main"]

if __name__ == "__main__":
    script()
