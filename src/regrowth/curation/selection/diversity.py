"""Records unlike each other, or the best, or both: what is left out has its twin among the chosen named.

    found = diverse(records, 500, HashedGrams())                               # facility location
    found = diverse(records, 500, vectors, how="centre")                       # k-centre, on an array [n, d]
    found = diverse(records, 500, vectors, score=quality, weight=0.3)          # three parts quality, seven diversity
    found.examination.findings[0].reason          # "stood for by 3f0c… (cosine 0.93)"

    by_quota(records, 500, {"domain": "equal"}, pick=picking(HashedGrams()))   # diverse within each group

Facility location takes what stands for many: the middle of every crowd, big crowds first. k-centre takes what is far
from everything: it finds every rare group early, and every odd record too. `random` and `score` are the baselines.
`HashedGrams` and models from a folder are in `curation.duplicates.embedding`; any other embedding is a function.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import SettingsError
from regrowth.core.record import Json, Record
from regrowth.curation.findings import Finding
from regrowth.curation.selection.choosing import (
    Pick,
    Selection,
    at_hand,
    best,
    called,
    drawn,
    examined,
    scored,
    wanting,
)
from regrowth.curation.selection.greedy import Picked, centres, facilities, represented
from regrowth.curation.selection.nearness import Floats, farthest, nearest, redundancy, unit
from regrowth.texts import spoken

__all__ = ["Embed", "How", "Spread", "diverse", "embedded", "picking", "spread"]

How: TypeAlias = Literal["facility", "centre", "random", "score"]
Embed: TypeAlias = Callable[[Sequence[str]], npt.ArrayLike] | npt.NDArray[Any]
"""Texts in, one vector each; or the vectors themselves, in the order of the records that they are given with."""


class Spread(NamedTuple):
    """Say how well some of many records stand for all of them."""

    represented: float
    """Mean cosine, 0 at least, of a record and the nearest chosen one: what facility location raises."""
    farthest: float
    """Greatest Euclidean distance of a record to the nearest chosen one, 0 … 2: what k-centre lowers."""
    redundancy: float
    """Mean cosine of a chosen record and the nearest other chosen one."""


def diverse(
    records: Iterable[Record],
    count: int,
    embed: Embed,
    *,
    how: How = "facility",
    score: Callable[[Record], float] | None = None,
    weight: float = 0.0,
    seed: int = 0,
    text: Callable[[Record], str] = spoken,
    **settings: Any,
) -> Selection:
    """Choose so many records that stand for all, in the order of choice.

    Args:
        score: Quality of a record; it enters by rank, so its unit does not matter.
        weight: Of quality against diversity, 0 … 1.
        text: What of a record is embedded, where `embed` is a callable.
        settings: Further ones of `greedy.facilities`: method, epsilon, witnesses, memory.

    Raises:
        SettingsError: settings that do not fit together.
        DataError: an embedding that cannot be used, or a record without a score.
    """
    given = list(records)
    pool, wanted = at_hand(given), wanting(count)
    by = called(embed) if callable(embed) else f"vectors {list(np.shape(embed)[1:])}"
    quality_by = None if score is None else called(score)
    told: dict[str, Json] = {
        "count": count, "how": how, "embedding": by, "score": quality_by, "weight": weight, "seed": seed, **settings
    }  # fmt: skip
    if how in ("random", "score"):
        return _baseline(pool, wanted, how, score, seed, told)
    if score is None and weight:
        raise SettingsError(f"weight = {weight}, but no score is given: say what quality is, or set it to 0.")
    vectors = embedded(given, pool, embed, text)
    quality = None if score is None else ranks([scored(record, score) for record in pool])
    if how == "centre":
        picked = centres(vectors, wanted, quality=quality, weight=weight, **settings)
    else:
        picked = facilities(vectors, wanted, quality=quality, weight=weight, seed=seed, **settings)
    return _selection(pool, vectors, picked, told)


def picking(embed: Callable[[Sequence[str]], npt.ArrayLike], **settings: Any) -> Pick:
    """Return `diverse` as a pick within the cells of a quota."""

    def diverse_by(records: Sequence[Record], count: int) -> Sequence[Record]:
        return diverse(records, count, embed, **settings).chosen

    diverse_by.__name__ = f"diverse by {called(embed)}"
    return diverse_by


def spread(
    records: Iterable[Record], chosen: Iterable[Record], embed: Embed, *, text: Callable[[Record], str] = spoken
) -> Spread:
    """Measure how well records that were chosen in any way stand for all of them."""
    given = list(records)
    pool = at_hand(given)
    vectors, place_of = embedded(given, pool, embed, text), {record.id: place for place, record in enumerate(pool)}
    places = sorted({place_of[record.id] for record in chosen})
    if not places:
        return Spread(0.0, 2.0, 0.0)
    return Spread(represented(vectors, places), farthest(vectors, places), redundancy(vectors, places))


def embedded(given: Sequence[Record], pool: Sequence[Record], embed: Embed, text: Callable[[Record], str]) -> Floats:
    """Return the vectors of a pool, in its order; those of an array are told by the records it is given with.

    Raises:
        DataError: the embedding is no table of finite numbers.
        SettingsError: there is not one vector for each record.
    """
    if callable(embed):
        found = unit(embed([text(record) for record in pool])) if pool else np.zeros((0, 1), np.float32)
        expected = len(pool)
    else:
        found, expected = unit(embed) if len(given) else np.zeros((0, 1), np.float32), len(given)
    if len(found) != expected:
        raise SettingsError(f"{len(found)} vectors for {expected} records: expected one for each.")
    if callable(embed):
        return found
    row = {record.id: place for place, record in enumerate(given)}
    return found[[row[record.id] for record in pool]]


def ranks(values: Sequence[float]) -> npt.NDArray[np.float64]:
    """Return the ranks of numbers from 0 for the least to 1 for the greatest; equals share theirs."""
    _, place, counts = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    found: npt.NDArray[np.float64] = middle[place] / max(1, len(values) - 1)
    return found


def _baseline(
    pool: Sequence[Record],
    count: int,
    how: How,
    score: Callable[[Record], float] | None,
    seed: int,
    told: dict[str, Json],
) -> Selection:
    if how == "score" and score is None:
        raise SettingsError("how = 'score', but no score is given: say what quality is.")
    pick = best(score) if how == "score" and score is not None else drawn(seed)
    chosen = tuple(pick(pool, count))

    def reason(record: Record) -> str:
        if how == "random" or score is None or not chosen:
            return f"not drawn: {count:,} of {len(pool):,} were wanted"
        return f"score {score(record):.4g}: the last of the {count:,} best has {score(chosen[-1]):.4g}"

    return Selection(chosen, examined("diversity", told, pool, chosen, reason))


def _selection(pool: Sequence[Record], vectors: Floats, picked: Picked, told: dict[str, Json]) -> Selection:
    chosen = tuple(pool[place] for place in picked.places)
    where, cosine = nearest(vectors, picked.places)
    place_of = {record.id: place for place, record in enumerate(pool)}

    def reason(record: Record) -> Finding:
        place = place_of[record.id]
        if not chosen:
            return Finding(record.id, "none were wanted")
        twin, found = pool[int(where[place])].id, round(float(cosine[place]), 4)
        return Finding(record.id, f"stood for by {twin} (cosine {found:.2f})", {"twin": twin, "cosine": found})

    return Selection(chosen, examined("diversity", told, pool, chosen, reason))
