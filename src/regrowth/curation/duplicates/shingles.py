"""Texts as arrays: their shingles, the keys they are looked up by, and their numbers.

    "tom has 3 pens"  →  shingles  hashes of (tom has), (has 3), (3 pens)     32 bits each, in this order
                         keys      the smallest hashes of (tom has 3), (has 3 pens)      40 bits each
                         numbers   hash of (3), in the order of the text

Texts are hashed many at a time, over one array of their code points. Hashes are multilinear (Lemire and Kaser 2014,
arXiv:1202.4961), with fixed multipliers: the same text has the same arrays on every machine.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from regrowth.curation.duplicates.ragged import Array, Ragged, stacked
from regrowth.curation.duplicates.settings import Near

__all__ = ["KEY_BITS", "Shingled", "shingled"]

KEY_BITS = 40
CHARACTERS = 1 << 19
"""Of texts that are hashed at once: small enough for a processor's cache."""
TEXTS = 1 << 14
"""That are hashed at once, at most: texts are counted in the bits above a key."""
SEPARATOR, LETTER, ALONE, DIGIT = range(4)
_SPACELESS = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF),
)  # fmt: skip
"""Scripts that are written without spaces: Thai and Lao, Burmese, Khmer, Kana, Han."""
PLANES = (1 << 7, 1 << 16, 1 << 17)
"""How many code points are looked up; the larger tables are made when first needed."""
_SIGNS = frozenset(map(ord, "+-*/^<>×÷·%"))
_MULTIPLIERS = np.random.Generator(np.random.PCG64(20261121)).integers(1, 2**63, 1024, np.uint64) * np.uint64(2) + 1


class Shingled(NamedTuple):
    """Hold texts as arrays."""

    shingles: Ragged
    """Hashes of 32 bits, in the order of the text."""
    different: Array
    """How many different ones there are of them."""
    keys: Ragged
    """The smallest hashes of the longer shingles, sorted; none for a text that is short."""
    numbers: Ragged
    """Hashes of the numbers, in the order of the text, with the sign before them."""
    lengths: Array
    """Words."""

    def taken(self, rows: Array) -> "Shingled":
        """Return some of the texts, in the order asked for."""
        return Shingled(
            self.shingles.taken(rows),
            np.asarray(self.different[rows]),
            self.keys.taken(rows),
            self.numbers.taken(rows),
            np.asarray(self.lengths[rows]),
        )


def shingled(texts: Iterable[str], near: Near) -> Shingled:
    """Return normalised texts as arrays. No text may contain a line break."""
    parts = [_batch(batch, near) for batch in _batches(texts)]
    if not parts:
        parts = [_batch([""], near).taken(np.zeros(0, np.int64))]
    return Shingled(
        stacked([part.shingles for part in parts]),
        np.concatenate([part.different for part in parts]),
        stacked([part.keys for part in parts]),
        stacked([part.numbers for part in parts]),
        np.concatenate([part.lengths for part in parts]),
    )


def _batches(texts: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for text in texts:
        if batch and (size + len(text) > CHARACTERS or len(batch) == TEXTS):
            yield batch
            batch, size = [], 0
        batch.append(text)
        size += len(text) + 1
    if batch:
        yield batch


class _Words(NamedTuple):
    hashes: Array
    first: Array
    """Number of the first word of each text, and of the end of the last."""
    alone: Array
    """Whether a word is a character of a script without spaces."""
    numeric: Array
    """Whether a word begins with a digit."""


def _batch(texts: list[str], near: Near) -> Shingled:
    words = _words(texts, near.unit == "character")
    counts = np.diff(words.first)
    text_of = np.repeat(np.arange(len(texts), dtype=np.uint64), counts)
    halves = 2 * counts - _summed(words.alone, words.first)
    short = halves < 2 * near.short
    owners, shingles = _runs(words, text_of, near.width)
    shingles >>= np.uint64(32)
    keys = _sorted(*_runs(words, text_of, near.reach), KEY_BITS)
    keys = keys[~short[(keys >> np.uint64(KEY_BITS)).astype(np.intp)]]
    of_key = (keys >> np.uint64(KEY_BITS)).astype(np.intp)
    starts = np.searchsorted(of_key, np.arange(len(texts)))
    keys, of_key = (part[np.arange(len(keys)) - starts[of_key] < near.keys] for part in (keys, of_key))
    different = _sorted(owners, shingles << np.uint64(32), 32) >> np.uint64(32)
    return Shingled(
        Ragged.of(shingles.astype(np.uint32), np.bincount(owners.astype(np.intp), minlength=len(texts))),
        np.bincount(different.astype(np.intp), minlength=len(texts)).astype(np.uint32),
        Ragged.of(keys & np.uint64((1 << KEY_BITS) - 1), np.bincount(of_key, minlength=len(texts))),
        Ragged.of(
            (words.hashes[words.numeric] >> np.uint64(32)).astype(np.uint32),
            np.bincount(text_of[words.numeric].astype(np.intp), minlength=len(texts)),
        ),
        (halves // 2).astype(np.uint32),
    )


def _summed(flags: Array, first: Array) -> Array:
    total = np.zeros(len(flags) + 1, np.int64)
    np.cumsum(flags, out=total[1:])
    return total[first[1:]] - total[first[:-1]]


def _runs(words: _Words, text_of: Array, width: int) -> tuple[Array, Array]:
    """Return the text and the hash of each run of words of one text, in order."""
    count = max(0, len(words.hashes) - width + 1)
    mixed = np.zeros(count, np.uint64)
    for place in range(width):
        mixed += (words.hashes[place : place + count] >> np.uint64(32)) * _MULTIPLIERS[512 + place]
    inside = text_of[:count] == text_of[width - 1 :]
    return text_of[:count][inside], _mixed(mixed[inside])


def _sorted(owners: Array, hashes: Array, bits: int) -> Array:
    """Return (text, first bits of the hash) as one number, sorted, each once."""
    found = np.sort((owners << np.uint64(bits)) | (hashes >> np.uint64(64 - bits)))
    return found[np.concatenate([[True], found[1:] != found[:-1]])] if len(found) else found


def _mixed(hashes: Array) -> Array:
    """Spread the bits of hashes, in place (the finaliser of SplitMix64)."""
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        hashes ^= hashes >> np.uint64(shift)
        hashes *= np.uint64(factor)
    hashes ^= hashes >> np.uint64(31)
    return hashes


# From code points to words ------------------------------------------------------------------------------------------


def _words(texts: list[str], characters: bool) -> _Words:
    joined = "\n".join([*texts, ""])
    codes = np.frombuffer(joined.encode("utf-32-le", "surrogatepass"), np.uint32)
    kinds = _kinds(codes)
    if characters:
        kinds = np.where(kinds == LETTER, np.uint8(ALONE), kinds)
    inside = kinds > SEPARATOR
    alone = kinds == ALONE
    begins = inside.copy()
    begins[1:] &= ~inside[:-1] | alone[1:] | alone[:-1]
    places = np.flatnonzero(inside)
    starts = np.flatnonzero(begins[places])
    lengths = np.diff(starts, append=len(places))
    offsets = np.arange(len(places)) - np.repeat(starts, lengths)
    letters = codes[places] * _MULTIPLIERS[offsets & 511]
    hashes = np.add.reduceat(letters, starts) if len(starts) else letters
    at = places[starts]
    first = np.searchsorted(at, np.cumsum([0, *(len(text) + 1 for text in texts)]))
    numeric = kinds[at] == DIGIT
    hashes[numeric] += _signs(codes, at[numeric])
    return _Words(hashes, first, alone[at], numeric)


def _signs(codes: Array, at: Array) -> Array:
    """Return what the sign before each number adds to its hash; a space may stand between them."""
    before = np.maximum(at - 1, 0)
    before = np.where(codes[before] == ord(" "), np.maximum(at - 2, 0), before)
    signs = np.where((at > 0) & np.isin(codes[before], list(_SIGNS)), codes[before], 0).astype(np.uint64)
    return np.asarray(signs * _MULTIPLIERS[1000])


def _kinds(codes: Array) -> Array:
    last = int(codes.max()) if len(codes) else 0
    if last < PLANES[-1]:
        return np.asarray(_table(next(size for size in PLANES if last < size))[codes])
    return np.append(_table(PLANES[-1]), np.uint8(ALONE))[np.minimum(codes, PLANES[-1])]  # Han of later planes


@cache
def _table(size: int) -> NDArray[np.uint8]:
    return np.fromiter(map(_kind, range(size)), np.uint8, size)


def _kind(code: int) -> int:
    category = unicodedata.category(chr(code))
    if category == "Nd":
        return DIGIT
    if any(low <= code <= high for low, high in _SPACELESS) and category[0] in "LMN":
        return ALONE
    return LETTER if category[0] in "LMN" else SEPARATOR
