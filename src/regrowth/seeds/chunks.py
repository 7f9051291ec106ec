"""Chunks: a document in pieces of a size that a prompt can hold, cut where a reader would pause.

    chunks(read_document(Path("phoenix.md")), words=120)[2]
        Chunk("History\\n\\nPhoenix was the largest of …", "History", 1530, "9a1c…")

A chunk is `document.text[start:start + len(text)]`, so without overlap the chunks in their order are the document. The
best place to cut in the second half of a chunk is taken: a section's start, a block's, a sentence's. A heading stays
with what it heads. Tables and code are cut, between their lines, only where they are longer than a chunk.

InstructLab has a fixed 500 tokens and passes over the size that a user asks for; here the size is a setting.
"""

import hashlib
import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from regrowth.core.errors import SettingsError
from regrowth.seeds.documents import Block, Document

__all__ = ["Chunk", "chunks", "count_words", "sentences"]

_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\s\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+")
_END = re.compile(r"""(?:[.!?…]+["'”’»)\]]*(?=\s)|[。！？]+[」』”]*)\s*""")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(\[\"'„“])(?:[A-Za-zÄÖÜ]|Dr|Mrs?|Ms|Prof|St|No|Nr|Nos|vs|etc|[Ff]igs?|Abb|Sec|Sects?|Eqs?|Pub|Inc|Jr|Sr|Co|ca|"
    r"bzw|usw|evtl|vgl|[Ee]\.g|[Ii]\.e|[zZ]\. ?B|[dD]\. ?h|U\.S|U\.K|approx|al)\.$"
)
_SECTION, _BLOCK, _LINE, _ANYWHERE = 3, 2, 1, 0


class Chunk(NamedTuple):
    """A stretch of a document."""

    text: str
    section: str
    """The heading that it starts under; nothing before the first one."""
    start: int
    """Where it starts in the document's text, in characters."""
    sha256: str
    """Of its text."""


class _Unit(NamedTuple):
    """What is never cut, and how good it is to cut before it."""

    start: int
    end: int
    words: int
    before: int
    heading: bool


def chunks(document: Document, *, words: int = 300, overlap: int = 0) -> list[Chunk]:
    """Return a document in chunks of at most so many words, each beginning with up to `overlap` words of the last.

    Raises:
        SettingsError: no word fits, or the overlap is more than half a chunk.
    """
    if words < 1 or not 0 <= overlap <= words // 2:
        raise SettingsError(f"words = {words}, overlap = {overlap}: expected 1 or more, and an overlap of up to half.")
    units = [unit for block in document.blocks for unit in _units(document.text, block, words)]
    made, first, done = list[Chunk](), 0, 0
    while done < len(units):
        last = _cut(units, first, done, words)
        made.append(_chunk(document, units[first].start, units[last - 1].end))
        first, done = _back(units, first, last, words, overlap), last
    return made


def _chunk(document: Document, start: int, end: int) -> Chunk:
    text = document.text[start:end]
    above = [section.title for section in document.sections if section.start <= start]
    return Chunk(text, above[-1] if above else "", start, hashlib.sha256(text.encode("utf-8", "replace")).hexdigest())


def _cut(units: list[_Unit], first: int, done: int, words: int) -> int:
    """Return the place of the unit that the next chunk starts with; the chunk takes more than what was `done`."""
    total, end, sums = 0, first, list[int]()
    while end < len(units) and (total + units[end].words <= words or end <= done):
        total += units[end].words
        sums.append(total)
        end += 1
    if end == len(units):
        return end
    places = [
        place
        for place in range(done + 1, end + 1)
        if 2 * sums[place - 1 - first] >= words and not units[place - 1].heading
    ]
    return max(places, key=lambda place: (units[place].before, place), default=_not_after_heading(units, done, end))


def _not_after_heading(units: list[_Unit], done: int, end: int) -> int:
    place = end
    while place > done + 1 and units[place - 1].heading:
        place -= 1
    return end if units[place - 1].heading else place


def _back(units: list[_Unit], first: int, last: int, words: int, overlap: int) -> int:
    """Return where the next chunk begins, so much before its first new unit as overlaps."""
    place, repeated = last, 0
    room = min(overlap, words - units[last].words) if last < len(units) else 0
    while place - 1 > first and repeated + units[place - 1].words <= room:
        place -= 1
        repeated += units[place].words
    return place


def _units(text: str, block: Block, words: int) -> Iterator[_Unit]:
    """Part a block into what may stand in different chunks."""
    said = text[block.start : block.end]
    if block.kind in ("heading", "table", "code") and count_words(said) <= words:
        spans = [(0, len(said))]
    elif block.kind in ("list", "table", "code"):
        spans = [(found.start(), found.end()) for found in re.finditer(r"[^\n]+", said)]
    else:
        spans = sentences(said)
    before = _SECTION if block.kind == "heading" else _BLOCK
    for start, end in spans:
        for left, right in _fitting(said, start, end, words):
            place = (block.start + left, block.start + right)
            yield _Unit(*place, count_words(said[left:right]), before, block.kind == "heading")
            before = _ANYWHERE
        before = _LINE


def _fitting(text: str, start: int, end: int, words: int) -> Iterator[tuple[int, int]]:
    """Yield a stretch whole, or in runs of words if it has too many."""
    found = [one.span() for one in _WORD.finditer(text, start, end)]
    if len(found) <= words:
        yield start, end
        return
    for first in range(0, len(found), words):
        yield found[first][0], found[min(first + words, len(found)) - 1][1]


def count_words(text: str) -> int:
    """Count words: what stands between spaces; each character of Chinese and Japanese."""
    return sum(1 for _ in _WORD.finditer(text))


def sentences(text: str) -> list[tuple[int, int]]:
    """Return where each sentence of a text starts and ends; an abbreviation ends none."""
    ends = [0]
    for found in _END.finditer(text):
        following = text[found.end() : found.end() + 1]
        told = text[max(0, found.start() - 12) : found.start() + 1]
        if not following or not (following.islower() or _ABBREVIATION.search(told)):
            ends.append(found.end())
    ends += [len(text)] if ends[-1] < len(text) else []
    spans = ((start, start + len(text[start:end].rstrip())) for start, end in pairwise(ends))
    return [(start, end) for start, end in spans if start < end]
