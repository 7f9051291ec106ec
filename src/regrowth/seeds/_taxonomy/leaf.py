"""Leaves of a taxonomy as values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeAlias

from regrowth.core.record import Message, Record
from regrowth.seeds.documents import Document

__all__ = ["DocumentSource", "Kind", "Leaf", "Pair", "Part", "Problem", "SeedExample", "Taxonomy"]

Kind: TypeAlias = Literal["knowledge", "skill", "foundational"]
Part: TypeAlias = Literal["", "grounded", "freeform"]


class Problem(NamedTuple):
    """Something wrong, or worth knowing, in one place."""

    file: Path
    line: int
    text: str
    """What was found, what was expected."""
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class Pair(NamedTuple):
    """A question with its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class SeedExample:
    """Hold one seed example: a context, perhaps empty, and its pairs; a skill's has one pair."""

    number: int
    """Its place in the file, from 1."""
    pairs: tuple[Pair, ...]
    context: str = ""

    @property
    def question(self) -> str:
        """Return the first question."""
        return self.pairs[0].question

    @property
    def answer(self) -> str:
        """Return the first answer."""
        return self.pairs[0].answer

    @property
    def grounded(self) -> bool:
        """Tell whether it stands on a context."""
        return bool(self.context)


@dataclass(frozen=True)
class DocumentSource:
    """Say where the documents of a knowledge leaf are published; nothing is ever fetched from there."""

    repo: str
    commit: str
    patterns: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Leaf:
    """Hold what one `qna.yaml` teaches, or one part of it where some seeds have a context and some have none."""

    path: tuple[str, ...]
    """Names of the folders, from the branch down."""
    kind: Kind
    version: int
    seeds: tuple[SeedExample, ...]
    created_by: str
    task_description: str = ""
    """Of a skill."""
    domain: str = ""
    """Of knowledge, as is `outline`."""
    outline: str = ""
    document: DocumentSource | None = None
    documents: tuple[Document, ...] = ()
    """What could be found and read; none for a skill."""
    attribution: str = ""
    """The text of `attribution.txt`: titles, sources, licences, authors."""
    extensions: Mapping[str, Any] = field(default_factory=dict)
    """Our own keys, from under `x-regrowth`; see `EXTENSIONS` of `seeds.taxonomy`."""
    part: Part = ""
    """Which seeds of a mixed file these are."""
    file: Path | None = field(default=None, compare=False)

    @property
    def id(self) -> str:
        """Return the name: folders joined by arrows, and the part if the file was parted."""
        return "->".join(self.path) + (f"#{self.part}" if self.part else "")

    @property
    def grounded(self) -> bool:
        """Tell whether every seed stands on a context."""
        return all(seed.grounded for seed in self.seeds)

    def records(self) -> tuple[Record, ...]:
        """Return a record for each pair: the bare question, its answer, and the context as an attribute."""
        return tuple(self._record(seed, place) for seed in self.seeds for place in range(len(seed.pairs)))

    def _record(self, seed: SeedExample, place: int) -> Record:
        pair = seed.pairs[place]
        known: dict[str, Any] = {"leaf": self.id, "kind": self.kind, "seed": seed.number, "pair": place + 1}
        if seed.context:
            known["context"] = seed.context
        if "language" in self.extensions:
            known["language"] = self.extensions["language"]
        return Record(messages=(Message("user", pair.question),), response=pair.answer, attributes=known)


@dataclass(frozen=True)
class Taxonomy:
    """Hold every leaf that could be read, and what is worth knowing of them."""

    leaves: tuple[Leaf, ...]
    warnings: tuple[Problem, ...] = field(default=(), compare=False)

    def __getitem__(self, name: str) -> Leaf:
        """Return a leaf by its id.

        Raises:
            KeyError: there is no such leaf; the message lists those there are.
        """
        for leaf in self.leaves:
            if leaf.id == name:
                return leaf
        raise KeyError(f"no leaf {name!r} (found: {', '.join(leaf.id for leaf in self.leaves) or 'none'})")

    def __iter__(self) -> Iterator[Leaf]:
        return iter(self.leaves)

    def __len__(self) -> int:
        return len(self.leaves)

    def records(self) -> tuple[Record, ...]:
        """Return a record for each pair of each leaf."""
        return tuple(record for leaf in self.leaves for record in leaf.records())
