"""Who is in the data, how are they treated, and what do models make of it.

| module           | question                                                       | needs                          |
|------------------|----------------------------------------------------------------|--------------------------------|
| `representation` | are the groups there in the shares that were declared?         | a table or labels              |
| `parity`         | do outcomes, refusals, predictions differ between groups?      | an outcome per row             |
| `downstream`     | is a model trained on synthetic rows unfairer than one on real? | a target, real rows to test on |
| `counterfactual` | does a score change when men and women change places?          | texts, a scoring function      |
| `coreference`    | does a model understand pronouns less against a stereotype?    | a model, WinoBias              |
| `ambiguity`      | does a model fill in what is not told with a stereotype?       | a model, BBQ                   |

    fairness(table, ["sex", "race"], {"sex": {"Female": 0.5, "Male": 0.5}}, outcomes=["refused"])
"""

from collections.abc import Mapping, Sequence

import numpy as np

from regrowth.core.errors import DataError
from regrowth.metrics.columns import Column, Table
from regrowth.metrics.fairness.downstream import downstream
from regrowth.metrics.fairness.groups import Groups, grouped
from regrowth.metrics.fairness.parity import outcomes as outcomes_of
from regrowth.metrics.fairness.representation import represented, shares
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import Floats

__all__ = ["fairness"]


def fairness(
    table: Table,
    attributes: Sequence[str],
    targets: Mapping[str, Mapping[str, float]] | None = None,
    *,
    real: Table | None = None,
    test: Table | None = None,
    outcomes: Sequence[str] = (),
    target: str = "",
    positive: str = "",
    cuts: Mapping[str, Sequence[float]] | None = None,
    seed: int = 0,
) -> list[Reading]:
    """Return all that a table tells of its groups: of each attribute, and of each two of them.

    Args:
        table: The rows to judge. Real tables come out of the same call of `aligned`.
        attributes: Columns that say which group a row belongs to.
        targets: Shares declared, by attribute; of two at once by `"sex × race"`, with labels `"Female × White"`.
        real: Rows that the shares are held against where none are declared, and that models are trained on.
        test: Real rows that no model is trained on; with `target` and `positive`, models are compared on them.
        outcomes: Columns whose mean is compared between groups: numbers, or categories of two values.
        target: The column that models foretell.
        positive: Its value that counts as a yes.
        cuts: Where numbers are cut into groups, by attribute.

    Raises:
        DataError: a column is missing or of a wrong kind, or shares are declared of what is no attribute.
    """
    groups = grouped(table, attributes, cuts=cuts)
    declared = dict(targets or {})
    if unknown := sorted(set(declared) - {one.name for one in groups}):
        raise DataError(f"Shares are declared of {unknown[0]!r}; groups: {', '.join(one.name for one in groups)}.")
    others = {} if real is None else {one.name: one for one in grouped(real, attributes, cuts=cuts)}
    readings: list[Reading] = []
    for one in groups:
        wanted: Mapping[str, float] | Groups | None = declared.get(one.name) or others.get(one.name)
        readings += shares(one) if wanted is None else represented(one, wanted, seed=seed)
        for name in outcomes:
            readings += outcomes_of(*_outcome(table, name), one, seed=seed)
    if target:
        if real is None or test is None or not positive:
            raise DataError(f"target={target!r} also needs real=, test= and positive=: models of both are compared.")
        readings += downstream(real, table, test, target, attributes, positive=positive, cuts=cuts, seed=seed)
    return readings


def _outcome(table: Table, name: str) -> tuple[str, Floats]:
    """Return an outcome as numbers, with its name; of two categories the second one by name counts."""
    if name not in table.columns:
        raise DataError(f"There is no column {name!r}. Columns: {', '.join(table.columns)}.")
    column: Column = table[name]
    if column.kind == "category" and len(column.labels) == 2:
        return f"{name} = {column.labels[1]}", np.where(column.missing, np.nan, column.values.astype(np.float64))
    if column.kind != "number":
        raise DataError(f"{name} is a column of kind {column.kind}: expected a number, or a category of two values.")
    return name, np.asarray(column.values, dtype=np.float64)
