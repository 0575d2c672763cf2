"""Values of command-line options that several converters share."""

from __future__ import annotations

import argparse
import os


def parse_size(text: str) -> tuple[int, int]:
    """Reads `24x94` as `(height, width)`, for argparse."""
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal() and 4 <= int(height) <= 4096 and 4 <= int(width) <= 4096):
        raise argparse.ArgumentTypeError(f"expected HEIGHTxWIDTH in pixels, as 24x94, received {text!r}")
    return int(height), int(width)


def parse_margin(text: str) -> float:
    """Reads a share between 0 and 1, for argparse."""
    try:
        margin = float(text)
    except ValueError:
        margin = -1.0
    if not 0 <= margin <= 1:
        raise argparse.ArgumentTypeError(f"expected a share between 0 and 1, as 0.1, received {text!r}")
    return margin


def default_workers() -> int:
    """As many processes as this one may use cores."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
