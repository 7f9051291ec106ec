"""Write replies, a batch at a time.

    draws = [Draw([2, 7, 3], Sampling(max_tokens=40), seed=11, limit=40), …]
    generate(decoder, codec, draws, deliver=replies.__setitem__)

A reply is delivered when its row is finished; the others go on without it.
"""

# ruff: noqa: N803, N806, N815 -- axes stand in the names of tensors

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Finish, Sampling
from regrowth.weights.codec import Codec
from regrowth.weights.decoding import Decoder, Tokens
from regrowth.weights.sampling import Rules, draw, uniforms

__all__ = ["Draw", "Reply", "generate"]

# B: rows at the start, T: tokens of the reply, V: vocabulary, S: rows still growing.

LOOK_FOR_STOPS = 8
"""Tokens between two looks for stop strings; what was written past one is cut off."""


@dataclass(frozen=True, slots=True)
class Draw:
    """Ask for one reply."""

    prompt: Tokens
    sampling: Sampling
    seed: int
    limit: int
    """Tokens at most: `sampling.max_tokens`, or what the context has room for."""

    @property
    def room(self) -> int:
        """Return the tokens of prompt and reply together, at most."""
        return len(self.prompt) + self.limit


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold one reply."""

    text: str
    finish: Finish
    tokens: list[int]
    """Up to the end token or the one that completed a stop string, this one included."""
    logprobs: list[float] | None
    """Of each token, in nats, by the model as it is: neither tempered nor cut to the nucleus."""


@torch.inference_mode()
def generate(
    decoder: Decoder,
    codec: Codec,
    draws: Sequence[Draw],
    deliver: Callable[[int, Reply], None],
    go_on: Callable[[], bool] = lambda: True,
) -> None:
    """Write the replies; `deliver` gets the number of the draw and its reply, in order of completion.

    Raises:
        CallFailed: the network answers with something that is not a number, or `go_on` said no.
    """
    logits_SV = decoder.start([one.prompt for one in draws], max(one.room for one in draws))
    if logits_SV.isnan().any():
        raise CallFailed("The network's logits are not numbers; its weights are damaged or were trained into overflow.")
    sheet = _Sheet.of(draws, codec, logits_SV)
    rules = Rules.of([one.sampling for one in draws], logits_SV.device)
    growing_S = torch.arange(len(draws), device=logits_SV.device)
    for place in range(sheet.tokens_BT.shape[1]):
        if not go_on():
            raise CallFailed("The model was closed while it wrote this answer.")
        ids_S = draw(logits_SV, rules, sheet.uniform_BT[growing_S, place])
        over_S = sheet.write(place, growing_S, ids_S, logits_SV)
        if sheet.stops and place % LOOK_FOR_STOPS == LOOK_FOR_STOPS - 1:
            over_S |= sheet.stopped(place, growing_S)
        if over_S.any():
            for row in growing_S[over_S].tolist():
                deliver(row, sheet.reply(row, place))
            if not (kept := _closed_up(over_S.tolist())):
                return
            decoder.keep(kept)
            rules, growing_S, ids_S = rules.take(kept), growing_S[kept], ids_S[kept]
        logits_SV = decoder.step(ids_S)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What is written so far, a line per draw."""

    draws: Sequence[Draw]
    codec: Codec
    limit_B: Tensor
    uniform_BT: Tensor
    tokens_BT: Tensor
    logprobs_BT: Tensor | None
    is_end_V: Tensor
    stops: bool

    @classmethod
    def of(cls, draws: Sequence[Draw], codec: Codec, logits_BV: Tensor) -> "_Sheet":
        device = logits_BV.device
        longest = max(one.limit for one in draws)
        is_end_V = torch.zeros(logits_BV.shape[1], dtype=torch.bool)
        is_end_V[sorted(codec.ends)] = True
        wants_logprobs = any(one.sampling.logprobs for one in draws)
        return cls(
            draws=draws,
            codec=codec,
            limit_B=torch.tensor([one.limit for one in draws], device=device),
            uniform_BT=uniforms([one.seed for one in draws], longest).to(device),
            tokens_BT=torch.zeros(len(draws), longest, dtype=torch.long, device=device),
            logprobs_BT=torch.zeros(len(draws), longest, device=device) if wants_logprobs else None,
            is_end_V=is_end_V.to(device),
            stops=any(one.sampling.stop for one in draws),
        )

    def write(self, place: int, rows_S: Tensor, ids_S: Tensor, logits_SV: Tensor) -> Tensor:
        """Write one token on each growing line and return which lines are over."""
        self.tokens_BT[rows_S, place] = ids_S
        if self.logprobs_BT is not None:
            self.logprobs_BT[rows_S, place] = logits_SV.log_softmax(-1).gather(1, ids_S.unsqueeze(1)).squeeze(1)
        return self.is_end_V[ids_S] | (self.limit_B[rows_S] <= place + 1)

    def stopped(self, place: int, rows_S: Tensor) -> Tensor:
        """Return which lines hold a stop string."""
        return torch.tensor([self._has_stop(place, row) for row in rows_S.tolist()], device=rows_S.device)

    def reply(self, row: int, place: int) -> Reply:
        """Read a finished line."""
        sampling = self.draws[row].sampling
        ids: list[int] = self.tokens_BT[row, : place + 1].tolist()
        finish: Finish = "stop" if ids[-1] in self.codec.ends else "length"
        text = self.codec.text(ids)
        if _holds(text, sampling.stop):
            counts = range(1, len(ids) + 1)
            count = counts[bisect_left(counts, True, key=lambda n: _holds(self.codec.text(ids[:n]), sampling.stop))]
            ids, text, finish = ids[:count], self.codec.text(ids[:count]), "stop"
            text = text[: min(text.find(stop) for stop in sampling.stop if stop in text)]
        logprobs_BT = self.logprobs_BT if sampling.logprobs else None
        return Reply(text, finish, ids, None if logprobs_BT is None else logprobs_BT[row, : len(ids)].tolist())

    def _has_stop(self, place: int, row: int) -> bool:
        stops = self.draws[row].sampling.stop
        if not stops:
            return False
        longest = max(len(stop.encode()) for stop in stops)  # a token is a byte at least
        tail = self.tokens_BT[row, max(0, place - longest - LOOK_FOR_STOPS - 4) : place + 1].tolist()
        return _holds(self.codec.text(tail), stops)


def _holds(text: str, stops: Sequence[str]) -> bool:
    return any(stop in text for stop in stops)


def _closed_up(over: Sequence[bool]) -> list[int]:
    """Return the rows that go on, the last ones moved into the gaps, so that few have to move."""
    going = [row for row, is_over in enumerate(over) if not is_over]
    movers = going[::-1]
    return [movers.pop(0) if over[slot] else slot for slot in range(len(going))]
