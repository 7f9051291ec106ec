"""A model that is a Python function: for tests of everything that asks models.

    ScriptedBackend(lambda messages, sampling, seed: f"{messages[-1].content}? 7.", name="seven")

Equal `name` means equal digest: a test that changes what a name answers shows what a stale store would do.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Answer, Completion, Cost, Finish, Sampling
from regrowth.core.record import Json, Messages, digest
from regrowth.models._chat import rough_tokens

__all__ = ["Script", "ScriptedBackend"]

Script: TypeAlias = Callable[[Messages, Sampling, int], str | Completion]


class ScriptedBackend:
    """Answer with what a function returns. What it raises is what the call raises."""

    def __init__(
        self,
        function: Script,
        *,
        name: str = "scripted",
        delay: float | Callable[[Messages, int], float] = 0.0,
        failure: Callable[[Messages, int], Exception | None] | None = None,
        scores: Callable[[Messages, str], Sequence[float]] | None = None,
    ) -> None:
        """`delay`: seconds before a call's answer, or a function of messages and first seed; `failure`: likewise, the
        error a call ends in, or None; `scores`: the log-probabilities that `measure` returns.
        """
        self.function = function
        self.name = name
        self.calls = 0
        """Calls answered so far: what a store should have spared."""
        self.failed = 0
        self._delay = delay
        self._failure = failure
        self._scores = scores

    def __repr__(self) -> str:
        return f"ScriptedBackend({self.name!r})"

    @property
    def digest(self) -> str:
        """Return the hash of the name."""
        return digest("scripted", self.name)

    async def answer(self, messages: Messages, sampling: Sampling, seeds: Sequence[int]) -> Answer:
        """Draw one answer per seed."""
        await self._pass(messages, seeds[0] if seeds else 0)
        replies = [_completion(self.function(messages, sampling, seed)) for seed in seeds]
        self.calls += 1
        prompt = rough_tokens(content for _, content in messages)
        raw: list[Json] = [
            {
                "text": reply.text,
                "finish": reply.finish,
                "tokens": reply.tokens,
                "logprobs": None if reply.logprobs is None else list(reply.logprobs),
            }
            for reply in replies
        ]
        return Answer(raw, Cost(1, prompt, sum(reply.tokens for reply in replies)))

    async def _pass(self, messages: Messages, seed: int) -> None:
        seconds = self._delay(messages, seed) if callable(self._delay) else self._delay
        if seconds:
            await asyncio.sleep(seconds)
        if self._failure is not None and (error := self._failure(messages, seed)) is not None:
            self.failed += 1
            raise error

    def read(self, raw: Json) -> tuple[Completion, ...]:
        """Read the completions out of a raw answer, one per seed."""
        return tuple(
            Completion(
                reply["text"],
                cast("Finish", reply["finish"]),
                None if reply["logprobs"] is None else tuple(reply["logprobs"]),
                reply["tokens"],
            )
            for reply in cast("Sequence[Mapping[str, Any]]", raw)
        )

    async def measure(self, messages: Messages, response: str) -> Answer:
        """Return the log-probabilities that `scores` gives.

        Raises:
            CallFailed: there is no such function.
        """
        if self._scores is None:
            raise CallFailed(f"{self!r} was given no scores")
        await self._pass(messages, 0)
        self.calls += 1
        return Answer(list(self._scores(messages, response)), Cost(calls=1))

    async def close(self) -> None:
        """Hold nothing, give back nothing."""


def _completion(reply: str | Completion) -> Completion:
    return reply if isinstance(reply, Completion) else Completion(reply, tokens=rough_tokens([reply]))
