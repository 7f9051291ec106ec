"""A small world for the laws: a model whose answers depend on nothing but the request, and arrive in any order."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from regrowth.core.dataset import Dataset
from regrowth.core.errors import Rejected
from regrowth.core.flow import grow
from regrowth.core.protocols import Answer, Completion, Cost, Model, Sampling
from regrowth.core.record import Json, Messages, Record, digest
from regrowth.core.store import Store
from regrowth.models.model import RememberedModel

__all__ = ["ShufflingBackend", "answer_twice", "bytes_of", "effects_of_shard", "grown", "hard_to_please", "seeds"]


class ShufflingBackend:
    """Answer with a hash of the request, after a delay drawn from a clock nobody controls."""

    digest = "shuffling"

    def __init__(self, order: int = 0) -> None:
        self.calls = 0
        self._order = random.Random(order)

    async def answer(self, messages: Messages, sampling: Sampling, drawn: Sequence[int]) -> Answer:
        self.calls += 1
        await asyncio.sleep(self._order.random() * 0.002)
        text = messages[-1].content
        return Answer([f"{text}: {digest(text, seed)[:6]}" for seed in drawn], Cost(1, len(text), 4 * len(drawn)))

    def read(self, raw: Json) -> tuple[Completion, ...]:
        assert isinstance(raw, list)
        return tuple(Completion(str(text)) for text in raw)

    async def measure(self, messages: Messages, response: str) -> Answer:
        return Answer([-1.0] * len(response))

    async def close(self) -> None:
        return


def seeds(count: int) -> list[Record]:
    """Return seeds in three strata."""
    return [Record.of(f"question {number}", topic=f"topic {number % 3}") for number in range(count)]


async def answer_twice(seed: Record, model: Model) -> list[Record]:
    """Ask, then ask again about the answer: a chain of two effects, and two records."""
    first = await model.ask(seed.messages, seed=seed.seed("first"))
    second = await model.ask(f"again, {first}", seed=seed.seed("second"))
    return [seed.derive(response=first), seed.derive(response=second)]


def hard_to_please(record: Record) -> Record:
    """Refuse a third of the records, and most of one stratum."""
    number = int(digest(record.response)[:6], 16)
    if number % 3 == 0:
        raise Rejected("thirds", f"{number} divides by 3")
    if record["topic"] == "topic 2" and number % 4:
        raise Rejected("rare", "topic 2 is rarely good")
    return record


def grown(folder: Path, records: Sequence[Record], *, order: int = 0, **settings: Any) -> tuple[Dataset, int]:
    """Grow a dataset in a folder; return it and the number of new effects."""

    async def go() -> tuple[Dataset, int]:
        with Store(folder) as store:
            model = RememberedModel(ShufflingBackend(order), store)
            how: dict[str, Any] = {"gates": [hard_to_please], "store": store, "path": folder / "data" / "grown"}
            dataset = await grow(records, answer_twice, model, **{**how, **settings})
            return dataset, store.new_effects

    return asyncio.run(go())


def effects_of_shard(folder: Path, index: int) -> int:
    """Grow one of two shards and return the number of new effects; for a process of its own."""
    return grown(folder, seeds(60), order=index, shard=(index, 2))[1]


def bytes_of(dataset: Dataset) -> dict[str, bytes]:
    """Return every file of a dataset."""
    return {path.name: path.read_bytes() for path in sorted(dataset.path.iterdir())}
