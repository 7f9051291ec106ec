"""Token by token, in any company."""

import os
import random
import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from regrowth.core.errors import SettingsError
from regrowth.weights.decoding import Decoder, HfDecoder, decoder_of
from regrowth.weights.exact import padded, product
from regrowth.weights.loading import HfNetwork
from support.networks import a_codec, a_llama

STEPS = 12
LENGTHS = (5, 31, 32, 33, 64, 1, 150, 90, 17, 120)
SHAPES: dict[str, dict[str, Any]] = {
    "grouped": {},
    "one query per key": {"kv_heads": 6},
    "one head": {"heads": 1, "kv_heads": 1, "width": 32},
}


@cache
def texts(count: int = 48) -> list[tuple[list[int], list[int]]]:
    """Return prompts of all lengths, and what each goes on with."""
    generator = random.Random(0)
    lengths = [*LENGTHS, *(generator.randint(1, 130) for _ in range(count - len(LENGTHS)))]
    return [
        ([generator.randrange(280) for _ in range(length)], [generator.randrange(280) for _ in range(STEPS)])
        for length in lengths
    ]


def written(decoder: Decoder, rows: list[int], leaving: int = 0) -> dict[int, Tensor]:
    """Let rows go on together, `leaving` of them leave at each step, and return their logits [T, V]."""
    chosen = [texts()[row] for row in rows]
    logits = decoder.start([prompt for prompt, _ in chosen], max(len(prompt) for prompt, _ in chosen) + STEPS)
    seen: dict[int, list[Tensor]] = {row: [] for row in rows}
    here = list(rows)
    for step in range(STEPS):
        for row, row_logits in zip(here, logits, strict=True):
            seen[row].append(row_logits.clone())
        if leaving and len(here) > leaving and step:
            kept = [*range(leaving, len(here))][::-1]
            decoder.keep(kept)
            here = [here[slot] for slot in kept]
        logits = decoder.step(torch.tensor([texts()[row][1][step] for row in here]))
    return {row: torch.stack(steps) for row, steps in seen.items()}


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)
def test_logits_agree_with_the_whole_sequence_read_at_once(changes: dict[str, Any]) -> None:
    network = a_llama(**changes)
    for row, logits in written(decoder_of(network, 0), list(range(10)), leaving=1).items():
        prompt, rest = texts()[row]
        with torch.no_grad():
            whole = network(torch.tensor([prompt + rest]))[0, len(prompt) - 1 :]
        torch.testing.assert_close(logits, whole[: len(logits)], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("changes", SHAPES.values(), ids=SHAPES)
def test_a_row_has_the_same_bits_in_every_company(changes: dict[str, Any]) -> None:
    decoder = decoder_of(a_llama(**changes), 0)
    generator = random.Random(1)
    all_together = written(decoder, list(range(48)))
    for size in (1, 2, 3, 7, 16, 33, 40):
        rows = generator.sample(range(48), size)
        for row, logits in written(decoder, rows, leaving=generator.randint(0, 3)).items():
            assert torch.equal(logits, all_together[row][: len(logits)]), f"row {row} in a batch of {size}"


@pytest.mark.slow
def test_rows_have_the_same_bits_with_older_instructions_too() -> None:
    program = (
        "from unit_decoding import *\n"
        "torch.set_num_threads(1)\n"
        "for changes in SHAPES.values(): test_a_row_has_the_same_bits_in_every_company(changes)\n"
        "test_keys_are_summed_alike_however_long_the_longest_row_is()"
    )
    loader = (
        "import importlib.util, sys; sys.path.insert(0, sys.argv[2])\n"
        "spec = importlib.util.spec_from_file_location('unit_decoding', sys.argv[1])\n"
        "sys.modules['unit_decoding'] = module = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
    )
    older = {**os.environ, "MKL_ENABLE_INSTRUCTIONS": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    command = [sys.executable, "-c", loader + program, __file__, str(Path(__file__).parents[2])]
    done = subprocess.run(command, env=older, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_keys_are_summed_alike_however_long_the_longest_row_is() -> None:
    decoder = decoder_of(a_llama(context=2048), 0)
    long, short = list(range(200)) * 9, list(range(270)) * 2

    def logits_of_short(prompts: list[list[int]]) -> Tensor:
        decoder.start(prompts, 1810)
        return torch.stack([decoder.step(torch.full((len(prompts),), step))[0] for step in range(8)])

    assert torch.equal(logits_of_short([short]), logits_of_short([short, long]))


@pytest.mark.parametrize("width", [96, 512, 1400])
def test_products_do_not_depend_on_the_number_of_rows(width: int) -> None:
    generator = torch.Generator().manual_seed(0)
    x, w = torch.randn(300, width, generator=generator), torch.randn(width, 280, generator=generator)
    whole = product(x, w)
    for begin, end in ((0, 1), (5, 7), (3, 20), (0, 32), (100, 190), (40, 299)):
        assert torch.equal(product(x[begin:end], w), whole[begin:end])


def test_padding_grows_with_the_rows_and_costs_little() -> None:
    sizes = [padded(rows) for rows in range(1, 300)]
    assert all(rows <= size <= rows + 3 for rows, size in enumerate(sizes, 1))
    assert all(first <= second for first, second in pairwise(sizes))
    assert {padded(size) for size in sizes} == set(sizes)


def test_scores_are_the_log_probabilities_of_the_reply() -> None:
    network = a_llama()
    pairs = [*texts()[:12], texts()[0]]
    for (prompt, reply), scores in zip(pairs, decoder_of(network, 0).score(pairs), strict=True):
        with torch.no_grad():
            logprobs = network(torch.tensor([prompt + reply]))[0].log_softmax(-1)
        wanted = [logprobs[len(prompt) - 1 + place, token].item() for place, token in enumerate(reply)]
        assert scores == pytest.approx(wanted, abs=2e-4)


def test_scores_have_the_same_bits_in_every_company() -> None:
    decoder = decoder_of(a_llama(), 0)
    together = decoder.score(texts())
    assert [decoder.score([pair])[0] for pair in texts()[::5]] == together[::5]


def test_one_prompt_split_in_two_ways_is_scored_in_two_ways() -> None:
    first, second = decoder_of(a_llama(), 0).score([([5, 6], [7, 8]), ([5, 6, 7], [8])])
    assert (len(first), len(second)) == (2, 1)
    assert first[1] == second[0]


def test_a_decoder_does_not_notice_that_training_goes_on() -> None:
    network = a_llama()
    decoder = decoder_of(network, 0)
    before = decoder.start([[7, 8, 9]], 10)
    with torch.no_grad():
        for weight in network.parameters():
            weight.mul_(2)
    assert torch.equal(decoder.start([[7, 8, 9]], 10), before)


def test_only_known_networks_are_decoded() -> None:
    with pytest.raises(SettingsError, match="Cannot generate with a Linear"):
        decoder_of(torch.nn.Linear(2, 2), 0)


@pytest.mark.parametrize("kind", ["GPT2", "Qwen2", "Llama"])
def test_networks_of_transformers_come_close(kind: str) -> None:
    transformers = pytest.importorskip("transformers")
    small = {"vocab_size": 280, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    small |= (
        {"n_embd": 32, "n_layer": 2, "n_head": 2}
        if kind == "GPT2"
        else {"intermediate_size": 64, "num_key_value_heads": 1}
    )
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**small, initializer_range=0.2)
    model = getattr(transformers, "GPT2LMHeadModel" if kind == "GPT2" else f"{kind}ForCausalLM")(config).eval()
    decoder = decoder_of(HfNetwork(model), a_codec().pad)
    assert isinstance(decoder, HfDecoder)
    pairs = texts()[:8]
    scores = decoder.score(pairs)
    for row, logits in written(decoder, list(range(8)), leaving=1).items():
        prompt, rest = texts()[row]
        with torch.no_grad():
            whole = model(torch.tensor([prompt + rest])).logits[0, len(prompt) - 1 :]
        torch.testing.assert_close(logits, whole[: len(logits)], atol=1e-4, rtol=1e-3)
        wanted = whole[:-1].log_softmax(-1).gather(1, torch.tensor(rest)[:, None])[:, 0]
        assert scores[row] == pytest.approx(wanted.tolist(), abs=1e-3)


def test_a_network_whose_state_cannot_be_cut_into_rows_is_refused() -> None:
    transformers = pytest.importorskip("transformers")
    small = {"vocab_size": 280, "hidden_size": 16, "state_size": 4, "num_hidden_layers": 1}
    model = transformers.MambaForCausalLM(transformers.MambaConfig(**small))
    with pytest.raises(SettingsError, match=r"MambaForCausalLM keeps no keys and values.*openai:"):
        decoder_of(HfNetwork(model), 0)
