"""A model in this process: concurrent calls are gathered into batches.

    backend = TorchBackend("models/student")                 # a folder, or the hub's org/name
    answer = await backend.answer([Message("user", "2 + 3?")], Sampling(max_tokens=32), seeds=[11, 12])
    answer.raw    # {"choices": [{"text": "5", "finish": "stop", "tokens": [27, 4], "logprobs": null}, …],
                  #  "prompt_tokens": 7}

    judge = TorchBackend("models/judge")                     # a reward model: it scores, and writes nothing
    answer = await judge.score([Message("user", "2 + 3?")], "5")
    answer.raw    # {"names": ["correctness", "verbosity"], "values": [3.5, 0.25], "scalar": [0.8, -0.2]}

Calls wait until no new one arrives for a few milliseconds and run in one worker thread (`regrowth.models._batching`).
Rows that are finished leave their batch and are answered at once.

Samples depend on their seed, never on the batch. On a CPU our own Llama computes the same bits in every batch
(`regrowth.weights.decoding` says how), and a reward model does so whatever its architecture, so a resumed run writes
what the undisturbed one would have. When they write, networks of `transformers` come close, and so do all on GPUs, but
two nearly equal probabilities may swap there.

`Sampling.schema` does not constrain the tokens here.
"""

import math
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from regrowth.core.errors import CallFailed, DataError, RegrowthError
from regrowth.core.protocols import Answer, Completion, Cost, Sampling
from regrowth.core.record import Json, Messages, digest
from regrowth.models._batching import Batches, Deliver
from regrowth.weights.codec import Codec
from regrowth.weights.decoding import Decoder, decoder_of
from regrowth.weights.exact import with_threads
from regrowth.weights.generation import Draw, Reply, generate
from regrowth.weights.heads import RewardNetwork, last_values
from regrowth.weights.loading import Weights, load

__all__ = ["TorchBackend"]

VERSION = 1
"""Part of the digest; changes whenever equal requests get other answers."""
GATHER = 0.003
"""Seconds without a new call after which a batch starts."""


@dataclass(frozen=True, slots=True)
class _Given:
    """Ask what the model thinks of a reply that is given."""

    prompt: list[int]
    reply: list[int]

    @property
    def room(self) -> int:
        return len(self.prompt) + len(self.reply)


class TorchBackend:
    """Answer, or score, with weights that lie in this process's memory."""

    def __init__(
        self,
        weights: Weights | str | Path,
        *,
        device: str = "cpu",
        rows: int = 64,
        tokens: int = 65_536,
        threads: int = 1,
    ) -> None:
        """Prepare weights for decoding or scoring.

        Args:
            weights: a folder, the hub's org/name, or what is loaded already and then stays on its device.
            device: where a folder is loaded to: 32-bit floats on a CPU, bfloat16 elsewhere.
            rows: answers written or scored together, at most.
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
        self._digest = digest("torch", VERSION, weights.digest, parameter.device.type, str(parameter.dtype))
        self._judge: RewardNetwork | None = None
        self._writer: Decoder | None = None
        if isinstance(weights.network, RewardNetwork):
            self._judge = _kept(weights.network)
        else:
            self._writer = decoder_of(weights.network, weights.codec.pad)
        self._threads = threads
        self._batches = Batches(self._compute, rows=rows, tokens=tokens, gather=GATHER)

    @property
    def digest(self) -> str:
        """Name weights, codec, this decoder's version, number format and kind of device."""
        return self._digest

    async def answer(self, messages: Messages, sampling: Sampling, seeds: Sequence[int]) -> Answer:
        """Draw one answer per seed; one prompt is read once, however many seeds it has.

        Raises:
            CallFailed: the prompt fills the context, the conversation fits no template, the batch failed, or this is
                a reward model.
        """
        self._refuse_judges()
        prompt = self._prompt(messages)
        limit = min(sampling.max_tokens, self._context - len(prompt))
        if limit < 1:
            raise CallFailed(
                f"The prompt has {len(prompt)} tokens, the model's context {self._context}, max_tokens is "
                f"{sampling.max_tokens}: there is no room for an answer. Shorten the prompt."
            )
        replies: list[Reply] = await self._batches.run([Draw(prompt, sampling, seed, limit) for seed in seeds])
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
            CallFailed: prompt and response together exceed the context, the batch failed, or this is a reward model.
        """
        self._refuse_judges()
        task = self._given(messages, response)
        (logprobs,) = await self._batches.run([task])
        return Answer(logprobs, Cost(calls=1, prompt_tokens=task.room))

    async def score(self, messages: Messages, response: str) -> Answer:
        """Return what a reward model makes of a response: its outputs, their names, and their weights in the reward.

        Raises:
            CallFailed: prompt and response together exceed the context, the batch failed, the outputs are no numbers,
                or this is a language model.
        """
        if self._judge is None:
            raise CallFailed(
                "A language model cannot score: it has no head for it. Name a reward model (a folder whose config.json "
                "says …ForSequenceClassification), or ask for logprobs."
            )
        task = self._given(messages, response)
        (values,) = await self._batches.run([task])
        if not all(map(math.isfinite, values)):
            raise CallFailed(
                f"The reward model's outputs are {values}; its weights are damaged or overflow. Check them."
            )
        raw: Json = {"names": list(self._judge.names), "values": values, "scalar": list(self._judge.scalar)}
        return Answer(raw, Cost(calls=1, prompt_tokens=task.room))

    async def close(self) -> None:
        """Stop the running batch, fail what waits, and end the worker thread."""
        await self._batches.close()

    def _refuse_judges(self) -> None:
        if self._judge is not None:
            raise CallFailed(
                "A reward model writes nothing and has no log-probabilities: its head replaced the vocabulary. "
                "Ask it to score, or name a language model."
            )

    def _prompt(self, messages: Messages) -> list[int]:
        try:
            return self._codec.prompt(messages)
        except RegrowthError as error:
            raise CallFailed(str(error)) from error

    def _given(self, messages: Messages, response: str) -> _Given:
        try:
            task = _Given(self._prompt(messages), self._codec.reply(response))
        except DataError as error:
            raise CallFailed(str(error)) from error
        if task.room > self._context:
            raise CallFailed(
                f"Prompt and response have {task.room} tokens, the model's context {self._context}. Shorten them."
            )
        return task

    def _compute(self, tasks: Sequence[Draw | _Given], deliver: Deliver) -> None:
        """Run one batch; in the worker thread."""
        draws = [task for task in tasks if isinstance(task, Draw)]
        pairs = [(task.prompt, task.reply) for task in tasks if isinstance(task, _Given)]
        with with_threads(self._threads):
            if self._judge is not None:
                for number, values in last_values(self._judge, [prompt + reply for prompt, reply in pairs]):
                    deliver(number, values)
                    if not self._batches.open:
                        raise CallFailed("The model was closed before it answered.")
            elif self._writer is not None and draws:
                generate(self._writer, self._codec, draws, deliver, go_on=lambda: self._batches.open)
            elif self._writer is not None:
                for number, logprobs in enumerate(self._writer.score(pairs)):
                    deliver(number, logprobs)


def _kept(network: RewardNetwork) -> RewardNetwork:
    """Return a copy on a CPU: training may go on with the network, and a file's tensors may lie at odd addresses."""
    return deepcopy(network) if network.score.weight.device.type == "cpu" else network
