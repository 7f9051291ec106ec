"""What training must not get wrong: the reference, the template, the end of a reply, records that vanish."""

import asyncio
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from regrowth.core.protocols import Sampling
from regrowth.core.record import Message, Record
from regrowth.core.store import Store
from regrowth.models import torch as backend
from regrowth.models.torch import TorchBackend
from regrowth.training.fit import fit
from regrowth.training.journal import OnStep, read_log
from regrowth.training.loop import train
from regrowth.training.objectives import dpo, supervised
from regrowth.training.reference import measured
from regrowth.training.rows import Floats, Rows, tokenize
from regrowth.weights import generation
from regrowth.weights.codec import Codec
from regrowth.weights.generation import Draw
from regrowth.weights.loading import Weights, load, save
from regrowth.weights.network import LlamaShape, new_llama
from support.templates import chat
from support.training import SHORT, additions, files

TESTS = Path(__file__).parents[2]
PAIRS = additions(30, rejected=True)
DPO = dpo()
AT_THE_START = pytest.approx(math.log(2), abs=1e-5)
"""The loss of DPO while policy and reference are equal."""
STYLES = ("chatml", "llama-3", "inst", "base chatml")


def kept(folder: Path) -> list[Floats]:
    """Return all log-probabilities that lie in a folder."""
    return [load_file(path)["logprobs"] for path in folder.rglob("logprobs.safetensors")]


def are_those_of(found: list[Floats], weights: Weights) -> bool:
    """Tell whether what was kept is what a model says of both sides of the pairs."""
    rows = tokenize(PAIRS, weights.codec, DPO, context=weights.context)
    wanted = [measured(weights, rows.side(side)) for side in rows.sides]
    alike = [[one.shape == other.shape and np.allclose(one, other, atol=1e-5) for other in found] for one in wanted]
    return len(found) == len(wanted) and all(map(any, alike))


def moved(weights: Weights) -> Weights:
    """Change weights in memory, as a round of training on a live object does."""
    with torch.no_grad():
        for number, weight in enumerate(weights.network.parameters()):
            generator = torch.Generator().manual_seed(number)
            weight.add_(0.1 * torch.randn(weight.shape, generator=generator))
    return weights


# The reference is the model that the round starts from ----------------------------------------------------------------


def test_the_reference_is_the_model_in_memory_not_the_folder_it_once_came_from(base: Path, tmp_path: Path) -> None:
    losses: list[float] = []
    train(
        moved(load(base)),
        PAIRS,
        DPO,
        SHORT,
        out=tmp_path / "out",
        scratch=tmp_path / "scratch",
        lineage={},
        on_step=lambda _, facts: losses.append(facts["loss"]),
    )
    found = kept(tmp_path / "scratch")
    assert are_those_of(found, moved(load(base)))
    assert not are_those_of(found, load(base))
    assert losses[0] == AT_THE_START
    assert losses[-1] < losses[0]


def test_the_second_rounds_reference_is_the_first_rounds_result(base: Path, tmp_path: Path) -> None:
    losses: list[float] = []

    async def two_rounds(store: Store) -> Path:
        first = await fit(base, PAIRS, "pairs", DPO, SHORT, store=store)
        on_step: OnStep = lambda _, facts: losses.append(facts["loss"])  # noqa: E731
        await fit(first, PAIRS, "pairs", DPO, SHORT, store=store, on_step=on_step)
        return first

    with Store(tmp_path / "run") as store:
        first = asyncio.run(two_rounds(store))
        asked = [effect for effect in store.effects() if effect.kind == "score"]
    rounds = {
        digest: [
            kept(store.folder / "artefacts" / one.value["folder"])[0] for one in asked if one.request["model"] == digest
        ]
        for digest in (load(base).digest, load(first).digest)
    }
    assert len(asked) == 4
    assert are_those_of(rounds[load(base).digest], load(base))
    assert are_those_of(rounds[load(first).digest], load(first))
    assert losses[0] == AT_THE_START


def rounds_in(folder: Path, base: Path, on_step: OnStep | None = None) -> Path:
    """Train on the pairs through `fit`, with checkpoints after steps 3 and 6 of 8."""
    with Store(folder) as store:
        return asyncio.run(fit(base, PAIRS, "pairs", DPO, SHORT, store=store, on_step=on_step))


@pytest.mark.slow
def test_after_a_kill_the_reference_is_still_the_models_of_the_start(base: Path, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from regrowth.training import loop, fit\n"
        "from test_hygiene import rounds_in\n"
        "taken = loop._update\n"
        "def dying(run, records, spread):\n"
        "    if run.step == 5: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return taken(run, records, spread)\n"
        "loop._update = dying\n"
        "rounds_in(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{Path(__file__).parent}"}
    arguments = [sys.executable, "-c", program, str(tmp_path / "torn"), str(base)]
    killed = subprocess.run(arguments, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "torn").rglob("logprobs.safetensors")}
    assert len(before) == 2
    whole: dict[int, float] = {}
    resumed: dict[int, float] = {}
    undisturbed = rounds_in(tmp_path / "whole", base, lambda step, facts: whole.update({step: facts["loss"]}))
    finished = rounds_in(tmp_path / "torn", base, lambda step, facts: resumed.update({step: facts["loss"]}))
    assert resumed == {step: loss for step, loss in whole.items() if step > 3}
    assert files(finished) == files(undisturbed)
    assert are_those_of(kept(tmp_path / "torn"), load(base))
    assert before == {path: path.stat().st_mtime_ns for path in (tmp_path / "torn").rglob("logprobs.safetensors")}


# No record vanishes ---------------------------------------------------------------------------------------------------


def test_what_cannot_be_trained_on_is_counted_in_the_log_of_the_weights(base: Path, tmp_path: Path) -> None:
    equal, long = Record.of("1 ?", response="1", rejected="1"), Record.of("1 ?", response="1 " * 80, rejected="2")
    with Store(tmp_path / "run") as store:
        folder = asyncio.run(fit(base, [equal, *PAIRS, long], "some", DPO, SHORT, store=store))
    log = read_log(folder)
    assert log.records == len(PAIRS)
    assert {skip.record: skip.reason for skip in log.skipped} == {
        equal.id: "both replies of the pair are equal",
        long.id: f"{len(load(base).codec.prompt(long.messages)) + 161} tokens with its response, the context holds 64",
    }


# One template for training and generation -----------------------------------------------------------------------------


def speaking(style: str, folder: Path) -> Weights:
    """Return an untrained network whose tokenizer speaks in a style of `transformers`."""
    codec = chat(style, folder / "tokenizer")
    shape = LlamaShape(vocabulary=codec.size, width=16, layers=1, heads=2, kv_heads=1, hidden=16, context=256)
    save(new_llama(shape, codec, seed=1), codec, folder / "weights", lineage={})
    return load(folder / "weights")


def prompts_of(rows: Rows) -> list[list[int]]:
    """Return the ids before the first trained one, record by record."""
    pieces = [slice(*rows.starts[number : number + 2]) for number in range(len(rows))]
    return [rows.ids[piece][rows.trained[piece] == 0].tolist() for piece in pieces]


@pytest.mark.parametrize("style", ["ours", *STYLES])
def test_generation_starts_from_the_very_ids_that_training_put_before_the_reply(
    style: str, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = load(base) if style == "ours" else speaking(style, tmp_path)
    turns = [Message("user", "1 + 1 ?"), Message("assistant", "2"), Message("user", "2 + 2 ?")]
    records = [*additions(3), Record.of(turns, response="4")]
    drawn: list[list[int]] = []
    generate: Callable[..., None] = generation.generate

    def watched(writer: object, codec: Codec, draws: list[Draw], *rest: object, **more: object) -> None:
        drawn.extend([list(draw.prompt) for draw in draws])
        generate(writer, codec, draws, *rest, **more)

    async def ask() -> None:
        model = TorchBackend(weights)
        for record in records:
            await model.answer(record.messages, Sampling(max_tokens=2), [0])
        await model.close()

    monkeypatch.setattr(backend, "generate", watched)
    asyncio.run(ask())
    assert drawn == prompts_of(tokenize(records, weights.codec, supervised(), context=weights.context))


@pytest.mark.parametrize("style", STYLES)
def test_a_trained_reply_ends_once_and_a_cut_one_does_not(style: str, tmp_path: Path) -> None:
    codec = chat(style, tmp_path)
    end = codec.tokenizer.convert_ids_to_tokens(codec.end)
    whole, ended, cut = (
        Record.of("2?", response="7"),
        Record.of("2?", response=f"7{end}"),
        Record.of("2?", response="7", cut=["response"]),
    )
    rows = tokenize([whole, ended, cut], codec, supervised(), context=256)
    replies = [
        rows.ids[start:stop][-count:]
        for (start, stop), count in zip(np.c_[rows.starts[:-1], rows.starts[1:]], rows.counts[:, 0], strict=True)
    ]
    assert [codec.tokenizer.decode(reply) for reply in replies] == [f"7{end}", f"7{end}", "7"]


def test_a_reply_with_an_end_inside_is_skipped_with_its_reason(tmp_path: Path) -> None:
    codec = chat("chatml", tmp_path)
    rows = tokenize(
        [Record.of("2?", response="7"), Record.of("2?", response="7<|im_end|>8")], codec, supervised(), context=256
    )
    assert [skip.reason for skip in rows.skipped] == ["the reply holds the end token '<|im_end|>' inside"]


def test_what_the_assistant_said_is_trained_where_transformers_own_mask_says_so(tmp_path: Path) -> None:
    codec = chat("tagged", tmp_path)
    turns = [
        Message("system", "Be brief."),
        Message("user", "1 + 1 ?"),
        Message("assistant", "1 + 1 = 2"),
        Message("user", "2 + 2 ?"),
    ]
    rows = tokenize([Record.of(turns, response="4")], codec, supervised("assistant"), context=256)
    said: Mapping[str, list[int]] = codec.tokenizer.apply_chat_template(
        [turn._asdict() for turn in (*turns, Message("assistant", "4"))],
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    assert said["input_ids"][: len(rows.ids)] == rows.ids.tolist()
    assert said["assistant_masks"][: len(rows.ids)] == rows.trained.tolist()
    assert codec.tokenizer.decode(said["input_ids"][len(rows.ids) :]) == "\n"
    assert codec.tokenizer.decode(rows.ids[rows.trained == 1]) == "1 + 1 = 2<|im_end|>4<|im_end|>"


@pytest.mark.parametrize("style", STYLES)
def test_every_answer_of_the_assistant_is_trained_with_its_end_under_any_template(style: str, tmp_path: Path) -> None:
    codec = chat(style, tmp_path)
    turns = [Message("user", "1 ?"), Message("assistant", "1"), Message("user", "2 ?")]
    rows = tokenize([Record.of(turns, response="2")], codec, supervised("assistant"), context=256)
    assert rows.ids[rows.trained == 1].tolist() == [*codec.reply("1"), *codec.reply("2")]
