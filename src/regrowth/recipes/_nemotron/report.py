"""What the report shows of an alignment: its stages side by side, the reward model, the judges, the rounds."""

from collections.abc import Mapping, Sequence
from statistics import fmean

from regrowth.core.protocols import Estimate
from regrowth.curation.rounds import Played
from regrowth.metrics.intervals import mean, paired_difference
from regrowth.models.model import RememberedModel
from regrowth.recipes._nemotron.judges import Agreement, believed
from regrowth.recipes._nemotron.rewards import Worth
from regrowth.reports.blocks import Arm, Block, Difference, Facts, Figure, Headline, Measure, Scores, Text

__all__ = ["of_judges", "of_rewards", "of_rounds", "staged"]

FIRST = "teacher"
"""The stage that all others are compared with."""


def staged(marks: Mapping[str, Mapping[str, Sequence[float]]], judged: str) -> list[Block]:
    """Return headline and table of the stages, the last of which is the result; `judged` says by whom."""
    *_, last = marks
    modes = list(marks[last])
    arms = [
        Arm(
            name=name,
            role="result" if name == last else "baseline" if name == FIRST else "control",
            estimates={mode: mean(one[mode]) for mode in modes if len(one[mode]) > 1},
        )
        for name, one in marks.items()
    ]
    gaps = [
        Difference(measure=mode, arm=name, against=FIRST, estimate=paired_difference(one[mode], marks[FIRST][mode]))
        for name, one in marks.items()
        if name != FIRST
        for mode in modes
        if len(one[mode]) > 1
    ]
    before, after = (_mean(marks[name][modes[-1]]) for name in (FIRST, last))
    headline = Headline(
        text=f"Mean reward {before} → {after}, first teacher to last stage ({modes[-1]})",
        figures=tuple(Figure(label=f"{last}, {mode}", value=_mean(marks[last][mode])) for mode in modes),
    )
    note = f"One reply per mode to each of {len(marks[last][modes[0]]):,} unseen prompts, rewarded {judged}."
    measures = tuple(Measure(name=mode, unit="number") for mode in modes)
    table = Scores(title="Stage by stage", measures=measures, arms=tuple(arms), differences=tuple(gaps), note=note)
    return [headline, table]


def of_rewards(found: Worth) -> Facts:
    """Return what the reward model is worth."""
    pairs = [(f"r of {name}", _told(one)) for name, one in found.correlations.items()]
    ranked = _told(found.accuracy) if found.accuracy else "too few pairs to tell"
    typical = ("typical error of a gap", f"{found.noise:.2f}")
    return Facts(title="The reward model on held-out labels", pairs=(*pairs, ("pairs ranked right", ranked), typical))


def of_judges(found: Mapping[str, Agreement], wanted: Sequence[str]) -> Facts:
    """Return how far the judges agree, and which of those that were to decide may not."""
    rows = [
        (
            judge,
            f"{one.decided:,} pairs decided, {one.undecided:,} not; "
            f"right where the truth is known: {_told(one.accuracy) if one.accuracy else 'unknown'}"
            + "".join(f"; κ with {other} {_told(value)}" for other, value in one.kappas.items()),
        )
        for judge, one in found.items()
    ]
    trusted, dropped = believed(found, wanted)
    rows.append(("who decides, the first that can", ", ".join(trusted) or "nobody"))
    return Facts(title="Three judges on the same pairs", pairs=(*rows, *(("does not decide", why) for why in dropped)))


def of_rounds(played: Played[RememberedModel]) -> Text:
    """Return what became of each round."""
    lines = [
        f"Round {turn.number}: {'kept' if turn.verdict.accepted else 'rolled back'}, {turn.verdict.why}. "
        f"Beside its teacher: {turn.figures['beside its teacher']}."
        for turn in played.turns
    ]
    if played.alarm is not None:
        lines.append(f"Round {played.alarm.round}: not played. {played.alarm}")
    return Text(title="Rounds", paragraphs=tuple(lines))


def _mean(values: Sequence[float]) -> str:
    return f"{fmean(values):.2f}" if values else "unknown"


def _told(one: Estimate) -> str:
    """Write an estimate with its interval."""
    return f"{one.value:.2f} [{one.low:.2f}, {one.high:.2f}]"
