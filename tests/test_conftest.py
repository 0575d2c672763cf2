"""What holds for every test: none fails because the machine is busy."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import settings

TESTS = Path(__file__).resolve().parent


def test_no_example_has_a_deadline():
    assert settings.default.deadline is None
    said = {found for path in TESTS.rglob("*.py") for found in re.findall(r"\bdeadline=(\w+)", path.read_text("utf-8"))}
    assert said <= {"None"}
