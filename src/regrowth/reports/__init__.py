"""The page that shows a run, and the same numbers as JSON."""
