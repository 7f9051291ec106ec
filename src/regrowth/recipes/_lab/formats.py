"""Records as InstructLab trains on them: rows of messages, mixed into files with a recipe beside them.

One record on its way (`context` is an attribute; what the student reads is a choice made here):
    prompt     "Where is Phoenix?"       response  "In the southern sky."      context  "Phoenix is a minor …"
    with_context(record).prompt          "Phoenix is a minor …\\n\\nWhere is Phoenix?"
    row(with_context(record), unmask=True)
        {"id": "5f0c…", "messages": [{"role": "user", …}, {"role": "assistant", …}], "metadata": "{…}", "unmask": true}

Source: instructlab/sdg, `datamixing.py` (2025-11), and RAFT (Zhang et al., 2024, arXiv:2403.10131) for the distractors.
Departs from the former in four points, each a fault there: nothing is drawn with replacement, and a record comes twice
only where `repeat` says so; the draw of distractors is seeded; where the golden document is absent the answer is that
the documents do not tell, unless the old answer is asked for; ids are those of the records, not new ones in each run.
"""

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.files import write_text
from regrowth.core.layouts.rows import write_rows
from regrowth.core.record import Message, Record, digest
from regrowth.seeds.taxonomy import write_taxonomy

__all__ = [
    "NOT_TOLD",
    "Share",
    "auxiliary",
    "knowledge_rows",
    "mixed",
    "row",
    "skill_rows",
    "taken",
    "with_context",
    "with_distractors",
    "write_mix",
    "write_taxonomy",
]

Row: TypeAlias = dict[str, Any]

NOT_TOLD = "The documents do not answer this question."
"""What is answered where the document that tells is not among those shown."""
BETWEEN = "\n\n"


# What a student reads -----------------------------------------------------------------------------------------------


def with_context(record: Record) -> Record:
    """Return the record with its context before its question; as it is, if it has none or reads it already."""
    if not record.attributes.get("context") or "reads" in record.attributes:
        return record
    return _reading(record, [record["context"]], "context")


def with_distractors(
    record: Record,
    pool: Iterable[str],
    *,
    distractors: int = 3,
    golden: float = 1.0,
    absent: str | None = NOT_TOLD,
    rng: random.Random | None = None,
    label: str = "Document:",
) -> Record:
    """Return the record with its context hidden among others before its question, in an order drawn with them.

    Args:
        pool: the contexts of other records; those that overlap with this one, or hold its answer, are passed over.
        golden: how likely the record's own context is among those shown; another distractor takes its place else.
            InstructLab has 0.4.
        absent: the answer where it is not among them. None keeps the record's answer, as InstructLab does: the
            student then learns to answer from memory what it was asked to read.
        rng: draws; the record's own seed if there is none.

    Raises:
        SettingsError: no distractor is asked for, or `golden` is no share.
        DataError: the record has no context, or the pool has too few others.
    """
    if distractors < 1 or not 0 <= golden <= 1:
        raise SettingsError(f"distractors = {distractors}, golden = {golden}: expected 1 or more, and 0 to 1.")
    if not (own := str(record.attributes.get("context", ""))) or "reads" in record.attributes:
        raise DataError(f"record {record.id} has no context of its own to hide, expected the bare question with one.")
    rng = rng or random.Random(record.seed("distractors"))
    others = _others(own, record.response, pool)
    shows = rng.random() < golden
    wanted = distractors if shows else distractors + 1
    if len(others) < wanted:
        raise DataError(
            f"record {record.id}: {len(others)} other documents, expected {wanted}. Ask for fewer distractors."
        )
    shown = rng.sample(others, wanted) + [own] * shows
    rng.shuffle(shown)
    made = _reading(record, [f"{label}\n{text}" for text in shown], "documents", golden=shows)
    return made if shows or absent is None else made.derive(response=absent, parents=made.parents, draw=made.draw)


def auxiliary(record: Record, instructions: Sequence[str], *, rng: random.Random | None = None) -> Record:
    """Return a record that asks for what its response is of its context: a summary, the facts it tells.

    Args:
        instructions: ways of asking; one is drawn, by the record's own seed if there is no `rng`.

    Raises:
        DataError: there is no instruction, or the record has no context.
    """
    if not instructions or not record.attributes.get("context"):
        lacks = "a context" if instructions else "an instruction"
        raise DataError(f"record {record.id}: no auxiliary record without {lacks}.")
    asked = (rng or random.Random(record.seed("instruction"))).choice(sorted(instructions))
    turns = (*record.messages[:-1], Message("user", asked))
    return with_context(record.derive(prompt=turns, parents=record.parents, draw=record.draw, origin=record.origin))


def _reading(record: Record, texts: Sequence[str], what: str, **facts: object) -> Record:
    """Put texts before the question of a record; it stays of the origin it was."""
    turns = (*record.messages[:-1], Message("user", BETWEEN.join([*texts, record.prompt])))
    return record.derive(prompt=turns, origin=record.origin, attributes={"reads": what, **facts})


def _others(own: str, answer: str, pool: Iterable[str]) -> list[str]:
    """Return the different texts of a pool that do not tell what a text tells, in the order of their words."""
    told, said = _plain(own), _plain(answer)
    long_enough = len(said.split()) > 2  # a short answer, "yes" or "1603", may stand anywhere
    found = {text: _plain(text) for text in pool}
    return sorted(
        text
        for text, words in found.items()
        if words and words not in told and told not in words and not (long_enough and said in words)
    )


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


# Rows ---------------------------------------------------------------------------------------------------------------


def row(record: Record, *, unmask: bool = False, system: str = "") -> Row:
    """Return a record as a row: `id`, `messages`, `metadata` (JSON text) and `unmask`, nothing else.

    Args:
        unmask: train on every token, the question and its context too, as on running text.
        system: the first turn of a record that has no system turn.

    Raises:
        DataError: the record has no response.
    """
    if not record.response:
        raise DataError(f"record {record.id} has no response, expected one. Leave it out.")
    turns = [*record.messages, Message("assistant", record.response)]
    if system and turns[0].role != "system":
        turns.insert(0, Message("system", system))
    known = {"attributes": dict(record.attributes), "origin": record.origin, "parents": list(record.parents)}
    metadata = {**known, "scores": dict(record.scores), "draw": record.draw}
    return {
        "id": record.id,
        "messages": [turn._asdict() for turn in turns],
        "metadata": json.dumps(metadata, ensure_ascii=False, sort_keys=True, allow_nan=False),
        "unmask": unmask,
    }


def knowledge_rows(records: Iterable[Record], *, system: str = "") -> Iterator[Row]:
    """Yield the rows of the knowledge phase: each context before its question, every token trained."""
    return (row(with_context(record), unmask=True, system=system) for record in records)


def skill_rows(records: Iterable[Record], *, system: str = "") -> Iterator[Row]:
    """Yield the rows of the skills phase: each context, if there is one, before its question; the answer is trained."""
    return (row(with_context(record), system=system) for record in records)


# Mixing -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Share:
    """Say which rows enter a mix, how many of them, and how often each."""

    name: str
    rows: Sequence[Row]
    size: int | float = 1.0
    """Different rows: a number of them, or a share of those there are. All there are where fewer are there."""
    repeat: int = 1
    """How often each of them comes."""

    def __post_init__(self) -> None:
        whole = isinstance(self.size, int) and not isinstance(self.size, bool) and self.size >= 1
        if not whole and not (isinstance(self.size, float) and 0 < self.size <= 1):
            raise SettingsError(f"{self.name}: size = {self.size!r}, expected a number from 1 or a share up to 1.0.")
        if self.repeat < 1:
            raise SettingsError(f"{self.name}: repeat = {self.repeat}, expected 1 or more.")


def taken(share: Share, *, seed: int = 0) -> list[Row]:
    """Return the rows that a share takes, in their order, drawn without replacement and then repeated.

    The second and later copies of a row have their number behind its id.
    """
    wanted = share.size if isinstance(share.size, int) else max(1, round(share.size * len(share.rows)))
    rng = random.Random(digest("mix", seed, share.name))
    places = sorted(rng.sample(range(len(share.rows)), min(wanted, len(share.rows))))
    return [
        {**share.rows[place], "id": f"{share.rows[place]['id']}-{again}"} if again > 1 else share.rows[place]
        for again in range(1, share.repeat + 1)
        for place in places
    ]


def mixed(shares: Sequence[Share], *, seed: int = 0) -> list[Row]:
    """Return the rows of all shares in a drawn order."""
    rows = [one for share in shares for one in taken(share, seed=seed)]
    random.Random(digest("order", seed)).shuffle(rows)
    return rows


def write_mix(
    folder: Path, name: str, shares: Sequence[Share], *, system: str = "", seed: int = 0
) -> Mapping[str, Path]:
    """Write a mix as InstructLab has it: a file for each share, the recipe that lists them, and all of them mixed.

    The files hold what was taken, so the recipe's `sampling_size` is always 1.0: InstructLab draws with replacement at
    every other. What was asked for stands beside it.

    Returns:
        The paths of `recipe` and `mix`.

    Raises:
        DataError: no rows, or two shares of one name.
        StoreError: the folder cannot be written.
    """
    if len({share.name for share in shares}) < len(shares):
        raise DataError(f"{name}: two shares of one name: {', '.join(share.name for share in shares)}.")
    listed = list[Mapping[str, Any]]()
    for share in shares:
        rows = taken(share, seed=seed)
        path = f"node_datasets/{share.name.replace('->', '_').replace('/', '_')}.jsonl"
        write_rows(rows, folder / path, {})
        asked = {"size": share.size, "repeat": share.repeat, "of": len(share.rows), "rows": len(rows)}
        listed.append({"path": path, "sampling_size": 1.0, "taken": asked})
    recipe, mix = folder / f"{name}_recipe.yaml", folder / f"{name}_train_msgs.jsonl"
    write_text(recipe, _yaml({"datasets": listed, "metadata": {"sys_prompt": system, "seed": seed}}))
    write_rows(mixed(shares, seed=seed), mix, {})
    return {"recipe": recipe, "mix": mix}


def _yaml(values: Mapping[str, Any]) -> str:
    """Render values as JSON, which every reader of YAML reads."""
    return json.dumps(values, indent=1, ensure_ascii=False) + "\n"
