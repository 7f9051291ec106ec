"""Regrowth grows verified training data, and the models trained on it, from a few real seeds."""

__version__ = "0.1.0"
