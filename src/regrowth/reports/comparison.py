"""Real and synthetic data side by side: all that is measured, drawn and judged, as one report.

    report = compare_tables(read_table(Path("train.csv")), read_table(Path("made.csv")), holdout=None)
    report.blocks[0]      Judgement(level="look", text="Look before use. …", reasons=(…))

Here metrics meet drawings and nothing is computed but that: what is measured stands in `regrowth.metrics`.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from regrowth.core.errors import DataError
from regrowth.metrics.columns import Kind, Table, aligned
from regrowth.metrics.diversity import diversity, table_diversity
from regrowth.metrics.fairness import fairness
from regrowth.metrics.fidelity import fidelity, text_fidelity
from regrowth.metrics.privacy import privacy, text_privacy
from regrowth.metrics.reading import Reading, measures
from regrowth.reports import judgement
from regrowth.reports.associating import associations
from regrowth.reports.blocks import Block, Facts, Report, Text
from regrowth.reports.compared import Explained, Marginals, Readings, Reason, Told, Twins
from regrowth.reports.fields import Figure
from regrowth.reports.marginals import marginals, text_marginals
from regrowth.reports.neighbours import text_twins, twins

__all__ = ["LIMITS", "Asked", "compare_tables", "compare_texts", "readings_block"]

Tell = Callable[[str], None]
LEAST = {"real": 40, "synthetic": 20, "hold-out": 20}
"""Records of each side: half of the real ones stand aside to tell what real data read against real data."""
MOST_LEFT_OUT = 5
"""Columns that could not be compared which a reason names."""
LEADS: Mapping[str, str] = {
    "privacy": "Can single real records be told from the synthetic data? These are attacks that were tried and checks "
    "that find careless copies. None of them proves that nothing leaks.",
    "fidelity": "Do the synthetic data behave like the real ones? The grey band is what real data read against real "
    "data of the same size: within it, no difference can be told.",
    "diversity": "Are the synthetic data as varied as the real ones, or the same few things again and again?",
    "fairness": "Do groups fare in the synthetic data as they do in the real ones?",
}
LIMITS = (
    "A difference that no measure here looks for is not seen. Fidelity says nothing about whether the real data were "
    "right, fair or fit for a purpose; they are the yardstick.",
    "Distances to the nearest records are a smoke test: data that pass it were shown to leak membership. Only "
    "differential privacy in training bounds what can leak.",
)


@dataclass(frozen=True)
class Asked:
    """Say how data are to be compared."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    """Of columns whose kind is read wrongly."""
    target: str | None = None
    """The column that a model is to predict: for the usefulness of the synthetic data."""
    groups: Sequence[str] = ()
    """Columns that say to which group of people a row belongs."""
    positive: str = ""
    """Value of the target that is good for people: with a hold-out, models are held against each other by group."""
    pairs: bool = True
    """Whether real records are shown beside synthetic ones."""
    seed: int = 0


def _silent(_: str) -> None:
    pass


def compare_tables(
    real: pa.Table,
    synthetic: pa.Table,
    holdout: pa.Table | None = None,
    *,
    asked: Asked | None = None,
    facts: Facts | None = None,
    title: str = "Real and synthetic, compared",
    tell: Tell = _silent,
) -> Report:
    """Return the report on a synthetic table beside the real one that it was made from.

    Args:
        holdout: real rows that the generator never saw; without them privacy is not judged.
        facts: how to repeat the comparison, for the end of the page.
        tell: is told what begins.

    Raises:
        DataError: too few rows, no common columns, or none that can be compared; a column that was named is not there.
    """
    asked = asked or Asked()
    tell("columns")
    given = [real, synthetic] if holdout is None else [real, synthetic, holdout]
    tables, left_out = aligned(*given, kinds=asked.kinds)
    kept = tables[2] if holdout is not None else None
    sizes = _enough([table.rows for table in tables])
    found = _measured_tables(tables[0], tables[1], kept, asked, tell)
    missing = [*_not_measured(sizes, holdout is not None), *_not_compared(left_out)]
    tell("plots")
    blocks: list[Block] = [
        Marginals(columns=marginals(tables[0], tables[1]), note=_identifiers(tables[0])),
        associations(tables[0], tables[1]),
        twins(tables[0], tables[1], seed=asked.seed) if asked.pairs else _hidden(),
    ]
    figures = _figures(sizes, Figure(label="columns compared", value=f"{len(tables[0].columns):,}"))
    return _report(title, found, missing, blocks, figures, facts)


def compare_texts(
    real: Sequence[str],
    synthetic: Sequence[str],
    holdout: Sequence[str] | None = None,
    *,
    asked: Asked | None = None,
    facts: Facts | None = None,
    title: str = "Real and synthetic texts, compared",
    tell: Tell = _silent,
) -> Report:
    """Return the report on synthetic texts beside the real ones; arguments as those of `compare_tables`."""
    asked = asked or Asked()
    sizes = _enough([len(texts) for texts in (real, synthetic, *([holdout] if holdout is not None else []))])
    found = _measured_texts(real, synthetic, holdout, asked, tell)
    tell("plots")
    blocks: list[Block] = [
        Marginals(title="How long the texts are", columns=text_marginals(real, synthetic)),
        text_twins(real, synthetic, seed=asked.seed) if asked.pairs else _hidden(),
    ]
    missing = _not_measured(sizes, holdout is not None)
    return _report(title, found, missing, blocks, _figures(sizes), facts)


# What is measured -------------------------------------------------------------------------------------------------


def _measured_tables(
    real: Table, synthetic: Table, holdout: Table | None, asked: Asked, tell: Tell
) -> dict[str, Sequence[Reading]]:
    found: dict[str, Sequence[Reading]] = {}
    tell("privacy")
    found["privacy"] = privacy(real, synthetic, holdout, seed=asked.seed)
    tell("fidelity")
    found["fidelity"] = fidelity(real, synthetic, holdout=holdout, target=asked.target, seed=asked.seed)
    tell("diversity")
    found["diversity"] = table_diversity(real, synthetic, seed=asked.seed)
    if asked.groups:
        tell("fairness")
        target = asked.target if asked.positive else None
        found["fairness"] = fairness(
            synthetic,
            asked.groups,
            real=real,
            test=holdout,
            target=target or "",
            positive=asked.positive,
            seed=asked.seed,
        )
    return found


def _measured_texts(
    real: Sequence[str], synthetic: Sequence[str], holdout: Sequence[str] | None, asked: Asked, tell: Tell
) -> dict[str, Sequence[Reading]]:
    found: dict[str, Sequence[Reading]] = {}
    tell("privacy")
    found["privacy"] = text_privacy(real, synthetic, holdout, seed=asked.seed)
    tell("fidelity")
    found["fidelity"] = text_fidelity(real, synthetic, seed=asked.seed)
    tell("diversity")
    found["diversity"] = diversity(synthetic, real, seed=asked.seed)
    return found


def _enough(sizes: Sequence[int]) -> Sequence[int]:
    """Return the sizes of the sides.

    Raises:
        DataError: a side is too small for anything to be told.
    """
    for (name, least), size in zip(LEAST.items(), sizes, strict=False):
        if size < least:
            raise DataError(f"{size} {name} records: a comparison needs {least} at least; fewer say nothing.")
    return sizes


# What could not be ------------------------------------------------------------------------------------------------


def _not_measured(sizes: Sequence[int], holdout: bool) -> list[Reason]:
    reasons = []
    least = judgement.rules().least_rows
    if min(sizes) < least:
        text = f"There are only {min(sizes):,} records on one side; with fewer than {least:,}, little can be told."
        reasons.append(Reason(level="look", text=text))
    if not holdout:
        text = "Privacy is not judged: that takes real records that the generator never saw (--holdout FILE)."
        reasons.append(Reason(level="look", text=text, section="privacy"))
    return reasons


def _not_compared(left_out: Mapping[str, str]) -> list[Reason]:
    if not left_out:
        return []
    told = "; ".join(f"{name}: {why}" for name, why in list(left_out.items())[:MOST_LEFT_OUT])
    more = f"; and {len(left_out) - MOST_LEFT_OUT:,} more" if len(left_out) > MOST_LEFT_OUT else ""
    one = len(left_out) == 1
    text = f"{len(left_out):,} column{'' if one else 's'} could not be compared. {told}{more}."
    return [Reason(level="look", text=text)]


def _identifiers(table: Table) -> str:
    names = [column.name for column in table.of_kind("identifier")]
    return f"Identifiers have no spread to draw: {', '.join(names)}." if names else ""


def _hidden() -> Twins:
    return Twins(lead="Real records are not shown, as was asked for.")


# The page ---------------------------------------------------------------------------------------------------------


def _report(
    title: str,
    found: Mapping[str, Sequence[Reading]],
    missing: Sequence[Reason],
    blocks: Sequence[Block],
    figures: tuple[Figure, ...],
    facts: Facts | None,
) -> Report:
    verdict = judgement.judged(found, missing).model_copy(update={"figures": figures})
    told = [readings_block(name, found[name]) for name in judgement.rules().families if found.get(name)]
    ends: list[Block] = [Text(title="What this does not show", paragraphs=LIMITS), *([facts] if facts else [])]
    return Report(title=title, blocks=(verdict, *told, *blocks, *ends))


def _figures(sizes: Sequence[int], *more: Figure) -> tuple[Figure, ...]:
    names = ("real records", "synthetic records", "hold-out records")
    return (*(Figure(label=name, value=f"{size:,}") for name, size in zip(names, sizes, strict=False)), *more)


def readings_block(name: str, readings: Sequence[Reading]) -> Readings:
    """Return the readings of one family as a block, measure by measure: what asks for a look stands first."""
    family = judgement.rules().families[name]
    explained, gone = [], 0
    for measure in dict.fromkeys(reading.measure for reading in readings):
        own = [reading for reading in readings if reading.measure == measure]
        whole = [reading for reading in own if _finite(reading)]
        gone += len(own) - len(whole)
        if whole:
            explained.append(_explained(measure, whole, family))
    note = f"{gone:,} figures could not be computed and were left out." if gone else ""
    return Readings(family=name, title=family.title, lead=LEADS.get(name, ""), measures=tuple(explained), note=note)


def _finite(reading: Reading) -> bool:
    estimates = (reading.estimate, *([reading.null] if reading.null else []))
    return all(math.isfinite(number) for one in estimates for number in (one.value, one.low, one.high))


def _explained(name: str, readings: Sequence[Reading], family: judgement.Family) -> Explained:
    measure = measures()[name]
    ranked = sorted(readings, key=lambda one: (bool(one.of), -judgement.excess(one), _liked(one, measure.better)))
    told = [
        Told(
            of=one.of,
            estimate=one.estimate,
            null=one.null,
            note=one.note,
            level=judgement.level(one, family),
        )
        for one in ranked
    ]
    low, high = measure.bounds
    return Explained(
        name=name,
        title=measure.title,
        better=measure.better,
        low=low,
        high=high,
        says=measure.says,
        source=measure.source,
        readings=tuple(told),
    )


def _liked(reading: Reading, better: str) -> float:
    """Return a number that is lower for what is worse."""
    value = reading.estimate.value
    if better == "middle":
        return -abs(value - (reading.null.value if reading.null else 0.0))
    return {"higher": value, "lower": -value}.get(better, 0.0)
