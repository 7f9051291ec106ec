"""What the report says of a synthetic table: how it was made, what was refused, how it compares with the real rows."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from regrowth.domains.tables import Made
from regrowth.recipes._tables.records import Parts
from regrowth.recipes._tables.settings import Settings
from regrowth.reports.blocks import Block, Facts, Figure, Headline, Text

__all__ = ["blocks", "compared"]

LEAST = 20
"""Rows below which nothing is measured: every interval would be as wide as the scale."""
WANTED = (
    "Conditions and constraints make the rows unlike the real ones on purpose. What follows compares with the real "
    "rows as they are, so it counts what was asked for as a difference."
)


def compared(parts: Parts, made: pa.Table, seed: int) -> tuple[Block, ...]:
    """Return how like the real rows the synthetic ones are, how much they tell of single ones, and the verdict.

    Privacy is judged by the rows kept aside; where there are none, it is not.
    """
    from regrowth.reports.comparison import Asked, compare_tables  # scikit-learn, on first use

    tables = (parts.known, made, *([parts.aside] if parts.aside is not None else []))
    if min(table.num_rows for table in tables) < LEAST:
        return ()
    return compare_tables(*tables, asked=Asked(kinds=parts.kinds, pairs=False, seed=seed)).blocks


def blocks(settings: Settings, parts: Parts, made: Made, path: Path, comparison: Sequence[Block]) -> list[Block]:
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
    if comparison and (settings.conditions or settings.constraints):
        shown.append(Text(paragraphs=(WANTED,)))
    return [*shown, *comparison]


def _promised(made: Made) -> str:
    if made.promise is None:
        return "nothing is promised to the real rows"
    return f"ε = {made.promise.epsilon:.3g}, δ = {made.promise.delta:.1g} promised to each real row"
