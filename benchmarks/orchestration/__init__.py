"""Measure what it costs to send many prompts through one tool or another. See `benchmarks/README.md`."""
