"""The worlds of collapse: samples, fits against other libraries, gradients against finite differences, verifiers."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KernelDensity

from regrowth.core.errors import DataError
from regrowth.recipes._collapse.arms import ARMS, Arm, Mixing
from regrowth.recipes._collapse.categories import Zipf
from regrowth.recipes._collapse.density import Kernel, factor
from regrowth.recipes._collapse.gaussian import Gaussian, GaussianFit
from regrowth.recipes._collapse.images import CODES, Digits, loss_and_gradients, start
from regrowth.recipes._collapse.language import Language, Texts
from regrowth.recipes._collapse.mixture import Mixture
from regrowth.recipes._collapse.regression import Regression
from regrowth.recipes._collapse.rounds import World, joined, looks, play
from regrowth.recipes._collapse.samples import Counts, Points, weighted_moments
from regrowth.recipes._collapse.shapes import CENTRES, SHAPES, SHARES
from regrowth.recipes._collapse.texts import Corpus, documents, parted

RNG = np.random.default_rng


def numbered(seeds: int, size: int, first: int = 0) -> Points:
    return Points(first + np.arange(seeds * size, dtype=float).reshape(seeds, size, 1))


def corpus(count: int = 240) -> Corpus:
    """Return documents of words that follow Zipf's law."""
    rng = RNG(0)
    masses = 1 / np.arange(1, 201)
    texts = [" ".join(f"w{word}" for word in rng.choice(200, 12, p=masses / masses.sum())) for _ in range(count)]
    return parted(texts, held_out=40)


# Samples


def test_points_are_drawn_once_each_and_from_every_part() -> None:
    drawn = numbered(2, 50).among([numbered(2, 50, first=1000)], RNG(0), 60).values[..., 0]
    assert drawn.shape == (2, 60)
    assert all(len(set(row)) == 60 for row in drawn.tolist())
    assert all(20 < sum(value < 1000 for value in row) < 40 for row in drawn.tolist())
    assert {value < 50 or 1000 <= value < 1050 for value in drawn[0].tolist()} == {True}


def test_only_what_was_kept_goes_on() -> None:
    kept = np.array([[True, False, True, True], [False, True, True, False]])
    assert numbered(2, 4).only(kept, 2).values[..., 0].tolist() == [[0, 2], [5, 6]]
    with pytest.raises(DataError, match="kept 2 of 4 points, 3 are needed"):
        numbered(2, 4).only(kept, 3)


def test_counts_are_drawn_without_replacement() -> None:
    drawn = Counts(np.array([[5, 0, 1]])).among([Counts(np.array([[0, 4, 2]]))], RNG(0), 6)
    assert drawn.size == 6
    assert (drawn.values <= [5, 4, 3]).all()


def test_moments_of_parts_are_those_of_the_whole_whatever_the_order() -> None:
    values = RNG(0).normal(1e6, 1e-3, (3, 40, 2))
    parts = [Points(values[:, :10]), Points(values[:, 10:])]
    mean, covariance = weighted_moments(parts, [0.25, 0.75])
    np.testing.assert_allclose(mean, values.mean(1))
    np.testing.assert_allclose(covariance[1], np.cov(values[1].T, ddof=0), rtol=1e-6)
    again = weighted_moments([Points(part.values[:, ::-1]) for part in parts[::-1]], [0.75, 0.25])
    np.testing.assert_allclose(again[1], covariance, rtol=1e-6)


# Rounds


@pytest.mark.parametrize("world", [Gaussian(dims=2), Regression(dims=2), Zipf(types=9, size=20), Mixture(steps=5)])
def test_arms_share_their_real_data_and_nothing_else(world: World[Any, Any]) -> None:
    arms: list[Arm] = [arm for arm in ARMS if not (isinstance(world, Zipf) and arm == "verified")]
    courses = [play(world, arm, Mixing(), rounds=3, size=20, seeds=4, seed=5) for arm in arms]
    figure = next(iter(courses[0].figures))
    assert len({course.at(figure, 1).tobytes() for course in courses}) == 1
    assert len({course.at(figure, 3).tobytes() for course in courses}) > 1
    again = play(world, arms[-1], Mixing(), rounds=3, size=20, seeds=4, seed=5)
    assert again.to_json() == courses[-1].to_json()


def test_courses_are_joined_seed_after_seed() -> None:
    one, two = (play(Gaussian(), "replace", Mixing(), rounds=4, size=5, seeds=3, seed=seed) for seed in (0, 1))
    both = joined([one.to_json(), two.to_json()])
    assert both.rounds == looks(4) == (1, 2, 3, 4)
    np.testing.assert_array_equal(both.at("variance", 4), [*one.at("variance", 4), *two.at("variance", 4)])
    assert both.estimate("variance", 4).n == 6


# Gaussian, regression, categories


def test_the_divisor_of_the_variance() -> None:
    values = RNG(0).normal(size=(2, 7, 1))
    whole, parts = [Points(values)], [Points(values[:, :3]), Points(values[:, 3:])]
    for ddof in (0, 1):
        expected = values[..., 0].var(1, ddof=ddof)
        for data, weights in ((whole, [1.0]), (parts, [3.0, 4.0])):
            np.testing.assert_allclose(Gaussian(ddof=ddof).fit(data, weights).covariance[:, 0, 0], expected)


def test_a_singular_gaussian_can_be_sampled() -> None:
    covariance = np.array([[[4.0, 2.0], [2.0, 1.0]]])
    drawn = Gaussian(dims=2).sample(GaussianFit(np.zeros((1, 2)), covariance), RNG(0), 20_000)
    np.testing.assert_allclose(drawn.covariance, covariance, rtol=0.05)


def test_wrong_points_of_the_real_world_are_few() -> None:
    for world in (Gaussian(), Gaussian(dims=3), Regression(), Kernel("blobs"), Kernel("moons"), Mixture()):
        real = world.real(RNG(0), 2, 4000)
        assert 0.001 < world.wrong(real).mean() < 0.03, world
        assert world.wrong(Points(real.values + 30)).all()


def test_least_squares_agrees_with_numpy() -> None:
    data = Regression(dims=3).real(RNG(0), 2, 30)
    fitted = Regression(dims=3).fit([data], [1.0])
    expected = np.linalg.lstsq(data.values[1, :, :-1], data.values[1, :, -1], rcond=None)[0]
    np.testing.assert_allclose(fitted[1], expected)


def test_types_die_tail_mass_stays_and_real_data_keep_every_type() -> None:
    world = Zipf(types=200, size=300)
    courses = {
        arm: play(world, arm, Mixing(), rounds=15, size=300, seeds=60, seed=0)
        for arm in ("replace", "accumulate", "fixed_real")
    }
    assert (courses["replace"].at("types", 15) < 0.6 * courses["replace"].at("types", 1)).all()
    for arm in ("accumulate", "fixed_real"):
        np.testing.assert_array_equal(courses[arm].at("types", 15), courses[arm].at("types", 1))
    masses = courses["replace"].estimate("tail mass", 15, level=0.999)
    assert masses.low < world.truth[100:].sum() < masses.high


def test_categories_cannot_be_verified() -> None:
    with pytest.raises(DataError, match="neither right nor wrong"):
        play(Zipf(types=5, size=9), "verified", Mixing(), rounds=2, size=9, seeds=2, seed=0)


# Kernels and mixtures


def test_training_and_held_out_points_have_the_same_centres() -> None:
    held_out = Kernel("blobs").held_out
    for points in (Kernel("blobs").real(RNG(5), 1, 3000).values[0], held_out):
        nearest = ((points[:, None] - CENTRES) ** 2).sum(-1).argmin(1)
        for place, (centre, share) in enumerate(zip(CENTRES, SHARES, strict=True)):
            assert np.abs(points[nearest == place].mean(0) - centre).max() < 0.4
            assert (nearest == place).mean() == pytest.approx(share, abs=0.06)


@pytest.mark.parametrize("shape", [name for name in SHAPES if name != "line"])
def test_the_density_agrees_with_scikit_learn(shape: str) -> None:
    world = Kernel(shape, 0.3)
    parts = [world.real(RNG(seed), 2, 40) for seed in (0, 1)]
    found = world.risk(world.fit(parts, [1.0, 3.0]))["real NLL"]
    for seed in (0, 1):
        points = np.concatenate([part.values[seed] for part in parts])
        peer = KernelDensity(bandwidth=0.3).fit(points, sample_weight=np.repeat([1.0, 3.0], 40))
        assert found[seed] == pytest.approx(-peer.score_samples(world.held_out).mean(), rel=1e-6)


def test_the_rules_choose_the_width_of_scipy() -> None:
    from scipy.stats import gaussian_kde

    points = RNG(0).normal(size=(2, 50))
    assert factor("scott", 50, 2) == pytest.approx(gaussian_kde(points).scotts_factor())
    assert factor("silverman", 50, 2) == pytest.approx(gaussian_kde(points).silverman_factor())
    narrow, wide = (Kernel("blobs", "scott").fit([Points(points.T[None] * k)], [1.0]).width for k in (1, 9))
    np.testing.assert_allclose(9 * narrow, wide)


def test_expectation_maximisation_agrees_with_scikit_learn() -> None:
    world = Mixture(steps=30)
    data = world.real(RNG(0), 2, 150)
    fitted = world.fit([data], [1.0])
    peer = GaussianMixture(
        3, max_iter=30, tol=0, weights_init=SHARES, means_init=CENTRES, precisions_init=np.tile(np.eye(2), (3, 1, 1))
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer.fit(data.values[1])
    np.testing.assert_allclose(fitted.means[1], peer.means_, atol=1e-4)
    np.testing.assert_allclose(fitted.covariances[1], peer.covariances_, atol=1e-3)
    assert world.risk(fitted)["real NLL"][1] == pytest.approx(-peer.score(world.held_out), abs=1e-3)


def test_a_sampled_mixture_is_the_mixture() -> None:
    world = Mixture()
    fitted = world.fit([world.real(RNG(0), 1, 3000)], [1.0])
    again = world.fit([world.sample(fitted, RNG(1), 3000)], [1.0])
    np.testing.assert_allclose(again.means, fitted.means, atol=0.25)
    np.testing.assert_allclose(again.shares, fitted.shares, atol=0.04)


# Images


def test_the_gradients_of_the_autoencoder_are_those_of_its_loss() -> None:
    rng = RNG(0)
    weights = start(rng, 2)
    images, noise = rng.random((2, 5, 64)), rng.standard_normal((2, 5, CODES))
    _, slopes = loss_and_gradients(weights, images, noise)
    for name, matrix in weights.items():
        for place in ((0, 1, 2), (1, 3, 0), (1, -1, 1)):
            ends = []
            for step in (1e-5, -1e-5):
                moved = {**weights, name: matrix.copy()}
                moved[name][place] += step
                ends.append(loss_and_gradients(moved, images, noise)[0][place[0]])
            assert slopes[name][place] == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-4, abs=1e-8), (name, place)


def test_digits_are_learned_and_lost() -> None:
    world = Digits(steps=250)
    real = world.real(RNG(0), 2, 500)
    fitted, untrained = world.fit([real], [1.0]), start(RNG(1), 2)
    assert (world.risk(fitted)["real NLL"] < world.risk(untrained)["real NLL"] - 10).all()
    replaced = play(world, "replace", Mixing(), rounds=3, size=500, seeds=2, seed=0)
    assert (replaced.at("spread", 3) < 0.5 * replaced.at("spread", 1)).all()
    assert world.wrong(real).mean() < 0.05
    assert world.wrong(Points(1 - real.values)).mean() > 0.95
    with pytest.raises(DataError, match="1001 real images wanted, 1000 are there"):
        world.real(RNG(0), 1, 1001)


# Text


def test_text_is_parted_without_overlap(tmp_path: Path) -> None:
    lines = [f"line {k} has a few more words than it needs to have" for k in range(90)]
    file = tmp_path / "text.txt"
    file.write_text("\n".join([*lines, lines[0], "too short"]), "utf-8")
    found = documents(file)
    assert len(found) == 90
    parts = parted(found)
    assert sorted(one for part in parts for one in part) == sorted(found)
    assert parted(found[::-1]) == parts
    file.write_text("a line\n", "utf-8")
    with pytest.raises(DataError, match="0 lines of 8 words or more, expected at least 60"):
        documents(file)
    with pytest.raises(DataError, match="not a text file"):
        documents(tmp_path / "absent.txt.gz")


def test_texts_share_weights_by_their_number() -> None:
    world = Language(corpus())
    real = world.real(RNG(0), 2, 40)
    others = Texts([[np.array([5, 5, 5])] * 40 for _ in range(2)])
    fitted = world.fit([real, others], [0.25, 0.75])
    whole = world.fit([real, others], [1.0, 1.0])
    words = [sum(len(one) + 1 for one in real.documents[0][:count]) for count in (10, 40)]
    assert [model.models[0].tokens for model in (fitted, whole)] == [words[0] + 30 * 4, words[1] + 40 * 4]
    with pytest.raises(DataError, match="real documents wanted"):
        world.real(RNG(0), 1, 10_000)


def test_the_trigram_forgets_and_real_data_slow_it() -> None:
    world = Language(corpus())
    courses = {
        arm: play(world, arm, Mixing(), rounds=4, size=100, seeds=2, seed=0) for arm in ("replace", "accumulate")
    }
    assert (courses["replace"].at("real NLL", 4) > courses["accumulate"].at("real NLL", 4)).all()
    assert (courses["replace"].at("types", 4) < courses["accumulate"].at("types", 4)).all()


def test_the_verifier_of_texts_knows_noise_from_text() -> None:
    world = Language(corpus(400))
    assert world.wrong(world.real(RNG(0), 1, 100)).mean() < 0.2
    rare = Texts([[RNG(seed).integers(150, len(world.vocabulary), 12) for seed in range(50)]])
    assert world.wrong(rare).mean() > 0.9
