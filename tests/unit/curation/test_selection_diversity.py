"""Diversity: greedy is as good as its bound says, lazy is plain greedy, nothing depends on the order."""

import itertools
import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.curation.duplicates.embedding import HashedGrams
from regrowth.curation.selection.diversity import diverse, picking, ranks, spread
from regrowth.curation.selection.greedy import centres, facilities, represented
from regrowth.curation.selection.nearness import Floats, farthest, nearest, redundancy, unit
from regrowth.curation.selection.quotas import by_quota

GREEDY = 1 - 1 / math.e
GRAMS = HashedGrams(256)


def crowds(count: int, *, seed: int, dimensions: int = 16, groups: int = 12, noise: float = 0.6) -> Floats:
    """Return vectors in crowds of very different sizes."""
    rng = np.random.default_rng(seed)
    sizes = 1 / np.arange(1, groups + 1)
    where = rng.choice(groups, count, p=sizes / sizes.sum())
    middles = rng.standard_normal((groups, dimensions))
    return unit(middles[where] + noise * rng.standard_normal((count, dimensions)))


def plain(vectors: Floats, count: int, worth: npt.NDArray[np.float64], weight: float = 0.0) -> list[int]:
    """Return what greedy facility location takes, looking at everything each time."""
    table = np.maximum(vectors @ vectors.T, 0).astype(np.float64)
    standing, places = np.zeros(len(vectors)), list[int]()
    for _ in range(count):
        gains = (1 - weight) * np.maximum(table - standing, 0).mean(axis=1) + weight * worth / count
        gains[places] = -1
        places.append(int(gains.argmax()))
        standing = np.maximum(standing, table[places[-1]])
    return places


def farthest_first(vectors: Floats, count: int, start: int) -> list[int]:
    places = [start]
    while len(places) < count:
        near = (vectors @ vectors[places].T).max(axis=1)
        near[places] = 2
        places.append(int(near.argmin()))
    return places


def objective(vectors: Floats, places: list[int], worth: npt.NDArray[np.float64], weight: float, count: int) -> float:
    return (1 - weight) * represented(vectors, places) + weight * float(worth[places].sum()) / count


def radius(vectors: Floats, places: list[int]) -> float:
    return float(np.sqrt(np.maximum(0, 2 - 2 * nearest(vectors, places)[1].min())))


# On vectors ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("memory", [0, 2**24])
@pytest.mark.parametrize("weight", [0.0, 0.3])
def test_lazy_is_plain_greedy(memory: int, weight: float) -> None:
    for seed in range(2):
        vectors = crowds(400, seed=seed)
        worth = np.random.default_rng(seed).random(400)
        found = facilities(vectors, 40, quality=worth, weight=weight, memory=memory)
        assert found.places == plain(vectors, 40, worth, weight)
        assert found.looks < 400 * 40 / 3
        assert sum(found.gains) == pytest.approx(objective(vectors, found.places, worth, weight, 40), abs=1e-5)
        assert sorted(found.gains, reverse=True) == pytest.approx(found.gains, abs=1e-6)


@settings(max_examples=20, deadline=None)
@given(st.integers(4, 9), st.integers(1, 3), st.integers(0, 10**6), st.sampled_from([0.0, 0.4, 1.0]))
def test_greedy_is_never_below_its_bound(number: int, count: int, seed: int, weight: float) -> None:
    vectors = crowds(number, seed=seed, dimensions=3)
    worth = np.random.default_rng(seed).random(number)
    every = [list(places) for places in itertools.combinations(range(number), count)]
    best = max(objective(vectors, places, worth, weight, count) for places in every)
    found = facilities(vectors, count, quality=worth, weight=weight)
    assert objective(vectors, found.places, worth, weight, count) >= GREEDY * best - 1e-6
    least = min(radius(vectors, places) for places in every)
    assert radius(vectors, centres(vectors, count).places) <= 2 * least + 1e-3


def test_stochastic_and_sampled_greedy_stay_close() -> None:
    vectors = crowds(1000, seed=1)
    full = represented(vectors, facilities(vectors, 50).places)
    ways: list[dict[str, Any]] = [
        {"method": "stochastic"},
        {"witnesses": 300},
        {"method": "stochastic", "witnesses": 300},
    ]
    for how in ways:
        found = facilities(vectors, 50, seed=3, **how)
        assert len(set(found.places)) == 50
        assert represented(vectors, found.places) > 0.93 * full
        assert found == facilities(vectors, 50, seed=3, **how)
    few = np.random.default_rng(0).choice(1000, 50, replace=False).tolist()
    assert full > represented(vectors, few) + 0.02


def test_more_vectors_than_a_tile_change_nothing() -> None:
    vectors = crowds(2200, seed=2, dimensions=8)
    assert facilities(vectors, 3, memory=0).places == facilities(vectors, 3).places == plain(vectors, 3, np.zeros(2200))
    where, cosine = nearest(vectors, range(2100))
    assert (where[:2100] == np.arange(2100)).all()
    assert cosine[:2100] == pytest.approx(np.ones(2100), abs=1e-5)
    others = nearest(vectors, range(2100), others=True)[0]
    assert not (others[:2100] == np.arange(2100)).any()


@pytest.mark.parametrize("seed", range(2))
def test_centres_are_the_farthest_points(seed: int) -> None:
    vectors = crowds(600, seed=seed)
    found = centres(vectors, 120)
    assert found.places == farthest_first(vectors, 120, found.places[0])
    assert sorted(found.gains, reverse=True) == pytest.approx(found.gains, abs=1e-6)


def test_quality_alone_takes_the_best_and_twins_come_last() -> None:
    vectors, worth = crowds(50, seed=0), np.random.default_rng(0).permutation(50) / 49
    best = sorted(range(50), key=lambda place: -worth[place])[:10]
    assert facilities(vectors, 10, quality=worth, weight=1.0).places == best
    assert set(centres(vectors, 10, quality=worth, weight=1.0).places) == set(best)
    twins = unit(np.vstack([np.eye(5), np.eye(5)]))
    for found in (facilities(twins, 5), centres(twins, 5)):
        assert {place % 5 for place in found.places} == set(range(5))
    assert redundancy(twins, range(10)) == 1.0
    assert redundancy(twins, range(5)) == 0.0
    assert farthest(twins, range(5)) == 0.0 == farthest(np.zeros((2, 3), np.float32), [0, 1])


@pytest.mark.parametrize("count", [0, 1, 5, 99])
def test_any_count_of_any_vectors(count: int) -> None:
    for vectors in (np.zeros((5, 3), np.float32), crowds(5, seed=0), unit(np.ones((5, 2)))):
        for found in (
            facilities(vectors, count),
            centres(vectors, count),
            facilities(vectors, count, method="stochastic"),
        ):
            assert len(found.places) == len(set(found.places)) == min(count, 5)


def test_vectors_that_cannot_be_used_are_refused() -> None:
    assert unit([[3e38, 3e38], [1e-38, 0.0], [0.0, 0.0]]) == pytest.approx(np.array([[0.70710677] * 2, [1, 0], [0, 0]]))
    wrongs: list[Any] = [[1.0, 2.0], [[math.nan]], [[math.inf, 0]], [[1e300]]]
    for wrong in wrongs:
        with pytest.raises(DataError), np.errstate(over="ignore"):
            unit(wrong)
    vectors = crowds(5, seed=0)
    some: list[dict[str, Any]] = [{"weight": 2.0}, {"weight": 0.5}, {"weight": 0.5, "quality": np.ones(4)}]
    for settings_ in some:
        with pytest.raises(SettingsError):
            facilities(vectors, 2, **settings_)
        with pytest.raises(SettingsError):
            centres(vectors, 2, **settings_)
    with pytest.raises(SettingsError, match="epsilon"):
        facilities(vectors, 2, epsilon=0)


# On records ----------------------------------------------------------------------------------------------------------

STORIES = [
    Record.of(f"Tom has {number} pens and buys {number + 1} more. How many pens?", kind="story") for number in range(40)
]
ORDERS = [Record.of(f"Reverse the letters: {a} {b} {c}", kind="letters") for a, b, c in itertools.permutations("abc")]
FACTS = [Record.of(f"In which city does {name} live?", kind="fact") for name in ("Eva", "Tom", "Ada")]
POOL = [*STORIES, *ORDERS, *FACTS]


@pytest.mark.parametrize("how", ["facility", "centre"])
def test_rare_kinds_are_kept_and_twins_are_named(how: Any) -> None:
    found = diverse(POOL, 3, GRAMS, how=how)
    assert {one["kind"] for one in found.chosen} == {"story", "letters", "fact"}
    assert len(found.examination.findings) == len(POOL) - 3
    kinds = {one.id: one["kind"] for one in POOL}
    assert all(kinds[one.record] == kinds[str(one.evidence["twin"])] for one in found.examination.findings)
    assert "stood for by" in found.examination.findings[0].reason


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 60),
    st.sampled_from(["facility", "centre", "random", "score"]),
    st.sampled_from([0.0, 0.5]),
    st.sampled_from(["lazy", "stochastic"]),
    st.integers(0, 3),
)
def test_the_order_of_the_records_does_not_matter(count: int, how: Any, weight: float, method: Any, seed: int) -> None:
    def choose(records: list[Record], embed: Any) -> Any:
        more = {"method": method, "witnesses": 20} if how == "facility" else {}
        return diverse(
            records, count, embed, how=how, score=lambda one: len(one.prompt), weight=weight, seed=seed, **more
        )

    vectors = crowds(len(POOL), seed=7)
    places = random.Random(seed).sample(range(len(POOL)), len(POOL))
    found = choose(POOL, vectors)
    assert choose([POOL[place] for place in places] + POOL, np.vstack([vectors[places], vectors])) == found
    assert choose([POOL[place] for place in places], GRAMS) == choose(POOL, GRAMS)
    assert len(found.chosen) == min(count, len(POOL))
    assert len(found.chosen) + len(found.examination.findings) == len(POOL)


def test_spread_tells_the_selectors_apart() -> None:
    ways: list[Any] = ["facility", "centre", "random"]
    spreads = {how: spread(POOL, diverse(POOL, 6, GRAMS, how=how).chosen, GRAMS) for how in ways}
    assert spreads["facility"].represented > spreads["random"].represented
    assert spreads["centre"].farthest < spreads["random"].farthest
    assert spreads["centre"].redundancy < spreads["random"].redundancy
    assert spread(POOL, [], GRAMS) == (0.0, 2.0, 0.0)


def test_baselines_and_reasons() -> None:
    top = diverse(POOL, 4, GRAMS, how="score", score=lambda one: len(one.prompt))
    assert min(len(one.prompt) for one in top.chosen) >= sorted(len(one.prompt) for one in POOL)[-4]
    assert top.examination.findings[0].reason.startswith("score ")
    chance = diverse(POOL, 4, GRAMS, how="random", seed=1)
    assert chance.chosen != diverse(POOL, 4, GRAMS, how="random", seed=2).chosen
    assert chance.examination.findings[0].reason == "not drawn: 4 of 49 were wanted"
    assert diverse(POOL, 0, GRAMS).examination.findings[0].reason == "none were wanted"
    assert diverse([], 3, GRAMS).chosen == ()


def test_quotas_take_what_is_diverse_within_each_group() -> None:
    found = by_quota(POOL, 6, {"kind": "equal"}, pick=picking(GRAMS))
    assert Counter(one["kind"] for one in found.chosen) == {"story": 2, "letters": 2, "fact": 2}


def test_settings_that_cannot_be_meant_are_refused() -> None:
    for wrong in ({"weight": 0.5}, {"how": "score"}, {"embed": np.ones((3, 2))}):
        with pytest.raises(SettingsError):
            diverse(POOL, 3, **{"embed": GRAMS, **wrong})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no score"):
        diverse(POOL, 3, GRAMS, weight=0.5, score=lambda one: one.scores["quality"])
    with pytest.raises(DataError, match="score nan"):
        diverse(POOL, 3, GRAMS, how="score", score=lambda _: math.nan)
    with pytest.raises(SettingsError, match="2 vectors for 49 records"):
        diverse(POOL, 3, lambda texts: np.ones((2, 2)))


def test_ranks_share_places() -> None:
    assert ranks([5, 1, 1, 9]).tolist() == pytest.approx([2 / 3, 1 / 6, 1 / 6, 1])
    assert ranks([]).tolist() == []


def test_texts_of_any_length_and_kind_are_taken() -> None:
    hostile = [
        "x" * 10_000_000,
        "\u200b" * 100_000,
        "a b " * 100_000,
        "\ud800 lone",
        '{"a":' * 10_000,
        "",
        "字" * 10_000,
    ]
    records = [Record.of(text) for text in hostile]

    def lengths(texts: Sequence[str]) -> Any:
        return [[len(text), 1] for text in texts]

    ways: list[Any] = ["facility", "centre"]
    for how in ways:
        found = diverse(records, 3, lengths, how=how)
        assert len(found.chosen) == 3
        assert max(len(one.reason) for one in found.examination.findings) < 200
