"""Can a classifier tell synthetic rows from real ones? The classifier two-sample test (Lopez-Paz and Oquab 2017).

    classified(x_real, x_synthetic, seed=0)     Estimate(0.51, 0.49, 0.53): it cannot

Gradient-boosted trees are trained on two thirds of the rows and told the third they never saw, in turn. The figure is
the mean over the thirds of the area under the ROC curve. If both tables come from one distribution, the labels of a
third have nothing to do with the rows, so each area is that of Mann and Whitney's test on rows dealt at random, and
the null is known without another training: 1/2, with variance (n + m + 1) / (12 n m). The thirds are not independent
of each other, as each is learnt from in the other turns. So interval and null are those of one third: rather too wide.

Below 1/2: the classifier learnt that a row like this is real, and then its near-copy was synthetic. That hints at
copied rows; the privacy measures say more.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from regrowth.core.protocols import Estimate
from regrowth.extras import library
from regrowth.metrics.agreement import NORMAL, auc
from regrowth.metrics.columns import Table
from regrowth.metrics.fidelity.coded import matrix
from regrowth.metrics.reading import Reading

__all__ = ["SAMPLE", "c2st", "classified"]

SAMPLE = 5_000
_FOLDS = 3
_LEAST = 4 * _FOLDS
_KINDS = 60
Floats = npt.NDArray[np.floating[Any]]


def c2st(real: Table, synthetic: Table, *, seed: int = 0, sample: int = SAMPLE) -> Reading | None:
    """Tell rows apart, `sample` of each table at most; None for fewer than twelve."""
    rng = np.random.default_rng(seed)
    size = min(sample, real.rows, synthetic.rows)
    if size < _LEAST or not real.columns:
        return None
    ours, theirs = (table.take(rng.permutation(table.rows)[:size]) for table in (real, synthetic))
    (one, nominal), (other, _) = (matrix(table, real, most=_KINDS) for table in (ours, theirs))
    estimate, null = classified(one, other, nominal=nominal, seed=seed)
    return Reading("c2st_auc", "", estimate, null, f"{size:,} rows of each")


def classified(
    real: Floats, synthetic: Floats, *, nominal: npt.NDArray[np.bool_] | None = None, seed: int = 0
) -> tuple[Estimate, Estimate]:
    """Estimate the area under the ROC curve of a classifier of unseen rows, and its null.

    Rows must be in a random order, and twelve of each at least; `nominal` tells which features are categories, numbered
    from 0 to 254. Interval: DeLong of one third.
    """
    ensemble = library("sklearn.ensemble", "The classifier two-sample test", extra="measure")
    found, noise = [], 0.0
    for fold in range(_FOLDS):
        held = [np.arange(len(rows)) % _FOLDS == fold for rows in (real, synthetic)]
        model = ensemble.HistGradientBoostingClassifier(
            max_iter=40, max_leaf_nodes=15, early_stopping=False, categorical_features=nominal, random_state=seed
        )
        labels = np.repeat([0, 1], [int((~part).sum()) for part in held])
        model.fit(np.concatenate([real[~held[0]], synthetic[~held[1]]]), labels)
        scores = [
            model.decision_function(rows[part]).tolist() for rows, part in zip((real, synthetic), held, strict=True)
        ]
        found.append(auc(*scores))
        n, m = len(scores[0]), len(scores[1])
        noise += (n + m + 1) / (12 * n * m)
    value = float(np.mean([one.value for one in found]))
    reach = math.sqrt(sum(((one.high - one.low) / 2) ** 2 for one in found) / _FOLDS)
    band = NORMAL * math.sqrt(noise / _FOLDS)
    size = len(real) + len(synthetic)
    null = Estimate(0.5, max(0.0, 0.5 - band), min(1.0, 0.5 + band), size)
    return Estimate(value, max(0.0, value - reach), min(1.0, value + reach), size), null
