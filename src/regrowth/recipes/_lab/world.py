"""Where leaves come from: a folder, or an invented almanac; and the questions that examine a student.

Of a folder, some seeds of each leaf are kept back for the examination. Of the almanac everything is known, so it is
examined on every fact, and on tasks of each skill that nobody has seen; and a program checks the skills' answers.
"""

from pathlib import Path
from typing import NamedTuple

from regrowth.core.errors import Rejected
from regrowth.core.protocols import Gate
from regrowth.core.record import Record
from regrowth.domains.almanac import almanac, leaves
from regrowth.domains.small_skills import SKILLS, solved
from regrowth.recipes._lab.lessons import tasks
from regrowth.recipes._lab.marking import examination
from regrowth.recipes._lab.quotas import Writing, held_out
from regrowth.seeds.taxonomy import Leaf, read_taxonomy

__all__ = ["Source", "source"]

EACH = 16
"""Tasks of each skill in the examination on the almanac."""


class Source(NamedTuple):
    """Hold the leaves that a teacher is shown, and what examines the student."""

    leaves: tuple[Leaf, ...]
    questions: list[Record]
    gates: tuple[Gate, ...] = ()
    """What a program can check besides."""
    told: tuple[str, ...] = ()
    """What is worth knowing of the leaves."""


def source(taxonomy: Path | None, documents: Path | None, writing: Writing, *, seed: int) -> Source:
    """Return leaves and examination.

    Raises:
        DataError: the taxonomy cannot be read; names every place.
    """
    if taxonomy is None:
        return invented(seed=seed)
    tree = read_taxonomy(taxonomy, documents=documents, strict=False)
    parts = [held_out(leaf, writing.held_out) for leaf in tree]
    told = tuple(map(str, tree.warnings))
    return Source(tuple(shown for shown, _ in parts), examination(aside for _, aside in parts), told=told)


def invented(*, seed: int) -> Source:
    """Return the almanac of a seed."""
    world = almanac(seed=seed)
    facts = [Record.of(fact.question, target=fact.answer, leaf=fact.leaf, kind="knowledge") for fact in world.facts]
    questions = [*facts, *(one for leaf in SKILLS for one in _examined(leaf, seed))]
    return Source(leaves(world, seed=seed), questions, (rightly_done,))


def rightly_done(record: Record) -> Record:
    """Refuse a task of the almanac's skills that is none, or that its program does otherwise."""
    if record["kind"] != "knowledge":
        found = solved(record["question"], str(record.attributes.get("context") or ""))
        if found is None or found[0] != record["leaf"]:
            raise Rejected("rightly_done", f"no task of {record['leaf']}: {record['question'][:80]!r}")
        if found[1] != record.response:
            raise Rejected("rightly_done", f"{record.response[:40]!r}, a program says {found[1]!r}")
    return record


def _examined(leaf: str, seed: int) -> list[Record]:
    kind = "foundational" if leaf.startswith("foundational") else "skill"
    return [
        Record.of(f"{context}\n\n{question}" if context else question, target=answer, leaf=leaf, kind=kind)
        for context, question, answer in tasks(EACH, seed=seed, leaf=leaf)
    ]
