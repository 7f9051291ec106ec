"""An arm of SPIN: the game itself, or a control with as many rounds, steps and tokens per step.

    game = Arm(run, run.model("tiny"), Settings(), gold.played, gold.aside, judged_by(run), opponent, looking)
    played = await game.play(3)
    played.model, [turn.verdict for turn in played.turns]

`spin` plays against itself; `sft` goes on with the gold alone; `dpo` prefers the gold to wrong answers that the start
wrote, once, and its reference stays the start. Every arm's rounds are accepted or refused alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

from regrowth.core.dataset import Dataset
from regrowth.core.protocols import Gate, Sampling
from regrowth.core.record import Json, Record, digest
from regrowth.curation.rounds import Played, RoundPolicy, Rounds, Verdict, decide, play
from regrowth.models.model import RememberedModel
from regrowth.recipes._spin.game import Settings
from regrowth.recipes._spin.looks import Look, look_at, told_apart
from regrowth.recipes._spin.pairs import Right, against, answered, unlike_gold, wrong
from regrowth.run import Run
from regrowth.training.settings import TrainingSettings

if TYPE_CHECKING:
    from regrowth.training.objectives import Objective

__all__ = ["Arm", "How"]

How: TypeAlias = Literal["spin", "sft", "dpo"]

TOKENS = 2048
"""Tokens of a training step, both sides of a pair together."""
DONE = Verdict(True, "the model writes the gold answers: no pair is left to play for", over=True)


@dataclass(frozen=True)
class Arm:
    """One way of training, the same in every round."""

    run: Run
    start: RememberedModel
    settings: Settings
    played: Sequence[Record]
    """Gold records that are played for."""
    aside: Sequence[Record]
    """Gold records by which a round is accepted."""
    right: Right
    opponent: Sampling
    """How an opponent's answers are drawn: at temperature 1, from the whole distribution."""
    looking: Sampling
    how: How = "spin"
    name: str = "spin"
    """Begins the names of its datasets."""
    strict: bool = True
    """Whether a round may be refused, or end the game; else that is only said."""
    _looks: dict[str, Look] = field(default_factory=dict)

    async def play(self, count: int) -> Played[RememberedModel]:
        """Play so many rounds at most."""
        game = self.settings.game
        policy = RoundPolicy(keep="replace", last=game.opponents) if self.how == "spin" else RoundPolicy()
        run = self.run
        rounds = Rounds(run.folder, self.played, policy, run.write, name=self.name, tell=run.watcher.noting)
        return await play(rounds, self.start, count, make=self._made, train=self._trained, judge=self._judged)

    async def look(self, model: RememberedModel) -> Look:
        """Look at what a model does with the records that were put aside."""
        if model.digest not in self._looks:
            name = f"{self.name}, {model.name}"
            found = await look_at(self.run, model, self.aside, self.right, self.looking, name=name)
            self._looks[model.digest] = found
        return self._looks[model.digest]

    async def _made(self, model: RememberedModel, number: int) -> Sequence[Record] | Dataset:
        """Return the pairs of a round."""
        if self.how == "sft" or (self.how == "dpo" and number > 1):
            return ()
        work = partial(against, sampling=self.opponent, samples=self.settings.samples, number=number)
        gates: list[Gate] = [answered, unlike_gold]
        if self.how == "dpo" or self.settings.game.only_wrong:
            gates.append(wrong(self.right))
        return await self.run.agrow(self.played, work, model, name=f"{self.name}-{number}-drawn", gates=gates)

    async def _trained(self, model: RememberedModel, data: Dataset, number: int) -> RememberedModel:
        if self.how != "sft" and not any(record.rejected for record in data):
            return model
        how, game = self.settings, self.settings.game
        mine = self.how == "spin"
        training = TrainingSettings(
            steps=how.steps,
            learning_rate=how.learning_rate * (_of(game.rates, number) if mine else 1.0),
            tokens_per_batch=TOKENS,
            warmup=how.steps // 10,
            schedule="cosine",
            optimizer=game.optimizer if mine else "adamw",
            seed=int(digest(how.seed, "train", number)[:7], 16),
        )
        models = {"reference": self.start} if self.how == "dpo" else {}
        name = f"{self.name}-{number}"
        return await self.run.afit(model, data, training, objective=self._objective(number), models=models, name=name)

    def _objective(self, number: int) -> "Objective":
        from regrowth.training.objectives import dpo, sft, spin  # torch, on first use

        game = self.settings.game
        if self.how == "sft":
            return sft
        if self.how == "dpo":
            return dpo(beta=game.strengths[0], sft_weight=game.gold_weight)
        return spin(_of(game.strengths, number), gold_weight=game.gold_weight)

    async def _judged(
        self, before: RememberedModel, after: RememberedModel, number: int
    ) -> tuple[Verdict, Mapping[str, Json]]:
        """Refuse a round after which held-out gold is less likely, or fewer answers are right."""
        if after.digest == before.digest:
            return DONE, {}
        then, now = await self.look(before), await self.look(after)
        name = f"{self.name}-{number}, told apart"
        apart = await told_apart(self.run, self.aside, then, now, after, name=name)
        found = decide(
            {"log p of the gold": then.gold, "right": then.right}, {"log p of the gold": now.gold, "right": now.right}
        )
        figures: dict[str, Json] = {**now.figures(), "refused": not found.accepted}
        if apart is not None:
            figures |= {"auc": apart.value, "auc_low": apart.low, "auc_high": apart.high}
        if not self.strict:
            return Verdict(True, found.why), figures
        over = self.how == "spin" and found.accepted and apart is not None and apart.low <= 0.5
        why = f"{found.why}; its answers cannot be told from the gold any more" if over else found.why
        return Verdict(found.accepted, why, over), figures


def _of(values: Sequence[float], number: int) -> float:
    """Return the number of a round, counted from 1; the last one stays."""
    return values[min(number, len(values)) - 1]
