"""Can a judge be believed: any judge, held against labels that people gave.

| module         | question                                                      | needs                             |
|----------------|---------------------------------------------------------------|-----------------------------------|
| `agreement`    | do judge and people agree beyond chance? do people?           | labels                            |
| `calibration`  | do its probabilities mean what they say? how are they mended? | probabilities or scores, labels   |
| `preferences`  | is it swayed by place, length, or its own hand?               | verdicts on pairs, in both orders |
| `thresholds`   | from which score on is it right often enough?                 | scores, labels                    |

    labelling(["yes", "no", …], ["yes", "yes", …], probabilities=[0.9, 0.4, …], yes="yes")
    preferring([Choice(there=1, back=1, lengths=(80, 120), human=1), …])
    among([[1, 1, 2], [0, None, 0], …], "ordinal")
"""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from regrowth.core.errors import DataError
from regrowth.core.protocols import Estimate
from regrowth.metrics.agreement import auc, kappa
from regrowth.metrics.intervals import clustered_mean, proportion
from regrowth.metrics.judges.agreement import Level, krippendorff, weighted_kappa
from regrowth.metrics.judges.calibration import calibration
from regrowth.metrics.judges.preferences import Choice, length, position, self_preference
from regrowth.metrics.reading import Reading
from regrowth.metrics.resampling import DRAWS, banded

__all__ = ["among", "labelling", "preferring"]


def labelling(
    judge: Sequence[Hashable],
    human: Sequence[Hashable],
    *,
    probabilities: Sequence[float] | None = None,
    yes: Hashable = True,
    ordered: bool = False,
    clusters: Sequence[Hashable] | None = None,
    of: str = "",
    seed: int = 0,
) -> list[Reading]:
    """Hold a judge's labels against those of people.

    Args:
        judge: Its labels; None where it gave none, which counts as wrong and is told.
        human: The labels of people, one for each.
        probabilities: That the human label is `yes`, by the judge.
        yes: The label that the probabilities are of.
        ordered: Whether the labels are grades.
        clusters: What several items have in common, such as a prompt: the interval of the accuracy counts these. The
            other intervals take the items as independent, so with clusters they are too narrow.

    Raises:
        DataError: not one label of each for every item, or fewer than two.
    """
    if len(judge) != len(human) or len(human) < 2:
        raise DataError(f"{len(judge)} and {len(human)} labels: expected one of each for two items at least.")
    right = [float(one == other) for one, other in zip(judge, human, strict=True)]
    accuracy = proportion(int(sum(right)), len(right)) if clusters is None else clustered_mean(right, clusters)
    silent = sum(one is None for one in judge)
    note = f"{silent} of {len(judge)} without a label, counted as wrong" * bool(silent)
    rng = np.random.default_rng(seed)
    readings = [Reading("judge_accuracy", of, accuracy, _shuffled(judge, human, rng), note)]
    given = [(one, other) for one, other in zip(judge, human, strict=True) if one is not None]
    first, second = [one for one, _ in given], [other for _, other in given]
    if len({*first, *second}) > 1 and len(given) > 1:
        readings.append(Reading("judge_kappa", of, replace(kappa(first, second), skipped=silent)))
        if ordered:
            grades: tuple[Any, Any] = (first, second)
            readings.append(Reading("judge_weighted_kappa", of, weighted_kappa(*grades)))
    if probabilities is not None:
        truth = [one == yes for one in human]
        readings += calibration(probabilities, truth, of=of, seed=seed)
        parts = [[p for p, t in zip(probabilities, truth, strict=True) if t is side] for side in (False, True)]
        if min(map(len, parts)) > 1:
            readings.append(Reading("judge_auc", of, auc(*parts)))
    return readings


def preferring(choices: Sequence[Choice], *, of: str = "", seed: int = 0) -> list[Reading]:
    """Hold a judge's verdicts on pairs against those of people, and say what sways it.

    What needs both orders, lengths, human verdicts or own answers is read where at least two pairs have them.

    Raises:
        DataError: fewer than two verdicts.
    """
    if len(choices) < 2:
        raise DataError(f"{len(choices)} verdicts: expected two at least.")
    readings: list[Reading] = []
    judged = [one for one in choices if one.human is not None]
    if len(judged) > 1:
        names = [one.prompt for one in judged]
        clusters = None if None in names or len({*names}) < 2 else names
        ours, theirs = [one.there for one in judged], [one.human for one in judged]
        readings += labelling(ours, theirs, clusters=clusters, of=of, seed=seed)
    if sum(one.back is not None for one in choices) > 1:
        readings += position(choices, of=of, seed=seed)
    if sum(bool(one.there) and one.lengths is not None and one.lengths[0] != one.lengths[1] for one in choices) > 1:
        readings += length(choices, of=of)
    if sum(bool(one.there and one.own) for one in choices) > 1:
        readings += self_preference(choices, of=of)
    return readings


def among(items: Sequence[Sequence[Any]], level: Level = "nominal", *, of: str = "", seed: int = 0) -> list[Reading]:
    """Return how far several people or judges agree: Krippendorff's alpha.

    Raises:
        DataError: as `krippendorff`.
    """
    return [Reading("alpha", of, krippendorff(items, level, seed=seed), note=f"{level} labels")]


def _shuffled(judge: Sequence[Hashable], human: Sequence[Hashable], rng: np.random.Generator) -> Estimate | None:
    """Return the accuracy of the same labels, given to the items at random."""
    place = {one: rank for rank, one in enumerate(sorted({*judge, *human}, key=repr))}
    ours, theirs = (np.sort([place[one] for one in side]) for side in (judge, human))
    drawn = [float((rng.permutation(ours) == theirs).mean()) for _ in range(min(DRAWS, 300))]
    return banded(np.array(drawn), len(theirs))
