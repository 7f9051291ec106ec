"""Hand-made steps for objectives: what each record holds, told apart from how the records are spread over passes.

    entry    {"response": Reply([-0.5, -1.5]), "rejected": Reply([-2.0])}, columns {"reward_gap": 0.7}

Legend: n trained tokens of one reply, B records of a pass, N trained tokens of a side in a pass, V ids, A outputs.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from regrowth.training.objectives import Objective, Side, View

__all__ = ["Draw", "Entry", "Reply", "entries_for", "found", "leaves", "pairs", "step_loss", "view_of"]

Draw = Callable[[torch.Generator], float]
"""How a column's number is drawn."""


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, as the networks see it. Tensors may be leaves that want a gradient."""

    logprobs: Tensor
    """[n]; empty under a head."""
    under: Mapping[str, Tensor] = field(default_factory=dict)
    """[n] by model."""
    logits: Tensor | None = None
    """[n, V]"""
    taught: Mapping[str, Tensor] = field(default_factory=dict)
    """[n, V] by teacher."""
    values: Tensor | None = None
    """[A]"""

    @property
    def rows(self) -> int:
        """Return how often the record's number stands in `rows_N`: once per token, or once under a head."""
        return len(self.logprobs) if self.values is None else 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of a step: its replies by side, its numbers by column."""

    replies: Mapping[str, Reply]
    columns: Mapping[str, float] = field(default_factory=dict)


def view_of(
    entries: Sequence[Entry],
    step: Sequence[Entry] | None = None,
    totals: Mapping[str, Tensor] | None = None,
    sides: Sequence[str] | None = None,
) -> View:
    """Return the view of one pass that holds `entries`, of a step that holds `step`; by default there is one pass.

    Args:
        entries: the records of the pass.
        step: the records of the step; by default those of the pass.
        totals: what the prelude found out.
        sides: the replies that are looked at; by default all that there are.
    """
    whole = entries if step is None else step
    names = sides or dict.fromkeys(name for entry in whole for name in entry.replies)
    columns = dict.fromkeys(name for entry in whole for name in entry.columns)
    return View(
        {name: side_of(name, entries, whole) for name in names},
        len(entries),
        len(whole),
        {name: torch.tensor([entry.columns[name] for entry in entries], dtype=dtype_of(whole)) for name in columns},
        totals or {},
    )


def side_of(name: str, entries: Sequence[Entry], step: Sequence[Entry]) -> Side:
    """Return one side of a pass; records may lack it, even all of them."""
    of_step = [entry.replies[name] for entry in step if name in entry.replies]
    held = [(row, entry.replies[name]) for row, entry in enumerate(entries) if name in entry.replies]
    first = of_step[0]

    def joined(part: Callable[[Reply], Tensor]) -> Tensor:
        return torch.cat([part(reply) for _, reply in held]) if held else part(first)[:0]

    return Side(
        joined(lambda reply: reply.logprobs),
        torch.tensor([row for row, reply in held for _ in range(reply.rows)], dtype=torch.long),
        sum(len(reply.logprobs) for reply in of_step),
        len(of_step),
        {model: joined(lambda reply, model=model: reply.under[model]) for model in first.under},  # type: ignore[misc]
        None if first.logits is None else joined(lambda reply: want(reply.logits)),
        {by: joined(lambda reply, by=by: reply.taught[by]) for by in first.taught},  # type: ignore[misc]
        None if first.values is None else joined(lambda reply: want(reply.values)[None]),
    )


def want(tensor: Tensor | None) -> Tensor:
    """Return what is there for every reply of a side if it is there for one."""
    assert tensor is not None
    return tensor


def dtype_of(step: Sequence[Entry]) -> torch.dtype:
    """Return the number format of a step."""
    return next(reply.logprobs.dtype for entry in step for reply in entry.replies.values())


def pairs(*rows: tuple[float, float, float, float], **columns: Sequence[float]) -> list[Entry]:
    """Return pairs of one token each: log-probabilities of response, rejected, and of both under the reference."""

    def reply(policy: float, reference: float) -> Reply:
        under = torch.tensor([reference], dtype=torch.float64)
        return Reply(torch.tensor([policy], dtype=torch.float64, requires_grad=True), {"reference": under})

    return [
        Entry(
            {"response": reply(chosen, chosen_before), "rejected": reply(rejected, rejected_before)},
            {name: values[number] for name, values in columns.items()},
        )
        for number, (chosen, rejected, chosen_before, rejected_before) in enumerate(rows)
    ]


def entries_for(
    objective: Objective,
    count: int,
    *,
    seed: int = 0,
    draws: Mapping[str, Draw] | None = None,
    dtype: torch.dtype = torch.float64,
    vocabulary: int = 5,
) -> list[Entry]:
    """Return records with all that an objective reads, drawn at random; every third lacks the optional sides.

    Replies have 1 to 4 tokens. A column is drawn by its entry in `draws`, else from a normal distribution.
    """
    generator = torch.Generator().manual_seed(seed)

    def logprobs(length: int, gradient: bool) -> Tensor:
        drawn = -torch.rand(length, generator=generator, dtype=dtype) * 2 - 0.05
        return drawn.requires_grad_(gradient)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=dtype)

    def reply(side: str) -> Reply:
        trained, length = side in objective.sides, int(torch.randint(1, 5, (), generator=generator))
        if objective.head:
            return Reply(torch.empty(0, dtype=dtype), values=normal(len(objective.head)).requires_grad_(trained))
        return Reply(
            logprobs(length, trained),
            {model: logprobs(length, gradient=False) for model in objective.models},
            normal(length, vocabulary).requires_grad_(trained) if objective.teachers else None,
            {teacher: normal(length, vocabulary) for teacher in objective.teachers},
        )

    def entry(number: int) -> Entry:
        lacks = objective.optional if number % 3 == 2 else ()
        replies = {side: reply(side) for side in objective.every_side if side not in lacks}
        drawn = {name: (draws or {}).get(name, gaussian)(generator) for name in objective.columns}
        return Entry(replies, drawn)

    return [entry(number) for number in range(count)]


def gaussian(generator: torch.Generator) -> float:
    """Draw one number from the standard normal distribution."""
    return float(torch.randn((), generator=generator, dtype=torch.float64))


def leaves(entries: Sequence[Entry]) -> list[Tensor]:
    """Return all tensors of the records that want a gradient."""
    replies = [reply for entry in entries for reply in entry.replies.values()]
    tensors = [tensor for reply in replies for tensor in (reply.logprobs, reply.logits, reply.values)]
    return [tensor for tensor in tensors if tensor is not None and tensor.requires_grad]


def step_loss(
    objective: Objective, entries: Sequence[Entry], passes: Sequence[Sequence[int]] | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Return loss and facts of a step: all shares added up, after the prelude's.

    Args:
        objective: what is computed.
        entries: the records of the step.
        passes: the numbers of the records in each pass; by default one pass holds them all.
    """
    parts = [[entries[number] for number in part] for part in passes or [range(len(entries))]]
    totals = found(objective, entries, parts)
    losses = [objective.loss(view_of(part, entries, totals, objective.sides)) for part in parts]
    return torch.stack([loss.value for loss in losses]).sum(), added([loss.facts for loss in losses])


def found(
    objective: Objective, entries: Sequence[Entry], parts: Sequence[Sequence[Entry]] | None = None
) -> Mapping[str, Tensor]:
    """Return what an objective's prelude finds out about a step, pass by pass; by default there is one pass."""
    if objective.prelude is None:
        return {}
    with torch.no_grad():
        sides = objective.prelude.sides
        return added([objective.prelude.totals(view_of(part, entries, {}, sides)) for part in parts or [entries]])


def added(shares: Sequence[Mapping[str, Tensor]]) -> dict[str, Tensor]:
    """Add up the shares of each name."""
    return {name: torch.stack([share[name] for share in shares]).sum() for name in shares[0]}
