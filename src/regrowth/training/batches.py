"""Rows into the batches of a step, and a batch into the passes that a network takes at once.

Which records share a step depends on the seed alone, never on their length, so no step is all short answers. Within
a step the records are sorted by length and cut into passes: that is where padding goes. The two replies of a pair
share a pass but not a block: within a pass the rows are sorted once more and cut into rectangles of like length.
"""
# ruff: noqa: N806, N815 -- axes stand in the names of tensors

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from regrowth.training.rows import Ints, Rows

__all__ = ["Batch", "Block", "Pass", "Position", "batches", "passes"]

# B: rows of a block, T: positions, N: outputs of a block or a pass (trained tokens, or one per reply under a head).


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
class Block:
    """A rectangle of rows of like length."""

    ids_BT: Tensor
    """Inputs, padded on the right."""
    kept_N: Tensor
    """Positions, of B·T in reading order, where something is read off the network."""
    targets_N: Tensor
    """The tokens that follow them; under a head, the last token of each row itself."""


@dataclass(frozen=True, slots=True)
class Pass:
    """What goes through the network between two additions of gradients: some records with all their sides."""

    blocks: tuple[Block, ...]
    order_N: Tensor | None
    """Brings the outputs of all blocks into the order of `rows_N`; None if they stand in it."""
    rows_N: Tensor
    """Record of each output, counted within the pass; side by side."""
    counts: tuple[int, ...]
    """Outputs of each side; they stand side by side in the N axis."""
    members: Ints
    """Numbers of its records."""
    columns: Mapping[str, Tensor] = field(default_factory=dict)
    """One number per record, by name."""
    under: Mapping[str, Tensor] = field(default_factory=dict)
    """Log-probabilities of the trained tokens under other models [N], by name."""

    @property
    def records(self) -> int:
        """Return how many records it holds."""
        return len(self.members)

    def to(self, device: torch.device) -> "Pass":
        """Return the same pass on another device."""
        if device.type == "cpu":
            return self

        def moved(tensor: Tensor) -> Tensor:
            return tensor.to(device, non_blocking=True)

        blocks = tuple(Block(*map(moved, (block.ids_BT, block.kept_N, block.targets_N))) for block in self.blocks)
        order_N = None if self.order_N is None else moved(self.order_N)
        columns, under = ({name: moved(part) for name, part in parts.items()} for parts in (self.columns, self.under))
        return Pass(blocks, order_N, moved(self.rows_N), self.counts, self.members, columns, under)


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


def passes(
    rows: Rows,
    records: Ints,
    sides: Sequence[str],
    *,
    tokens: int,
    price: int,
    pad: int,
    whole: bool = False,
) -> list[Pass]:
    """Sort records by length and cut them where positions, padding included, and passes together cost least.

    A record that has none of the sides is in no pass.
    The widest pass comes first. None has more than `tokens` positions, unless a single record has.

    Args:
        sides: the replies that are wanted.
        price: what a pass, or a block, costs besides its positions, in positions.
        whole: a head reads the end of each reply, so the last token is an input too.
    """
    chosen = [rows.sides.index(side) for side in sides]
    records = records[(rows.sizes[records][:, chosen] > 0).any(axis=1)]
    if not len(records):
        return []
    positions = np.maximum(rows.sizes[records][:, chosen] - (not whole), 0).sum(axis=1)
    order = np.argsort(positions, kind="stable")
    groups = np.split(records[order], _cheapest(positions[order], tokens, price))
    return [_collate(rows, group, chosen, price, pad, whole) for group in reversed(groups)]


def _cheapest(widths: Ints, limit: int, price: int) -> list[int]:
    """Return where to cut ascending widths so that Σ (rows · widest + price) is least, by dynamic programming."""
    costs = np.zeros(len(widths) + 1, dtype=np.int64)
    opens = [0]
    for end, width in enumerate(widths.tolist(), 1):
        first = max(0, end - max(1, limit // max(1, width)))
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


def _collate(rows: Rows, records: Ints, sides: Sequence[int], price: int, pad: int, whole: bool) -> Pass:
    """Make a pass of some records; sides stand one after the other, records within a side in the order given."""
    numbers = (records[None, :] * len(rows.sides) + np.array(sides)[:, None]).ravel()
    owners = np.tile(np.arange(len(records)), len(sides))
    sizes = rows.starts[numbers + 1] - rows.starts[numbers]
    present = np.flatnonzero(sizes)
    numbers, owners, sizes = numbers[present], owners[present], sizes[present]
    outputs = np.ones_like(sizes) if whole else rows.marks[numbers + 1] - rows.marks[numbers]
    order = np.argsort(sizes, kind="stable")
    cuts = _cheapest(sizes[order], int(sizes.sum()) * len(sizes), price) if len(sides) > 1 else []
    groups = np.split(order, cuts) if cuts else [np.arange(len(numbers))]
    blocks = tuple(_block(rows, numbers[group], pad, whole) for group in groups)
    standing = np.repeat(np.concatenate(groups), outputs[np.concatenate(groups)])
    side_of = present // len(records)
    counts = tuple(int(outputs[side_of == place].sum()) for place in range(len(sides)))
    columns = {name: torch.from_numpy(column[records]).float() for name, column in rows.columns.items()}
    under = {} if whole else {name: _gathered(values, rows.marks, numbers) for name, values in rows.under.items()}
    order_N = torch.from_numpy(np.argsort(standing, kind="stable")) if cuts else None
    rows_N = torch.from_numpy(np.repeat(owners, outputs))
    return Pass(blocks, order_N, rows_N, counts, records, columns, under)


def _block(rows: Rows, numbers: Ints, pad: int, whole: bool) -> Block:
    widest = int((rows.starts[numbers + 1] - rows.starts[numbers]).max()) - (not whole)
    ids_BT = np.full((len(numbers), widest), pad, dtype=np.int64)
    kept, targets = [], []
    for place, number in enumerate(numbers):
        piece = slice(rows.starts[number], rows.starts[number + 1])
        ids = rows.ids[piece]
        inputs = len(ids) - (not whole)
        ids_BT[place, :inputs] = ids[:inputs]
        read = np.array([inputs - 1]) if whole else np.flatnonzero(rows.trained[piece][1:])
        kept.append(read + place * widest)
        targets.append(ids[read + (not whole)])
    kept_N, targets_N = (torch.from_numpy(np.concatenate(pieces).astype(np.int64)) for pieces in (kept, targets))
    return Block(torch.from_numpy(ids_BT), kept_N, targets_N)


def _gathered(values: "np.ndarray[tuple[int], np.dtype[np.floating]]", marks: Ints, numbers: Ints) -> Tensor:
    return torch.from_numpy(np.concatenate([values[marks[number] : marks[number + 1]] for number in numbers]))
