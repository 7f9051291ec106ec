"""Published courses of the Gaussian, for a plot beside ours.

    Columns: setting (Replace, Accumulate), dim, samples_per_iteration, iteration, runs, trace_ratio_mean,
    trace_ratio_median, squared_error_of_mean

Source of the numbers: the runs of Kazdan, Schaeffer et al. ("Collapse or Thrive?", arXiv:2410.16713); maximum
likelihood, as the median of their replaced courses shows.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from regrowth.core.errors import DataError
from regrowth.recipes._collapse.arms import Arm
from regrowth.seeds.tables import read_table

__all__ = ["Publication", "publications"]

SETTINGS: Mapping[str, Arm] = {"Replace": "replace", "Accumulate": "accumulate"}


class Publication(NamedTuple):
    """One published point."""

    arm: Arm
    size: int
    round: int
    runs: int
    variance: float
    """Mean over the runs."""
    median: float
    error: float
    """Squared error of the mean."""


def publications(file: Path, dims: int = 1) -> list[Publication]:
    """Return the published points in so many dimensions.

    Raises:
        DataError: the file cannot be read, or has other columns.
    """
    table = read_table(file)
    names = (
        "samples_per_iteration",
        "iteration",
        "runs",
        "trace_ratio_mean",
        "trace_ratio_median",
        "squared_error_of_mean",
    )
    if missing := sorted({"setting", "dim", *names} - set(table.column_names)):
        raise DataError(f"{file}: no column {missing[0]!r} (found: {', '.join(table.column_names)}).")
    rows = [row for row in table.to_pylist() if row["setting"] in SETTINGS and int(row["dim"]) == dims]
    return [
        Publication(
            SETTINGS[row["setting"]],
            *(int(row[name]) for name in names[:3]),
            *(float(row[name]) for name in names[3:]),
        )
        for row in rows
    ]
