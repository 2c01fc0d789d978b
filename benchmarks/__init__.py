"""Measurements. `python -m benchmarks` compares flask_scale with what a person would otherwise run."""
