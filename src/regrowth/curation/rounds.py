"""Rounds: what the models of earlier rounds wrote is trained on beside the real data, which no round ever drops.

    rounds = Rounds(run.folder, real, RoundPolicy(), run.write, name="verified", tell=run.watcher.noting)
    data = rounds.mix(1, answers)       # verified-1: 320 real + 1,280 synthetic (round 1: 1,280): 20.0 % real
    …                                   # train, look at held-out records
    rounds.settle(1, model=trained.digest, verdict=decide(before, after), figures={"accuracy": 0.41})

Noise of a round fades where rounds accumulate; a bias (of the temperature, a gate, a judge) adds up as 1 + 1/2 + 1/3 …
without end unless the real data keep their weight. So both: accumulate, and a floor under the real weight. The ledger
`rounds.json` says per round what was mixed, which model came of it, and whether that was kept. It decides nothing: a
run that resumes plays its rounds again, from what is remembered, and writes the same lines.

What each round's model wrote is watched for collapse (`metrics.collapse.monitor`): an alarm refuses the round before
anything is trained on it.
"""

import json
import random
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Literal, NamedTuple, Self, TypeVar

from pydantic import Field, PositiveInt, model_validator

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.files import write_text
from regrowth.core.protocols import Model
from regrowth.core.record import Json, Record, digest
from regrowth.core.settings import Frozen
from regrowth.curation.mixture import mixed
from regrowth.curation.verdicts import Better, Verdict, decide
from regrowth.curation.watch import Watch

if TYPE_CHECKING:
    from regrowth.metrics.collapse.monitor import Alarm, Look

__all__ = ["LEDGER", "Better", "Played", "RoundPolicy", "Rounds", "Turn", "Verdict", "decide", "play"]

LEDGER = "rounds.json"
RAISED = 0.6
"""Real weight that answers an alarm."""

M = TypeVar("M", bound=Model)


class RoundPolicy(Frozen):
    """Say which of the models' records a round is trained on; the real ones always are."""

    keep: Literal["accumulate", "replace", "subsample"] = "accumulate"
    """`accumulate`: those of all accepted rounds; `replace`: of the `last` rounds only; `subsample`: `budget` of them,
    drawn from all accepted rounds without replacement."""
    real_weight: float = Field(default=0.2, ge=0, lt=1)
    """Least share of real replies in a mix: real records come in further whole passes until it holds. 0 switches it
    off. Where fresh real data arrive each round, 0.6 is a better floor."""
    last: PositiveInt = 1
    """Rounds that `replace` keeps, the present one among them."""
    budget: PositiveInt | None = None
    """Records that `subsample` draws."""
    alarm: Literal["stop", "rollback", "weight", "tell"] = "stop"
    """What an alarm of the monitor does. `stop`: the round is refused, the game ends with the model that was accepted
    last; `rollback`: it ends with the one that wrote before the signs began to fall; `weight`: the floor under the real
    weight is raised to 0.6, and the game ends at the next alarm; `tell`: it is only said."""
    false_alarms: float = Field(default=0.005, gt=0, lt=1)
    """Share of games of ten rounds that an alarm ends though nothing but chance is at work."""

    @model_validator(mode="after")
    def _what_is_named_is_read(self) -> Self:
        if (self.budget is None) == (self.keep == "subsample"):
            raise ValueError(f"keep = {self.keep!r} with budget = {self.budget}: 'subsample', and only it, needs one")
        if self.last > 1 and self.keep != "replace":
            raise ValueError(f"keep = {self.keep!r} with last = {self.last}: only 'replace' reads it")
        return self


class Rounds:
    """Mix the data of each round and keep the ledger. Rounds are numbered from 1 and played in order."""

    def __init__(
        self,
        folder: Path,
        real: Iterable[Record],
        policy: RoundPolicy,
        write: Callable[..., Dataset],
        *,
        name: str = "round",
        seed: int = 0,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Begin with no rounds.

        Args:
            folder: where the ledger lies, one for all rounds of a run.
            write: writes records as a dataset, write(name, records, **facts). `Run.write` is one.
            name: begins the names of the mixes and names the rounds in the ledger: no two of a run may share it.
            tell: hears what each round is trained on, before it is.

        Raises:
            SettingsError: a floor under the real weight, and no real records.
        """
        self.real = list({record.id: record for record in real}.values())
        if policy.real_weight and not self.real:
            raise SettingsError(
                f"{name}: real_weight = {policy.real_weight}, but there are no real records. Give some, or set it to 0."
            )
        self._folder, self.path = folder, folder / LEDGER
        self.policy, self.name, self.seed = policy, name, seed
        self._write, self._tell = write, tell or (lambda _: None)
        self._made: dict[int, Sequence[Record] | Dataset] = {}
        self._facts: dict[int, dict[str, Any]] = {}
        self._verdicts: dict[int, Verdict] = {}
        self._watch = Watch(self.real, false_alarms=policy.false_alarms, seed=seed)
        self._looks: dict[int, Look] = {}
        self._floor = policy.real_weight

    def mix(self, number: int, made: Iterable[Record], *, nll: Sequence[float] | None = None) -> Dataset:
        """Write what a round is trained on: every real record, and of the models' what the policy keeps.

        The real records come first. A real record whose reply stands in a pair that was made of it is there as that
        pair. Records that were made twice count once, in the first of their rounds. What was made is looked at first:
        `alarm` says what came of it.

        Args:
            nll: of held-out real records under the model that made these, for the monitor, one number per record.

        Raises:
            SettingsError: an earlier round was not settled.
        """
        if unsettled := [earlier for earlier in range(1, number) if earlier not in self._verdicts]:
            raise SettingsError(f"{self.name}: round {number} is mixed, but round {unsettled[0]} was not settled.")
        self._made[number] = made if isinstance(made, Dataset | Sequence) else list(made)
        self._look(number, nll)
        mix = mixed(number, self.real, self._kept(number), self._floor)
        self._tell(f"{self.name}-{number}: {mix}")
        data = self._write(f"{self.name}-{number}", mix, mix=mix.facts)
        # What a preview writes lies elsewhere, and the ledger of the real rounds stays as it is.
        self.path = (self._folder if data.path.parent == self._folder / "data" else data.path.parent) / LEDGER
        self._facts[number] = {"data": data.fingerprint, "records": len(data), **mix.facts}
        return data

    def alarm(self, number: int) -> "Alarm | None":
        """Return why a round that was mixed should not be played, if so."""
        look = self._looks.get(number)
        return look.alarm if look is not None and self.policy.alarm != "tell" else None

    def ended(self, number: int, *, model: str) -> bool:
        """Tell whether a round that was mixed should not be played; if so, settle it with the model as it is."""
        if self.alarm(number) is None:
            return False
        self.settle(number, model=model, verdict=Verdict(False, "not played"))
        return True

    def _look(self, number: int, nll: Sequence[float] | None) -> None:
        """Have the monitor look at what was made in a round."""
        look = self._watch.look(number, self._made[number], nll)
        if look is None or (look.note and look.alarm is None):
            return
        self._tell(f"{self.name}-{number}: {look}")
        if look.alarm and self.policy.alarm == "weight" and self._floor < RAISED and self.real:
            self._tell(f"{self.name}-{number}: the floor under the real weight is raised to {RAISED}")
            self._floor = RAISED
            self._watch.restart()
            look = replace(look, alarm=None, note=f"answered by a real weight of {RAISED}: {look.alarm}")
        self._looks[number] = look

    def _kept(self, number: int) -> dict[int, list[Record]]:
        """Return what the policy keeps of the rounds that were accepted and of this one, each record once."""
        seen = {record.id for record in self.real}
        kept: dict[int, list[Record]] = {}
        for played in sorted(self._made):
            if played > number or (played < number and not self._verdicts[played].accepted):
                continue
            if self.policy.keep == "replace" and played <= number - self.policy.last:
                continue
            fresh = {record.id: record for record in self._made[played] if record.id not in seen}
            seen |= fresh.keys()
            kept[played] = list(fresh.values())
        return kept if self.policy.budget is None else self._drawn(kept, number, self.policy.budget)

    def _drawn(self, kept: Mapping[int, Sequence[Record]], number: int, budget: int) -> dict[int, list[Record]]:
        """Draw a budget from all rounds alike; the order stays."""
        everyone = [record.id for records in kept.values() for record in records]
        rng = random.Random(digest("round", self.seed, self.name, number))
        chosen = set(rng.sample(everyone, min(budget, len(everyone))))
        return {played: [one for one in records if one.id in chosen] for played, records in kept.items()}

    def settle(self, number: int, *, model: str, verdict: Verdict, figures: Mapping[str, Json] | None = None) -> None:
        """Write down what came of a round. Settling it again in the same way changes nothing.

        Args:
            model: the digest of the weights that it made.
            figures: what was measured, as plain JSON data.

        Raises:
            SettingsError: the round was not mixed before.
        """
        if number not in self._facts:
            raise SettingsError(f"{self.name}: round {number} is settled, but it was not mixed before.")
        if alarm := self.alarm(number):
            verdict = Verdict(False, f"the monitor ends the rounds: {alarm}")
        self._verdicts[number] = verdict
        entry = {"round": number, **self._facts[number], "model": model, **verdict._asdict(), "figures": figures or {}}
        if number in self._looks:
            entry["monitor"] = self._looks[number].to_json()
        entry = json.loads(json.dumps(entry, allow_nan=False))
        ledgers = _read(self.path)
        told = ledgers.get(self.name, [])
        if entry in told:
            return
        if later := [one["round"] for one in told if one["round"] >= number]:
            self._tell(f"{self.name}: the ledger's rounds from {later[0]} on came out otherwise; they are written anew")
        ledgers[self.name] = [*(one for one in told if one["round"] < number), entry]
        write_text(self.path, json.dumps(ledgers, indent=1, ensure_ascii=False) + "\n")

    def ledger(self) -> list[dict[str, Any]]:
        """Return what was written down of these rounds, in order."""
        found: list[dict[str, Any]] = _read(self.path).get(self.name, [])
        return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no ledger of rounds there ({error}). Delete it; the run writes it anew.") from error
    return found


class Turn(NamedTuple, Generic[M]):
    """What one round did."""

    number: int
    model: M
    """As the round made it, kept or not."""
    data: Dataset
    verdict: Verdict
    figures: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Played(Generic[M]):
    """What came of the rounds."""

    model: M
    """Of the last accepted round; the start if there is none."""
    turns: Sequence[Turn[M]] = field(default_factory=list)
    """Every round that was played, a refused one as the last."""
    alarm: "Alarm | None" = None
    """Of the monitor, which ended the game before the round after these was played."""


async def play(
    rounds: Rounds,
    start: M,
    count: int,
    *,
    make: Callable[[M, int], Awaitable[Iterable[Record]]],
    train: Callable[[M, Dataset, int], Awaitable[M]],
    judge: Callable[[M, M, int], Awaitable[tuple[Verdict, Mapping[str, Json]]]],
    nll: Callable[[M], Awaitable[Sequence[float]]] | None = None,
) -> Played[M]:
    """Play rounds until one is refused, the game is over, or `count` were played; go back to the last accepted model.

    An alarm of the monitor ends the game as well, before the round is trained on; the policy says with which model.

    Args:
        make: records of the present model, for a round of this number.
        train: the round's model, from the present one and the mix.
        judge: the verdict on a round, from the models before and after it, with the figures for the ledger.
        nll: of held-out real records under a model, one number per record; the monitor takes it into account.
    """
    model, turns, writers = start, list[Turn[M]](), dict[int, M]()
    for number in range(1, count + 1):
        writers[number] = model
        made = await make(model, number)
        data = rounds.mix(number, made, nll=await nll(model) if nll else None)
        if alarm := rounds.alarm(number):
            model = writers[alarm.onset] if rounds.policy.alarm == "rollback" else model
            rounds.ended(number, model=model.digest)
            return Played(model, turns, alarm)
        trained = await train(model, data, number)
        verdict, figures = await judge(model, trained, number)
        rounds.settle(number, model=trained.digest, verdict=verdict, figures=figures)
        turns.append(Turn(number, trained, data, verdict, figures))
        if not verdict.accepted:
            break
        model = trained
        if verdict.over:
            break
    return Played(model, turns)
