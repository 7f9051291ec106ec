"""A model as recipes and gates see it: a backend whose every call is a remembered effect."""

import math
from collections.abc import Sequence
from pathlib import Path

from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Answer, Backend, Completion, Sampling, Score, Scorer
from regrowth.core.record import Json, Messages, conversation
from regrowth.core.store import Store

__all__ = ["RememberedModel"]

SAMPLING = Sampling()


class RememberedModel:
    """Ask a backend through a store: what was answered once is never asked, or paid, again."""

    def __init__(self, backend: Backend, store: Store, name: str = "") -> None:
        self.backend = backend
        self.store = store
        self.name = name
        """What a person called the model; not part of any key."""

    def __repr__(self) -> str:
        return f"RememberedModel({self.name!r}, digest={self.digest!r})"

    @property
    def digest(self) -> str:
        """Return the name of the weights."""
        return self.backend.digest

    @property
    def folder(self) -> Path:
        """Return the folder of the weights.

        Raises:
            SettingsError: the model is served, recorded or scripted: there are no weights here.
        """
        folder: Path | None = getattr(self.backend, "folder", None)
        if folder is None:
            raise SettingsError(f"{self.name}: no weights in this process. Name a folder, `tiny` or `hf:org/name`.")
        return folder

    async def samples(
        self, messages: str | Messages, sampling: Sampling = SAMPLING, *, seeds: Sequence[int]
    ) -> tuple[Completion, ...]:
        """Draw one completion per seed, in one call where the backend can."""
        turns = conversation(messages)

        async def compute() -> Answer:
            return await self.backend.answer(turns, sampling, seeds)

        request: dict[str, Json] = {
            "model": self.digest,
            "messages": [turn._asdict() for turn in turns],
            "sampling": sampling.to_json(),
            "seeds": list(seeds),
        }
        return self.backend.read(await self.store.effect("generate", request, compute))

    async def generate(self, messages: str | Messages, sampling: Sampling = SAMPLING, *, seed: int) -> Completion:
        """Draw one completion."""
        return (await self.samples(messages, sampling, seeds=[seed]))[0]

    async def ask(self, messages: str | Messages, sampling: Sampling = SAMPLING, *, seed: int) -> str:
        """Draw one completion and return its text."""
        return (await self.generate(messages, sampling, seed=seed)).text

    async def logprobs(self, messages: str | Messages, response: str) -> tuple[float, ...]:
        """Return the log-probability, in nats, of each token of a given response."""
        turns = conversation(messages)

        async def compute() -> Answer:
            return await self.backend.measure(turns, response)

        request: dict[str, Json] = {
            "model": self.digest,
            "messages": [turn._asdict() for turn in turns],
            "response": response,
        }
        return tuple(await self.store.effect("score", request, compute))

    async def score(self, messages: str | Messages, response: str) -> Score:
        """Judge a response, with a reward model.

        Raises:
            SettingsError: this kind of model cannot score.
            CallFailed: prompt and response exceed the context, or the model has no head.
        """
        scorer = self.backend
        if not isinstance(scorer, Scorer):
            raise SettingsError(
                f"{self.name or 'The model'} cannot score: a {type(self.backend).__name__} only writes. "
                "Name a reward model: a folder, or hf:org/name."
            )
        turns = conversation(messages)

        async def compute() -> Answer:
            return await scorer.score(turns, response)

        request: dict[str, Json] = {
            "model": self.digest,
            "messages": [turn._asdict() for turn in turns],
            "response": response,
            "reads": "value",
        }
        raw = await self.store.effect("score", request, compute)
        reward = math.fsum(weight * value for weight, value in zip(raw["scalar"], raw["values"], strict=True))
        return Score(reward, dict(zip(raw["names"], raw["values"], strict=True)))
