"""Drawing tokens."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from regrowth.core.protocols import Sampling
from regrowth.weights.sampling import Rules, draw, uniforms

LOGITS = torch.tensor([0.0, 1.0, 2.0, -1.0])
SEEDS = st.lists(st.integers(0, 2**63 - 1), min_size=1, max_size=6)


def shares(sampling: Sampling, draws: int = 40_000) -> Tensor:
    """Return how often each token is drawn."""
    seeds = list(range(draws))
    ids = draw(LOGITS.expand(draws, -1), Rules.of([sampling] * draws), uniforms(seeds, 1)[:, 0])
    return torch.bincount(ids, minlength=4) / draws


@pytest.mark.parametrize("temperature", [1.0, 0.5, 3.0])
def test_tokens_are_drawn_as_often_as_they_are_probable(temperature: float) -> None:
    wanted = (LOGITS / temperature).softmax(-1)
    deviation = (wanted * (1 - wanted) / 40_000).sqrt()
    assert ((shares(Sampling(temperature=temperature)) - wanted).abs() < 4 * deviation).all()


def test_the_nucleus_is_the_smallest_set_that_reaches_its_mass() -> None:
    probable = LOGITS.softmax(-1)  # 0.09, 0.24, 0.64, 0.03
    found = shares(Sampling(top_p=0.8))
    assert (found > 0).tolist() == [False, True, True, False]
    torch.testing.assert_close(found[2], probable[2] / (probable[1] + probable[2]), atol=0.01, rtol=0)
    assert shares(Sampling(top_p=1e-6)).tolist() == [0, 0, 1, 0]


def test_greedy_takes_the_most_probable_token() -> None:
    assert shares(Sampling(temperature=0.0)).tolist() == [0, 0, 1, 0]


def test_a_row_is_drawn_by_its_own_rules_whoever_its_neighbours_are() -> None:
    rules = [
        Sampling(temperature=0.0),
        Sampling(),
        Sampling(temperature=0.7, top_p=0.9),
        Sampling(top_p=0.5),
        Sampling(temperature=2.0),
    ] * 20
    logits = torch.randn(100, 50, generator=torch.Generator().manual_seed(0))
    numbers = uniforms(list(range(100)), 1)[:, 0]
    together = draw(logits, Rules.of(rules), numbers)
    alone = [draw(logits[row : row + 1], Rules.of([rules[row]]), numbers[row : row + 1]) for row in range(100)]
    assert together.tolist() == torch.cat(alone).tolist()
    kept = list(range(99, 0, -3))
    assert draw(logits[kept], Rules.of(rules).take(kept), numbers[kept]).tolist() == together[kept].tolist()


@given(SEEDS, st.integers(1, 40))
def test_a_stream_hangs_on_its_seed_alone(seeds: list[int], count: int) -> None:
    together = uniforms(seeds, count)
    assert ((together >= 0) & (together < 1)).all()
    for seed, stream in zip(seeds, together, strict=True):
        assert torch.equal(uniforms([seed], count + 5)[0, :count], stream)


def test_streams_are_uniform_and_unrelated() -> None:
    numbers = uniforms(list(range(200)), 500)
    assert abs(numbers.mean().item() - 0.5) < 4 / math.sqrt(12 * 100_000)
    counts = torch.histc(numbers, bins=20, min=0, max=1)
    assert ((counts - 5000) ** 2 / 5000).sum() < 43.8  # chi-squared with 19 degrees of freedom, p = 0.001
    correlations = torch.corrcoef(numbers).fill_diagonal_(0)
    assert correlations.abs().max() < 0.25
    shifted = (numbers[:-1, 1:] - numbers[1:, :-1]).abs()
    assert shifted.min() > 0


def test_the_stream_is_pinned() -> None:
    """Other numbers would be other answers to remembered requests: raise the version of the backend with them."""
    first_published = 0xE220A8397B1DCDAF / 2**64  # SplitMix64 begun at 0
    assert uniforms([0], 1).item() == pytest.approx(first_published, abs=1e-15)
    assert uniforms([2**63 - 1], 2).tolist() == [[0.5572490742492744, 0.6693562358305625]]


def test_the_last_token_with_any_mass_can_be_reached_and_none_beyond() -> None:
    logits = torch.tensor([[0.0, 0.0, -torch.inf]])
    almost_one = torch.tensor([1 - 2.0**-52], dtype=torch.float64)
    assert draw(logits, Rules.of([Sampling()]), almost_one).item() == 1
