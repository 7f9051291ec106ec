"""Reward losses against numbers computed by hand, and their laws."""

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.training.objectives import Objective, attributes, bradley_terry, verdict
from support.views import Entry, Reply, leaves, step_loss

LN2 = math.log(2)
NAN = math.nan


def scored(*values: float) -> Reply:
    """Return a reply of which the head says `values`."""
    return Reply(torch.empty(0, dtype=torch.float64), values=torch.tensor(values, dtype=torch.float64).requires_grad_())


def pair(chosen: float, rejected: float, **columns: float) -> Entry:
    return Entry({"response": scored(chosen), "rejected": scored(rejected)}, columns)


def loss_of(objective: Objective, entries: Sequence[Entry]) -> tuple[float, dict[str, float]]:
    value, facts = step_loss(objective, entries)
    return float(value.detach()), {name: float(fact) for name, fact in facts.items()}


def slopes(objective: Objective, entries: Sequence[Entry]) -> tuple[Tensor, ...]:
    return torch.autograd.grad(step_loss(objective, entries)[0], leaves(entries))


def test_bradley_terry_equals_a_number_computed_by_hand() -> None:
    value, facts = loss_of(bradley_terry(0.01), [pair(math.log(3), 0.0), pair(-1.0, -1.0)])
    # -log σ(log 3) = log(4/3), -log σ(0) = log 2; centring: (log 3)² and (-2)².
    assert value == pytest.approx((math.log(4 / 3) + LN2 + 0.01 * (math.log(3) ** 2 + 4)) / 2, abs=1e-15)
    assert facts["accuracy"] == 0.5
    assert facts["margin"] == pytest.approx(math.log(3) / 2, abs=1e-15)
    assert facts["chosen_reward"] == pytest.approx((math.log(3) - 1) / 2, abs=1e-15)
    assert facts["rejected_reward"] == -0.5


def test_a_margin_is_how_much_better_the_response_has_to_be() -> None:
    entries = [pair(2.0, 1.0, margin=1.0), pair(2.0, 1.0, margin=NAN)]
    # The first is even with its margin; the second has none.
    assert loss_of(bradley_terry(0.0, margin=True), entries)[0] == pytest.approx(
        (LN2 + math.log1p(math.exp(-1))) / 2, abs=1e-15
    )


def test_a_strength_multiplies_what_a_pair_counts_but_not_its_centring() -> None:
    entries = [pair(1.0, 1.0, strength=3.0), pair(1.0, 1.0, strength=NAN), pair(1.0, 1.0, strength=-2.0)]
    assert loss_of(bradley_terry(0.1, scaled=True), entries)[0] == pytest.approx(6 * LN2 / 3 + 0.1 * 4, abs=1e-15)


def test_without_centring_only_differences_of_rewards_matter() -> None:
    low, high = [pair(0.5, -0.25)], [pair(10.5, 9.75)]
    assert loss_of(bradley_terry(0.0), low)[0] == pytest.approx(loss_of(bradley_terry(0.0), high)[0], abs=1e-14)
    assert loss_of(bradley_terry(), high)[0] > loss_of(bradley_terry(), low)[0] + 4


def test_a_hopeless_pair_has_a_finite_loss_and_gradient() -> None:
    value, _ = loss_of(bradley_terry(0.0), [pair(-1e4, 1e4)])
    assert value == 2e4
    assert [slope.item() for slope in slopes(bradley_terry(0.0), [pair(-1e4, 1e4)])] == [-1.0, 1.0]


def test_attribute_regression_equals_a_number_computed_by_hand() -> None:
    names = ("helpfulness", "verbosity")
    entries = [
        Entry({"response": scored(3.0, 1.0)}, {"helpfulness": 4.0, "verbosity": 3.0}),
        Entry({"response": scored(2.5, 9.0)}, {"helpfulness": 2.0, "verbosity": NAN}),
        Entry({"response": scored(7.0, 9.0)}, {"helpfulness": NAN, "verbosity": NAN}),
    ]
    value, facts = loss_of(attributes(names), entries)
    # (1² + 2²) / 2, then 0.5² over the one label there is, then nothing; three records.
    assert value == pytest.approx((2.5 + 0.25 + 0.0) / 3, abs=1e-15)
    assert facts["error"] == pytest.approx((1.5 + 0.5) / 3, abs=1e-15)


def test_an_attribute_without_a_label_has_no_gradient() -> None:
    entries = [
        Entry({"response": scored(2.5, 9.0)}, {"a": 2.0, "b": NAN}),
        Entry({"response": scored(1.0, 1.0)}, {"a": NAN, "b": NAN}),
    ]
    assert [slope.tolist() for slope in slopes(attributes(("a", "b")), entries)] == [[0.5, 0.0], [0.0, 0.0]]


def test_a_verdict_equals_a_number_computed_by_hand() -> None:
    entries = [
        Entry({"response": scored(math.log(3))}, {"label": 1.0}),
        Entry({"response": scored(math.log(3))}, {"label": 0.0}),
        Entry({"response": scored(0.0)}, {"label": 0.25}),
    ]
    value, facts = loss_of(verdict(), entries)
    # σ(log 3) = 3/4: -log(3/4), -log(1/4), and log 2 whatever the label at 0.
    assert value == pytest.approx((math.log(4 / 3) + 2 * LN2 + LN2) / 3, abs=1e-15)
    assert facts["accuracy"] == pytest.approx(2 / 3, abs=1e-15)


def test_a_verdict_is_bounded_by_its_logit_where_it_is_sure_and_wrong() -> None:
    entries = [Entry({"response": scored(-1e4)}, {"label": 1.0})]
    assert loss_of(verdict(), entries)[0] == 1e4
    assert [slope.item() for slope in slopes(verdict(), entries)] == [-1.0]


def test_the_head_has_the_outputs_that_the_objective_names() -> None:
    assert bradley_terry().head == ("reward",)
    assert attributes().head == ("helpfulness", "correctness", "coherence", "complexity", "verbosity")
    assert verdict("harmless").head == ("harmless",)


def test_columns_are_read_only_where_they_are_used() -> None:
    assert bradley_terry().columns == {}
    assert bradley_terry(margin=True, scaled=True).columns == {"margin": 0.0, "strength": 1.0}


def test_impossible_parameters_are_refused() -> None:
    with pytest.raises(SettingsError, match="centring"):
        bradley_terry(-0.1)
    with pytest.raises(SettingsError, match="each once"):
        attributes(("a", "a"))
    with pytest.raises(SettingsError, match="name attributes"):
        attributes(())
