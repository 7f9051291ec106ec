"""Columns in, numbers with intervals out."""
