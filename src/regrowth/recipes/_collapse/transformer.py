"""A small transformer that is trained on its own texts, through the run: every text and every training is remembered.

    courses = await written(run, settings)

Each round trains the same first model on the round's mix, with equal steps, and draws texts from what came out. Real
texts are worked exercises, or the first 40 words of the lines of a file. Figures: `real NLL` (nats per token of held-
out real texts), `types` (different words in what was trained on), and `alarm` (whether the monitor that watches other
recipes' rounds would have ended these by then; here it only looks). Wrong, for a verifier: as for the word trigram,
less likely under a trigram of other real texts than 95 % of real ones are.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regrowth.core.errors import CallFailed, DataError
from regrowth.core.protocols import Sampling
from regrowth.core.record import Record, digest
from regrowth.metrics.collapse.monitor import Monitor
from regrowth.metrics.collapse.ngram import Vocabulary
from regrowth.models.model import RememberedModel
from regrowth.recipes._collapse.arms import ARMS, Arm
from regrowth.recipes._collapse.choices import Settings, corpus_of
from regrowth.recipes._collapse.language import Verifier
from regrowth.recipes._collapse.rounds import Course, joined, looks
from regrowth.recipes._collapse.texts import Corpus
from regrowth.run import Run
from regrowth.texts import words
from regrowth.training.settings import TrainingSettings

__all__ = ["written"]

PROMPT = "Write."
WORDS, TOKENS = 40, 96
"""Words of a real text, and tokens at which a drawn one is cut."""
STEPS, PER_STEP, RATE = 60, 1024, 1e-3
HELD_OUT = 100
TOGETHER = 50
"""Texts drawn by one call."""


async def written(run: Run, settings: Settings) -> Mapping[Arm, Course]:
    """Play every arm; a preview plays two rounds of the first.

    Raises:
        SettingsError: the model has no weights in this process to train.
        DataError: there is not enough real text.
    """
    base = run.model(settings.details.model or "tiny")
    _ = base.folder  # a model without weights here is refused before anything is drawn
    corpus = await asyncio.to_thread(corpus_of, settings)
    writer = Writer(run, settings, base, Corpus(*map(_short, corpus)))
    arms, repeats = (settings.arms[:1], 2) if run.preview else (settings.arms, settings.repeats or 2)
    return {arm: joined([await writer.course(arm, place) for place in range(repeats)]) for arm in arms}


def _short(documents: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(" ".join(one.split()[:WORDS]) for one in documents))


@dataclass(frozen=True)
class Writer:
    """Hold what all arms share."""

    run: Run
    settings: Settings
    base: RememberedModel
    corpus: Corpus

    async def course(self, arm: Arm, place: int) -> Mapping[str, Any]:
        """Play one arm once; return a course as JSON data."""
        size = self.settings.size or 1
        rounds = min(2, self.settings.rounds or 1) if self.run.preview else self.settings.rounds or 1
        rng, verifier = np.random.default_rng([self.settings.seed, place, ARMS.index(arm)]), self._verifier()
        real, made = self._real(place, 0, size), list[list[Record]]()
        figures: dict[str, list[float]] = {"real NLL": [], "types": [], "alarm": []}
        monitor = Monitor([one.response for one in real], seed=self.settings.seed)
        for number in range(1, rounds + 1):
            if arm == "fresh_real" and number > 1:
                real = self._real(place, number, size)
            mix = self._mixed(arm, real, made, rng)
            model = await self._trained(mix, f"{arm}-{place}-{number}")
            if number < rounds:
                made.append(await self._made(model, arm, place, number, verifier, rng))
            written = [one.response for one in made[-1]] if number < rounds else []
            told = await self._told(model)
            monitor.read(written, number=number, nll=[-sum(one) / len(one) for one in told])
            if number in looks(rounds):
                figures["real NLL"].append(-sum(map(sum, told)) / sum(map(len, told)))
                figures["types"].append(float(len({word for one in mix for word in words(one.response)})))
                figures["alarm"].append(float(monitor.alarm is not None))
        return {"rounds": list(looks(rounds)), "figures": {name: [values] for name, values in figures.items()}}

    def _verifier(self) -> tuple[Verifier, Vocabulary]:
        vocabulary = Vocabulary.of([*self.corpus.train, *self.corpus.verifier])
        return Verifier(vocabulary.encode(self.corpus.verifier), vocabulary), vocabulary

    def _real(self, place: int, number: int, size: int) -> list[Record]:
        if size > len(self.corpus.train):
            raise DataError(f"{size} real texts wanted, {len(self.corpus.train)} are there: lower size, or add text.")
        order = np.random.default_rng([self.settings.seed, place, number, 99]).permutation(len(self.corpus.train))
        return [Record.of(PROMPT, response=self.corpus.train[k]) for k in order[:size]]

    def _mixed(
        self, arm: Arm, real: list[Record], made: Sequence[list[Record]], rng: np.random.Generator
    ) -> list[Record]:
        """Return what a round is trained on; weights are shares of the records."""
        if not made:
            return real
        if arm in ("accumulate", "subsample"):
            pool = [*real, *(record for records in made for record in records)]
            return pool if arm == "accumulate" else [pool[k] for k in sorted(rng.permutation(len(pool))[: len(real)])]
        mixing = self.settings.mixing
        weight = {"fixed_real": mixing.real_share, "fresh_real": mixing.fresh_weight}.get(arm, 0.0)
        kept = round(weight * len(real))
        return [*real[:kept], *made[-1][: len(real) - kept]]

    async def _trained(self, mix: Sequence[Record], name: str) -> RememberedModel:
        name = re.sub(r"[^a-z0-9]+", "-", name)
        how = TrainingSettings(
            steps=self.settings.details.steps or STEPS,
            tokens_per_batch=PER_STEP,
            learning_rate=RATE,
            schedule="cosine",
            seed=self.settings.seed,
        )
        return await self.run.afit(self.base, self.run.write(name, mix), how, name=name)

    async def _told(self, model: RememberedModel) -> Sequence[Sequence[float]]:
        """Return the log-probability of each token of each held-out real text."""

        async def look(text: str) -> tuple[float, ...]:
            return await model.logprobs(PROMPT, text)

        return await self.run.aeach(self.corpus.held_out[:HELD_OUT], look, name="held-out real texts")

    async def _made(
        self,
        model: RememberedModel,
        arm: Arm,
        place: int,
        number: int,
        verifier: tuple[Verifier, Vocabulary],
        rng: np.random.Generator,
    ) -> list[Record]:
        """Draw texts, and keep those that the verifier keeps, until there are as many as there were real ones."""
        size, kept = self.settings.size or 1, list[Record]()
        for turn in range(10):
            texts = await self._drawn(model, (arm, place, number, turn), size)
            if arm == "verified":
                texts = self._verified(texts, verifier, rng)
            kept += [
                Record.of(PROMPT, response=text, origin="synthetic", round=number, place=len(kept) + at)
                for at, text in enumerate(texts)
            ]
            if len(kept) >= size or self.run.preview:
                return kept[:size]
        raise CallFailed(f"Of {10 * size} texts {len(kept)} could be kept, {size} are needed: train longer.")

    async def _drawn(self, model: RememberedModel, purpose: tuple[str | int, ...], size: int) -> list[str]:
        details = self.settings.details
        sampling = Sampling(temperature=details.temperature or 1.0, top_p=details.top_p or 1.0, max_tokens=TOKENS)
        seeds = [int(digest(self.settings.seed, purpose, k)[:12], 16) for k in range(size)]

        async def some(start: int) -> list[str]:
            drawn = await model.samples(PROMPT, sampling, seeds=seeds[start : start + TOGETHER])
            return [one.text.strip() for one in drawn if one.text.strip()]

        found = await self.run.aeach(range(0, size, TOGETHER), some, name=f"writing, {purpose[0]} {purpose[2]}")
        return [text for texts in found for text in texts]

    def _verified(
        self, texts: Sequence[str], verifier: tuple[Verifier, Vocabulary], rng: np.random.Generator
    ) -> list[str]:
        judge, vocabulary = verifier
        wrong = judge.wrong(vocabulary.encode(texts)) if texts else np.zeros(0, bool)
        mixing = self.settings.mixing
        kept = rng.random(len(wrong)) < np.where(wrong, mixing.keep_wrong, mixing.keep_right)
        return [text for text, keep in zip(texts, kept, strict=True) if keep]
