"""What the report of SPIN shows: the arms beside each other, every round as a curve, and what became of each round."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regrowth.core.protocols import Estimate
from regrowth.curation.rounds import Played
from regrowth.metrics.intervals import mean, paired_difference
from regrowth.models.model import RememberedModel
from regrowth.recipes._spin.looks import Look
from regrowth.recipes.evaluation import compared
from regrowth.reports.blocks import Arm, Block, Curves, Difference, Measure, Scores, Series, Text

__all__ = ["Outcome", "blocks"]

NLL, ENTROPY, AUC = "NLL of the gold", "entropy of its answers", "AUC against the start's answers"
CURVES = {
    "nll": ("NLL of the gold", "nats per answer"),
    "T=1": ("Right at T=1", "share"),
    "greedy": ("Right, greedy", "share"),
    "auc": ("Gold told from the answers of the round's start, by the gain in log p", "AUC"),
    "plain": ("Gold told from its own answers, by log p", "AUC"),
    "entropy": ("Entropy of its answers", "nats per answer"),
    "length": ("Own tokens per gold token", "ratio"),
    "distinct": ("Pairs of words that are new", "share"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns."""

    model: RememberedModel
    """Of the last accepted round."""
    played: Mapping[str, Played[RememberedModel]]
    """Per arm, every round."""
    aside: Look
    """The start, on the records by which rounds are accepted."""
    looks: Mapping[str, Look]
    """Per arm, the model that was kept, on the held-out records; `base` is the start."""
    apart: Mapping[str, Estimate]
    """Per arm, how well the kept model tells held-out gold from the start's answers: an AUC."""


def blocks(outcome: Outcome) -> list[Block]:
    """Return the blocks of the report."""
    marks = {name: look.marks for name, look in outcome.looks.items()}
    shown = compared(marks, baseline="base", result="spin", title="SPIN, beside its controls")
    return [*shown, _held_out(outcome), _told(outcome), *(_curve(outcome, name) for name in CURVES)]


def _held_out(outcome: Outcome) -> Scores:
    base = outcome.looks["base"]

    def estimates(name: str, look: Look) -> dict[str, Estimate]:
        known = {NLL: [-value for value in look.gold], ENTROPY: [-value for value in look.own]}
        found = {measure: mean(values) for measure, values in known.items() if len(values) > 1}
        return found | ({AUC: outcome.apart[name]} if name in outcome.apart else {})

    roles = {"base": "baseline", "spin": "result"}
    arms = [
        Arm.model_validate({"name": name, "role": roles.get(name, "control"), "estimates": estimates(name, look)})
        for name, look in outcome.looks.items()
    ]
    mine = outcome.looks["spin"]
    gaps = [
        Difference(measure=NLL, arm="spin", against=name, estimate=paired_difference(look.gold, mine.gold))
        for name, look in {"base": base, **outcome.looks}.items()
        if name != "spin"
    ]
    note = (
        "Nats per answer. Where the gold is the only right answer its entropy is 0, and the NLL is the whole gap. "
        "AUC: how well the gain in log p since the start tells gold from what the start wrote."
    )
    measures = (
        Measure(name=NLL, unit="number", better="lower"),
        Measure(name=ENTROPY, unit="number", better="lower"),
        Measure(name=AUC),
    )
    return Scores(title="Held-out gold", measures=measures, arms=tuple(arms), differences=tuple(gaps), note=note)


def _told(outcome: Outcome) -> Text:
    said = [
        f"{arm}, round {turn.number}: {'kept' if turn.verdict.accepted else 'refused'}. {turn.verdict.why}."
        for arm, played in outcome.played.items()
        for turn in played.turns
    ]
    said += [
        f"{arm}: round {one.alarm.round} was not played. {one.alarm}"
        for arm, one in outcome.played.items()
        if one.alarm is not None
    ]
    return Text(title="What became of each round", paragraphs=tuple(said))


def _curve(outcome: Outcome, figure: str) -> Curves:
    title, unit = CURVES[figure]
    start = outcome.aside.figures().get(figure)
    series = []
    for arm, played in outcome.played.items():
        values: Sequence[object] = [start, *(turn.figures.get(figure) for turn in played.turns)]
        known = tuple(value if isinstance(value, float) else None for value in values)
        series.append(Series(name=arm, x=tuple(range(len(known))), y=known))
    return Curves(title=title, x="round", y=unit, unit="share" if unit == "share" else "number", series=tuple(series))
