"""What the report of `lab` shows: what became of the drafts, what gates and judge find, what a person should know."""

from collections import Counter
from collections.abc import Mapping, Sequence

from regrowth.core.dataset import Dataset
from regrowth.core.protocols import Estimate
from regrowth.recipes._lab.judging import Calibration
from regrowth.reports.blocks import Arm, Facts, Measure, Scores, Text

__all__ = ["calibrations", "notes", "yields"]

QUESTIONS = ("one_question", "self_contained", "on_topic")


def yields(pairs: Dataset, kept: Dataset, phases: Mapping[str, Sequence[object]]) -> Facts:
    """Return how many pairs were left after each stage."""
    gates = Counter(entry.gate for entry in (*pairs.ledger(), *kept.ledger()))
    lost = dict(gates)
    asked = sum(lost.pop(name, 0) for name in QUESTIONS)
    drafts = len(pairs) + sum(1 for _ in pairs.ledger())
    rows = [
        ("drafts", f"{drafts:,}"),
        ("refused as questions", f"{asked:,}"),
        *((f"refused: {name}", f"{count:,}") for name, count in sorted(lost.items(), key=lambda one: -one[1])),
        ("pairs kept", f"{len(kept):,}"),
        *((f"rows of {name}", f"{len(rows):,}") for name, rows in phases.items()),
    ]
    return Facts(title="What became of the drafts", pairs=tuple(rows))


def calibrations(found: Mapping[str, Calibration]) -> Scores:
    """Return the table of what gates and judge find of the planted errors."""
    kinds = list(dict.fromkeys(kind for one in found.values() for kind in one.by_error))
    alarms = Measure(name="right pairs refused", better="lower")
    arms = [
        Arm(name=name, estimates={**_recalls(one, kinds), "all errors": one.recall, alarms.name: one.alarms})
        for name, one in found.items()
    ]
    measures = (*(Measure(name=kind) for kind in [*kinds, "all errors"]), alarms)
    note = (
        "Share of the planted errors that each refuses, by kind; errors are planted into the right pairs of the seeds."
    )
    return Scores(title="What is found of planted errors", measures=measures, arms=tuple(arms), note=note)


def _recalls(one: Calibration, kinds: Sequence[str]) -> dict[str, Estimate]:
    return {kind: found.recall for kind in kinds if (found := one.by_error.get(kind)) and found.recall is not None}


def notes(told: Sequence[str]) -> list[Text]:
    """Return what a person should know, if there is anything."""
    return [Text(title="What to know", paragraphs=tuple(told))] if told else []
