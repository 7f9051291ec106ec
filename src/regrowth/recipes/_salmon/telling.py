"""What the report shows of a run of `salmon`."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from regrowth.core.protocols import Estimate
from regrowth.recipes._rounds import Round
from regrowth.recipes._salmon.draws import Draw, sides
from regrowth.recipes._salmon.judging import Check
from regrowth.recipes._salmon.reward_model import Exam
from regrowth.recipes._salmon.steering import Traits, changes
from regrowth.reports.blocks import (
    Arm,
    Block,
    Curves,
    Difference,
    Facts,
    Figure,
    Headline,
    Measure,
    Scores,
    Series,
)

if TYPE_CHECKING:
    from regrowth.recipes.salmon import Outcome

__all__ = ["shown"]


def shown(outcome: "Outcome", asked: Draw) -> list[Block]:
    """Return the blocks of the report, as far as the run went.

    Args:
        asked: of the policy: interventions and wishes.
    """
    blocks: list[Block] = [_headline(outcome)]
    if outcome.traits and len(outcome.traits["start"].replies["T=1"]) > 1:  # one reply has no interval
        blocks += [_traits(outcome.traits, mode, dict(sides(asked))) for mode in outcome.traits["start"].of]
    if outcome.exam:
        blocks += _exam(outcome.exam)
    if outcome.checks:
        blocks.append(_judge(outcome.checks))
    if outcome.rounds:
        blocks.append(_rounds(outcome.rounds))
    return blocks


def _headline(outcome: "Outcome") -> Headline:
    count = len(outcome.preferences)
    exam = outcome.exam
    if exam is None or exam.overall is None:
        return Headline(text=f"{count:,} preferences under drawn principles; nothing was examined")
    figures = [Figure(label=label, value=_percent(one)) for label, one in _flips(exam).items()]
    text = (
        f"The reward model is right on {_percent(exam.overall)} of the questions about {exam.overall.n:,} unseen pairs"
    )
    ties = Figure(
        label="preferences", value=f"{count:,}", note=f"{outcome.preferences.manifest['ties']:,} ties left out"
    )
    return Headline(text=text, figures=(ties, *figures))


def _flips(exam: Exam) -> dict[str, Estimate]:
    return {f"reversed when turned round, {kind}": one for kind, one in exam.flips.items() if kind == "single"}


def _percent(one: Estimate) -> str:
    return f"{one.value:.1%} [{one.low:.1%}, {one.high:.1%}]"


def _exam(exam: Exam) -> list[Block]:
    by_kind = [Arm(name=name, role="result", estimates=_both(exam, name)) for name in exam.accuracy]
    by_principle = [
        Arm(name=name, role="result", estimates={"right": one, "reversed when turned round": exam.turned[name]})
        for name, one in exam.principles.items()
    ]
    measures = (Measure(name="right"), Measure(name="reversed when turned round"))
    mirror = exam.mirror
    told = f" Gaps under a principle and under its opposite correlate by {mirror.value:.2f}." if mirror else ""
    note = (
        "Held-out pairs; all questions about one pair count as one observation. Combinations that are `unseen` were in "
        f"no preference, and an `unseen principle` in none either. Chance is 50 %.{told}"
    )
    return [
        Scores(title="What the reward model learnt", measures=measures, arms=tuple(by_kind), note=note),
        Scores(title="Principle by principle", measures=measures, arms=tuple(by_principle)),
    ]


def _both(exam: Exam, kind: str) -> dict[str, Estimate]:
    found = {"right": exam.accuracy[kind]}
    return found | ({"reversed when turned round": exam.flips[kind]} if kind in exam.flips else {})


def _judge(checks: Mapping[str, Check]) -> Facts:
    pairs = []
    for name, check in checks.items():
        right = f", right {_percent(check.accuracy)}" if check.accuracy else ", no program can tell whether it is right"
        use = "; dropped" if check.dropped else "; its labels were used" if check.needed else "; only checked"
        pairs.append((name, f"both orders agree {_percent(check.consistency)}{right}{use}"))
    return Facts(title="The judge, principle by principle", pairs=tuple(pairs))


def _traits(traits: Mapping[str, Traits], mode: str, asked: Mapping[str, float]) -> Scores:
    """Compare the traits before and after, those that were asked for first; one that two principles share, once."""
    start, found = traits["start"].of[mode], changes(traits["start"], traits["policy"])[mode]
    names: list[str] = []
    for name in sorted(start, key=lambda name: name not in asked):
        if not any(start[name] == start[other] and found[name] == found[other] for other in names):
            names.append(name)
    said = {1.0: ", asked for", -1.0: ", asked to be less"}
    measures = {name: f"{name}{said.get(asked.get(name, 0.0), '')}" for name in names}
    arms = [
        Arm(
            name=arm,
            role="result" if arm == "policy" else "baseline",
            estimates={label: one.estimate(mode, name) for name, label in measures.items()},
        )
        for arm, one in traits.items()
    ]
    gaps = [
        Difference(measure=label, arm="policy", against="start", estimate=found[name])
        for name, label in measures.items()
    ]
    return Scores(
        title=f"Traits of the replies, {mode}",
        measures=tuple(Measure(name=label, unit="number") for label in measures.values()),
        arms=tuple(arms),
        differences=tuple(gaps),
        note="Measured by programs on held-out prompts, per reply: the more, the truer to the principle.",
    )


def _rounds(rounds: Sequence[Round]) -> Curves:
    x = tuple(range(1, len(rounds) + 1))
    names = {"reward": "reward", "KL to the start": "kl"}
    series = [Series(name=label, x=x, y=tuple(one.facts.get(name) for one in rounds)) for label, name in names.items()]
    return Curves(title="Replies drawn in each round, before its steps", x="round", y="mean", series=tuple(series))
