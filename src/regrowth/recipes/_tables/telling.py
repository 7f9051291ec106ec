"""What the report says of a synthetic table: how it was made, what was refused, how it compares with the real rows."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from regrowth.domains.tables import Made
from regrowth.metrics.columns import aligned
from regrowth.metrics.reading import Reading, measures
from regrowth.recipes._tables.records import Parts
from regrowth.recipes._tables.settings import Settings
from regrowth.reports.blocks import Block, Facts, Figure, Headline, Text

__all__ = ["blocks", "readings"]

LEAST = 20
"""Rows below which nothing is measured: every interval would be as wide as the scale."""
WANTED = (
    "Conditions and constraints make the rows unlike the real ones on purpose. The readings compare with the real rows "
    "as they are, so they count what was asked for as a difference."
)
SHOWN = 12
"""Readings of single columns that the page shows: those that are worse than real rows read."""


def readings(parts: Parts, made: pa.Table, seed: int) -> list[Reading]:
    """Return how like the real rows the synthetic ones are, and how much they tell of single ones.

    Privacy is measured against the rows kept aside; where there are none, only repetition is.
    """
    from regrowth.metrics.fidelity import fidelity  # scikit-learn, on first use
    from regrowth.metrics.privacy import privacy

    others = [made] if parts.aside is None else [made, parts.aside]
    known, synthetic, *aside = aligned(parts.known, *others, kinds=parts.kinds).tables
    if min(known.rows, synthetic.rows, *(one.rows for one in aside)) < LEAST:
        return []
    holdout = aside[0] if aside else None
    found = fidelity(known, synthetic, holdout=holdout, seed=seed)
    return [*found, *privacy(known, synthetic, holdout, seed=seed)]


def blocks(settings: Settings, parts: Parts, made: Made, path: Path, found: Sequence[Reading]) -> list[Block]:
    """Return what the report shows."""
    counts = Counter(one.gate for one in made.refused)
    told = ", ".join(f"{count:,} by {gate}" for gate, count in sorted(counts.items())) or "none"
    figures = [
        Figure(label="real rows learnt from", value=f"{parts.known.num_rows:,}"),
        Figure(label="real rows kept aside", value=f"{parts.aside.num_rows if parts.aside else 0:,}"),
        Figure(label="rows refused and drawn again", value=f"{len(made.refused):,}", note=told),
    ]
    text = f"{made.table.num_rows:,} rows like those of {settings.path.name}, by {settings.how}; {_promised(made)}"
    pairs = [
        ("file", path.name),
        ("conditions", "; ".join(f"{name}: {want}" for name, want in settings.conditions.items()) or "none"),
        *((f"left out: {name}", why) for name, why in made.left_out.items()),
    ]
    shown: list[Block] = [Headline(text=text, figures=tuple(figures)), Facts(title="The table", pairs=tuple(pairs))]
    told_of = [one for one in found if not one.of] + [one for one in found if one.of and one.worse][:SHOWN]
    if told_of:
        shown.append(Facts(title="Beside the real rows", pairs=tuple((_name(one), _value(one)) for one in told_of)))
    if told_of and (settings.conditions or settings.constraints):
        shown.append(Text(paragraphs=(WANTED,)))
    return shown


def _promised(made: Made) -> str:
    if made.promise is None:
        return "nothing is promised to the real rows"
    return f"ε = {made.promise.epsilon:.3g}, δ = {made.promise.delta:.1g} promised to each real row"


def _name(one: Reading) -> str:
    title = measures()[one.measure].title if one.measure in measures() else one.measure
    return f"{title}: {one.of}" if one.of else title


def _value(one: Reading) -> str:
    value, low, high = (f"{number:.3f}" for number in (one.estimate.value, one.estimate.low, one.estimate.high))
    real = "" if one.null is None else f"; real rows among themselves {one.null.low:.3f} to {one.null.high:.3f}"
    return f"{value} ({low} to {high}){real}{': worse' if one.worse else ''}"
