"""Records into token rows, rows into the batches of a step, a batch into the passes that a network takes at once.

One record on its way (ids of a made-up codec; the prompt is masked, the reply with its end token is trained):
    messages   Message("user", "2 + 3?")     prompt   7 2 9 3 8 5
    response   "5"                           reply    4 1
    inputs     7 2 9 3 8 5 4
    targets    · · · · · 4 1

Which records share a step depends on the seed alone, never on their length, so no step is all short answers. Within
a step the records are sorted by length and cut into passes: that is where padding goes. Only ids are kept in memory,
four bytes each.
"""
# ruff: noqa: N806, N815 -- axes stand in the names of tensors

import hashlib
import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import torch
from torch import Tensor

from regrowth.core.errors import DataError
from regrowth.core.record import Record
from regrowth.weights.codec import Codec

__all__ = ["Batch", "Pass", "Position", "Rows", "Skipped", "batches", "passes", "tokenize"]

Ints: TypeAlias = "np.ndarray[Any, np.dtype[np.integer[Any]]]"

# B: rows of a pass, T: positions, N: trained tokens of a pass.


class Skipped(NamedTuple):
    """A record that cannot be trained on."""

    record: str
    """Its id."""
    reason: str


@dataclass(frozen=True)
class Rows:
    """Hold every trainable record as token ids, end to end; a record has one row per side."""

    ids: Ints
    starts: Ints
    """Where each row starts in `ids`; one more than there are rows."""
    prompts: Ints
    """How many ids of each row are prompt."""
    sides: tuple[str, ...]
    skipped: tuple[Skipped, ...]

    def __len__(self) -> int:
        """Return the number of records."""
        return len(self.prompts) // len(self.sides)

    @cached_property
    def lengths(self) -> Ints:
        """Return the tokens of each record, all its sides together."""
        tokens: Ints = np.diff(self.starts).reshape(len(self), -1).sum(axis=1)
        return tokens

    @cached_property
    def widths(self) -> Ints:
        """Return the positions that each record's longest side takes up: the last token is no input."""
        positions: Ints = np.diff(self.starts).reshape(len(self), -1).max(axis=1) - 1
        return positions

    @property
    def digest(self) -> str:
        """Return what names the rows and their order: 32 hexadecimal digits."""
        parts = (self.ids.astype("<i4"), self.starts.astype("<i8"), self.prompts.astype("<i8"))
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:32]


class Position(NamedTuple):
    """A place in the endless stream of batches."""

    epoch: int = 0
    batch: int = 0


class Batch(NamedTuple):
    """The records of one optimizer step."""

    records: Ints
    """Numbers of records, in the order of the shuffle."""
    following: Position
    """Where to go on after this batch."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What goes through the network at once: rows of like length, all first sides before all second sides."""

    ids_BT: Tensor
    """Inputs, padded on the right."""
    kept_N: Tensor
    """Positions, of B·T in reading order, whose next token is trained."""
    targets_N: Tensor
    """The tokens that follow them."""
    rows_N: Tensor
    """Record of each trained token, counted within the pass."""
    counts: tuple[int, ...]
    """Trained tokens of each side; they stand side by side in the N axis."""
    records: int

    def to(self, device: torch.device) -> "Pass":
        """Return the same pass on another device."""
        ids_BT, kept_N, targets_N, rows_N = (
            tensor.to(device, non_blocking=True) for tensor in (self.ids_BT, self.kept_N, self.targets_N, self.rows_N)
        )
        return Pass(ids_BT, kept_N, targets_N, rows_N, self.counts, self.records)


def tokenize(records: Iterable[Record], codec: Codec, *, context: int, sides: Sequence[str] = ("response",)) -> Rows:
    """Encode records one by one; those that cannot be trained on are listed, none is cut.

    Raises:
        DataError: no record is left.
    """
    ids, starts, prompts = array("i"), array("q", [0]), array("q")
    skipped: list[Skipped] = []
    for record in records:
        rows = _encode(record, codec, sides, context)
        if isinstance(rows, str):
            skipped.append(Skipped(record.id, rows))
            continue
        for prompt, reply in rows:
            ids.extend(prompt)
            ids.extend(reply)
            starts.append(len(ids))
            prompts.append(len(prompt))
    if not prompts:
        first = f" The first: record {skipped[0].record}: {skipped[0].reason}." if skipped else ""
        raise DataError(f"Nothing to train on: {len(skipped)} records came in, none can be used.{first}")
    buffers = (np.frombuffer(ids, np.intc), np.frombuffer(starts, np.int64), np.frombuffer(prompts, np.int64))
    return Rows(*buffers, tuple(sides), tuple(skipped))


def _encode(
    record: Record, codec: Codec, sides: Sequence[str], context: int
) -> list[tuple[list[int], list[int]]] | str:
    """Return prompt and reply of each side, or the reason why there are none."""
    try:
        prompt = codec.prompt(record.messages)
    except DataError as error:
        return str(error)
    rows = []
    for side in sides:
        text = getattr(record, side)
        if not text:
            return f"its {side} is empty"
        reply = codec.reply(text)
        if not prompt or (length := len(prompt) + len(reply)) > context:
            return f"{length} tokens with its {side}, the context holds {context}" if prompt else "its prompt is empty"
        rows.append((prompt, reply))
    return rows


def batches(rows: Rows, *, tokens: int, seed: int, start: Position = Position()) -> Iterator[Batch]:  # noqa: B008
    """Yield batches without end, from a position on; every epoch shuffles anew by (seed, epoch).

    An epoch is cut into equal batches of `tokens` or a little less, give or take a record, so that no small rest gets
    a step of its own.
    """
    for epoch in count(start.epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(rows))
        groups = _cut(order, rows.lengths, math.ceil(rows.lengths.sum() / tokens))
        first = start.batch if epoch == start.epoch else 0
        for number, group in enumerate(groups[first:], first + 1):
            yield Batch(group, Position(epoch, number) if number < len(groups) else Position(epoch + 1))


def passes(rows: Rows, batch: Batch, *, tokens: int, price: int, pad: int) -> list[Pass]:
    """Sort a batch by length and cut it where positions, padding included, and passes together cost least.

    The widest pass comes first. None has more than `tokens` positions, unless a single record has.

    Args:
        price: what a pass costs besides its positions, in positions.
    """
    widths = rows.widths[batch.records]
    order = np.argsort(widths, kind="stable")
    groups = np.split(batch.records[order], _cheapest(widths[order] * len(rows.sides), tokens, price))
    return [_collate(rows, group, pad) for group in reversed(groups)]


def _cheapest(widths: Ints, limit: int, price: int) -> list[int]:
    """Return where to cut ascending widths so that Σ (records · widest + price) is least, by dynamic programming."""
    costs = np.zeros(len(widths) + 1, dtype=np.int64)
    opens = [0]
    for end, width in enumerate(widths.tolist(), 1):
        first = max(0, end - max(1, limit // width))
        totals = costs[first:end] + np.arange(end - first, 0, -1) * width + price
        opens.append(first + int(totals.argmin()))
        costs[end] = totals[opens[end] - first]
    cuts = [opens[-1]]
    while cuts[-1]:
        cuts.append(opens[cuts[-1]])
    return cuts[-2::-1]


def _cut(order: Ints, lengths: Ints, parts: int) -> list[Ints]:
    """Cut an order into at most `parts` runs of about equal tokens; a record belongs where its middle falls."""
    ends = lengths[order].cumsum()
    middles = ends - lengths[order] / 2
    group = np.floor(middles * parts / ends[-1])
    return np.split(order, np.flatnonzero(np.diff(group)) + 1)


def _collate(rows: Rows, records: Ints, pad: int) -> Pass:
    sides = len(rows.sides)
    numbers = [int(record) * sides + side for side in range(sides) for record in records]
    lengths = [int(rows.starts[number + 1] - rows.starts[number]) for number in numbers]
    ids_BT = np.full((len(numbers), max(lengths) - 1), pad, dtype=np.int64)
    kept, targets, owners = [], [], []
    for place, (number, length) in enumerate(zip(numbers, lengths, strict=True)):
        tokens = rows.ids[rows.starts[number] : rows.starts[number + 1]]
        prompt = int(rows.prompts[number])
        ids_BT[place, : length - 1] = tokens[:-1]
        kept.append(np.arange(prompt - 1, length - 1) + place * ids_BT.shape[1])
        targets.append(tokens[prompt:])
        owners.append(np.full(length - prompt, place % len(records)))
    trained = np.array([len(part) for part in kept]).reshape(sides, -1).sum(axis=1)
    kept_N, targets_N, rows_N = (
        torch.from_numpy(np.concatenate(pieces).astype(np.int64)) for pieces in (kept, targets, owners)
    )
    return Pass(torch.from_numpy(ids_BT), kept_N, targets_N, rows_N, tuple(trained.tolist()), len(records))
