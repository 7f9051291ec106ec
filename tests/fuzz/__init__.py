"""Fuzzing: random and mutated inputs through every parser and every gate that needs no model."""
