"""Correlations of all pairs of number columns at once, over the rows where both values are there.

Numbers.of(table)                      # the number and date columns, centred; missing values are 0 and masked
Numbers.of(table).correlations()       # [columns, columns]; NaN where a column does not vary
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from regrowth.metrics.columns import Table

__all__ = ["Numbers", "rank_correlations"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Numbers:
    """Hold number columns in standard units."""

    values: Floats
    """[rows, columns]; 0 where missing."""
    there: Floats
    """1 where a value is there, 0 where it is missing."""

    @classmethod
    def of(cls, table: Table) -> "Numbers":
        """Return the numbers and dates of a table."""
        columns = table.of_kind("number", "date")
        values = np.stack([column.values for column in columns], axis=1) if columns else np.zeros((table.rows, 0))
        there = ~np.isnan(values)
        count = np.maximum(1, there.sum(axis=0))
        centred = np.where(there, values - np.where(there, values, 0.0).sum(axis=0) / count, 0.0)
        deviation = np.sqrt((centred**2).sum(axis=0) / count)
        return cls(centred / np.where(deviation > 0, deviation, 1.0), there.astype(np.float64))

    def take(self, places: npt.NDArray[np.intp]) -> "Numbers":
        """Return some rows."""
        return Numbers(self.values[places], self.there[places])

    def correlations(self) -> Floats:
        """Return Pearson's correlation of each pair, over its complete rows."""
        values, there = self.values, self.there
        counts = there.T @ there
        sums, squares = values.T @ there, (values**2).T @ there  # of the row's column, where the other is there
        with np.errstate(invalid="ignore", divide="ignore"):
            covariance = values.T @ values - sums * sums.T / counts
            variance = squares - sums**2 / counts
            variance[variance < 1e-12 * counts] = np.nan
            return np.asarray(np.clip(covariance / np.sqrt(variance * variance.T), -1.0, 1.0))

    def noise(self, found: Floats) -> Floats:
        """Return n times the variance of each correlation, whatever the distribution of the values.

        From the influence of a row on r: a b - r (a² + b²) / 2, for standard values a and b.
        """
        values, there = self.values, self.there
        squares = values**2
        counts = np.maximum(1.0, there.T @ there)
        both, cubes, fourths = squares.T @ squares, (squares * values).T @ values, (squares**2).T @ there
        mean = both - found * (cubes + cubes.T) + found**2 / 4 * (fourths + fourths.T + 2 * both)
        return np.asarray(np.maximum(mean / counts, 0.0))

    def influence(self, found: Floats, weights: Floats) -> Floats:
        """Return how much each row moves the weighted sum of all correlations; `weights` is symmetric."""
        known = np.where(np.isnan(found), 0.0, found * weights)
        products = np.einsum("ij,ij->i", self.values @ weights, self.values) / 2
        squares = (self.values**2 * (self.there @ known)).sum(axis=1) / 2
        return np.asarray(products - squares)


def rank_correlations(table: Table) -> Floats:
    """Return Spearman's correlation of each pair of number or date columns, over its complete rows."""
    columns = table.of_kind("number", "date")
    gaps = [bool(column.missing.any()) for column in columns]
    ranks = np.stack([_ranks(column.values) for column in columns], axis=1) if columns else np.zeros((table.rows, 0))
    found = Numbers(_standard(ranks), np.ones_like(ranks)).correlations()
    for one, other in zip(*np.triu_indices(len(columns), 1), strict=True):
        if gaps[one] or gaps[other]:
            both = ~(columns[one].missing | columns[other].missing)
            pair = np.stack([_ranks(columns[place].values[both]) for place in (one, other)], axis=1)
            value = Numbers(_standard(pair), np.ones_like(pair)).correlations()[0, 1] if both.sum() > 1 else np.nan
            found[one, other] = found[other, one] = value
    return found


def _ranks(values: Floats) -> Floats:
    """Return the ranks of values, equal ones at their middle."""
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[places])


def _standard(ranks: Floats) -> Floats:
    centred = ranks - ranks.mean(axis=0) if len(ranks) else ranks
    deviation = np.sqrt((centred**2).mean(axis=0)) if len(ranks) else np.ones(ranks.shape[1])
    return np.asarray(centred / np.where(deviation > 0, deviation, 1.0))
