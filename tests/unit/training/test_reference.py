# ruff: noqa: N806 -- axes stand in the names of tensors
import asyncio
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.core.store import Store
from regrowth.training import reference
from regrowth.training.fit import fit
from regrowth.training.loop import train
from regrowth.training.objectives import Loss, Objective, Prelude, View, sft
from regrowth.training.reference import beside, kept_in, measured
from regrowth.training.rows import tokenize
from regrowth.training.step import gradients, lens
from regrowth.weights.codec import train_codec
from regrowth.weights.loading import load, save
from regrowth.weights.network import LlamaShape, new_llama
from support.training import SHORT, additions, files, trained

PAIRS = additions(24, rejected=True)


def pairwise(view: View) -> Loss:
    """The logistic loss of the difference of gains over the reference."""
    gap_B = view.gains_B("response") - view.gains_B("rejected")
    widest = view["response"].gains_N().abs().max().detach() / view.records_in_step
    return Loss(-view.mean(F.logsigmoid(gap_B)), {"widest": widest})


BOTH = Objective("pairwise", pairwise, sides=("response", "rejected"), models=("reference",))


def test_what_is_measured_is_the_log_probability_of_each_trained_token(base: Path) -> None:
    weights = load(base)
    rows = tokenize(PAIRS, weights.codec, BOTH, context=64).side("response")
    found = measured(weights, rows)
    for number, record in enumerate(PAIRS):
        prompt, reply = weights.codec.prompt(record.messages), weights.codec.reply(record.response)
        logprobs_TV = weights.network(torch.tensor([[*prompt, *reply]]))[0].log_softmax(-1).detach()
        expected = [float(logprobs_TV[len(prompt) - 1 + place, token]) for place, token in enumerate(reply)]
        assert found[rows.marks[number] : rows.marks[number + 1]] == pytest.approx(expected, abs=1e-5)


def test_a_policy_that_has_not_moved_gains_nothing_on_any_token_of_any_side(base: Path, tmp_path: Path) -> None:
    weights = load(base)
    uneven = [one.derive(rejected="no" if place % 2 else "no " * 20) for place, one in enumerate(PAIRS)]
    rows = beside(tokenize(uneven, weights.codec, BOTH, context=64), weights, BOTH, {}, kept_in(tmp_path))

    def widest(view: View) -> Loss:
        gains = [view[side].gains_N().abs().max() for side in BOTH.sides]
        return Loss(torch.stack(gains).max())

    look = lens(weights, Objective("widest", widest, sides=BOTH.sides, models=BOTH.models), 10**6, {})
    parts = look.passes(rows, np.arange(len(rows)), BOTH.sides)
    assert any(len(part.blocks) > 1 for part in parts)
    _, figures = gradients(look, rows, np.arange(len(rows)), list(weights.network.parameters()))
    assert float(figures["loss"]) < 1e-5 * len(parts)


def test_a_resumed_training_reads_the_reference_that_was_kept(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained(base, tmp_path / "whole", objective=BOTH)

    def stop_at(step: int, _: object) -> None:
        if step == 5:
            raise RuntimeError

    with pytest.raises(RuntimeError):
        trained(base, tmp_path / "torn", objective=BOTH, on_step=stop_at)
    monkeypatch.setattr(reference, "measured", None)  # whoever calls it now fails
    trained(base, tmp_path / "torn", objective=BOTH)
    assert files(tmp_path / "torn" / "out") == files(tmp_path / "whole" / "out")


def test_one_reference_serves_every_objective_on_the_same_records(base: Path, tmp_path: Path) -> None:
    other = Objective("other", pairwise, sides=("response", "rejected"), models=("reference",), parameters={"x": 1})
    alone = Objective("alone", lambda view: Loss(view.gains_B("rejected").mean()), ("rejected",), models=("reference",))

    async def three(store: Store) -> None:
        for objective in (BOTH, other, alone):
            await fit(base, PAIRS, "pairs", objective, SHORT, store=store)

    with Store(tmp_path / "run") as store:
        asyncio.run(three(store))
        kinds = [effect.kind for effect in store.effects()]
    assert sorted(kinds) == ["fit"] * 3 + ["score"] * 2  # one per side


def test_another_model_by_name_is_read_in_place_of_the_base(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path / "moved", SHORT)
    heard: list[float] = []

    def hear(_: int, facts: dict[str, float]) -> None:
        heard.append(facts["widest"])

    trained(base, tmp_path / "own", objective=BOTH, on_step=hear)
    others = {"reference": load(tmp_path / "moved" / "out")}
    trained(base, tmp_path / "others", objective=BOTH, on_step=hear, models=others)
    assert heard[0] < 1e-5 < 1e-2 < heard[SHORT.steps]


def test_a_model_that_the_objective_does_not_read_is_refused(base: Path, tmp_path: Path) -> None:
    with Store(tmp_path / "run") as store, pytest.raises(SettingsError, match=r"'persona'.*reads no other model"):
        asyncio.run(fit(base, PAIRS, "pairs", sft, SHORT, store=store, models={"persona": base}))


def test_a_reference_with_a_smaller_vocabulary_is_refused(base: Path, tmp_path: Path) -> None:
    codec = train_codec(["1"], 262)
    shape = LlamaShape(vocabulary=codec.size, width=8, layers=1, heads=1, kv_heads=1, hidden=8, context=64)
    save(new_llama(shape, codec, seed=0), codec, tmp_path / "small", lineage={})
    with pytest.raises(SettingsError, match="must share the tokenizer"):
        trained(base, tmp_path, objective=BOTH, models={"reference": load(tmp_path / "small")})


def test_rows_made_for_another_objective_are_refused(base: Path, tmp_path: Path) -> None:
    weights = load(base)
    rows = tokenize(PAIRS, weights.codec, sft, context=64)
    places = {"out": tmp_path / "out", "scratch": tmp_path / "scratch", "lineage": {}}
    with pytest.raises(SettingsError, match="Make the rows for this objective"):
        train(weights, rows, BOTH, SHORT, **places)  # type: ignore[arg-type]


def test_a_damaged_file_of_log_probabilities_is_told_in_words(base: Path, tmp_path: Path) -> None:
    weights = load(base)
    rows = tokenize(PAIRS, weights.codec, BOTH, context=64)
    recall = kept_in(tmp_path)
    beside(rows, weights, BOTH, {}, recall)
    for path in tmp_path.glob("*/*.safetensors"):
        path.write_bytes(b"torn")
    with pytest.raises(DataError, match="no reference log-probabilities"):
        beside(rows, weights, BOTH, {}, recall)


def test_a_teacher_by_name_must_be_given_and_share_the_vocabulary(base: Path, tmp_path: Path) -> None:
    taught = Objective("taught", sft.loss, teachers=("teacher",))
    with pytest.raises(SettingsError, match="reads the model 'teacher'; name it in `models`"):
        trained(base, tmp_path, objective=taught)
    codec = train_codec(["1"], 262)
    shape = LlamaShape(vocabulary=codec.size, width=8, layers=1, heads=1, kv_heads=1, hidden=8, context=64)
    save(new_llama(shape, codec, seed=0), codec, tmp_path / "small", lineage={})
    with pytest.raises(SettingsError, match="one tokenizer"):
        trained(base, tmp_path, objective=taught, models={"teacher": load(tmp_path / "small")})


def test_a_reference_with_logits_is_the_starting_model_unless_another_is_named(base: Path, tmp_path: Path) -> None:
    def distance(view: View) -> Loss:
        side = view["response"]
        assert side.logits_NV is not None
        gap_NV = side.logits_NV.log_softmax(-1) - side.taught["reference"].log_softmax(-1)
        loss = (side.logits_NV.softmax(-1) * gap_NV).sum() / side.tokens_in_step
        return Loss(loss + 0 * side.logprobs_N.sum())

    objective = Objective("distance", distance, teachers=("reference",))
    trained(base, tmp_path / "moved")
    still = trained(base, tmp_path / "own", objective=objective)
    drawn = trained(
        base, tmp_path / "other", objective=objective, models={"reference": load(tmp_path / "moved" / "out")}
    )
    assert abs(still.losses[0]) < 1e-6
    assert max(map(abs, still.losses)) < 1e-2 < drawn.losses[0]
    assert drawn.losses[-1] < 0.5 * drawn.losses[0]


@pytest.mark.parametrize("tokens_per_pass", [20, 10**6])
def test_a_prelude_is_known_before_the_first_loss_and_spans_the_step(
    tokens_per_pass: int, base: Path, tmp_path: Path
) -> None:
    seen: list[float] = []

    def total(view: View) -> dict[str, torch.Tensor]:
        return {"mean": view.logprobs_B("unrelated").sum() / view["unrelated"].replies_in_step}

    def loss(view: View) -> Loss:
        seen.append(float(view.totals["mean"]))
        return Loss(-view["response"].logprobs_N.sum() / view["response"].tokens_in_step)

    objective = Objective("anchored", loss, prelude=Prelude(("unrelated",), total))
    settings = SHORT.model_copy(update={"steps": 1, "tokens_per_pass": tokens_per_pass, "tokens_per_batch": 10**6})
    records = additions(10)
    trained(base, tmp_path, settings, objective=objective, records=records)
    weights = load(base)
    shifted = [
        Record.of(one.prompt, response=two.response)
        for one, two in zip(records, records[1:] + records[:1], strict=True)
    ]
    expected = measured(weights, tokenize(shifted, weights.codec, sft, context=64).side("response")).sum() / 10
    assert seen == pytest.approx([float(expected)] * len(seen), abs=1e-4)
    assert len(seen) > 1 or tokens_per_pass > 20
