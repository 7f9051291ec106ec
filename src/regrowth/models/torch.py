"""A model in this process: concurrent calls are gathered into batches.

    backend = TorchBackend("models/student")                 # a folder, or the hub's org/name
    answer = await backend.answer([Message("user", "2 + 3?")], Sampling(max_tokens=32), seeds=[11, 12])
    answer.raw    # {"choices": [{"text": "5", "finish": "stop", "tokens": [27, 4], "logprobs": null}, …],
                  #  "prompt_tokens": 7}

Calls wait until no new one arrives for a few milliseconds, are sorted by length, and run in one worker thread, so the
event loop stays free. Rows that are finished leave their batch and are answered at once.

Samples depend on their seed, never on the batch. On a CPU our own Llama computes the same bits in every batch
(`regrowth.weights.decoding` says how), so a resumed run writes what the undisturbed one would have. Networks of
`transformers` and GPUs come close, but two nearly equal probabilities may swap there.

`Sampling.schema` does not constrain the tokens here.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from regrowth.core.errors import CallFailed, RegrowthError
from regrowth.core.protocols import Answer, Completion, Cost, Sampling
from regrowth.core.record import Json, Messages, digest
from regrowth.weights.codec import Codec
from regrowth.weights.decoding import decoder_of
from regrowth.weights.exact import with_threads
from regrowth.weights.generation import Draw, Reply, generate
from regrowth.weights.loading import Weights, load

__all__ = ["TorchBackend"]

VERSION = 1
"""Part of the digest; changes whenever equal requests get other answers."""
GATHER = 0.003
"""Seconds without a new call after which a batch starts."""


@dataclass(frozen=True, slots=True)
class _Measure:
    """Ask for the log-probabilities of a given reply."""

    prompt: list[int]
    reply: list[int]

    @property
    def room(self) -> int:
        return len(self.prompt) + len(self.reply)


@dataclass(frozen=True, slots=True)
class _Job:
    """One row of a batch, and who waits for it."""

    task: Draw | _Measure
    result: asyncio.Future[Any]


class TorchBackend:
    """Answer with weights that lie in this process's memory."""

    def __init__(
        self,
        weights: Weights | str | Path,
        *,
        device: str = "cpu",
        rows: int = 64,
        tokens: int = 65_536,
        threads: int = 1,
    ) -> None:
        """Prepare weights for decoding.

        Args:
            weights: a folder, the hub's org/name, or what is loaded already and then stays on its device.
            device: where a folder is loaded to: 32-bit floats on a CPU, bfloat16 elsewhere.
            rows: answers written together, at most.
            tokens: rows times longest sequence, at most; bounds the memory of the key-value cache.
            threads: of torch while a batch runs. Bit-equal answers in every batch are promised for 1.

        Raises:
            SettingsError, DataError, MissingExtra, ModelUnavailable: as `regrowth.weights.loading.load`.
        """
        self.folder = None if isinstance(weights, Weights) else Path(weights)
        """Where the weights lie, for whoever wants to train on from there."""
        if not isinstance(weights, Weights):
            weights = load(weights, device=device, dtype="float32" if device == "cpu" else "bfloat16")
        parameter = next(weights.network.parameters())
        self._codec: Codec = weights.codec
        self._context = weights.context
        self._decoder = decoder_of(weights.network, weights.codec.pad)
        self._digest = digest("torch", VERSION, weights.digest, parameter.device.type, str(parameter.dtype))
        self._rows, self._tokens, self._threads = rows, tokens, threads
        self._waiting: list[_Job] = []
        self._serving: asyncio.Task[None] | None = None
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="torch-model")
        self._open = True

    @property
    def digest(self) -> str:
        """Name weights, codec, this decoder's version, number format and kind of device."""
        return self._digest

    async def answer(self, messages: Messages, sampling: Sampling, seeds: Sequence[int]) -> Answer:
        """Draw one answer per seed; one prompt is read once, however many seeds it has.

        Raises:
            CallFailed: the prompt fills the context, the conversation fits no template, or the batch failed.
        """
        prompt = self._prompt(messages)
        limit = min(sampling.max_tokens, self._context - len(prompt))
        if limit < 1:
            raise CallFailed(
                f"The prompt has {len(prompt)} tokens, the model's context {self._context}, max_tokens is "
                f"{sampling.max_tokens}: there is no room for an answer. Shorten the prompt."
            )
        replies: list[Reply] = await self._run([Draw(prompt, sampling, seed, limit) for seed in seeds])
        choices = [
            {"text": one.text, "finish": one.finish, "tokens": one.tokens, "logprobs": one.logprobs} for one in replies
        ]
        written = sum(len(one.tokens) for one in replies)
        raw: Json = {"choices": choices, "prompt_tokens": len(prompt)}
        return Answer(raw, Cost(calls=1, prompt_tokens=len(prompt), completion_tokens=written))

    def read(self, raw: Json) -> tuple[Completion, ...]:
        """Read the completions out of a raw answer."""
        return tuple(
            Completion(
                text=choice["text"],
                finish=choice["finish"],
                logprobs=None if choice["logprobs"] is None else tuple(choice["logprobs"]),
                tokens=len(choice["tokens"]),
            )
            for choice in cast("dict[str, Any]", raw)["choices"]
        )

    async def measure(self, messages: Messages, response: str) -> Answer:
        """Return the log-probabilities, in nats, of a given response's tokens, its end token included.

        Raises:
            CallFailed: prompt and response together exceed the context, or the batch failed.
        """
        task = _Measure(self._prompt(messages), self._codec.reply(response))
        if task.room > self._context:
            raise CallFailed(
                f"Prompt and response have {task.room} tokens, the model's context {self._context}. Shorten them."
            )
        (logprobs,) = await self._run([task])
        return Answer(logprobs, Cost(calls=1, prompt_tokens=task.room))

    async def close(self) -> None:
        """Stop the running batch, fail what waits, and end the worker thread."""
        self._open = False
        for job in self._waiting:
            _settle(job.result, CallFailed("The model was closed before it answered."))
        self._waiting.clear()
        await asyncio.to_thread(self._worker.shutdown)

    def _prompt(self, messages: Messages) -> list[int]:
        try:
            return self._codec.prompt(messages)
        except RegrowthError as error:
            raise CallFailed(str(error)) from error

    async def _run(self, tasks: Sequence[Draw | _Measure]) -> list[Any]:
        if not self._open:
            raise CallFailed("The model is closed.")
        jobs = [_Job(task, asyncio.get_running_loop().create_future()) for task in tasks]
        self._waiting += jobs
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve())
        return await asyncio.gather(*(job.result for job in jobs))

    async def _serve(self) -> None:
        """Run batches until no call waits."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            await self._gather()
            if not (batch := self._next_batch()):
                continue
            try:
                await loop.run_in_executor(self._worker, self._compute, batch, loop.call_soon_threadsafe)
            except Exception as error:  # the boundary: whatever a batch raises fails its own calls and no others
                for job in batch:
                    _settle(job.result, _told(error))

    async def _gather(self) -> None:
        known = 0
        while known < len(self._waiting) < self._rows:
            known = len(self._waiting)
            await asyncio.sleep(GATHER)

    def _next_batch(self) -> list[_Job]:
        """Take the oldest call and those of its kind nearest to it in length."""
        self._waiting = [job for job in self._waiting if not job.result.done()]
        if not self._waiting:
            return []
        oldest = self._waiting[0]
        kind = type(oldest.task)
        alike = sorted((job for job in self._waiting if type(job.task) is kind), key=lambda job: job.task.room)
        batch = next(part for part in self._parts(alike) if any(job is oldest for job in part))
        taken = {id(job) for job in batch}
        self._waiting = [job for job in self._waiting if id(job) not in taken]
        return batch

    def _parts(self, jobs: Sequence[_Job]) -> Iterator[list[_Job]]:
        part: list[_Job] = []
        for job in jobs:
            if part and (len(part) == self._rows or (len(part) + 1) * job.task.room > self._tokens):
                yield part
                part = []
            part.append(job)
        yield part

    def _compute(self, batch: list[_Job], soon: Callable[..., object]) -> None:
        """Run one batch; in the worker thread."""

        def deliver(number: int, result: object) -> None:
            soon(_settle, batch[number].result, result)

        with with_threads(self._threads):
            draws = [job.task for job in batch if isinstance(job.task, Draw)]
            if draws:
                generate(self._decoder, self._codec, draws, deliver, go_on=lambda: self._open)
                return
            pairs = [(job.task.prompt, job.task.reply) for job in batch if isinstance(job.task, _Measure)]
            for number, logprobs in enumerate(self._decoder.score(pairs)):
                deliver(number, logprobs)


def _settle(future: asyncio.Future[Any], result: object) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)


def _told(error: Exception) -> CallFailed:
    if isinstance(error, CallFailed):
        return error
    advice = " Lower `rows` or `tokens`." if "memory" in f"{type(error).__name__} {error}".lower() else ""
    return CallFailed(f"The batch failed with {type(error).__name__}: {error}.{advice}")
