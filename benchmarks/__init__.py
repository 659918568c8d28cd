"""Benchmarks: `python -m benchmarks`. What each figure means: README.md."""
