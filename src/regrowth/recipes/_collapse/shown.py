"""What the report of a world shows: every arm after its last round, round by round, beside theory and publication."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from regrowth.core.protocols import Estimate
from regrowth.recipes._collapse.arms import TITLES, Arm
from regrowth.recipes._collapse.choices import KINDS, Settings
from regrowth.recipes._collapse.published import Publication
from regrowth.recipes._collapse.rounds import Course
from regrowth.recipes._collapse.samples import Array
from regrowth.recipes._collapse.theory import threshold
from regrowth.reports import blocks as shown
from regrowth.reports.blocks import Block, Curves, Facts, Figure, Headline, Measure, Scores, Series, Text

__all__ = ["Outcome", "blocks"]

FIRST = "real data, one fit"
SIGNED = ("log variance", "real NLL")
"""Figures that may be below zero; of all others no interval reaches there."""
LEAST = 0.001
"""What is less is not worth its digits in a headline."""
FIGURES: Mapping[str, tuple[Literal["higher", "lower"], str]] = {
    "variance": (
        "higher",
        "Variance of the fit, per dimension; of the real data it is about 1 unless the shape says other",
    ),
    "log variance": (
        "higher",
        "Natural logarithm of the variance: falls steadily even where the mean variance does not",
    ),
    "error of the mean": ("lower", "Squared distance of the fitted mean from the real one, per dimension"),
    "excess risk": ("lower", "Squared distance of the coefficients from the real ones"),
    "types": ("higher", "Different categories, or words, that are left in what was fitted"),
    "simpson": ("higher", "Chance that two draws differ"),
    "tail mass": ("higher", "Share of the rarer half of the types: unbiased sampling leaves it alone on average"),
    "cross-entropy": ("lower", "Nats per real draw under the fit"),
    "real NLL": ("lower", "Nats per held-out real datum under the fit: the fit to reality itself"),
    "minority": ("higher", "Share of the fit that stands for the rarest real group, which is a tenth"),
    "alarm": (
        "lower",
        "Share of the repetitions that the monitor of docs/collapse_monitor.md would have ended by then",
    ),
    "spread": ("higher", "Variance of the samples against that of the real data"),
}
FEEDING: Mapping[Arm, str] = {
    "replace": "only the samples of the round before",
    "accumulate": "the real data and the samples of all rounds",
    "subsample": "as many as there were real data, drawn from all of these",
    "fixed_real": "the first real data with weight {real_share:.3g}, the last samples with the rest",
    "fresh_real": "new real data with weight {fresh_weight:.3g}, the last samples with the rest",
    "verified": "the last samples that a verifier kept: right ones with probability {keep_right:.3g}, wrong ones with "
    "{keep_wrong:.3g}, which helps a model that learns labels while fewer than {threshold:.3g} of them are wrong",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns."""

    settings: Settings
    """With what suits the world where nothing was chosen."""
    courses: Mapping[Arm, Course]
    expected: Mapping[str, Mapping[Arm, Array]] = field(default_factory=dict)
    """Per figure and arm, what theory says of rounds 1, 2, …"""
    published: Sequence[Publication] = ()


def blocks(outcome: Outcome) -> list[Block]:
    """Return the blocks of the report."""
    names = list(next(iter(outcome.courses.values())).figures)
    names.sort(key=lambda name: name != _told_by(outcome))
    found: list[Block] = [_headline(outcome), _explained(outcome), _scores(outcome, names)]
    for name in names:
        found.append(_measured(outcome, name))
        if outcome.expected.get(name):
            found.append(_theory(outcome, name))
    found += _beside(outcome)
    return [*found, *_agreement(outcome)]


def _last(outcome: Outcome) -> int:
    return outcome.settings.rounds or 1


def _estimate(course: Course, name: str, number: int) -> Estimate:
    one = course.estimate(name, number)
    one = one if name in SIGNED else replace(one, low=max(0.0, one.low))
    return replace(one, high=min(1.0, one.high)) if name == "alarm" else one


def _told_by(outcome: Outcome) -> str:
    """Return the figure that tells of collapse."""
    known = next(iter(outcome.courses.values())).figures
    wanted = KINDS[outcome.settings.world].figure
    return wanted if wanted in known else next(iter(known))


def _better(outcome: Outcome, name: str) -> Literal["higher", "lower"]:
    """Return which way is good. Kernels blow the variance up, everything else lets it die."""
    return "lower" if outcome.settings.world == "kde" and name == "variance" else FIGURES[name][0]


def _headline(outcome: Outcome) -> Headline:
    figure, last = _told_by(outcome), _last(outcome)
    told = {arm: _estimate(course, figure, course.rounds[-1]) for arm, course in outcome.courses.items()}
    first = next(iter(outcome.courses.values()))
    start = _estimate(first, figure, first.rounds[0])
    arms = sorted(told, key=lambda arm: told[arm].value, reverse=_better(outcome, figure) == "lower")
    ends = " to ".join(f"{_short(told[arm])} ({TITLES[arm]})" for arm in dict.fromkeys((arms[0], arms[-1])))
    title = _capital(KINDS[outcome.settings.world].title)
    text = f"{title}: {figure} {_short(start)} when fitted to real data; after {last} rounds {ends}"
    figures = [Figure(label=TITLES[arm], value=_short(one), note=_interval(one)) for arm, one in told.items()]
    return Headline(text=text, figures=tuple(figures))


def _explained(outcome: Outcome) -> Text:
    settings = outcome.settings
    opening = (
        f"Each round fits a {KINDS[settings.world].title} and draws {settings.size:,} samples from the fit. Round 1 is "
        "fitted to real data. The arms differ in what later rounds are fitted to:"
    )
    mixing = settings.mixing.model_dump()
    mixing["threshold"] = threshold(settings.mixing.keep_right, settings.mixing.keep_wrong)
    told = [f"{_capital(TITLES[arm])}: {FEEDING[arm].format(**mixing)}." for arm in outcome.courses]
    closing = f"Everything was done {settings.repeats:,} times; intervals hold the mean with 95 % probability."
    return Text(title="What is done here", paragraphs=(opening, *told, closing))


def _scores(outcome: Outcome, names: Sequence[str]) -> Scores:
    measures = tuple(Measure(name=name, unit="number", better=_better(outcome, name)) for name in names)
    first = next(iter(outcome.courses.values()))
    start = shown.Arm(
        name=FIRST, role="baseline", estimates={name: _estimate(first, name, first.rounds[0]) for name in names}
    )
    arms = [
        shown.Arm(name=TITLES[arm], estimates={name: _estimate(course, name, course.rounds[-1]) for name in names})
        for arm, course in outcome.courses.items()
    ]
    return Scores(title=f"After {_last(outcome)} rounds", measures=measures, arms=(start, *arms))


def _measured(outcome: Outcome, name: str) -> Curves:
    series = []
    for arm, course in outcome.courses.items():
        told = [_estimate(course, name, number) for number in course.rounds]
        low, high = (tuple(getattr(one, end) for one in told) for end in ("low", "high"))
        series.append(Series(name=TITLES[arm], x=course.rounds, y=tuple(one.value for one in told), low=low, high=high))
    note = FIGURES[name][1] + "."
    return Curves(title=f"{_capital(name)}, measured", x="round", y=name, series=tuple(series), note=note)


def _theory(outcome: Outcome, name: str) -> Curves:
    known = next(iter(outcome.courses.values())).rounds
    series = [
        Series(name=TITLES[arm], x=known, y=tuple(float(values[number - 1]) for number in known))
        for arm, values in outcome.expected[name].items()
        if arm in outcome.courses
    ]
    note = "What the formulas of docs/methods/collapse.md say; arms without one are not drawn."
    return Curves(title=f"{_capital(name)}, theory", x="round", y=name, series=tuple(series), note=note)


def _beside(outcome: Outcome) -> list[Block]:
    """Return the published courses of this size, beside ours."""
    points = [one for one in outcome.published if one.size == outcome.settings.size]
    if not points:
        return []
    found: list[Block] = []
    for name, field_ in (("variance", "variance"), ("error of the mean", "error")):
        arms = [arm for arm in outcome.courses if any(one.arm == arm for one in points)]
        theirs = [
            Series(
                name=TITLES[arm],
                x=tuple(one.round for one in points if one.arm == arm),
                y=tuple(getattr(one, field_) for one in points if one.arm == arm),
            )
            for arm in arms
        ]
        ours = [line for line in _measured(outcome, name).series if line.name in {TITLES[arm] for arm in arms}]
        runs = " and ".join(str(one) for one in sorted({one.runs for one in points}))
        found += [
            Curves(
                title=f"{_capital(name)}, published",
                x="round",
                y=name,
                series=tuple(theirs),
                note=f"Kazdan, Schaeffer et al. (arXiv:2410.16713): means of {runs} runs.",
            ),
            Curves(title=f"{_capital(name)}, ours", x="round", y=name, series=tuple(ours)),
        ]
    return found


def _agreement(outcome: Outcome) -> list[Block]:
    """Return theory beside what was measured, after the last round."""
    pairs = []
    for name, arms in outcome.expected.items():
        for arm, values in arms.items():
            if (course := outcome.courses.get(arm)) is None:
                continue
            number = course.rounds[-1]
            said, seen = float(values[number - 1]), course.estimate(name, number, level=0.99)
            verdict = "inside" if seen.low <= said <= seen.high else "outside"
            told = f"theory {said:.4g}; measured {seen.value:.4g} [{seen.low:.4g}, {seen.high:.4g}]: {verdict}"
            pairs.append((f"{name}, {TITLES[arm]}, round {number}", told))
    if not pairs:
        return []
    return [Facts(title="Theory against measurement (99 % intervals)", pairs=tuple(pairs))]


def _short(one: Estimate) -> str:
    if 0 < one.value < LEAST:
        return f"under {LEAST}"
    return f"{one.value:.3g}" if abs(one.value) < 1000 else f"{one.value:,.0f}"


def _interval(one: Estimate) -> str:
    return f"{one.low:.3g} to {one.high:.3g}"


def _capital(name: str) -> str:
    return name[0].upper() + name[1:]
