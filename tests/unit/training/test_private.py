"""One record moves a step by no more than its bound; the rest is noise, and the header says how much."""

import asyncio
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from regrowth.core.errors import MissingExtra, SettingsError
from regrowth.core.record import Record
from regrowth.core.store import Store
from regrowth.training import private
from regrowth.training.fit import fit
from regrowth.training.journal import read_log
from regrowth.training.loop import workers
from regrowth.training.objectives import Objective, dpo, grpo, kto, sft
from regrowth.training.private import Mechanism, Promise, mechanism, promised
from regrowth.training.rows import Rows, tokenize
from regrowth.training.settings import PrivateSettings, TrainingSettings
from regrowth.training.step import Lens, gradients, lens
from regrowth.weights.loading import Weights, lineage, load
from support.training import additions, files, trained

HOW: dict[str, Any] = {"steps": 6, "learning_rate": 1e-2, "checkpoint_every": 2, "threads": 1, "records_per_step": 8}
PRIVATE = PrivateSettings(**HOW, epsilon=8, delta=1e-3, noise_seed=7)
PROMISE = Promise(8.0, 1e-3, noise=0.5, clip=0.1, rate=0.25, steps=6, accountant="rdp", repeatable=True)


@pytest.fixture
def no_opacus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the noise as given: what these tests are about does not hang on the accountant."""
    monkeypatch.setattr(private, "_noise", lambda settings, rate: (0.7, settings.epsilon))


def looked(base: Path, count: int, objective: Objective = sft) -> tuple[Weights, Rows, Lens]:
    weights = load(base)
    weights.network.requires_grad_(True)
    rows = tokenize(additions(count, rejected=True), weights.codec, objective, context=weights.context)
    return weights, rows, lens(weights, objective, 4096, {})


def norm(slopes: list[torch.Tensor]) -> float:
    return float(torch.linalg.vector_norm(torch.cat([slope.flatten() for slope in slopes])))


def quiet(clip: float, records: int) -> Mechanism:
    """A mechanism without noise, that expects every record."""
    return Mechanism(replace(PROMISE, noise=0.0, clip=clip, rate=1.0), records, b"secret")


def test_without_clipping_and_noise_the_step_is_the_mean_of_the_records_own_gradients(base: Path) -> None:
    weights, rows, look = looked(base, 11)
    trained_on = list(weights.network.parameters())
    found, figures = quiet(1e9, 11).gradients(look, rows, np.arange(11), trained_on, map, step=0)
    alone = [gradients(look, rows, np.array([record]), trained_on) for record in range(11)]
    for place, slope in enumerate(found):
        assert torch.allclose(slope, sum(slopes[place] for slopes, _ in alone) / 11, atol=1e-6)  # type: ignore[arg-type]
    assert float(figures["loss"]) == pytest.approx(sum(float(one["loss"]) for _, one in alone) / 11, rel=1e-5)


def test_the_tied_embedding_gets_both_its_gradients(base: Path) -> None:
    weights, rows, look = looked(base, 1)
    embedding = weights.network.model.embed_tokens.weight  # type: ignore[union-attr]
    (slope,), _ = quiet(1e9, 1).gradients(look, rows, np.array([0]), [embedding], map, step=0)  # type: ignore[list-item]
    unread = sorted(set(range(len(slope))) - set(rows.ids.tolist()))
    assert float(slope[unread].abs().sum()) > 0  # by way of the head alone: no input holds these ids


@pytest.mark.parametrize("objective", [sft, dpo()])
def test_no_record_moves_the_sum_by_more_than_the_bound(base: Path, objective: Objective, tmp_path: Path) -> None:
    weights, rows, look = looked(base, 9, sft)
    if objective.models:
        from regrowth.training.reference import beside, kept_in

        weights, rows, look = looked(base, 9, objective)
        rows = beside(rows, weights, objective, {}, kept_in(tmp_path))
    trained_on, clip = list(weights.network.parameters()), 0.01
    with_it, _ = quiet(clip, 1).gradients(look, rows, np.arange(9), trained_on, map, step=0)
    without, _ = quiet(clip, 1).gradients(look, rows, np.arange(8), trained_on, map, step=0)
    moved = norm([one - other for one, other in zip(with_it, without, strict=True)])
    assert 0.9 * clip < moved <= clip * 1.0001


def test_noise_has_the_promised_deviation_and_follows_from_the_secret_and_the_step(base: Path) -> None:
    weights, rows, look = looked(base, 4)
    trained_on, none = list(weights.network.parameters()), np.array([], dtype=np.int64)
    noisy = Mechanism(replace(PROMISE, noise=3.0, clip=0.1, rate=0.5), 4, b"secret")
    first, figures = noisy.gradients(look, rows, none, trained_on, map, step=5)
    values = torch.cat([slope.flatten() for slope in first])
    assert float(values.std()) == pytest.approx(3.0 * 0.1 / 2, rel=0.02)  # two records are to be expected
    assert abs(float(values.mean())) < 5 * 0.15 / len(values) ** 0.5
    assert float(figures["loss"]) == 0
    same, _ = noisy.gradients(look, rows, none, trained_on, map, step=5)
    later, _ = noisy.gradients(look, rows, none, trained_on, map, step=6)
    assert all(torch.equal(one, other) for one, other in zip(first, same, strict=True))
    assert not any(torch.equal(one, other) for one, other in zip(first, later, strict=True))


def test_every_record_takes_part_by_its_own_coin() -> None:
    drawn = Mechanism(PROMISE, 4000, b"secret").batches(0)
    steps = [next(drawn).records for _ in range(50)]
    sizes = np.array([len(records) for records in steps])
    assert abs(sizes.mean() - 1000) < 5 * (4000 * 0.25 * 0.75 / 50) ** 0.5
    assert sizes.std() == pytest.approx((4000 * 0.25 * 0.75) ** 0.5, rel=0.4)  # binomial, not a fixed size
    assert all(len(set(records)) == len(records) for records in steps)
    again = Mechanism(PROMISE, 4000, b"secret").batches(3)
    assert np.array_equal(next(again).records, steps[3])


def test_threads_do_not_reach_the_sum(base: Path) -> None:
    weights, rows, look = looked(base, 30)
    trained_on = list(weights.network.parameters())
    found = []
    for threads in (1, 3):
        with workers(threads) as spread:
            found.append(quiet(0.01, 30).gradients(look, rows, np.arange(30), trained_on, spread, step=0)[0])
    assert all(torch.equal(one, other) for one, other in zip(*found, strict=True))


@pytest.mark.usefixtures("no_opacus")
class TestTraining:
    def test_the_header_states_the_promise(self, base: Path, tmp_path: Path) -> None:
        trained(base, tmp_path, PRIVATE)
        told = json.loads(lineage(tmp_path / "out")["privacy"])
        assert told == {
            "accountant": "rdp",
            "clip": 1.0,
            "delta": 1e-3,
            "epsilon": 8.0,
            "noise": 0.7,
            "rate": pytest.approx(8 / 30),
            "repeatable": True,
            "sampling": "Poisson",
            "steps": 6,
            "unit": "record",
        }
        assert json.loads(lineage(tmp_path / "out")["settings"])["epsilon"] == 8

    def test_what_lies_beside_the_weights_says_nothing_of_the_records(self, base: Path, tmp_path: Path) -> None:
        told = trained(base, tmp_path, PRIVATE, records=[*additions(30), Record.of("no answer")])
        assert (len(told.losses), len(told.skipped)) == (6, 1)  # for the one who trains
        log = read_log(tmp_path / "out")
        assert (log.losses, log.skipped, log.tokens, log.trained) == ((), (), 0, 0)

    def test_a_given_seed_repeats_the_training(self, base: Path, tmp_path: Path) -> None:
        for name in ("one", "two"):
            trained(base, tmp_path / name, PRIVATE)
        assert files(tmp_path / "one" / "out") == files(tmp_path / "two" / "out")

    @pytest.mark.parametrize("seed", [None, 7])
    def test_a_training_that_died_ends_with_the_same_bytes(self, base: Path, tmp_path: Path, seed: int | None) -> None:
        class Crash(BaseException):
            pass

        def die(step: int, _: object) -> None:
            if step == 5:
                raise Crash

        settings = PRIVATE.model_copy(update={"noise_seed": seed})
        with pytest.raises(Crash):
            trained(base, tmp_path / "died", settings, on_step=die)
        if seed is None:
            (tmp_path / "calm" / "scratch").mkdir(parents=True)
            (tmp_path / "calm" / "scratch" / private.KEY).write_bytes(
                (tmp_path / "died" / "scratch" / private.KEY).read_bytes()
            )
        trained(base, tmp_path / "died", settings)
        trained(base, tmp_path / "calm", settings)
        assert files(tmp_path / "died" / "out") == files(tmp_path / "calm" / "out")

    def test_without_a_given_seed_no_two_trainings_share_their_noise(self, base: Path, tmp_path: Path) -> None:
        settings = PRIVATE.model_copy(update={"noise_seed": None})
        for name in ("one", "two"):
            trained(base, tmp_path / name, settings)
        one, two = (tmp_path / name / "out" / "model.safetensors" for name in ("one", "two"))
        assert one.read_bytes() != two.read_bytes()
        assert (tmp_path / "one" / "scratch" / private.KEY).stat().st_mode & 0o077 == 0

    def test_fit_remembers_the_weights_and_forgets_the_key(self, base: Path, tmp_path: Path) -> None:
        settings = PRIVATE.model_copy(update={"noise_seed": None})
        with Store(tmp_path / "run") as store:
            how: dict[str, Any] = {"settings": settings, "store": store}
            folders = [asyncio.run(fit(base, additions(30), "sums", **how)) for _ in range(2)]
        assert folders[0] == folders[1]
        assert json.loads(lineage(folders[0])["privacy"])["repeatable"] is False
        assert not list((tmp_path / "run").rglob(private.KEY))

    def test_checkpoints_without_their_key_are_refused(self, base: Path, tmp_path: Path) -> None:
        settings = PRIVATE.model_copy(update={"noise_seed": None})
        trained(base, tmp_path, settings)
        (tmp_path / "scratch" / private.KEY).unlink()
        with pytest.raises(SettingsError, match=r"noise\.key is gone"):
            trained(base, tmp_path, settings)

    @pytest.mark.slow  # imports peft
    def test_adapters_train_privately_too(self, base: Path, tmp_path: Path) -> None:
        trained(base, tmp_path, _with_lora())
        assert "privacy" in lineage(tmp_path / "out")


def _with_lora() -> PrivateSettings:
    return PrivateSettings.model_validate({**PRIVATE.model_dump(), "lora": {"rank": 2}})


@pytest.mark.parametrize(
    ("objective", "changed", "why"),
    [
        (kto(), {}, "several records at once"),
        (grpo(), {}, "several records at once"),
        (sft, {"carry": True}, "carry"),
        (sft, {"delta": 0.1}, "expected less than"),
    ],
)
def test_a_promise_that_cannot_be_kept_is_refused(
    base: Path, objective: Objective, changed: dict[str, object], why: str
) -> None:
    rows = looked(base, 30)[1]
    with pytest.raises(SettingsError, match=why):
        promised(rows, objective, PRIVATE.model_copy(update=changed))


def test_ordinary_settings_promise_nothing_and_say_nothing_of_it(base: Path) -> None:
    rows = looked(base, 3)[1]
    assert promised(rows, sft, TrainingSettings()) is None
    assert "epsilon" not in TrainingSettings().to_json()
    assert "tokens_per_batch" not in PRIVATE.to_json()


def test_where_opacus_is_missing_the_extra_is_named(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opacus.accountants", None)
    with pytest.raises(MissingExtra, match=r"regrowth\[private\]"):
        promised(looked(base, 30)[1], sft, PRIVATE)


@pytest.mark.parametrize(("accountant", "reach"), [("rdp", 0.01), pytest.param("prv", 0.02, marks=pytest.mark.slow)])
def test_the_noise_is_what_the_accountant_asks_for(base: Path, accountant: str, reach: float) -> None:
    pytest.importorskip("opacus", exc_type=ImportError)
    rows = looked(base, 64)[1]
    settings = PrivateSettings.model_validate({**PRIVATE.model_dump(), "accountant": accountant, "steps": 100})
    found = promised(rows, sft, settings)
    assert found is not None
    assert 8 - 8 * reach <= found.epsilon <= 8
    assert found.rate == 8 / 64
    stronger = promised(rows, sft, settings.model_copy(update={"epsilon": 1.0}))
    assert stronger is not None
    assert stronger.noise > 2 * found.noise


def test_one_step_with_all_records_needs_what_the_gaussian_mechanism_needs(base: Path) -> None:
    """Against a closed form: Rényi's loss of the Gaussian mechanism is order / (2 noise²) (Mironov, 2017)."""
    pytest.importorskip("opacus", exc_type=ImportError)
    rows = looked(base, 8)[1]
    found = promised(rows, sft, PRIVATE.model_copy(update={"steps": 1}))
    assert found is not None
    orders = np.array(private.ORDERS)
    bound = orders / (2 * found.noise**2) + np.log1p(-1 / orders) - np.log(1e-3 * orders) / (orders - 1)
    assert found.epsilon == pytest.approx(float(bound.min()), rel=1e-3)


def test_a_secret_key_is_made_once(tmp_path: Path) -> None:
    secret = PRIVATE.model_copy(update={"noise_seed": None})
    first, second = (mechanism(PROMISE, 30, secret, tmp_path).secret for _ in range(2))
    assert first == second
    assert len(first) == 32
