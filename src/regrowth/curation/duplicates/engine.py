"""New texts against those that were kept before, and against each other.

fresh = read(texts, near, semantic)            # what the new texts are, as arrays
found = compared(fresh, shelves, near, semantic)
shelf_of(fresh, survivors)                     # what later texts are compared with
"""

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from regrowth.curation.duplicates.candidates import Pairs, Postings, among, between
from regrowth.curation.duplicates.greedy import EXACT, NEAR, Edges, best, joined, settled
from regrowth.curation.duplicates.ragged import Array
from regrowth.curation.duplicates.semantic import Semantic, embedded, neighbours
from regrowth.curation.duplicates.settings import Near
from regrowth.curation.duplicates.shingles import Shingled, shingled
from regrowth.curation.duplicates.verification import parted_by_numbers, similarities
from regrowth.texts import normalised

__all__ = ["Fallen", "Fresh", "Shelf", "compared", "read", "shelf_of"]

HERE = -1
"""Instead of the number of a shelf: among the new texts."""


class Fresh(NamedTuple):
    """Hold new texts, of which some may be equal."""

    number: Array
    """Of each text: which of the different ones it is; -1 if it says nothing, and so is like no other."""
    first: Array
    """Of each different text: where it stands first."""
    digests: Array
    """Of the normalised form of each different text: 16 bytes."""
    texts: Shingled
    vectors: Array
    """Of each different text, if meanings are compared."""


class Shelf(NamedTuple):
    """Hold texts that were kept, in memory or mapped from files."""

    digests: Array
    """Sorted."""
    rows: Array
    """Of each digest: the number of its text."""
    texts: Shingled
    postings: Postings
    vectors: Array


class Fallen(NamedTuple):
    """Hold to which text each text fell."""

    shelf: Array
    """The number of its shelf, or -1: among the new ones."""
    row: Array
    """Its number there; -1: this text survived."""
    likeness: Array
    """As in `greedy`."""


def read(texts: Sequence[str], near: Near, semantic: Semantic | None = None) -> Fresh:
    """Return texts as arrays; equal ones once."""
    first: dict[bytes, int] = {}
    numbers, places = list[int](), list[int]()
    arrays = shingled(_different(texts, first, numbers, places), near)
    chosen = [texts[place] for place in places] if semantic else []
    vectors = embedded(chosen, semantic.embedding) if semantic else np.zeros((len(places), 0), np.float32)
    digests = np.frombuffer(b"".join(first), "V16")
    return Fresh(np.array(numbers, np.int64), np.array(places, np.int64), digests, arrays, vectors)


def _different(texts: Sequence[str], first: dict[bytes, int], numbers: list[int], places: list[int]) -> Iterator[str]:
    for place, text in enumerate(texts):
        form = normalised(text)
        if not form:
            numbers.append(-1)
            continue
        digest = hashlib.blake2b(form.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        known = len(first)
        numbers.append(first.setdefault(digest, known))
        if len(first) > known:
            places.append(place)
            yield form


def shelf_of(fresh: Fresh, rows: Array) -> Shelf:
    """Return some of the different texts as a shelf; they are numbered anew, in this order."""
    texts = fresh.texts.taken(rows)
    order = np.argsort(fresh.digests[rows])
    return Shelf(fresh.digests[rows][order], order, texts, Postings.of(texts.keys), fresh.vectors[rows])


def compared(fresh: Fresh, shelves: Sequence[Shelf], near: Near | None, semantic: Semantic | None = None) -> Fallen:
    """Return which of the new texts fall to one on a shelf, or to an earlier one among themselves."""
    count = len(fresh.first)
    postings = Postings.of(fresh.texts.keys)
    room = np.full(len(postings.keys), near.crowd if near else 0)
    before = [best(count, _to(fresh, postings, room, shelf, near, semantic)) for shelf in shelves]
    lost = np.zeros(count, np.bool_)
    for twin, _ in before:
        lost |= twin >= 0
    here = best(count, _among(fresh, postings, room, lost, near, semantic))
    fallen = Fallen(np.full(count, HERE), *here)
    for number in reversed(range(len(shelves))):  # of equally similar ones the earliest
        twin, likeness = before[number]
        nearer = (twin >= 0) & (likeness >= fallen.likeness)
        for part, values in zip(fallen, (np.full(count, number), twin, likeness), strict=True):
            part[nearer] = values[nearer]
    return _spread(fresh, fallen)


def _to(
    fresh: Fresh, postings: Postings, room: Array, shelf: Shelf, near: Near | None, semantic: Semantic | None
) -> Edges:
    """Return the edges from new texts to those on a shelf."""
    places = np.minimum(np.searchsorted(shelf.digests, fresh.digests), max(0, len(shelf.digests) - 1))
    equal = np.flatnonzero(shelf.digests[places] == fresh.digests) if len(shelf.digests) else places[:0]
    found = [Edges(equal, np.asarray(shelf.rows[places[equal]], np.int64), np.full(len(equal), EXACT + 1))]
    if near:
        sizes, others = fresh.texts.keys.counts, shelf.texts.keys.counts
        for pairs in between(postings, shelf.postings, room, sizes, others, near.shared):
            similarity = similarities(pairs, fresh.texts, shelf.texts, near)
            alike = similarity > 0
            found.append(Edges(pairs.later[alike], pairs.earlier[alike], NEAR + similarity[alike]))
    if semantic:
        found.append(_same_meaning(fresh.vectors, fresh.texts, shelf.vectors, shelf.texts, semantic))
    return joined(*found)


def _among(
    fresh: Fresh, postings: Postings, room: Array, lost: Array, near: Near | None, semantic: Semantic | None
) -> Edges:
    """Return the edges from new texts that fell to those among them that survived."""
    texts = fresh.texts
    further = _same_meaning(fresh.vectors, texts, fresh.vectors, texts, semantic) if semantic else joined()

    def candidates(alive: Array, few: int | None) -> Iterator[Pairs]:
        if near is None:
            return iter(())
        return among(postings, alive, room if few is None else np.minimum(room, few), texts.keys.counts, near.shared)

    if near is None:
        return settled(lost, candidates, lambda pairs: np.zeros(0), further)
    return settled(lost, candidates, partial(similarities, later=texts, earlier=texts, near=near), further)


def _same_meaning(vectors: Array, texts: Shingled, others: Array, other_texts: Shingled, semantic: Semantic) -> Edges:
    edges = neighbours(vectors, others, semantic.alike, same=vectors is others)
    if not semantic.numbers:
        return edges
    parted = parted_by_numbers(Pairs(edges.later, edges.earlier), texts, other_texts, "equal")
    return Edges(*(part[~parted] for part in edges))


def _spread(fresh: Fresh, fallen: Fallen) -> Fallen:
    """Return the same for all texts: a copy falls to the first text that is it, or where that one fell."""
    some = fresh.number >= 0
    number = np.where(some, fresh.number, 0)
    if not len(fresh.first):
        return Fallen(np.full(len(number), HERE), np.full(len(number), -1), np.zeros(len(number)))
    shelf, row, likeness = (part[number] for part in fallen)
    here = (shelf == HERE) & (row >= 0)
    row[here] = fresh.first[row[here]]
    copy = some & (fresh.first[number] != np.arange(len(number))) & (row < 0)
    row, likeness = np.where(copy, fresh.first[number], row), np.where(copy, EXACT + 1, likeness)
    return Fallen(np.where(some, shelf, HERE), np.where(some, row, -1), np.where(some, likeness, 0.0))
