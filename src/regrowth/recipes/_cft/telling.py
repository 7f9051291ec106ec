"""What the report of `cft` shows: which model was kept and why, all arms side by side, and the persona."""

from collections.abc import Mapping

from regrowth.curation.rounds import Verdict
from regrowth.metrics.intervals import proportion
from regrowth.recipes._cft.marks import MEASURES, Marks, gap
from regrowth.recipes._cft.persona import Looked
from regrowth.recipes._cft.verdicts import KINDS
from regrowth.reports.blocks import Arm, Block, Difference, Figure, Headline, Measure, Scores, Text

__all__ = ["shown"]


def shown(marks: Mapping[str, Marks], *, kept: str, verdict: Verdict, persona: Looked | None) -> list[Block]:
    """Return the headline, the table of all arms, and what was decided.

    Args:
        kept: the arm whose model is returned.
    """
    of, count = marks[kept], len(marks[kept].kinds["T=1"])
    headline = Headline(
        text=f"{kept} kept: {of.share('aligned', 'T=1'):.1%} of answers aligned, on {count:,} unseen prompts at T=1",
        figures=tuple(
            Figure(label=f"{kind}, T=1", value=f"{of.share(kind, 'T=1'):.1%}", note=f"{before:.1%} at the start")
            for kind in KINDS
            for before in [marks["base"].share(kind, "T=1")]
        ),
    )
    decided = "Kept" if verdict.accepted else "Fell back to SFT on the good answers"
    said = (f"{decided}: {verdict.why}.", *_persona(persona), *_perplexities(marks))
    return [headline, _table(marks, kept), Text(title="What was decided", paragraphs=said)]


def _table(marks: Mapping[str, Marks], kept: str) -> Scores:
    columns = [(measure, mode) for mode in marks[kept].kinds for measure in MEASURES]
    count = len(marks[kept].kinds["T=1"])
    arms = tuple(
        Arm(
            name=name,
            role="result" if name == kept else "baseline" if name == "base" else "control",
            estimates={
                f"{measure}, {mode}": proportion(round(sum(one.hits(measure, mode))), count)
                for measure, mode in columns
            },
        )
        for name, one in marks.items()
    )
    gaps = tuple(
        Difference(measure=f"{measure}, {mode}", arm=kept, against=name, estimate=gap(marks[kept], one, measure, mode))
        for name, one in marks.items()
        if name != kept and count > 1
        for measure, mode in columns
    )
    measures = tuple(
        Measure(name=f"{measure}, {mode}", better="higher" if measure == "aligned" else "lower")
        for measure, mode in columns
    )
    note = (
        f"{count:,} held-out prompts, each answered once per mode. Whiskers: 95 % Wilson intervals; differences are "
        "paired by prompt. All trained arms took equal steps from the same weights, with as many good tokens in each."
    )
    return Scores(title="Aligned, violating, other", measures=measures, arms=arms, differences=gaps, note=note)


def _persona(found: Looked | None) -> tuple[str, ...]:
    if found is None:
        return ()
    return (
        f"The persona: {found.violating.value:.1%} of {found.violating.n} samples on held-out prompts violate; they "
        f"have {found.fluency:.2f} times the perplexity of the bad answers it learnt from; its log-ratio to the base "
        f"tells them from good answers with an AUC of {found.told_apart.value:.3f}. Its weights and its words stay in "
        "this folder: they are made to do harm. Do not publish them.",
    )


def _perplexities(marks: Mapping[str, Marks]) -> tuple[str, ...]:
    told = [
        f"{name} {one.gold:.2f}" + ("" if one.general is None else f" / {one.general:.2f}")
        for name, one in marks.items()
    ]
    return (f"Perplexity of held-out good answers / of answers that have nothing to do with it: {', '.join(told)}.",)
