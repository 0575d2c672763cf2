"""Keeps pytest from collecting the scripts `test_lpr.py` and `test_lpd.py` as tests."""

collect_ignore = ["test_lpr.py", "test_lpd.py"]
