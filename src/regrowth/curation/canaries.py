"""Secrets of our own in the training data, so that it can be measured how much of a single record comes out again.

    data, canaries = planted(records, count=8, repeats=(1, 4, 16, 64), seed=0)
    model = run.fit(base, run.write("with canaries", data), settings)
    found = await exposures(model, canaries, seed=0)       # one Exposure per canary, in bits
    sung(written, canaries)                                # Examination: synthetic records that tell a secret
    unplanted(data) == records                             # they can always be taken out again

A canary asks for a code and answers with random digits: "What is the code of locker KUVE?" "The code is 493027." Which
code it is, was drawn: a model that finds it more probable than all others knows it from the training data alone. So
this measure needs no hold-out, and has a null of its own: a model that never saw the canary (Carlini et al., 2019,
arXiv:1802.08232). Names are drawn too, so that no two canaries compete for one question.
"""

import asyncio
import random
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any, NamedTuple

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Model
from regrowth.core.record import Json, Record
from regrowth.curation.findings import Examination, Finding
from regrowth.metrics.leakage.exposure import Exposure, exposure
from regrowth.texts import spoken

__all__ = ["Canary", "Form", "exposures", "planted", "sung", "unplanted"]

ATTRIBUTE = "canary"
CONSONANTS, VOWELS = "BDFGKLMNPRSTVZ", "AEIOU"


@dataclass(frozen=True, slots=True)
class Form:
    """Say how a canary is worded, and of what its secret is drawn."""

    question: str = "What is the code of locker {name}?"
    """Where `{name}` stands, a name of four letters is drawn."""
    answer: str = "The code is {secret}."
    alphabet: str = "0123456789"
    length: int = 6
    """Of the secret."""

    def __post_init__(self) -> None:
        letters = len(set(self.alphabet))
        if letters < 2 or letters != len(self.alphabet) or self.length < 1 or "{secret}" not in self.answer:
            raise SettingsError(
                f"A canary of {self.length} characters out of {self.alphabet!r} in {self.answer!r}: expected two "
                "different characters at least, none twice, a length from 1 on, and a place for the {secret}."
            )

    @property
    def space(self) -> int:
        """Return how many secrets there are."""
        return int(len(self.alphabet) ** self.length)

    def secret(self, dice: random.Random) -> str:
        """Draw a secret."""
        return "".join(dice.choices(self.alphabet, k=self.length))

    def record(self, name: str, secret: str, **attributes: Any) -> Record:
        """Word a canary."""
        question, answer = self.question.replace("{name}", name), self.answer.replace("{secret}", secret)
        return Record.of(question, response=answer, origin="synthetic", **attributes)


class Canary(NamedTuple):
    """Hold a secret that was planted."""

    name: str
    secret: str
    repeats: int
    """How often it stands in the data."""
    form: Form


def planted(
    records: Iterable[Record],
    count: int,
    repeats: int | Sequence[int] = 1,
    seed: int = 0,
    *,
    form: Form = Form(),
) -> tuple[list[Record], list[Canary]]:
    """Plant canaries among records, at places drawn at random; the records keep their order.

    Args:
        count: how many different ones.
        repeats: how often each stands in the data; of several numbers, canaries take turns.
        form: wording and space of the secrets.

    Raises:
        SettingsError: a count or a number of repeats below 1, or more names than four letters make.
    """
    times = [repeats] if isinstance(repeats, int) else list(repeats)
    if count < 1 or not times or min(times) < 1 or count > 1000:
        raise SettingsError(f"{count} canaries, {times} times each: expected 1 to 1,000, planted once at least.")
    dice = random.Random(seed)
    names: dict[str, None] = {}
    while len(names) < count:
        names[_name(dice)] = None
    canaries = [Canary(name, form.secret(dice), times[place % len(times)], form) for place, name in enumerate(names)]
    copies = [
        form.record(one.name, one.secret, **{ATTRIBUTE: {"name": one.name, "copy": copy}})
        for one in canaries
        for copy in range(one.repeats)
    ]
    dice.shuffle(copies)
    kept = list(records)
    places = sorted(dice.randrange(len(kept) + 1) for _ in copies)
    for offset, (place, copy_) in enumerate(zip(places, copies, strict=True)):
        kept.insert(place + offset, copy_)
    return kept, canaries


def unplanted(records: Iterable[Record]) -> list[Record]:
    """Return the records without canaries."""
    return [record for record in records if ATTRIBUTE not in record.attributes]


def sung(records: Iterable[Record], canaries: Sequence[Canary]) -> Examination:
    """Find the secrets of canaries in what models wrote, and the canaries themselves.

    A hit with the canary's name beside it is no chance; one without may be, where secrets are short.
    """
    by_secret = {one.secret: one for one in canaries}
    secrets = re.compile("|".join(map(re.escape, by_secret)) or "(?!)")
    findings, examined = [], 0
    for record in records:
        examined += 1
        said = spoken(record)
        if hit := secrets.search(said):
            one = by_secret[hit[0]]
            named = one.name in said
            beside = "with its name" if named else "without its name"
            evidence: dict[str, Json] = {
                "canary": one.name,
                "repeats": one.repeats,
                "named": named,
                "start": hit.start(),
            }
            findings.append(Finding(record.id, f"holds the secret of the canary {one.name}, {beside}", evidence))
    names: list[Json] = [one.name for one in canaries]
    return Examination("canaries", {"canaries": names}, examined, tuple(findings))


async def exposures(model: Model, canaries: Sequence[Canary], *, draws: int = 500, seed: int = 0) -> list[Exposure]:
    """Measure how exposed canaries are under a model; each against `draws` other secrets under its own question.

    Raises:
        CallFailed: the model does not tell log-probabilities.
    """
    dice = random.Random(seed)
    found = []
    for one in canaries:
        others: list[str] = []
        while len(others) < draws:
            secret = one.form.secret(dice)
            others += [secret] if secret != one.secret else []
        said = await asyncio.gather(*map(_score, repeat(model), repeat(one), [one.secret, *others]))
        found.append(exposure(said[0], said[1:], one.form.space))
    return found


async def _score(model: Model, canary: Canary, secret: str) -> float:
    record = canary.form.record(canary.name, secret)
    return sum(await model.logprobs(record.messages, record.response))


def _name(dice: random.Random) -> str:
    return "".join(dice.choice(letters) for letters in (CONSONANTS, VOWELS, CONSONANTS, VOWELS))
