"""What the parts of this benchmark share: a seed's run, its reward model, its policy, questions and the oracle.

The world is that of `regrowth.domains.manners`: little questions, replies in many manners, and a program that knows
the five attributes of each. The method never sees the program; the measurement does.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from statistics import fmean
from typing import Any

from regrowth.core.record import Record, digest
from regrowth.domains import manners
from regrowth.models.model import RememberedModel
from regrowth.recipes._nemotron.cast import known_reward
from regrowth.recipes._nemotron.rewards import (
    Rater,
    RewardSettings,
    Worth,
    labelled,
    labels,
    overall,
    reward_model,
    said_of,
    weights_of,
    worth,
)
from regrowth.recipes._nemotron.strength import MODES, answers
from regrowth.recipes._rounds import replies
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

__all__ = ["SEEDS", "WORK", "World"]

WORK = Path(__file__).parents[1] / ".work"
SEEDS = (0, 1, 2)
LESSONS, STEPS = 2400, 180
"""Of the teacher."""
UNSEEN = 200
"""Held-out questions by which models are marked."""


@dataclass
class World:
    """One seed of everything."""

    run: Run
    seed: int

    def number(self, purpose: str) -> int:
        """Return a random seed for one purpose."""
        return int(digest(self.seed, "benchmark", purpose)[:7], 16)

    @cached_property
    def rewards(self) -> RewardSettings:
        """Return the settings of the reward model."""
        return RewardSettings(seed=self.number("rewards"))

    @cached_property
    def people(self) -> list[Record]:
        """Return the labelled replies that the reward model learns from."""
        return labelled(self.rewards)

    @cached_property
    def weights(self) -> Mapping[str, float]:
        """Return the weights of the attributes in the one number."""
        return weights_of(self.rewards)

    @cached_property
    def unseen_people(self) -> list[Record]:
        """Return labelled replies to held-out questions, four to each."""
        asked = manners.questions(160, seed=self.number("unseen people"), split="heldout")
        made = []
        for question in asked:
            rng = _random(question)
            drawn = [manners.reply(question, manners.drawn(rng), rng=rng, slip=manners.SLIP) for _ in range(4)]
            made += [said_of(question.derive(response=text, origin="real")) for text in dict.fromkeys(drawn)]
        return made

    @cached_property
    def own(self) -> list[Record]:
        """Return the teacher's replies to held-out questions, labelled: what the reward model chooses from."""
        asked = manners.questions(100, seed=self.number("own"), split="heldout")
        drawing = partial(replies, sampling=MODES["T=1"], samples=4, number=0)
        return [said_of(one) for one in self.run.wait(self.run.agrow(asked, drawing, self.teacher, name="own"))]

    @cached_property
    def base(self) -> RememberedModel:
        """Return the packaged model."""
        return self.run.model("tiny")

    def rater(self, people: Sequence[Record] | None = None, name: str = "reward-model") -> Rater:
        """Return the reward model of this seed, or one that learnt from other labels."""
        model = reward_model(self.run, self.base, self.people if people is None else people, self.rewards, name=name)
        return Rater(self.run.wait(model), self.weights)

    @cached_property
    def judged(self) -> Rater:
        """Return the reward model that learnt from all labels."""
        return self.rater()

    def worth(self, rater: Rater, name: str, labelled: Sequence[Record] = ()) -> Worth:
        """Measure a reward model on labelled replies to held-out questions: those of people, or others."""
        return self.run.wait(worth(self.run, rater, labelled or self.unseen_people, name=name))

    def fitted(self, start: RememberedModel, records: Sequence[Record], name: str, **settings: Any) -> RememberedModel:
        """Train a model on records; settings as in `TrainingSettings`, objective and models as in `Run.afit`."""
        how = {key: settings.pop(key) for key in ("objective", "models") if key in settings}
        chosen = TrainingSettings.model_validate({"tokens_per_batch": 2048, "seed": self.seed, **settings})
        return self.run.fit(start, self.run.write(f"{name}-data", records), chosen, name=name, **how)

    @cached_property
    def teacher(self) -> RememberedModel:
        """Return the packaged model after a training on replies in all manners, three in ten of them wrong."""
        lessons = list(manners.styled(LESSONS, seed=self.number("lessons"), split="train"))
        return self.fitted(self.base, lessons, "teacher", steps=STEPS, learning_rate=3e-3, schedule="cosine")

    @cached_property
    def unseen(self) -> list[Record]:
        """Return held-out questions."""
        return manners.questions(UNSEEN, seed=self.number("unseen"), split="heldout")

    def marks(self, model: RememberedModel, name: str, *, by: Rater | None = None) -> dict[str, float]:
        """Return the mean reward of a model's replies to held-out questions, per mode, by the oracle or a rater."""
        measure: Callable[[Record], Awaitable[float]] = (
            partial(known_reward, weights=self.weights) if by is None else by.reward
        )
        found = self.run.wait(answers(self.run, model, self.unseen, measure, name=name))
        return {mode: fmean(found[mode]) for mode in MODES}

    def truth(self, reply: Record) -> float:
        """Return what the oracle makes of a reply."""
        return overall(manners.attributes(reply), self.weights)

    def good(self, count: int, least: float) -> list[Record]:
        """Return labelled replies that people rated high enough: the real seed data."""
        return [one for one in self.people if overall(labels(one), self.weights) >= least][:count]


def _random(question: Record) -> Any:
    from random import Random

    return Random(question.seed("unseen people"))
