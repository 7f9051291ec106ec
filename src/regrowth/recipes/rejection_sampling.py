"""Rejection sampling: a model writes answers, a program checks them, the right ones train the model.

Sources: STaR (Zelikman et al., 2022, arXiv:2203.14465), RFT (Yuan et al., 2023, arXiv:2308.01825), expert iteration.
Departs from them in three points: a quota per stratum (domain and difficulty), so that easy problems do not crowd out
hard ones; the real data stay in every mix, with a floor under their weight; verified answers accumulate over rounds
(`curation.rounds`), and each round trains the first model anew on all of them.

One record on its way:
    prompt    "Tom has 3 pens and buys 4 more. How many pens?"
    response  "3 + 4 = 7"          # one of k samples at temperature 1; kept because a program found it right
"""

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.dataset import Dataset
from regrowth.core.protocols import Model, Sampling
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.curation.rounds import RoundPolicy, Rounds, Verdict
from regrowth.domains import DOMAINS, problems, verifier
from regrowth.models.model import RememberedModel
from regrowth.recipes.evaluation import Marks, by_domain, compared, domains_of, evaluate, losses
from regrowth.reports.blocks import save
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

__all__ = ["Outcome", "Settings", "rejection_sampling"]

SAMPLING = Sampling(temperature=1.0, max_tokens=96)
KEPT = Verdict(True, "every answer was verified, and each round trains the first model anew")
TOKENS = 2048
"""Tokens of a training step: about six passes over the mix in all, before it is learnt by heart."""


class Settings(Frozen):
    """Say what to grow and how long to train."""

    model: str = "tiny"
    """The model that answers and is trained: `tiny`, `hf:org/name` or a folder."""
    domains: tuple[str, ...] = ()
    """Where problems come from; none named takes all whose answers can be checked on this machine."""
    problems: PositiveInt = 1920
    """Fresh problems per round."""
    samples: PositiveInt = 4
    """Answers per problem and attempt, drawn at temperature 1."""
    keep: PositiveInt = 1280
    """Verified answers wanted per round, in equal shares of domain and difficulty."""
    real: PositiveInt = 320
    """Worked examples that count as real data: never dropped from any mix."""
    rounds: PositiveInt = 1
    """How often the trained model answers the next fresh problems."""
    steps: PositiveInt = 120
    """Training steps, the same for every arm."""
    learning_rate: PositiveFloat = 1e-3
    """Its peak; it falls to a tenth along a cosine."""
    heldout: PositiveInt = 800
    """Problems for the evaluation, disjoint from all others by construction."""
    controls: bool = True
    """Whether to train the controls: the same number of unchecked answers, and the real data alone."""
    seed: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns."""

    model: RememberedModel
    data: Dataset
    """What the model was trained on: the real data and all verified answers."""
    marks: Mapping[str, Marks]
    """Per arm, right or wrong on each held-out problem."""


async def rejection_sampling(run: Run, settings: Settings) -> Outcome:
    """Return the model trained on its own verified answers, marked beside its controls."""
    base = writer = run.model(settings.model)
    settings = settings.model_copy(update={"domains": domains_of(run, settings.domains)})
    gate = verifier(run.sandbox)
    real = list(worked(problems(settings.domains, settings.real, seed=_seed(settings, "real"), split="train")))
    rounds = Rounds(run.folder, real, RoundPolicy(), run.write, name="verified", tell=run.watcher.noting)
    unchecked: list[Record] = []
    for number in range(1, settings.rounds + 1):
        fresh = problems(settings.domains, settings.problems, seed=_seed(settings, "fresh", number), split="train")
        answers = await sample(run, list(fresh), writer, settings, number)
        mix = rounds.mix(number, answers)
        if rounds.ended(number, model=writer.digest):
            break
        data = mix
        unchecked += random_filter(answers, seed=_seed(settings, "filter", number))
        writer = await train(run, base, data, settings)
        rounds.settle(number, model=writer.digest, verdict=KEPT)
    arms = {"base": base, "verified": writer}
    if settings.controls:
        arms["unverified"] = await train(
            run, base, run.write("unverified", [*_roots(real, data), *unchecked]), settings
        )
        arms["real only"] = await train(run, base, run.write("real-only", real), settings)
    unseen = list(problems(settings.domains, settings.heldout, seed=_seed(settings, "heldout"), split="heldout"))
    marks = {arm: await evaluate(run, model, unseen, gate, name=f"marking {arm}") for arm, model in arms.items()}
    shown = compared(marks, baseline="base", result="verified", title="Its own verified answers, beside the controls")
    if not run.preview:  # which marks too few for a table
        shown.append(by_domain(marks, unseen, baseline="base", result="verified"))
    save(run.folder, [*shown, losses({arm: model.folder for arm, model in arms.items() if arm != "base"})])
    return Outcome(writer, data, marks)


def worked(fresh: Iterable[Record]) -> Iterator[Record]:
    """Yield problems with their worked solutions: what a person would have written."""
    for problem in fresh:
        yield problem.derive(response=DOMAINS[problem["domain"]].solution(problem), origin="real")


async def sample(
    run: Run, fresh: Sequence[Record], writer: RememberedModel, settings: Settings, number: int
) -> Dataset:
    """Answer fresh problems and keep what a program found right, the thinnest stratum first."""
    return await run.agrow(
        fresh,
        partial(answers, samples=settings.samples),
        writer,
        name=f"answers-{number}",
        gates=[verifier(run.sandbox)],
        count=settings.keep,
        stratum=stratum,
        draws=2,
        partial=True,
    )


async def answers(problem: Record, writer: Model, *, samples: int) -> list[Record]:
    """Draw several answers to one problem."""
    seeds = [problem.seed("answer", index) for index in range(samples)]
    drawn = await writer.samples(problem.messages, SAMPLING, seeds=seeds)
    return [problem.derive(response=answer.text, attributes={"sample": index}) for index, answer in enumerate(drawn)]


def stratum(problem: Record) -> str:
    """Name the stratum of a problem: domain and difficulty."""
    return f"{problem['domain']} {problem['difficulty']}"


def random_filter(answers: Dataset, *, seed: int) -> list[Record]:
    """Return as many of all answers drawn, right or wrong, as were accepted: the control of the verifier."""
    drawn = [entry.record for entry in (*answers.entries(), *answers.ledger()) if entry.record.response]
    return random.Random(seed).sample(drawn, len(answers))


async def train(run: Run, base: RememberedModel, data: Dataset, settings: Settings) -> RememberedModel:
    """Train the first model anew on a mix."""
    how = TrainingSettings(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        tokens_per_batch=TOKENS,
        schedule="cosine",
        seed=_seed(settings, "train") % 2**31,
    )
    return await run.afit(base, data, how, name=data.path.name)


def _roots(real: Sequence[Record], mix: Dataset) -> list[Record]:
    """Return the real data as often as they stand in a mix."""
    return list(real) * int(mix.manifest["mix"]["repeats"])


def _seed(settings: Settings, *purpose: str | int) -> int:
    return int(digest(settings.seed, purpose)[:8], 16)
