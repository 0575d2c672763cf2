"""Measurements, each a script that prints one table: `python -m benchmarks.<name>`."""
