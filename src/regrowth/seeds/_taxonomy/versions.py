"""What each version of `qna.yaml` asks for, and our own keys.

Source: instructlab/schema, v1 to v3 (2025-07), and its README for what the files mean. Departs from it in three points:
a text of nothing but white space counts as empty; `x-regrowth` is one more key; and a document needs no `repo` where
its files are here.
"""

from collections.abc import Iterator

from regrowth.seeds._taxonomy.nodes import Fault, Node, described, plain
from regrowth.seeds._taxonomy.rules import Each, Exactly, Keys, Number, OneOf, Rule, Text, faults

__all__ = ["EXTENSIONS", "LATEST", "OURS", "against_rules", "version_of"]

LATEST = 3
OURS = "x-regrowth"

_PAIR = {"question": Text(), "answer": Text()}
_SKILL_SEED = Keys(_PAIR, {"context": Text()})
_GROUP = Keys({"context": Text(), "questions_and_answers": Each(Keys(_PAIR, open=True), 3, unique=True, what="pair")})
_FILES: dict[str, Rule] = {"patterns": Each(Text(), 1, unique=True, what="pattern")}
_PUBLISHED: dict[str, Rule] = {"repo": Text(), "commit": Text()}
_BY: dict[str, Rule] = {"created_by": Text()}
EXTENSIONS = Keys(
    {},
    {
        "language": Text(),
        "quota": Number(),
        "longest_question": Number(),
        "longest_answer": Number(),
        "chunk_words": Number(),
        "documents": Each(
            OneOf(Text(), Keys({"text": Text()}, {"title": Text(), "format": Text()})), 1, unique=True, what="document"
        ),
    },
)
"""Our keys, all under `x-regrowth`. Lengths in words."""


def _skill(version: int) -> Keys:
    if version == 1:
        seeds = Each(_SKILL_SEED, 1, what="seed")
        return Keys(
            {**_BY, "task_description": Text(may_be_empty=True), "seed_examples": seeds}, {"version": Exactly(1)}
        )
    seeds = Each(_SKILL_SEED, 5, unique=True, what="seed")
    return Keys({"version": Exactly(version), **_BY, "task_description": Text(), "seed_examples": seeds})


def _knowledge(version: int) -> Keys:
    document = Keys(_FILES, _PUBLISHED) if version == LATEST else Keys({**_PUBLISHED, **_FILES})
    common = {**_BY, "domain": Text(), "document": document}
    if version == LATEST:
        seeds = Each(_GROUP, 5, unique=True, what="seed")
        return Keys({"version": Exactly(3), **common, "document_outline": Text(), "seed_examples": seeds})
    seeds = Each(Keys(_PAIR), 1 if version == 1 else 5, unique=version > 1, what="seed")
    versions: dict[str, Rule] = {"version": Exactly(version)}
    required = {**common, "task_description": Text(may_be_empty=version == 1), "seed_examples": seeds}
    return Keys(required, versions) if version == 1 else Keys({**versions, **required})


def version_of(root: Node) -> int:
    """Return the version that a file says it has; 1 where it says nothing, 0 where it says something else."""
    found = root.get("version")
    if found is None:
        return 1
    value = plain(found) if found.kind == "number" else None
    return value if isinstance(value, int) and 1 <= value <= LATEST else 0


def against_rules(root: Node, *, knowledge: bool) -> Iterator[Fault]:
    """Yield all that is wrong with a file by the rules of its version."""
    version = version_of(root)
    if not version:
        found = root.value["version"]
        yield Fault(found.line, f"'version' is {described(found)}, expected the number 1, 2 or 3.")
        return
    rules = _knowledge(version) if knowledge else _skill(version)
    required = dict(rules.required)
    own = root.get(OURS)
    if knowledge and own is not None and own.get("documents") is not None:
        optional = {**rules.optional, "document": required.pop("document")}
    else:
        optional = dict(rules.optional)
    yield from faults(Keys(required, {**optional, OURS: EXTENSIONS}), root, "the file")
