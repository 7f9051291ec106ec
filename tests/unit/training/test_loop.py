# ruff: noqa: N806 -- axes stand in the names of tensors
import errno
import json
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from regrowth.core.errors import DataError, SettingsError, StoreError
from regrowth.core.record import Record
from regrowth.training import checkpoints, journal
from regrowth.training.journal import read_log
from regrowth.training.loop import train
from regrowth.training.objectives import Loss, Objective, View, sft
from regrowth.weights.codec import train_codec
from regrowth.weights.loading import Weights, lineage, load
from support.training import SHORT, additions, files, trained

LONGER = SHORT.model_copy(update={"steps": 40})


def unlikelihood(view: View) -> Loss:
    """Make the rejected replies unlikely, token by token."""
    bad = view["rejected"]
    unlikely_N = torch.log1p(-bad.logprobs_N.exp().clamp(max=1 - 1e-6))
    return Loss(-unlikely_N.sum() / bad.tokens_in_step)


def margin(view: View) -> Loss:
    """Lift each kept reply above the rejected one of its pair."""
    better_B, worse_B = (view[side].sums_B(view.records) for side in ("response", "rejected"))
    loss_B = -F.logsigmoid(better_B - worse_B)
    won = (better_B > worse_B).sum() / view.records_in_step
    return Loss(loss_B.sum() / view.records_in_step, {"won": won})


def test_training_lowers_the_loss_and_raises_the_probability_of_the_replies(base: Path, tmp_path: Path) -> None:
    heard: list[dict[str, float]] = []
    log = trained(base, tmp_path, LONGER, on_step=lambda _, facts: heard.append(facts))
    assert log.losses[-1] < 0.5 * log.losses[0]
    assert heard[-1]["probability"] > 2 * heard[0]["probability"]


def test_the_result_is_a_folder_of_fp32_weights_that_name_their_origin(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path)
    found = load(tmp_path / "out")
    assert found.digest != load(base).digest
    assert found.codec.digest == load(base).codec.digest
    assert {tensor.dtype for tensor in found.network.state_dict().values()} == {torch.float32}
    told = lineage(tmp_path / "out")
    assert told["data"] == "thirty sums"
    assert json.loads(told["objective"])["name"] == "sft"
    assert json.loads(told["settings"])["steps"] == SHORT.steps
    assert read_log(tmp_path / "out").records == 30


def test_equal_calls_write_equal_bytes_and_another_seed_does_not(base: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        trained(base, tmp_path / name)
    trained(base, tmp_path / "three", SHORT.model_copy(update={"seed": 1}))
    one, two, three = (files(tmp_path / name / "out") for name in ("one", "two", "three"))
    assert one == two
    assert one["model.safetensors"] != three["model.safetensors"]


@pytest.mark.parametrize("change", [{"threads": 3}, {"checkpoint_every": 1}])
def test_what_is_said_not_to_reach_the_result_does_not(base: Path, tmp_path: Path, change: dict[str, int]) -> None:
    trained(base, tmp_path / "one")
    trained(base, tmp_path / "two", SHORT.model_copy(update=change))
    assert files(tmp_path / "one" / "out") == files(tmp_path / "two" / "out")


def test_the_number_of_threads_is_left_as_it_was(base: Path, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    trained(base, tmp_path)
    assert torch.get_num_threads() == before


def test_a_step_in_many_passes_equals_the_step_in_one(base: Path, tmp_path: Path) -> None:
    many = SHORT.model_copy(update={"tokens_per_pass": 25})
    one, cut = trained(base, tmp_path / "one"), trained(base, tmp_path / "many", many)
    assert cut.losses == pytest.approx(one.losses, rel=1e-5)
    pairs = zip(*(load(tmp_path / name / "out").network.parameters() for name in ("one", "many")), strict=True)
    assert all(torch.allclose(left, right, atol=2e-4) for left, right in pairs)


def test_every_reply_token_of_a_step_weighs_the_same(base: Path, tmp_path: Path) -> None:
    records, weights = additions(12), load(base)
    whole_epoch = SHORT.model_copy(update={"steps": 1, "tokens_per_batch": 10**6, "tokens_per_pass": 30})
    log = trained(base, tmp_path, whole_epoch, records=records)
    losses = []
    for record in records:
        prompt, reply = weights.codec.prompt(record.messages), weights.codec.reply(record.response)
        logits_TV = weights.network(torch.tensor([prompt + reply]))[0].detach()
        for place, token in enumerate(reply, len(prompt)):
            losses.append(-float(logits_TV[place - 1].log_softmax(-1)[token]))
    assert log.trained == len(losses)
    assert log.losses[0] == pytest.approx(sum(losses) / len(losses), rel=1e-6)


def test_metrics_have_a_line_per_step_and_the_result_has_no_clock(base: Path, tmp_path: Path) -> None:
    heard: dict[int, dict[str, float]] = {}
    log = trained(base, tmp_path, on_step=lambda step, facts: heard.update({step: facts}))
    lines = [json.loads(line) for line in (tmp_path / "scratch" / "metrics.jsonl").read_text("utf-8").splitlines()]
    assert [line["step"] for line in lines] == list(range(1, SHORT.steps + 1)) == list(heard)
    assert tuple(line["loss"] for line in lines) == log.losses == read_log(tmp_path / "out").losses
    assert {"loss", "tokens", "trained", "learning_rate", "gradient_norm", "tokens_per_second"} <= lines[0].keys()
    assert sum(line["tokens"] for line in lines) == log.tokens
    assert "second" not in (tmp_path / "out" / "training.json").read_text("utf-8")


@pytest.mark.parametrize("unread", [3, 16])
def test_figures_that_wait_on_a_device_are_read_in_order_and_before_a_checkpoint(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unread: int
) -> None:
    at_once = trained(base, tmp_path / "one")
    monkeypatch.setitem(journal.UNREAD, "cpu", unread)
    heard: list[int] = []
    late = trained(base, tmp_path / "two", on_step=lambda step, _: heard.append(step))
    assert heard == list(range(1, SHORT.steps + 1))
    assert late == at_once
    assert files(tmp_path / "one" / "out") == files(tmp_path / "two" / "out")


def test_skipped_records_are_in_the_log(base: Path, tmp_path: Path) -> None:
    empty = Record.of("2 ?")
    log = trained(base, tmp_path, records=[*additions(5), empty])
    assert log.skipped == ((empty.id, "its response is empty"),)
    assert read_log(tmp_path / "out") == log


def test_a_token_objective_of_four_lines_plugs_in(base: Path, tmp_path: Path) -> None:
    log = trained(base, tmp_path, LONGER, Objective("unlikelihood", unlikelihood, sides=("rejected",)))
    assert log.losses[-1] < log.losses[0]


def test_a_pair_objective_of_five_lines_plugs_in(base: Path, tmp_path: Path) -> None:
    won: list[float] = []
    pairs = Objective("margin", margin, sides=("response", "rejected"))
    log = trained(base, tmp_path, LONGER, pairs, on_step=lambda _, facts: won.append(facts["won"]))
    assert log.losses[-1] < log.losses[0]
    assert won[-1] > 0.7
    assert all(0 <= share <= 1 for share in won)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(base: Path, tmp_path: Path) -> None:
    def explode(view: View) -> Loss:
        loss = sft.loss(view)
        return Loss(loss.value * float("nan")) if steps else loss

    steps: list[int] = []
    with pytest.raises(SettingsError, match=r"Step 5: the loss is nan.*lower learning_rate"):
        trained(
            base,
            tmp_path,
            objective=Objective("explode", explode),
            on_step=lambda step, _: steps.append(step) if step == 4 else None,
        )
    assert [path.name for path in (tmp_path / "scratch").glob("checkpoint*")] == ["checkpoint-00000003.safetensors"]
    assert not (tmp_path / "out").exists()


def test_a_tokenizer_of_other_weights_is_refused(base: Path, tmp_path: Path) -> None:
    weights, foreign = load(base), train_codec(["1 + 2 = 3, that is it"] * 3, 300)
    mixed = Weights(weights.network, foreign, "mixed", weights.context)
    records = [Record.of("1 + 2 ?", response="that is it")]
    with pytest.raises(SettingsError, match="the network knows ids below 270"):
        train(mixed, records, sft, SHORT, out=tmp_path / "out", scratch=tmp_path / "scratch", lineage={})


def test_an_objective_reads_only_what_a_record_has() -> None:
    with pytest.raises(SettingsError, match="'chosen'"):
        Objective("dpo", sft.loss, sides=("chosen",))


def test_a_full_disk_is_told_in_words(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", refuse)
    with pytest.raises(StoreError, match="the disk is full"):
        trained(base, tmp_path)


def test_a_folder_without_a_log_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no training log there"):
        read_log(tmp_path)
