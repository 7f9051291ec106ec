"""Policy optimisation: in each round the policy draws replies, a reward judges them, and a few steps follow from that.

Sources: GRPO (Shao et al., 2024, arXiv:2402.03300), RLOO (Ahmadian et al., 2024, arXiv:2402.14740), and as the cheap
variant the best and the worst of n as pairs for DPO (Rafailov et al., 2023, arXiv:2305.18290) or for reward-aware
preference optimisation (Sun et al., 2025, arXiv:2502.00203); guards after SALMON (arXiv:2310.05910).
Departs from them in three points: groups with equal rewards are left out of the steps (as in DAPO, but not drawn
anew); the round that does best on development problems is returned, not the last; every round is effects and fits, so a
run that was killed goes on.

One group on its way:
    prompt       "Tom has 3 pens and buys 4 more. How many pens?"
    responses    "3 + 4 = 7"    "3 + 4 = 8"    "3 + 4 = 7"    "3 × 4 = 12"
    rewards       1              0              1              0             # any function of a record
    advantages   +0.87          -0.87          +0.87          -0.87          # of `grpo`
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from regrowth.core.protocols import Estimate
from regrowth.core.record import Record
from regrowth.domains import problems, verifier
from regrowth.metrics.intervals import mean
from regrowth.models.model import RememberedModel
from regrowth.recipes._groups import Guards, Reward, distance, shared_draw
from regrowth.recipes._rounds import Arm, Round, Settings, ending, seeded, verdict
from regrowth.recipes.evaluation import MODES, Marks, compared, domains_of, evaluate
from regrowth.reports.blocks import Block, Curves, Series, Text, save
from regrowth.run import Run

__all__ = ["Arm", "Guards", "Outcome", "Reward", "Round", "Settings", "policy_optimization", "shared_draw", "verdict"]

DEVELOPMENT = 256
"""Problems by which the round is chosen; none of them is trained on or evaluated on."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns."""

    model: RememberedModel
    """The policy after its best round."""
    rounds: Mapping[str, Sequence[Round]]
    """Per arm."""
    development: Mapping[str, Sequence[Marks]]
    """Per arm, right or wrong on each development problem: at the start and after every round."""
    marks: Mapping[str, Marks]
    """Per arm, right or wrong on each held-out problem."""
    kept: Mapping[str, int]
    """Per arm, the round that was kept; 0 is the start."""
    drift: Mapping[str, Estimate]
    """Per arm, log policy - log start of its held-out replies at T=1, in nats per reply."""


async def policy_optimization(run: Run, settings: Settings) -> Outcome:
    """Return the policy after its best round, marked beside its controls."""
    settings = settings.model_copy(update={"domains": domains_of(run, settings.domains)})
    planned = DEVELOPMENT + settings.rounds * settings.prompts
    fresh = list(problems(settings.domains, planned, seed=seeded(settings, "fresh"), split="train"))
    aside, rest = fresh[:DEVELOPMENT], fresh[DEVELOPMENT:]
    stages = [rest[at : at + settings.prompts] for at in range(0, len(rest), settings.prompts)]
    arms = _arms(run, settings)
    rounds: dict[str, list[Round]] = {}
    seen: dict[str, list[Marks]] = {}
    for arm in arms:
        budget = [one.tokens for one in rounds.get(settings.method, ())] or [0] * len(stages)
        rounds[arm.name] = await climb(arm, stages, budget)
        seen[arm.name] = [
            await marked(arm, policy, aside, f"{arm.name}, round {number}")
            for number, policy in enumerate([arm.start, *(one.policy for one in rounds[arm.name])])
        ]
    kept = {name: best(marks) for name, marks in seen.items()}
    models = {"base": arms[0].start, **{name: _policy(arms[0].start, rounds[name], kept[name]) for name in rounds}}
    unseen = list(problems(settings.domains, settings.heldout, seed=seeded(settings, "heldout"), split="heldout"))
    marks = {name: await marked(arms[0], model, unseen, f"marking {name}") for name, model in models.items()}
    drift = {name: await drifted(arms[0], model, unseen, f"distance of {name}") for name, model in models.items()}
    outcome = Outcome(models[settings.method], rounds, seen, marks, kept, drift)
    save(run.folder, shown(outcome, settings.method))
    return outcome


def _arms(run: Run, settings: Settings) -> list[Arm]:
    """Return the method and its controls: as many steps, and as many replies wherever replies are drawn."""
    kind, _, place = settings.model.partition(":")
    name, mark, options = place.partition("?")
    served = kind == "vllm"
    here = name if name.startswith((".", "/", "~")) else f"hf:{name}"
    arm = Arm(run, run.model(here if served else settings.model), settings, how=settings.method, name=settings.method)
    if served:
        arm = replace(arm, writer=lambda policy: run.model(f"vllm:{policy.folder.resolve()}{mark}{options}"))
    controls = [
        replace(arm, how="filtered", name="filtered"),
        replace(arm, chance=True, name="chance"),
        replace(arm, how="real", name="real"),
    ]
    return [arm, *(controls if settings.controls else ())]


async def climb(arm: Arm, stages: Sequence[Sequence[Record]], budget: Sequence[int]) -> list[Round]:
    """Play all rounds of an arm."""
    rounds: list[Round] = []
    for number, (prompts, tokens) in enumerate(zip(stages, budget, strict=True), 1):
        policy = rounds[-1].policy if rounds else arm.start
        rounds.append(await arm.round(policy, prompts, number, tokens=tokens))
    return rounds


async def marked(arm: Arm, policy: RememberedModel, problems: Sequence[Record], name: str) -> Marks:
    """Mark a policy's answers with the verifier."""
    async with arm.drawing(policy) as writer:
        return await evaluate(arm.run, writer, problems, verifier(arm.run.sandbox), name=name)


async def drifted(arm: Arm, policy: RememberedModel, problems: Sequence[Record], name: str) -> Estimate:
    """Estimate log policy - log start of the answers that were marked at T=1, in nats per answer."""

    async def gap(problem: Record) -> float:
        answer = await writer.generate(problem.messages, MODES["T=1"], seed=problem.seed("evaluation"))
        far = await distance(problem.derive(response=answer.text, attributes=ending(answer)), policy, arm.start)
        return far["kl"]

    async with arm.drawing(policy) as writer:
        return mean(await arm.run.aeach(problems, gap, name=name))


def best(marks: Sequence[Marks]) -> int:
    """Return which round answered most problems right, both modes together; of equals the first, 0 is the start."""
    right = [sum(one.accuracy(mode) for mode in MODES) for one in marks]
    return right.index(max(right))


def _policy(start: RememberedModel, rounds: Sequence[Round], number: int) -> RememberedModel:
    return rounds[number - 1].policy if number else start


# What the report shows ----------------------------------------------------------------------------------------------


def shown(outcome: Outcome, method: str) -> list[Block]:
    """Return the blocks of the report: the comparison, what was kept, and the rounds as curves."""
    blocks = compared(outcome.marks, baseline="base", result=method, title=f"{method}, beside its controls")
    kept = ", ".join(f"{arm} {number} of {len(outcome.rounds[arm])}" for arm, number in outcome.kept.items())
    far = ", ".join(
        f"{arm} {one.value:.2f} [{one.low:.2f}, {one.high:.2f}]" for arm, one in outcome.drift.items() if arm != "base"
    )
    said = (
        f"The round that answered most of {DEVELOPMENT} development problems right was kept: {kept}.",
        f"KL to the start on the held-out answers at T=1, nats per answer: {far}.",
        "filtered: trained on its own right replies. chance: rewards dealt out anew within each group; what it gains "
        "is not owed to them. real: trained on the worked solutions of the same prompts.",
    )
    marks = {
        mode: {arm: [one.accuracy(mode) for one in each] for arm, each in outcome.development.items()} for mode in MODES
    }
    rights = [
        _curves(f"Development problems, {mode}", "right", of, first=0, unit="share") for mode, of in marks.items()
    ]
    return [*blocks, Text(paragraphs=said), *rights, *_told(outcome.rounds, method)]


def _told(rounds: Mapping[str, Sequence[Round]], method: str) -> list[Block]:
    """Return what was seen of the replies that each round drew, before its steps."""

    def fact(name: str) -> dict[str, list[float | None]]:
        drawing = {arm: each for arm, each in rounds.items() if any(name in one.facts for one in each)}
        return {arm: [one.facts.get(name) for one in each] for arm, each in drawing.items()}

    shares = {"groups with signal": "signal", "cut": "cut", "repetitive": "repetitive", "other tokens": "other"}
    mine = {label: fact(name)[method] for label, name in shares.items()}
    kl = {label: fact(name)[method] for label, name in (("k1", "kl_per_token"), ("k3", "k3_per_token"))}
    return [
        _curves("Reward of the drawn replies", "mean, after the guards", fact("reward")),
        _curves("Groups and replies", f"share, {method}", mine, unit="share"),
        _curves("Length of the drawn replies", "tokens", fact("drawn")),
        _curves("KL to the start, per reply", "nats (k1)", fact("kl")),
        _curves("KL to the start, per token", f"nats, {method}", kl),
    ]


def _curves(
    title: str,
    y: str,
    of: Mapping[str, Sequence[float | None]],
    *,
    first: int = 1,
    unit: Literal["share", "number"] = "number",
) -> Curves:
    series = [
        Series(name=name, x=tuple(range(first, first + len(values))), y=tuple(values)) for name, values in of.items()
    ]
    return Curves(title=title, x="round", y=y, unit=unit, series=tuple(series))
