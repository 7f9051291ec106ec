"""What training writes is an ordinary folder of Hugging Face: others read it without us."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import torch

from regrowth.core.record import Message
from regrowth.core.store import Store
from regrowth.training.fit import fit
from regrowth.weights.loading import load, save
from regrowth.weights.network import LlamaShape, new_llama
from support.templates import chat
from support.training import SHORT, additions

transformers = pytest.importorskip("transformers")

TURNS = [Message("user", "1 + 1 ?"), Message("assistant", "2"), Message("user", "2 + 2 ?")]
STYLES = ("ours", "chatml", "llama-3", "inst", "base chatml")


def started(style: str, base: Path, folder: Path) -> Path:
    """Return a folder of weights whose tokenizer is ours, or speaks in a style of transformers."""
    if style == "ours":
        return base
    codec = chat(style, folder / "tokenizer")
    shape = LlamaShape(vocabulary=codec.size, width=16, layers=2, heads=2, kv_heads=1, hidden=32, context=128)
    save(new_llama(shape, codec, seed=1), codec, folder / "base", lineage={})
    return folder / "base"


@pytest.fixture(scope="module", params=STYLES)
def trained(request: pytest.FixtureRequest, base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that `fit` wrote."""
    folder = tmp_path_factory.mktemp("trained")
    with Store(folder / "run") as store:
        start = started(request.param, base, folder)
        return asyncio.run(fit(start, additions(20), "sums", settings=SHORT, store=store))


def test_transformers_computes_the_same_logits(trained: Path) -> None:
    weights = load(trained)
    theirs: Any = transformers.AutoModelForCausalLM.from_pretrained(trained, dtype=torch.float32).eval()
    prompt = torch.tensor([[*weights.codec.prompt(TURNS), *weights.codec.reply("4")]])
    with torch.no_grad():
        torch.testing.assert_close(theirs(prompt).logits, weights.network(prompt), atol=1e-5, rtol=1e-5)


def test_transformers_writes_the_same_conversation(trained: Path) -> None:
    codec = load(trained).codec
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(trained)
    turns = [turn._asdict() for turn in TURNS]
    asked = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    assert asked == codec.prompt(TURNS)
    whole = tokenizer.apply_chat_template([*turns, {"role": "assistant", "content": "4"}], return_dict=False)
    expected = [*codec.prompt(TURNS), *codec.reply("4")]
    assert whole[: len(expected)] == expected
    assert tokenizer.decode(whole[len(expected) :]).strip() == ""


def test_transformers_stops_where_a_reply_ends(trained: Path) -> None:
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(trained)
    stops = model.generation_config.eos_token_id
    stops = stops if isinstance(stops, list) else [stops]
    assert set(stops) == load(trained).codec.ends


def test_the_folder_holds_what_other_readers_ask_for(trained: Path) -> None:
    """transformers, vLLM and llama.cpp's converter read these keys and files of a Llama, and no pickle."""
    config = json.loads((trained / "config.json").read_text())
    shape = {"vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads"}
    more = {"intermediate_size", "max_position_embeddings", "head_dim", "rope_theta", "rms_norm_eps", "hidden_act"}
    rest = {"tie_word_embeddings", "eos_token_id", "pad_token_id", "dtype", "model_type"}
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert shape | more | rest <= config.keys()
    names = {path.name for path in trained.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "tokenizer_config.json", "training.json"} <= names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".pkl"))]
    settings = json.loads((trained / "tokenizer_config.json").read_text())
    assert settings["eos_token"]
    assert "chat_template" in settings or "chat_template.jinja" in names


@pytest.mark.slow
def test_a_foreign_architecture_keeps_its_folder(base: Path, tmp_path: Path) -> None:
    codec = chat("chatml", tmp_path / "foreign")
    ends = codec.tokenizer.eos_token_id
    config: Any = transformers.GPT2Config(
        vocab_size=codec.size, n_embd=16, n_layer=1, n_head=2, n_positions=128, eos_token_id=ends, bos_token_id=None
    )
    transformers.GPT2LMHeadModel(config).save_pretrained(tmp_path / "foreign")
    with Store(tmp_path / "run") as store:
        folder = asyncio.run(fit(tmp_path / "foreign", additions(20), "sums", settings=SHORT, store=store))
    weights, theirs = load(folder), transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    prompt = torch.tensor([weights.codec.prompt(TURNS)])
    with torch.no_grad():
        torch.testing.assert_close(theirs(prompt).logits, weights.network(prompt), atol=1e-5, rtol=1e-5)
        before = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "foreign").eval()(prompt).logits
    assert not torch.allclose(before, weights.network(prompt), atol=1e-3)
    assert type(theirs).__name__ == "GPT2LMHeadModel"
