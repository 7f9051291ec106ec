"""Whole rows: how far apart are two samples of them in the space of all columns?

    energy_distance(x, y)      √(2 E|x - y| - E|x - x'| - E|y - y'|), which is scipy's in one dimension
    mmd(x, y)                  the same with a Gaussian kernel (Gretton et al. 2012)

`sample_readings` draws the same number of rows of each table. The null is real rows against other real rows, so the
sample is at most half of the real table.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from regrowth.metrics.columns import Table
from regrowth.metrics.fidelity.intervals import moved
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import middle

__all__ = ["SAMPLE", "embedded", "energy_distance", "mmd", "sample_readings"]

SAMPLE = 1_000
_DRAWS = 100
_KINDS = 20
"""Categories of a column that are told apart; the rest are one."""
Floats = npt.NDArray[np.floating[Any]]


def energy_distance(one: Floats, other: Floats) -> float:
    """Return the energy distance of two sets of vectors [rows, dimensions] (Székely and Rizzo 2013).

    Every pair counts, a row with itself too; the root is taken, as scipy does.
    """
    return _read(-_lengths(np.concatenate([one, other])), len(one))


def mmd(one: Floats, other: Floats, *, width: float | None = None) -> float:
    """Return the maximum mean discrepancy of two sets of vectors [rows, dimensions] with a Gaussian kernel.

    Args:
        width: of the kernel; by default the median distance between two rows of the first set.
    """
    lengths = _lengths(np.concatenate([one, other]))
    return _read(_kernel(lengths, width or _median(lengths[: len(one), : len(one)])), len(one))


def _read(kernel: Floats, first: int) -> float:
    weights = np.concatenate([np.full(first, 1 / first), np.full(len(kernel) - first, -1 / (len(kernel) - first))])
    return float(_roots(kernel, weights[:, None])[0])


def _roots(kernel: Floats, weights: Floats) -> Floats:
    """Return √(w K w) of each column of weights."""
    return np.asarray(np.sqrt(np.maximum(np.einsum("ij,ij->j", weights, kernel @ weights), 0.0)))


def _lengths(rows: Floats) -> Floats:
    squares = np.einsum("ij,ij->i", rows, rows)
    found = rows @ (-2 * rows.T)  # in place from here on: there may be nine million
    found += squares[:, None]
    found += squares[None, :]
    np.sqrt(np.maximum(found, 0.0, out=found), out=found)
    np.fill_diagonal(found, 0.0)
    return np.asarray(found)


def _median(lengths: Floats) -> float:
    apart = lengths[lengths > 0]
    return float(np.median(apart)) if len(apart) else 1.0


def _kernel(lengths: Floats, width: float) -> Floats:
    return np.asarray(np.exp(-((lengths / width) ** 2) / 2))


def embedded(table: Table, like: Table) -> Floats:
    """Return rows as vectors, scaled by the real ones: numbers in standard deviations, categories 1 apart.

    A missing number is the mean; that it is missing is a number of its own.
    """
    parts: list[Floats] = []
    for name, column in table.columns.items():
        model = like[name]
        if column.kind == "category":
            common = np.argsort(-np.bincount(model.present, minlength=len(model.labels)), kind="stable")[:_KINDS]
            places = np.full(len(column.labels) + 1, len(common))  # the rest; the last place is that of missing values
            places[common] = np.arange(len(common))
            places[-1] = len(common) + 1
            parts.append(np.eye(len(common) + 2)[places[column.values]] / math.sqrt(2))
            continue
        middle, deviation = (model.present.mean(), model.present.std()) if len(model.present) else (0.0, 1.0)
        scaled = (column.values - middle) / (deviation if deviation > 0 else 1.0)
        parts.append(np.nan_to_num(scaled)[:, None])
        if model.missing.any() or column.missing.any():
            parts.append(column.missing[:, None].astype(np.float64))
    return np.concatenate(parts, axis=1) if parts else np.zeros((table.rows, 0))


def _kernels(lengths: Floats, width: float) -> Iterator[tuple[str, Floats]]:
    """Turn distances, in place, into one kernel and then the other."""
    yield "energy_distance", np.negative(lengths, out=lengths)
    np.square(lengths, out=lengths)
    lengths /= -2 * width**2
    yield "mmd", np.exp(lengths, out=lengths)


def sample_readings(real: Table, synthetic: Table, *, seed: int = 0, sample: int = SAMPLE) -> Iterator[Reading]:
    """Give energy distance and maximum mean discrepancy of samples of rows, with bootstrap intervals."""
    rng = np.random.default_rng(seed)
    size = min(sample, real.rows // 2, synthetic.rows)
    if size < 2 or not real.columns:
        return
    ours = embedded(real.take(rng.permutation(real.rows)[: 2 * size]), real)
    theirs = embedded(synthetic.take(rng.permutation(synthetic.rows)[:size]), real)
    lengths = _lengths(np.concatenate([ours, theirs]).astype(np.float32))
    width = _median(lengths[:size, :size])
    dealt = rng.permuted(np.tile(np.repeat([1 / size, -1 / size], size), (_DRAWS, 1)), axis=1).T.astype(np.float32)
    drawn = [rng.multinomial(size, np.full(size, 1 / size), _DRAWS).T / size for _ in range(2)]
    weights = np.concatenate([drawn[0], -drawn[1]]).astype(np.float32)
    for name, kernel in _kernels(lengths, width):
        between = kernel[size:, size:]
        null = middle(_roots(kernel[: 2 * size, : 2 * size], dealt), size)
        estimate = moved(_read(between, size), _roots(between, weights).astype(np.float64), 2 * size)
        yield Reading(name, "", estimate, null, f"{size:,} rows of each")
