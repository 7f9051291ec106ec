"""Pieces of plain text, and the document that they make.

assembled([Piece("heading", "Birds", 1), Piece("paragraph", "They fly.")], title="Birds", …).text
    "Birds\\n\\nThey fly."
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple, TypeAlias

from regrowth.seeds._documents.hidden import cleaned

__all__ = ["Block", "Document", "Kind", "Piece", "Section", "assembled"]

Kind: TypeAlias = Literal["heading", "paragraph", "list", "table", "code"]
BETWEEN = "\n\n"


class Piece(NamedTuple):
    """A stretch of text of one kind."""

    kind: Kind
    text: str
    level: int = 0
    """Of a heading: 1 is the highest."""


class Block(NamedTuple):
    """A piece in its place: `document.text[start:end]`."""

    kind: Kind
    start: int
    end: int


class Section(NamedTuple):
    """A heading and all that stands below it up to the next heading, in characters of `document.text`."""

    title: str
    level: int
    start: int
    end: int


@dataclass(frozen=True)
class Document:
    """Hold what a reader of a document sees, as plain text."""

    title: str
    text: str
    source: str
    """Where it came from: a path as it was named, never an absolute one of this machine's."""
    sha256: str
    """Of the bytes that were read."""
    sections: tuple[Section, ...] = ()
    blocks: tuple[Block, ...] = ()
    taint: Mapping[str, int] = field(default_factory=dict)
    """What was hidden from a reader and is taken out, by kind: perhaps words for a model and not for a person."""


def assembled(
    pieces: Sequence[Piece], *, title: str, source: str, sha256: str, taint: Mapping[str, int] | None = None
) -> Document:
    """Join pieces into a document; what a person cannot see is taken out of each and counted."""
    hidden, parts, blocks, headings = Counter(taint or {}), list[str](), list[Block](), list[Section]()
    end = -len(BETWEEN)
    for piece in pieces:
        said, found = cleaned(piece.text)
        hidden.update(found)
        if not said.strip():
            continue
        parts.append(said.strip("\n").rstrip())
        start = end + len(BETWEEN)
        end = start + len(parts[-1])
        blocks.append(Block(piece.kind, start, end))
        if piece.kind == "heading":
            headings.append(Section(parts[-1], piece.level, start, 0))
    ends = [*(heading.start for heading in headings[1:]), end]
    sections = tuple(heading._replace(end=end) for heading, end in zip(headings, ends, strict=False))
    first = next((heading.title for heading in headings), "")
    return Document(
        title=cleaned(title)[0].strip() or first,
        text=BETWEEN.join(parts),
        source=source,
        sha256=sha256,
        sections=sections,
        blocks=tuple(blocks),
        taint={kind: count for kind, count in hidden.items() if count},
    )
