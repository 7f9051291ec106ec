"""Rounds: what the models of earlier rounds wrote is trained on beside the real data, which no round ever drops.

    rounds = Rounds(run.folder, real, RoundPolicy(), run.write, name="verified", tell=run.watcher.noting)
    data = rounds.mix(1, answers)       # verified-1: 320 real + 1,280 synthetic (round 1: 1,280): 20.0 % real
    …                                   # train, look at held-out records
    rounds.settle(1, model=trained.digest, verdict=decide(before, after), figures={"accuracy": 0.41})

Noise of a round fades where rounds accumulate; a bias (of the temperature, a gate, a judge) adds up as 1 + 1/2 + 1/3 …
without end unless the real data keep their weight. So both: accumulate, and a floor under the real weight. The ledger
`rounds.json` says per round what was mixed, which model came of it, and whether that was kept. It decides nothing: a
run that resumes plays its rounds again, from what is remembered, and writes the same lines.
"""

import json
import math
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, NamedTuple, Self, TypeAlias, TypeVar

from pydantic import Field, PositiveInt, model_validator

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.files import write_text
from regrowth.core.protocols import Model
from regrowth.core.record import Json, Record, digest
from regrowth.core.settings import Frozen
from regrowth.metrics.intervals import paired_difference

__all__ = ["LEDGER", "Better", "Played", "RoundPolicy", "Rounds", "Turn", "Verdict", "decide", "play"]

LEDGER = "rounds.json"

Better: TypeAlias = Literal["higher", "lower"]
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

    @model_validator(mode="after")
    def _what_is_named_is_read(self) -> Self:
        if (self.budget is None) == (self.keep == "subsample"):
            raise ValueError(f"keep = {self.keep!r} with budget = {self.budget}: 'subsample', and only it, needs one")
        if self.last > 1 and self.keep != "replace":
            raise ValueError(f"keep = {self.keep!r} with last = {self.last}: only 'replace' reads it")
        return self


class Verdict(NamedTuple):
    """Say whether a round's model is kept."""

    accepted: bool
    why: str
    """In words."""
    over: bool = False
    """Whether no further round is worth playing, though this one is kept."""


@dataclass(frozen=True, slots=True)
class _Mix:
    """What a round is trained on, before it is written."""

    number: int
    real: Sequence[Record]
    repeats: int
    """Passes over the real records."""
    synthetic: Mapping[int, Sequence[Record]]
    """By the round that they were made in."""
    paired: frozenset[str]
    """Ids of the real records whose reply stands in a pair that was made of them."""
    pairs: int
    """Pairs that hold the reply of a real record."""

    def __iter__(self) -> Iterator[Record]:
        yield from (record for record in self.real if record.id not in self.paired)
        for _ in range(self.repeats - 1):
            yield from self.real
        for records in self.synthetic.values():
            yield from records

    @property
    def facts(self) -> dict[str, Any]:
        """Return what manifest and ledger say of it."""
        made = {str(number): len(records) for number, records in self.synthetic.items()}
        share = _share(self._real_replies, sum(made.values()))
        return {"real": len(self.real), "repeats": self.repeats, "paired": self.pairs, "made": made, "share": share}

    @property
    def _real_replies(self) -> int:
        return len(self.real) * self.repeats - len(self.paired) + self.pairs

    def __str__(self) -> str:
        facts = self.facts
        told = ", ".join(f"round {number}: {count:,}" for number, count in facts["made"].items() if count)
        again = f" × {self.repeats}" if self.repeats > 1 else ""
        pairs = f" ({len(self.paired):,} of them in {self.pairs:,} pairs)" if self.paired else ""
        made = sum(facts["made"].values())
        return (
            f"{facts['real']:,} real{again}{pairs} + {made:,} synthetic ({told or 'none'}): {facts['share']:.1%} real"
        )


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

    def mix(self, number: int, made: Iterable[Record]) -> Dataset:
        """Write what a round is trained on: every real record, and of the models' what the policy keeps.

        The real records come first. A real record whose reply stands in a pair that was made of it is there as that
        pair. Records that were made twice count once, in the first of their rounds.

        Raises:
            SettingsError: an earlier round was not settled.
        """
        if unsettled := [earlier for earlier in range(1, number) if earlier not in self._verdicts]:
            raise SettingsError(f"{self.name}: round {number} is mixed, but round {unsettled[0]} was not settled.")
        self._made[number] = made if isinstance(made, Dataset | Sequence) else list(made)
        mix = _mixed(number, self.real, self._kept(number), self.policy.real_weight)
        self._tell(f"{self.name}-{number}: {mix}")
        data = self._write(f"{self.name}-{number}", mix, mix=mix.facts)
        # What a preview writes lies elsewhere, and the ledger of the real rounds stays as it is.
        self.path = (self._folder if data.path.parent == self._folder / "data" else data.path.parent) / LEDGER
        self._facts[number] = {"data": data.fingerprint, "records": len(data), **mix.facts}
        return data

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
        self._verdicts[number] = verdict
        entry = {"round": number, **self._facts[number], "model": model, **verdict._asdict(), "figures": figures or {}}
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


def _mixed(number: int, real: Sequence[Record], made: Mapping[int, Sequence[Record]], floor: float) -> _Mix:
    """Return a mix whose share of real replies is above a floor."""
    replies = {record.id: record.response for record in real}
    holding = [
        parent
        for records in made.values()
        for record in records
        if record.rejected
        for parent in record.parents
        if replies.get(parent) == record.response
    ]
    paired = frozenset(holding)
    once = len(real) - len(paired) + len(holding)
    every = once + sum(map(len, made.values()))
    missing = (floor * every - once) / ((1 - floor) * max(1, len(real)))
    repeats = 1 + max(0, math.ceil(missing - 1e-9))
    return _Mix(number, real, repeats, made, paired, len(holding))


def _share(real: int, made: int) -> float:
    return real / (real + made) if real + made else 0.0


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: no ledger of rounds there ({error}). Delete it; the run writes it anew.") from error
    return found


# A round is kept or refused -----------------------------------------------------------------------------------------


def decide(
    before: Mapping[str, Sequence[float]],
    after: Mapping[str, Sequence[float]],
    *,
    better: Better | Mapping[str, Better] = "higher",
) -> Verdict:
    """Refuse a round that made any figure worse: its paired 95 % interval lies on the wrong side of zero.

    Args:
        before: per figure, one number for each held-out record, of the model that the round started from.
        after: the same of the model that it made, in the same order of records.
        better: of all figures, or by name.

    Raises:
        SettingsError: the two do not hold the same figures.
        DataError: the numbers of a figure cannot be paired.
    """
    if not before or before.keys() != after.keys():
        raise SettingsError(f"figures before: {', '.join(before)}; after: {', '.join(after)}. Expected the same, some.")
    worse, told = [], []
    for name, start in before.items():
        if min(len(start), len(after[name])) < 2:
            told.append(f"{name}: too few records to tell")
            continue
        gap = paired_difference(after[name], start)
        wanted = better if isinstance(better, str) else better.get(name, "higher")
        told.append(f"{name} {gap.value:+.4g} [{gap.low:+.4g}, {gap.high:+.4g}]")
        if gap.high < 0 if wanted == "higher" else gap.low > 0:
            worse.append(name)
    why = f"{', '.join(worse)} got worse" if worse else "nothing got worse"
    return Verdict(not worse, f"{why}: {'; '.join(told)}")


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


async def play(
    rounds: Rounds,
    start: M,
    count: int,
    *,
    make: Callable[[M, int], Awaitable[Iterable[Record]]],
    train: Callable[[M, Dataset, int], Awaitable[M]],
    judge: Callable[[M, M, int], Awaitable[tuple[Verdict, Mapping[str, Json]]]],
) -> Played[M]:
    """Play rounds until one is refused, the game is over, or `count` were played; go back to the last accepted model.

    Args:
        make: records of the present model, for a round of this number.
        train: the round's model, from the present one and the mix.
        judge: the verdict on a round, from the models before and after it, with the figures for the ledger.
    """
    model, turns = start, []
    for number in range(1, count + 1):
        data = rounds.mix(number, await make(model, number))
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
