"""SALMON: a reward model that reads principles, from synthetic preferences; a policy that is trained on its rewards.

Source: Sun et al., 2024, arXiv:2310.05910 (Self-Alignment with Instructable Reward Models).
Departs from it in these points, each measured or argued in docs/methods/salmon.md: programs judge where they can, and
check the judge; judgements are put on one scale by their standard deviation, summed up, and kept as margins; principles
stand before the reply; one draw of principles per prompt; GRPO, RLOO or the best of n in place of PPO.

One record on its way:
    prompt       "Tom has 3 pens and buys 4. How many pens?"
    response     "Gladly. 7."                     rejected "First 3 + 4 = 7. So 7."        # two of the policy's replies
    program      {"kind": 1.0, "steps": -2.0}                                              # what each principle says
    principles   ["kind", "-steps"]                                                        # drawn; steps turned round
    margin       2.9                                                                       # on one scale, summed up
    messages     "Be kind. Hide the steps.\\nTom has 3 pens and buys 4. How many pens?"    # what the reward model reads
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.dataset import Dataset
from regrowth.core.record import digest
from regrowth.core.settings import Frozen
from regrowth.gates.pairwise import Style
from regrowth.models.model import RememberedModel
from regrowth.recipes._rounds import Arm, Method, Round
from regrowth.recipes._rounds import Settings as PolicySettings
from regrowth.recipes._salmon.draws import always, known, wished
from regrowth.recipes._salmon.judging import Check, checked, usable
from regrowth.recipes._salmon.preferences import Aggregate, labelled, scales
from regrowth.recipes._salmon.reward_model import Exam, Format, examined, learn, questions, trusted
from regrowth.recipes._salmon.roles import TINY, cast, judged
from regrowth.recipes._salmon.sources import principles_of, prompts_of
from regrowth.recipes._salmon.steering import Traits, measured, rewarded, steered
from regrowth.recipes._salmon.telling import shown
from regrowth.reports.blocks import save
from regrowth.run import Run
from regrowth.seeds.principles import tagged
from regrowth.training.settings import TrainingSettings

__all__ = ["Outcome", "Settings", "salmon"]

MOST: Mapping[Style, int] = {"full": 8, "brief": 3}
"""Principles in a draw, at most; the paper's 8, and what a model of a million parameters can weigh up."""
DRAWS = 4
"""Draws of principles per pair."""
CALIBRATION = 48
"""Pairs on which the judge is checked against each program."""
HELD_OUT = 100
"""Pairs of the exam, at most; else a sixth of those that are trained on."""
PROMPTS = 64
"""Prompts of one round of the policy, at most; each is answered by `SAMPLES` replies."""
SAMPLES, STEPS = 8, 4
TOKENS = 2048
APPRENTICE = 240
"""Steps in which the packaged model is taught to write and to judge; 150 at a lower rate left 27 % garbage."""
POLICY_RATE = 0.4
"""The policy's learning rate, as a share of the reward model's."""


class Settings(Frozen):
    """Say who writes, who judges, by which principles, and how much is trained."""

    model: str = TINY
    """The policy, and the reward model's backbone: `tiny`, `hf:org/name` or a folder. `tiny` first learns to answer in
    many manners. A served model writes pairs, but cannot be trained: set steps = 0."""
    judge: str = ""
    """Judges the principles that no program can, and is checked on those that one can. Nothing: the model itself, and
    only where it is needed. `tiny` is taught its prompt first."""
    principles: str = "manners"
    """A TOML file, or what comes with the package: `manners`, `general`."""
    prompts: str = ""
    """A file of prompts in any layout; nothing takes the little questions of `domains.manners`."""
    wishes: tuple[str, ...] = ()
    """Ids of the principles that the policy is trained on, with a minus those that are turned round; none named takes
    those tagged `rl`."""
    method: Method = "best_of_n_rpo"
    """How rewards become steps of the policy."""
    aggregate: Aggregate = "sum"
    """How judgements become a label: their weighted sum, or the largest alone."""
    pairs: PositiveInt = 4000
    """Prompts with two replies each, that the reward model is trained on."""
    steps: NonNegativeInt = 700
    """Training steps of the reward model; 0 writes the preferences and stops."""
    rounds: NonNegativeInt = 2
    """Rounds of the policy; 0 stops after the reward model."""
    learning_rate: PositiveFloat = 1e-3
    """Its peak for the reward model; the policy's is 0.4 of it."""
    seed: NonNegativeInt = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the recipe returns."""

    start: RememberedModel
    preferences: Dataset
    """Under drawn principles, before these are put into the messages."""
    checks: Mapping[str, Check]
    """How well the judge did, by principle."""
    reward_model: RememberedModel | None = None
    exam: Exam | None = None
    policy: RememberedModel | None = None
    traits: Mapping[str, Traits] | None = None
    """By arm: `start` and `policy`."""
    rounds: Sequence[Round] = ()


async def salmon(run: Run, settings: Settings) -> Outcome:
    """Return the reward model and the policy that was trained on it.

    Raises:
        SettingsError: no such principle, or a model that is to be trained has no weights here.
        DataError: no principle can be judged, or the reward model learnt nothing: no policy is trained on it.
    """
    principles = principles_of(settings.principles)
    wishes = wished(principles, settings.wishes)
    per_round = min(PROMPTS, settings.pairs)
    sizes = (settings.pairs, min(HELD_OUT, max(1, settings.pairs // 6)), settings.rounds * per_round)
    learnt, held, fresh = prompts_of(settings.prompts, sizes=sizes, seed=seeded(settings, "prompts"))
    style: Style = "brief" if settings.model == TINY else "full"
    most = MOST[style]
    roles = await cast(
        run, settings.model, settings.judge, principles, steps=apprenticeship(settings), seed=settings.seed
    )
    start = roles.writer
    pairs = await judged(run, "pairs", learnt, roles, principles, checking=CALIBRATION)
    checks = checked(pairs)
    left = usable(tagged(principles, "train"), checks)
    for name in (name for name, check in checks.items() if check.dropped):
        run.watcher.noting(f"{name}: left out, the judge prefers another reply when the two change places.")
    spread = scales(pairs, principles)
    taught = [one for one in left if one.id in spread.of]
    found = list(
        labelled(
            pairs,
            left,
            spread,
            most=most,
            draws=DRAWS,
            aggregate=settings.aggregate,
            rehearsal=bool(run.preview),
        )
    )
    ties = len(pairs) * DRAWS - len(found)
    outcome = Outcome(start, run.write("preferences", found, ties=ties), checks)
    if settings.steps:
        form = Format(known(principles), style)
        reward_model = await learn(run, start, outcome.preferences, form, learning(settings, "reward-model"))
        seen = await judged(run, "held-out", held, roles, principles)
        extra = [one for one in principles if "train" not in one.tags and one.id in spread.of]
        asked = questions(seen, taught, spread, most=most, extra=extra)
        exam = await examined(run, reward_model, asked, form, name="exam")
        outcome = replace(outcome, reward_model=reward_model, exam=exam)
        if settings.rounds:
            if not run.preview:  # which trains for a few steps only
                trusted(exam)
            arm = rewarded(Arm(run, start, policy_settings(settings), settings.method), reward_model, form)
            rounds = await steered(arm, fresh, wishes, principles)
            arms = {"start": start, "policy": rounds[-1].policy}
            traits = {name: await measured(run, one, held, principles, name=name) for name, one in arms.items()}
            outcome = replace(outcome, policy=rounds[-1].policy, traits=traits, rounds=rounds)
    save(run.folder, shown(outcome, (*always(principles), *wishes)))
    return outcome


def apprenticeship(settings: Settings) -> int:
    """Return the steps in which the packaged model is taught its trades; a short training of all has short ones."""
    return min(APPRENTICE, settings.steps) or APPRENTICE


def learning(settings: Settings, name: str) -> TrainingSettings:
    """Return how a reward model is trained."""
    return TrainingSettings(
        steps=settings.steps,
        learning_rate=settings.learning_rate,
        tokens_per_batch=TOKENS,
        tokens_per_pass=TOKENS // 2,
        schedule="cosine",
        warmup=min(20, settings.steps // 5),
        seed=seeded(settings, name) % 2**31,
    )


def policy_settings(settings: Settings) -> PolicySettings:
    """Return how the policy is trained."""
    return PolicySettings(
        model=settings.model,
        method=settings.method,
        rounds=settings.rounds,
        samples=SAMPLES,
        steps=STEPS,
        learning_rate=settings.learning_rate * POLICY_RATE,
        seed=seeded(settings, "policy"),
    )


def seeded(settings: Settings, *purpose: str | int) -> int:
    """Return a random seed for one purpose."""
    return int(digest(settings.seed, purpose)[:8], 16)
