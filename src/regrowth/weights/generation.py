"""Write replies, a batch at a time.

    draws = [Draw([2, 7, 3], Sampling(max_tokens=40), seed=11, limit=40), …]
    generate(decoder, codec, draws, deliver=replies.__setitem__)

A reply is delivered when its row is finished; the others go on without it.
"""

# ruff: noqa: N803, N806, N815 -- axes stand in the names of tensors

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Finish, Sampling
from regrowth.weights.codec import Codec
from regrowth.weights.decoding import Decoder, Tokens
from regrowth.weights.sampling import Rules, draw, uniforms

__all__ = ["Draw", "Reply", "generate"]

# B: rows that still grow, T: tokens of the reply, V: vocabulary.

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
    logits_BV = decoder.start([one.prompt for one in draws], max(one.room for one in draws))
    if logits_BV.isnan().any():
        raise CallFailed("The network's logits are not numbers; its weights are damaged or were trained into overflow.")
    sheet = _Sheet.of(draws, codec, logits_BV)
    for place in range(len(sheet.tokens_TB)):
        if not go_on():
            raise CallFailed("The model was closed while it wrote this answer.")
        ids_B = draw(logits_BV, sheet.rules, sheet.uniform_TB[place])
        over_B = sheet.write(place, ids_B, logits_BV)
        if over_B.any():
            for row in over_B.nonzero().squeeze(1).tolist():
                deliver(sheet.numbers[row], sheet.reply(row, place))
            if not (kept := _closed_up(over_B.tolist())):
                return
            decoder.keep(kept)
            sheet, ids_B = sheet.take(kept), ids_B[kept]
        logits_BV = decoder.step(ids_B)


@dataclass(frozen=True, slots=True)
class _Sheet:
    """What is written so far: a column per growing row."""

    draws: Sequence[Draw]
    codec: Codec
    is_end_V: Tensor
    numbers: list[int]
    """Of the draws that the columns belong to."""
    rules: Rules
    limit_B: Tensor
    uniform_TB: Tensor
    tokens_TB: Tensor
    logprobs_TB: Tensor | None

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
            is_end_V=is_end_V.to(device),
            numbers=list(range(len(draws))),
            rules=Rules.of([one.sampling for one in draws], device),
            limit_B=torch.tensor([one.limit for one in draws], device=device),
            uniform_TB=uniforms([one.seed for one in draws], longest).t().contiguous().to(device),
            tokens_TB=torch.zeros(longest, len(draws), dtype=torch.long, device=device),
            logprobs_TB=torch.zeros(longest, len(draws), device=device) if wants_logprobs else None,
        )

    def take(self, rows: list[int]) -> "_Sheet":
        """Return the sheet of some rows."""
        return replace(
            self,
            numbers=[self.numbers[row] for row in rows],
            rules=self.rules.take(rows),
            limit_B=self.limit_B[rows],
            uniform_TB=self.uniform_TB[:, rows],
            tokens_TB=self.tokens_TB[:, rows],
            logprobs_TB=None if self.logprobs_TB is None else self.logprobs_TB[:, rows],
        )

    def write(self, place: int, ids_B: Tensor, logits_BV: Tensor) -> Tensor:
        """Write one token in each column and return which columns are over."""
        self.tokens_TB[place] = ids_B
        if self.logprobs_TB is not None:
            self.logprobs_TB[place] = logits_BV.log_softmax(-1).gather(1, ids_B.unsqueeze(1)).squeeze(1)
        over_B = self.is_end_V[ids_B].logical_or_(self.limit_B <= place + 1)
        if place % LOOK_FOR_STOPS == LOOK_FOR_STOPS - 1:
            stopped = [row for row in range(len(self.numbers)) if self._has_stop(row, place)]
            over_B[stopped] = True
        return over_B

    def reply(self, row: int, place: int) -> Reply:
        """Read a finished column."""
        sampling = self.draws[self.numbers[row]].sampling
        ids: list[int] = self.tokens_TB[: place + 1, row].tolist()
        finish: Finish = "stop" if ids[-1] in self.codec.ends else "length"
        text = self.codec.text(ids)
        if _holds(text, sampling.stop):
            counts = range(1, len(ids) + 1)
            count = counts[bisect_left(counts, True, key=lambda n: _holds(self.codec.text(ids[:n]), sampling.stop))]
            ids, text, finish = ids[:count], self.codec.text(ids[:count]), "stop"
            text = text[: min(text.find(stop) for stop in sampling.stop if stop in text)]
        logprobs_TB = self.logprobs_TB if sampling.logprobs else None
        return Reply(text, finish, ids, None if logprobs_TB is None else logprobs_TB[: len(ids), row].tolist())

    def _has_stop(self, row: int, place: int) -> bool:
        stops = self.draws[self.numbers[row]].sampling.stop
        if not stops:
            return False
        longest = max(len(stop.encode()) for stop in stops)  # a token is a byte at least
        begin = max(0, place - longest - LOOK_FOR_STOPS - 4)
        return _holds(self.codec.text(self.tokens_TB[begin : place + 1, row].tolist()), stops)


def _holds(text: str, stops: Sequence[str]) -> bool:
    return any(stop in text for stop in stops)


def _closed_up(over: Sequence[bool]) -> list[int]:
    """Return the rows that go on, the last ones moved into the gaps, so that few have to move."""
    going = [row for row, is_over in enumerate(over) if not is_over]
    movers = going[::-1]
    return [movers.pop(0) if over[slot] else slot for slot in range(len(going))]
