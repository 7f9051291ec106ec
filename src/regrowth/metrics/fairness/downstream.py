"""Trained on synthetic rows, tested on real ones: whom does the model fail?

    found = downstream(real, synthetic, test, "income", ["sex"], positive=">50K")
        true_positive_rate              sex = Female   …      rates of models trained on synthetic rows
        demographic_parity_difference   sex            0.23   null 0.17 (0.16 to 0.18): models trained on real rows
        equalised_odds_shift            sex            0.29   null 0.00 (-0.06 to 0.06)
Here four of five women with a high income were missing among the synthetic rows, and models deny it to others.

Real data are often unfair themselves, so the null is not zero but what models read that were trained on real rows of
the same number and tested on the same rows. The shift is the gap of models trained on synthetic rows less that of
models trained on real ones, both on the same test rows: what the synthetic data did, and not the world.

Each side trains several models, on resamples of its rows of one size; what is read is their mean. The model is
scikit-learn's histogram gradient boosting, which takes missing values and categories as they are.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import DataError
from regrowth.extras import library
from regrowth.metrics.columns import Column, Table
from regrowth.metrics.fairness.groups import Groups, grouped
from regrowth.metrics.fairness.parity import Rates, by_group, gaps, posterior, rates_of, remarks
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import DRAWS, Floats, banded, estimated

__all__ = ["downstream"]

Flags = npt.NDArray[np.bool_]
FITS = 6
"""Models per side, each trained on another resample of its rows."""
ROWS = 20_000
"""Rows that a model is trained on, at most; of more, a sample is drawn."""
TESTED = 50_000
"""Test rows that are foretold, at most; of more, a sample is drawn."""
CATEGORIES = 200
"""Categories of a column that are told apart; the rarer ones count as missing."""
SHIFTS = {
    "demographic_parity_difference": "demographic_parity_shift",
    "equalised_odds_difference": "equalised_odds_shift",
}


def downstream(
    real: Table,
    synthetic: Table,
    test: Table,
    target: str,
    attributes: Sequence[str],
    *,
    positive: str,
    cuts: Mapping[str, Sequence[float]] | None = None,
    fits: int = FITS,
    seed: int = 0,
) -> list[Reading]:
    """Return parity and odds of models trained on synthetic rows, beside those of models trained on real ones.

    The tables must come out of one call of `aligned`; the test rows are real rows that no model is trained on.

    Args:
        target: A category that is foretold from all other columns, the attributes included.
        positive: Its value that counts as a yes.

    Raises:
        DataError: there is no such column or value, only one class is left to train on, or there is nothing to read.
    """
    rng = np.random.default_rng(seed)
    real, synthetic, test = (_ordered(one) for one in (real, synthetic, test))
    if test.rows > TESTED:
        test = test.take(np.sort(rng.permutation(test.rows)[:TESTED]))
    truth = _yes(test, target, positive)
    size = min(synthetic.rows, ROWS)
    sides = [_predictions(table, test, target, positive, (size, fits), rng) for table in (synthetic, real)]
    readings: list[Reading] = []
    for groups in grouped(test, attributes, cuts=cuts):
        if (groups.counts > 0).sum() < 2:
            continue
        readings += _parity(truth, sides, groups, rng)
        readings += _shifts(truth, sides, groups, rng)
    return readings


def _ordered(table: Table) -> Table:
    """Return the rows in an order that depends on their content alone, so that equal data give equal draws."""
    columns = table.of_kind("number", "date", "category")
    return table.take(np.lexsort([column.values for column in columns])) if columns else table


def _yes(table: Table, target: str, positive: str) -> Flags:
    if target not in table.columns:
        raise DataError(f"There is no column {target!r}. Columns: {', '.join(table.columns)}.")
    column = table[target]
    if column.kind != "category" or positive not in column.labels:
        found = f"its values: {', '.join(column.labels[:8])}" if column.kind == "category" else f"it is a {column.kind}"
        raise DataError(f"{target} = {positive!r} is to be foretold: expected a category with that value; {found}.")
    return np.asarray(column.values == column.labels.index(positive))


def _predictions(
    table: Table, test: Table, target: str, positive: str, much: tuple[int, int], rng: np.random.Generator
) -> list[Flags]:
    size, fits = much
    return [
        _fitted(table, test, target, positive, rng.integers(table.rows, size=size), int(rng.integers(2**31)))
        for _ in range(fits)
    ]


def _fitted(table: Table, test: Table, target: str, positive: str, rows: npt.NDArray[np.intp], seed: int) -> Flags:
    """Train on some rows and return what is foretold of the test rows."""
    ensemble = library("sklearn.ensemble", "Models of tables", extra="measure")
    columns = [one for one in table.of_kind("number", "date", "category") if one.name != target]
    if not columns:
        raise DataError(f"There is no column to foretell {target} from.")
    rows = rows[~table[target].missing[rows]]  # an answer that is missing teaches nothing
    answers = _yes(table, target, positive)[rows]
    if answers.all() or not answers.any():
        raise DataError(
            f"{target}: all {len(rows):,} rows to train on are of one class. Synthetic rows that lost the other class "
            "cannot be judged by a model."
        )
    parts = [_features(column, test[column.name], rows) for column in columns]
    model = ensemble.HistGradientBoostingClassifier(
        max_iter=60,
        max_leaf_nodes=15,
        categorical_features=[column.kind == "category" for column in columns],
        random_state=seed,
    )
    # More threads than free cores make this twenty times slower.
    with library("threadpoolctl", "Models of tables", extra="measure").threadpool_limits(1):
        model.fit(np.column_stack([one for one, _ in parts]), answers)
        said: Any = model.predict(np.column_stack([other for _, other in parts]))
    return np.asarray(said, dtype=np.bool_)


def _features(column: Column, test: Column, rows: npt.NDArray[np.intp]) -> tuple[Floats, Floats]:
    """Return a column of the training rows and of the test rows as a model takes it."""
    values = column.values[rows]
    if column.kind != "category":
        return values.astype(np.float64), test.values.astype(np.float64)
    counts = np.bincount(values[values >= 0], minlength=len(column.labels))
    order = np.argsort(-counts, kind="stable")[:CATEGORIES]
    codes = np.full(len(column.labels) + 1, np.nan)  # the last place is where -1, a missing value, looks
    codes[order[counts[order] > 0]] = np.arange(int((counts[order] > 0).sum()))
    return codes[values], codes[test.values]


def _parity(truth: Flags, sides: Sequence[Sequence[Flags]], groups: Groups, rng: np.random.Generator) -> list[Reading]:
    """Average over the models of a side; the interval bears the doubt about the rows of training and of test."""
    ours, theirs = ([rates_of(truth, said, groups) for said in side] for side in sides)
    middle = Rates(ours[0].rows, np.rint(np.mean([one.yes for one in ours], axis=0)).astype(np.int64))
    hits = middle.yes[1] + middle.rows[2] - middle.yes[2]
    drawn = gaps(np.concatenate([posterior(one, DRAWS // len(ours), rng) for one in ours]))
    values, null = (gaps(np.stack([one.values for one in side])) for side in (ours, theirs))
    n, note = int(middle.rows[0].sum()), remarks(groups, middle)
    return by_group(groups, middle, hits) + [
        Reading(
            name,
            groups.name,
            estimated(float(np.nanmean(value)), drawn[name], n, bounds=(0.0, 1.0)),
            banded(null[name], n),
            note,
        )
        for name, value in values.items()
        if np.isfinite(value).any()
    ]


def _cells(truth: Flags, one: Flags, other: Flags, groups: Groups) -> npt.NDArray[np.int64]:
    """Count the test rows by group, truth and both predictions."""
    known = groups.places >= 0
    places = ((groups.places * 2 + truth) * 2 + one) * 2 + other
    return np.bincount(places[known], minlength=8 * len(groups.labels)).astype(np.int64)


def _rates(cells: Floats, side: int) -> Floats:
    """Return the rates [draws, 3, groups] of one of both predictions from counts [draws, cells]."""
    table = cells.reshape(len(cells), -1, 2, 2, 2).sum(axis=4 - side)  # draws, groups, truth, said
    kinds = np.stack([table.sum(axis=2), table[:, :, 1], table[:, :, 0]], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(kinds[..., 1] / kinds.sum(axis=-1))


def _shifts(truth: Flags, sides: Sequence[Sequence[Flags]], groups: Groups, rng: np.random.Generator) -> list[Reading]:
    """Compare each model of one side with each of the other, and real ones with each other, on resampled test rows."""
    synthetic, real = sides
    pairs = [(one, other) for one in synthetic for other in real]
    apart = [(one, other) for place, one in enumerate(real) for other in real[:place]]
    apart += [(other, one) for one, other in apart]
    n = int((groups.places >= 0).sum())
    ours, theirs = (_shifted(truth, some, groups, rng, n) for some in (pairs, apart))
    exact = np.stack([_cells(truth, one, other, groups) for one, other in pairs]).astype(np.float64)
    values = _difference(exact)
    return [
        Reading(
            name,
            groups.name,
            estimated(float(np.nanmean(values[measure])), ours[measure], n, bounds=(-1.0, 1.0)),
            banded(theirs[measure], n),
        )
        for measure, name in SHIFTS.items()
        if np.isfinite(values[measure]).any()
    ]


def _shifted(
    truth: Flags, pairs: Sequence[tuple[Flags, Flags]], groups: Groups, rng: np.random.Generator, n: int
) -> dict[str, Floats]:
    each = max(1, DRAWS // len(pairs))
    drawn = [rng.multinomial(n, _cells(truth, one, other, groups) / n, size=each) for one, other in pairs]
    return _difference(np.concatenate(drawn).astype(np.float64))


def _difference(cells: Floats) -> dict[str, Floats]:
    ours, theirs = gaps(_rates(cells, 0)), gaps(_rates(cells, 1))
    return {name: ours[name] - theirs[name] for name in SHIFTS}
