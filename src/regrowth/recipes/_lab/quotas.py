"""What is asked of each leaf: units (a chunk, or a seed of a skill), and how many pairs each leaf is to give.

    units(leaf, writing)[0]      context "Eva lives in Rome. …"     stratum "knowledge->people->home"
    quotas(tree, writing)        {"knowledge->people->home": 16, "knowledge->people->home, long": 6, …}

A leaf without documents stands on the contexts of its seeds, and one without those gives no unit: both are told.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, NonNegativeInt, PositiveInt

from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.gates.taint import tainted, taints
from regrowth.recipes._lab.asking import Persona
from regrowth.seeds.chunks import chunks
from regrowth.seeds.taxonomy import Leaf

__all__ = ["Augmentation", "Writing", "empty", "held_out", "quotas", "units"]

Augmentation: TypeAlias = Literal["summary", "facts", "extract"]
LONG = ", long"


class Writing(Frozen):
    """Say how many pairs are wanted of each leaf, and how they are written."""

    pairs: PositiveInt = 16
    """Of each knowledge leaf, with a short answer."""
    long: NonNegativeInt = 6
    """Of each knowledge leaf, with a long one."""
    skills: NonNegativeInt = 16
    """Of each skill leaf."""
    draws: PositiveInt = 24
    """Attempts per chunk or seed, at most: what is refused is asked for again."""
    chunk_words: PositiveInt = 12
    """Words of a chunk, at most; a leaf may have its own (`chunk_words` under `x-regrowth`)."""
    examples: NonNegativeInt = 3
    """Seeds shown in a prompt; others in each attempt."""
    question_words: tuple[PositiveInt, PositiveInt] = (3, 40)
    """Least and most words of a question."""
    answer_words: tuple[PositiveInt, PositiveInt] = (40, 200)
    """Most words of a short and of a long answer, as the teacher is told."""
    augment: tuple[Augmentation, ...] = ()
    """Further shapes of each chunk that questions are asked about: a summary, its facts, its telling sentences."""
    personas: Mapping[str, Persona] = {}
    """`precise` or `creative`, by the beginning of a leaf's id."""
    held_out: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the seeds of each leaf that are never shown and never trained on: they examine the student."""


def held_out(leaf: Leaf, share: float) -> tuple[Leaf, Leaf]:
    """Return a leaf with the seeds that are shown, and one with those that examine; a lone seed is shown."""
    count = min(round(share * len(leaf.seeds)), len(leaf.seeds) - 1) if leaf.seeds else 0
    ordered = sorted(leaf.seeds, key=lambda seed: digest("held out", leaf.id, seed.number))
    aside = {seed.number for seed in ordered[: max(0, count)]}
    shown = tuple(seed for seed in leaf.seeds if seed.number not in aside)
    return replace(leaf, seeds=shown), replace(leaf, seeds=tuple(seed for seed in leaf.seeds if seed.number in aside))


def units(leaf: Leaf, writing: Writing, *, language: str) -> list[Record]:
    """Return what a teacher is asked about, one record each; its parents are the seeds of the leaf."""
    parents = tuple(record.id for record in leaf.records())
    common = {"leaf": leaf.id, "kind": leaf.kind, "language": leaf.extensions.get("language", language)}
    if leaf.kind == "knowledge":
        topic = f"{leaf.domain}. {leaf.outline}"
        made = [
            tainted(
                Record.of(
                    text, **common, stratum=leaf.id + LONG * long, long=long, topic=topic, context=text, source=source
                ),
                taint,
            )
            for source, text, taint in _texts(leaf, writing)
            for long in ((False, True) if writing.long else (False,))
        ]
    else:
        made = [
            Record.of(
                seed.question, **common, stratum=leaf.id, long=False, topic=leaf.task_description, seed=seed.number
            )
            for seed in leaf.seeds
        ]
    return [replace(one, parents=parents) for one in made]


def _texts(leaf: Leaf, writing: Writing) -> list[tuple[str, str, list[str]]]:
    """Return the texts of a leaf: where each comes from, what it says, and its taint."""
    words = int(leaf.extensions.get("chunk_words", writing.chunk_words))
    found = [
        (f"{document.source}, {place}", chunk.text, taint)
        for document in leaf.documents
        for taint in [taints(document)]
        for place, chunk in enumerate(chunks(document, words=words), 1)
    ]
    contexts = [(f"seed {seed.number}", seed.context) for seed in leaf.seeds if seed.context]
    return found or [(source, text, taints(text)) for source, text in contexts]


def quotas(leaves: Iterable[Leaf], writing: Writing) -> dict[str, int]:
    """Return how many pairs are wanted, by stratum."""
    wanted: dict[str, int] = {}
    for leaf in leaves:
        own = leaf.extensions.get("quota")
        if leaf.kind == "knowledge":
            wanted[leaf.id] = int(own or writing.pairs)
            wanted[leaf.id + LONG] = writing.long
        else:
            wanted[leaf.id] = int(own or writing.skills)
    return {name: count for name, count in wanted.items() if count}


def empty(leaves: Sequence[Leaf], made: Iterable[Record]) -> list[str]:
    """Return the ids of the leaves that gave no unit, and so can give nothing."""
    giving = {record["leaf"] for record in made}
    return [leaf.id for leaf in leaves if leaf.id not in giving]
