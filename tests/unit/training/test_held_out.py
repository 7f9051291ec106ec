from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.training.journal import read_log
from regrowth.training.objectives import Objective, sft
from regrowth.training.rows import tokenize
from regrowth.training.step import lens, loss_of
from regrowth.weights.loading import load
from support.training import SHORT, additions, files, trained

FEW, ASIDE = additions(4, seed=1), additions(12, seed=2)
WATCHED = SHORT.model_copy(update={"steps": 24, "evaluate_every": 4, "checkpoint_every": 5, "learning_rate": 3e-2})


def watched(base: Path, folder: Path, **how: Any) -> None:
    settings = WATCHED.model_copy(update=how.pop("settings", {}))
    trained(base, folder, settings, records=FEW, held_out=ASIDE, **how)


@pytest.fixture(scope="module")
def overfitted(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four sums learnt by heart, twelve others looked at: the first looks are the best."""
    folder = tmp_path_factory.mktemp("overfitted")
    watched(base, folder)
    return folder


def test_the_weights_of_the_best_look_are_written(base: Path, overfitted: Path) -> None:
    log = read_log(overfitted / "out")
    losses = {look.step: look.figures["loss"] for look in log.held_out}
    assert list(losses) == [4, 8, 12, 16, 20, 24]
    assert log.chosen == min(losses, key=losses.__getitem__) < 24
    weights = load(overfitted / "out")
    rows = tokenize(ASIDE, weights.codec, sft, context=64)
    found = loss_of(lens(weights, sft, 4096, {}), rows, np.arange(len(rows)))
    assert float(found["loss"]) == pytest.approx(losses[log.chosen], rel=1e-6)


def test_a_figure_other_than_the_loss_is_better_when_it_is_higher(base: Path, tmp_path: Path) -> None:
    watched(base, tmp_path, settings={"watch": "probability"})
    log = read_log(tmp_path / "out")
    figures = {look.step: look.figures["probability"] for look in log.held_out}
    assert log.chosen == max(figures, key=figures.__getitem__)


def test_patience_ends_a_training_that_gets_no_better(base: Path, tmp_path: Path, overfitted: Path) -> None:
    watched(base, tmp_path, settings={"patience": 2})
    log, whole = read_log(tmp_path / "out"), read_log(overfitted / "out")
    assert log.chosen == whole.chosen
    assert len(log.losses) == min(24, log.chosen + 8) < 24
    assert log.losses == whole.losses[: len(log.losses)]
    assert (tmp_path / "out" / "model.safetensors").read_bytes()[-1000:] == (
        overfitted / "out" / "model.safetensors"
    ).read_bytes()[-1000:]


@pytest.mark.parametrize("step", [4, 9, 17, 23])
def test_a_watched_training_that_died_ends_with_the_same_bytes(
    step: int, base: Path, tmp_path: Path, overfitted: Path
) -> None:
    def die(number: int, facts: Mapping[str, float]) -> None:
        if number == step and "loss" in facts:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        watched(base, tmp_path, on_step=die)
    watched(base, tmp_path)
    assert files(tmp_path / "out") == files(overfitted / "out")


def test_looks_are_heard_as_held_out_figures(base: Path, tmp_path: Path) -> None:
    heard: list[int] = []
    watched(base, tmp_path, on_step=lambda step, facts: heard.append(step) if "held-out loss" in facts else None)
    assert heard == [4, 8, 12, 16, 20, 24]


@pytest.mark.parametrize(("settings", "held_out"), [({"evaluate_every": 0}, ASIDE), ({}, None)])
def test_held_out_records_and_their_interval_belong_together(
    settings: dict[str, int], held_out: list[Record] | None, base: Path, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match="belong together"):
        trained(base, tmp_path, WATCHED.model_copy(update=settings), records=FEW, held_out=held_out)


def test_a_figure_that_nobody_tells_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="watch = 'accuracy', but the objective tells loss, probability"):
        watched(base, tmp_path, settings={"watch": "accuracy"})


CARRIED = SHORT.model_copy(update={"steps": 4, "warmup": 0, "carry": True, "tokens_per_batch": 10**6})


@pytest.mark.parametrize("optimizer", ["adamw", "rmsprop"])
def test_rounds_that_carry_the_optimizer_equal_one_longer_training(optimizer: str, base: Path, tmp_path: Path) -> None:
    settings = CARRIED.model_copy(update={"optimizer": optimizer})
    first = trained(base, tmp_path / "first", settings)
    second = trained(tmp_path / "first" / "out", tmp_path / "second", settings, base=tmp_path / "first" / "out")
    whole = trained(base, tmp_path / "whole", settings.model_copy(update={"steps": 8}))
    assert (*first.losses, *second.losses) == pytest.approx(whole.losses, rel=1e-4)
    anew = trained(tmp_path / "first" / "out", tmp_path / "anew", settings.model_copy(update={"carry": False}))
    assert anew.losses[1:] != pytest.approx(second.losses[1:], rel=1e-2)


def test_an_optimizers_state_of_another_kind_is_refused(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path / "first", CARRIED.model_copy(update={"optimizer": "rmsprop"}))
    with pytest.raises(SettingsError, match="no 'first moment"):
        trained(tmp_path / "first" / "out", tmp_path / "second", CARRIED, base=tmp_path / "first" / "out")


def test_an_objective_cannot_train_a_head_beside_other_models() -> None:
    with pytest.raises(SettingsError, match="trains a head"):
        Objective("both", sft.loss, head=("reward",), models=("reference",))


def test_held_out_records_of_no_use_are_told_as_such(base: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Of the held-out records: Nothing to train on"):
        trained(base, tmp_path, WATCHED, records=FEW, held_out=[Record.of("1 ?")])
