"""How the values of each column are spread in two tables: shares per bin or per name, to be drawn.

    marginals(real, synthetic)[0]     Marginal(name="age", labels=("17 to 20", …), real=(0.08, …), synthetic=(0.07, …))

Bins are cut where the real values lie; what lies beyond is counted at the ends, so no far value flattens a plot.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

from regrowth.metrics.columns import Column, Table
from regrowth.reports import wording
from regrowth.reports.compared import Marginal

__all__ = ["marginals", "text_marginals"]

BINS = 24
MOST_NAMES = 9
"""Names that have bars of their own; the others are added up."""
TAIL = 0.005
"""Share of the real values at each side that may lie beyond the drawn range, where they are far off."""
FAR = 2.0
"""Times the range of the others from which on values count as far off."""
HUGE = 1e300
"""Numbers beyond are drawn as if they were that: the range between two of them has to be a number."""
OTHERS, UNSEEN = "(others)", "(not in the real data)"


def marginals(real: Table, synthetic: Table) -> tuple[Marginal, ...]:
    """Return the columns of two aligned tables, the least alike first; identifiers are left out."""
    found = [
        _names(column, synthetic[name]) if column.kind == "category" else _line(column, synthetic[name])
        for name, column in real.columns.items()
        if column.kind != "identifier"
    ]
    return tuple(sorted(found, key=lambda one: -one.apart))


def text_marginals(real: Sequence[str], synthetic: Sequence[str]) -> tuple[Marginal, ...]:
    """Return how long texts are, in words and in characters."""
    measures = {"words": lambda text: len(text.split()), "characters": len}
    return tuple(
        _binned(
            f"{name} per text",
            "number",
            np.array([size(text) for text in real], dtype=np.float64),
            np.array([size(text) for text in synthetic], dtype=np.float64),
        )
        for name, size in measures.items()
    )


def _line(real: Column, synthetic: Column) -> Marginal:
    if real.kind == "text":
        return _binned(real.name, "words per text", _lengths(real), _lengths(synthetic))
    return _binned(real.name, real.kind, real.values, synthetic.values)


def _lengths(column: Column) -> npt.NDArray[np.float64]:
    return np.array([np.nan if text is None else len(text.split()) for text in column.values], dtype=np.float64)


def _binned(name: str, about: str, real: npt.NDArray[np.float64], synthetic: npt.NDArray[np.float64]) -> Marginal:
    known, made = real[~np.isnan(real)], synthetic[~np.isnan(synthetic)]
    edges = _edges(known, made)
    write = _day if about == "date" else wording.number
    whole = bool(np.array_equal(edges[:-1] % 1, np.full(len(edges) - 1, 0.5)))
    labels = [
        write(low + 0.5) if whole else f"{write(low)} to {write(high)}"
        for low, high in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    ]
    ends = (float(edges[0] + 0.5), float(edges[-1] - 0.5)) if whole else (float(edges[0]), float(edges[-1]))
    every = np.concatenate([known, made])
    if every.min() < edges[0]:
        labels[0] = f"below {write(edges[1].item())}"
    if every.max() > edges[-1]:
        labels[-1] = f"above {write(edges[-2].item())}"
    return Marginal(
        name=name,
        shape="bins",
        about=about,
        labels=tuple(labels),
        real=_shares(np.histogram(np.clip(known, edges[0], edges[-1]), edges)[0], len(real)),
        synthetic=_shares(np.histogram(np.clip(made, edges[0], edges[-1]), edges)[0], len(synthetic)),
        missing=(1 - len(known) / len(real), 1 - len(made) / len(synthetic)),
        ends=(write(ends[0]), write(ends[1])),
    )


def _edges(real: npt.NDArray[np.float64], synthetic: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the borders of the bins: one bin per whole number where they are few, else of equal width."""
    every = np.clip(np.concatenate([real, synthetic]), -HUGE, HUGE)
    low, high = float(every.min()), float(every.max())
    if high - low < BINS and bool(np.all(every % 1 == 0)):
        return np.arange(low - 0.5, high + 1.0)
    near_low, near_high = np.quantile(np.clip(real, -HUGE, HUGE), [TAIL, 1 - TAIL])
    if high - low > FAR * (near_high - near_low) > 0:
        low, high = float(near_low), float(near_high)
    if high <= low:
        room = abs(low) / 2 or 0.5
        low, high = low - room, high + room
    return np.linspace(low, high, BINS + 1)


def _names(real: Column, synthetic: Column) -> Marginal:
    sizes = len(real.labels)
    counts = [np.bincount(column.present, minlength=sizes) for column in (real, synthetic)]
    shares = [count / len(column) for count, column in zip(counts, (real, synthetic), strict=True)]
    order = np.argsort(-np.maximum(shares[0], shares[1])[: real.known], kind="stable")
    own, rest = order[:MOST_NAMES], order[MOST_NAMES:]
    labels = [real.labels[place] for place in own]
    drawn = [share[own].tolist() for share in shares]
    for said, places in ((f"{OTHERS[:-1]}: {len(rest)})", rest), (UNSEEN, np.arange(real.known, sizes))):
        if any(share[places].any() for share in shares):
            labels.append(said)
            for mine, share in zip(drawn, shares, strict=True):
                mine.append(float(share[places].sum()))
    return Marginal(
        name=real.name,
        shape="bars",
        about="category",
        labels=tuple(labels),
        real=tuple(drawn[0]),
        synthetic=tuple(drawn[1]),
        missing=(float(real.missing.mean()), float(synthetic.missing.mean())),
    )


def _shares(counts: npt.NDArray[np.int64], rows: int) -> tuple[float, ...]:
    return tuple((counts / rows).tolist())


def _day(days: float) -> str:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=days)
    return moment.date().isoformat()
