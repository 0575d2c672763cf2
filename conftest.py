"""Keeps pytest from collecting the script `test_lpr.py` as a test."""

collect_ignore = ["test_lpr.py"]
