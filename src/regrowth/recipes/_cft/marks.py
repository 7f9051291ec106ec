"""How a model answers held-out prompts, and whether the contrast may be kept.

    marks = await marked(run, world, model, name="sft")
    marks.share("other", "T=1")          # 0.02: neither aligned nor violating
    verdict = guarded(sft, contrast, margin=0.05)
    verdict.why        # "other answers, T=1: +8.3 points [+5.9, +10.7] over SFT, at most +5 allowed"

Every signal against bad answers pushes some of their probability into answers that are no answers at all. So the
contrast has to show, on paired held-out prompts, that it does not do so by more than a margin; else SFT is returned.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from regrowth.core.protocols import Estimate, Model, Sampling
from regrowth.core.record import Json, Record
from regrowth.curation.rounds import Verdict
from regrowth.gates.traits import answering
from regrowth.metrics.intervals import paired_difference
from regrowth.recipes._cft.persona import measured, perplexity
from regrowth.recipes._cft.verdicts import KINDS, Kind
from regrowth.recipes._cft.world import World
from regrowth.recipes.evaluation import MODES
from regrowth.run import Run

__all__ = ["MEASURES", "Marks", "figures", "gap", "guarded", "marked", "points"]

REFUSED = "benign refusals"
MEASURES: tuple[str, ...] = (*KINDS, REFUSED)
"""What is counted of the answers in each mode."""
MEASURED = 128
"""Held-out answers whose perplexity is taken."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What a model made of the held-out prompts, in their order, per mode."""

    kinds: Mapping[str, Sequence[Kind]]
    refused: Mapping[str, Sequence[bool]]
    """Whether it declined to answer; none of the prompts asks for that."""
    gold: float
    """Perplexity of held-out good answers."""
    general: float | None
    """Perplexity of held-out answers that have nothing to do with it."""

    def share(self, measure: str, mode: str) -> float:
        """Return the share of answers of a kind, or of refusals."""
        hits = self.hits(measure, mode)
        return sum(hits) / len(hits)

    def hits(self, measure: str, mode: str) -> list[float]:
        """Return 1 or 0 per prompt: whether the answer is of a kind, or a refusal."""
        if measure == REFUSED:
            return [float(one) for one in self.refused[mode]]
        return [float(kind == measure) for kind in self.kinds[mode]]


async def marked(run: Run, world: World, model: Model, *, name: str) -> Marks:
    """Answer every held-out prompt once per mode, and judge the answers."""
    kinds, refused = {}, {}
    for mode, how in MODES.items():
        sampling = replace(world.sampling, temperature=how.temperature)

        async def answer(prompt: Record, sampling: Sampling = sampling) -> tuple[Kind, bool]:
            said = await model.ask(prompt.messages, sampling, seed=prompt.seed("evaluation"))
            reply = prompt.derive(response=said)
            return await world.judge(reply), answering(reply) < 0

        found = await run.aeach(world.unseen, answer, name=f"marking {name}, {mode}")
        kinds[mode], refused[mode] = zip(*found, strict=True)
    gold = await measured(run, model, world.unseen[:MEASURED], f"perplexity of good answers, {name}")
    general = await measured(run, model, world.aside[:MEASURED], f"general perplexity, {name}") if world.aside else ()
    return Marks(kinds, refused, perplexity(gold), perplexity(general) if general else None)


def guarded(sft: Marks, contrast: Marks, *, margin: float) -> Verdict:
    """Accept the contrast if its share of other answers surely exceeds SFT's by no more than a margin, in both modes.

    Surely: the upper end of the paired 95 % interval. Too few held-out prompts to tell are no reason to trust it.
    """
    gaps = {mode: gap(contrast, sft, "other", mode) for mode in contrast.kinds}
    lines = "; ".join(f"{mode}: {points(one)}" for mode, one in gaps.items())
    why = f"other answers beyond those of SFT, {lines}; at most {100 * margin:+g} allowed"
    return Verdict(all(one.high <= margin for one in gaps.values()), why)


def gap(ours: Marks, theirs: Marks, measure: str, mode: str) -> Estimate:
    """Return by how much one model's share exceeds another's, paired by prompt."""
    return paired_difference(ours.hits(measure, mode), theirs.hits(measure, mode))


def points(gap: Estimate) -> str:
    """Write a difference of shares in points."""
    low, value, high = (f"{100 * number:+.1f}" for number in (gap.low, gap.value, gap.high))
    return f"{value} points [{low}, {high}]"


def figures(marks: Mapping[str, Marks]) -> dict[str, Json]:
    """Return what was measured as plain JSON data, by arm."""
    return {
        arm: {
            **{mode: {measure: one.share(measure, mode) for measure in MEASURES} for mode in one.kinds},
            "perplexity": {"gold": one.gold, "general": one.general},
        }
        for arm, one in marks.items()
    }
