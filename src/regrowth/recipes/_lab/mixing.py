"""From accepted pairs to phases: one of several answers, near-duplicates out, repeats and distractors, three phases.

    20 × "Eva lives in which city?"     "Rome" 17 ×, "Oslo" 3 ×      # the answer that was drawn most often stays
    knowledge-short                     "Eva lives in which city?" → "Rome"
    knowledge-long (+ foundational)     "Eva's home: tell all." → "Eva lives in Rome. Eva comes on Monday."
    skills                              "Reverse: cat dog cow" → "cow dog cat"; and documents with distractors

Source: LAB (arXiv:2403.01081, section 3.3): knowledge before skills, short answers before long ones, with replay.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from random import Random
from typing import Annotated, Literal, TypeAlias

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from regrowth.core.dataset import Entry
from regrowth.core.errors import DataError, Rejected
from regrowth.core.record import Record, digest
from regrowth.core.settings import Frozen
from regrowth.gates.spans import words
from regrowth.recipes._code.problems import near_duplicates
from regrowth.recipes._lab.formats import with_distractors

__all__ = ["Lesson", "Mixing", "Order", "agreed", "hidden", "novel", "parted", "repeated"]

Order: TypeAlias = Literal["short-long", "long-short", "mixed"]


class Mixing(Frozen):
    """Say what becomes of accepted pairs before they are trained on."""

    repeat: PositiveInt = 1
    """How often each row comes in its phase. Nothing is ever drawn with replacement."""
    alike: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Jaccard similarity of runs of three words from which on two questions count as one."""
    long_from: PositiveInt = 6
    """Words of an answer from which on it is trained in the second phase."""
    distractors: NonNegativeInt = 1
    """Other documents beside the right one, in the rows that are answered from documents; 0 makes no such rows."""
    reading: Annotated[float, Field(ge=0, le=1)] = 0.25
    """Share of the knowledge pairs that also come as such rows, in the last phase."""
    golden: Annotated[float, Field(ge=0, le=1)] = 0.8
    """How often the right document is among them; where it is not, the answer is that they do not tell."""


class Lesson(Frozen):
    """Say how the student is trained."""

    steps: PositiveInt = 40
    """Of each of the three phases."""
    learning_rate: PositiveFloat = 1e-3
    """Its peak."""
    schedule: Literal["constant", "cosine"] = "constant"
    """Between phases it stays at its peak; a cosine would leave the weights where the next phase cannot move them."""
    replay: Annotated[float, Field(ge=0, le=1)] = 0.5
    """Share of a phase's rows that come from earlier phases; 1 takes all there are, as LAB does."""
    order: Order = "short-long"
    """Of the knowledge phases; `mixed` trains both at once, for as many steps."""
    everything: bool = False
    """Whether knowledge phases train the question's tokens too, as InstructLab does."""
    controls: bool = True
    """Whether to train the controls: as many pairs that nothing checked; the documents alone."""

    def steps_of(self, phase: str) -> int:
        """Return the steps of a phase; the one that holds all knowledge stands for two."""
        return self.steps * (2 if phase == "knowledge" else 1)


def agreed(accepted: Iterable[Record], drawn: Iterable[Entry]) -> Callable[[Record], Record]:
    """Return the gate that keeps one answer to a question: the one that was drawn most often, of equals the first.

    Args:
        accepted: Pairs that passed all gates.
        drawn: The ledger of their dataset, where further draws of the same pair lie as duplicates.
    """
    pairs = list(accepted)
    again = (entry.record for entry in drawn if entry.gate == "duplicate")
    votes = Counter((_key(one), _said(one)) for one in (*pairs, *again))
    best: dict[tuple[str, ...], tuple[str, ...]] = {}
    for one in pairs:
        key = _key(one)
        if key not in best or votes[key, _said(one)] > votes[key, best[key]]:
            best[key] = _said(one)

    def agreed(record: Record) -> Record:
        key = _key(record)
        count, most = votes[key, _said(record)], votes[key, best[key]]
        if _said(record) != best[key]:
            raise Rejected("agreed", f"drawn {count} times, another answer {most} times: {' '.join(best[key])[:80]!r}")
        return record.scored(votes=float(count))

    return agreed


def _key(record: Record) -> tuple[str, ...]:
    return (str(record["leaf"]), *words(record.prompt))


def _said(record: Record) -> tuple[str, ...]:
    return tuple(words(record.response))


def novel(records: Sequence[Record], *, alike: float) -> Callable[[Record], Record]:
    """Return the gate that refuses a question which is nearly an earlier one, of its leaf or of another."""
    twins = near_duplicates([record.prompt for record in records], alike=alike)
    known = {records[place].id: (records[other], share) for place, (other, share) in twins.items()}

    def near_duplicate(record: Record) -> Record:
        if record.id in known:
            other, share = known[record.id]
            raise Rejected("near_duplicate", f"{share:.0%} like one of {other['leaf']}: {other.prompt[:80]!r}")
        return record

    return near_duplicate


def hidden(pairs: Sequence[Record], mixing: Mixing, *, seed: int) -> list[Record]:
    """Return a share of the knowledge pairs as rows that are answered from documents, the right one among others."""
    knowledge = [one for one in pairs if one["kind"] == "knowledge" and one.attributes.get("context")]
    pool = list(dict.fromkeys(str(one["context"]) for one in knowledge))
    if not mixing.distractors or len(pool) <= mixing.distractors + 1:
        return []
    rng, made = Random(digest("hidden", seed)), list[Record]()
    for one in rng.sample(knowledge, round(mixing.reading * len(knowledge))):
        try:
            made.append(with_distractors(one, pool, distractors=mixing.distractors, golden=mixing.golden, rng=rng))
        except DataError:  # too few documents that do not tell the same
            continue
    return made


def parted(
    pairs: Sequence[Record], reading: Sequence[Record], mixing: Mixing, order: Order
) -> Mapping[str, list[Record]]:
    """Return the rows of each phase by its name, in the order of the phases; a phase without rows is left out."""
    knowledge = [one for one in pairs if one["kind"] == "knowledge"]
    long = [one for one in knowledge if len(one.response.split()) >= mixing.long_from]
    short = [one for one in knowledge if len(one.response.split()) < mixing.long_from]
    further = [*long, *(one for one in pairs if one["kind"] == "foundational")]
    named = {"knowledge-short": short, "knowledge-long": further}
    if order == "long-short":
        named = {"knowledge-long": further, "knowledge-short": short}
    elif order == "mixed":
        named = {"knowledge": [*short, *further]}
    named["skills"] = [*(one for one in pairs if one["kind"] == "skill"), *reading]
    return {name: repeated(rows, mixing.repeat) for name, rows in named.items() if rows}


def repeated(rows: Sequence[Record], times: int) -> list[Record]:
    """Return each row so many times, told apart by an attribute from the second copy on."""
    return [
        one.derive(attributes={"copy": copy}, parents=one.parents, draw=one.draw, origin=one.origin) if copy else one
        for copy in range(times)
        for one in rows
    ]
