"""Folders of weights."""

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from regrowth.core.errors import DataError, SettingsError
from regrowth.weights.loading import HfNetwork, lineage, load, save
from support.networks import a_codec, a_llama, saved

IDS = torch.randint(0, 280, (2, 30), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("changes", [{}, {"tied": False}, {"kv_heads": 6, "theta": 5e4}, {"head_width": 24}], ids=str)
def test_transformers_computes_the_same_logits(tmp_path: Path, changes: dict[str, Any]) -> None:
    transformers = pytest.importorskip("transformers")
    network = a_llama(**changes)
    model = transformers.LlamaForCausalLM.from_pretrained(saved(tmp_path, network))
    with torch.no_grad():
        torch.testing.assert_close(model(IDS).logits, network(IDS), atol=2e-5, rtol=1e-4)
    assert (model.config.eos_token_id, model.config.pad_token_id) == (4, 0)


def test_what_is_saved_is_loaded_bit_for_bit(tmp_path: Path) -> None:
    network = a_llama()
    weights = load(str(saved(tmp_path, network)))
    assert torch.equal(weights.network(IDS), network(IDS))
    assert (weights.codec.digest, weights.context) == (a_codec().digest, 256)
    assert all(weight.requires_grad for weight in weights.network.parameters())


def test_equal_weights_make_equal_bytes(tmp_path: Path) -> None:
    about = {f"key {n}": str(n) for n in range(9)}
    for name in ("a", "b"):
        save(a_llama(), a_codec(), tmp_path / name, lineage=about)
    assert load(tmp_path / "a").digest == load(tmp_path / "b").digest
    files = [sorted((path.name, path.read_bytes()) for path in (tmp_path / name).iterdir()) for name in ("a", "b")]
    assert files[0] == files[1]


def test_the_digest_names_weights_lineage_and_codec(tmp_path: Path) -> None:
    digests = {load(saved(tmp_path / "a", a_llama(seed=1))).digest, load(saved(tmp_path / "b", a_llama(seed=2))).digest}
    save(a_llama(seed=1), a_codec(), tmp_path / "c", lineage={"data": "other"})
    digests.add(load(tmp_path / "c").digest)
    assert len(digests) == 3


def test_lineage_is_read_back(tmp_path: Path) -> None:
    save(a_llama(), a_codec(), tmp_path, lineage={"data": "5f0c", "steps": "300"})
    assert lineage(tmp_path) == {"data": "5f0c", "steps": "300"}


def test_half_precision_takes_half_the_space_and_is_widened_again(tmp_path: Path) -> None:
    network = a_llama()
    full = saved(tmp_path / "full", network) / "model.safetensors"
    save(network, a_codec(), tmp_path / "half", lineage={}, half=True)
    assert (tmp_path / "half" / "model.safetensors").stat().st_size < 0.55 * full.stat().st_size
    loaded = load(tmp_path / "half").network
    assert {weight.dtype for weight in loaded.parameters()} == {torch.float32}
    torch.testing.assert_close(loaded(IDS), network(IDS), atol=0.05, rtol=0.05)


def test_saving_again_replaces_the_weights_and_leaves_other_files(tmp_path: Path) -> None:
    saved(tmp_path, a_llama(seed=1))
    (tmp_path / "README.md").write_text("kept")
    saved(tmp_path, a_llama(seed=2))
    assert torch.equal(load(tmp_path).network(IDS), a_llama(seed=2)(IDS))
    assert (tmp_path / "README.md").read_text() == "kept"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_broken_save_leaves_no_weights_that_could_be_mistaken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved(tmp_path, a_llama(seed=1))
    monkeypatch.setattr("regrowth.weights.loading._packed", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        saved(tmp_path, a_llama(seed=2))
    with pytest.raises(DataError, match=r"has no model\.safetensors"):
        load(tmp_path)


def test_a_missing_folder_is_named() -> None:
    with pytest.raises(SettingsError, match=r"no folder '\./nowhere'.*config\.json"):
        load("./nowhere")


def test_a_folder_of_something_else_says_what_it_found(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DataError, match=r"has no config\.json \(found: notes\.txt\)"):
        load(tmp_path)


def test_a_broken_config_is_named(tmp_path: Path) -> None:
    (saved(tmp_path, a_llama()) / "config.json").write_text("{")
    with pytest.raises(DataError, match=r"config\.json is not JSON"):
        load(tmp_path)


def test_pickled_weights_are_refused(tmp_path: Path) -> None:
    (saved(tmp_path, a_llama()) / "model.safetensors").rename(tmp_path / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"found: pytorch_model\.bin.*can run code"):
        load(tmp_path)


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path, a_llama()) / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"model\.safetensors is damaged"):
        load(tmp_path)


def test_missing_and_misshapen_tensors_are_named(tmp_path: Path) -> None:
    path = saved(tmp_path, a_llama()) / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    safetensors.torch.save_file({**tensors, "model.norm.weight": torch.ones(5)}, path)
    with pytest.raises(DataError, match=r"model\.norm\.weight has the shape \[5\], config\.json expects \[96\]"):
        load(tmp_path)
    del tensors["model.norm.weight"]
    safetensors.torch.save_file(tensors, path)
    with pytest.raises(DataError, match=r"1 tensors are missing, the first is model\.norm\.weight"):
        load(tmp_path)


def test_only_known_networks_are_saved(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="Cannot save a Linear"):
        save(torch.nn.Linear(2, 2), a_codec(), tmp_path, lineage={})


def test_another_architecture_goes_through_transformers_and_back(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    settings = {"vocab_size": 280, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64, "eos_token_id": 4}
    model = transformers.GPT2LMHeadModel(transformers.GPT2Config(**settings, bos_token_id=4)).eval()
    model.save_pretrained(tmp_path / "a")
    a_codec().save(tmp_path / "a")
    first = load(tmp_path / "a")
    assert isinstance(first.network, HfNetwork)
    assert first.context == 64
    with torch.no_grad():
        torch.testing.assert_close(first.network(IDS), model(IDS).logits)
        save(first.network, first.codec, tmp_path / "b", lineage={"data": "5f0c"})
        assert torch.equal(load(tmp_path / "b").network(IDS), first.network(IDS))
    assert lineage(tmp_path / "b") == {"data": "5f0c"}


def test_an_architecture_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    path = saved(tmp_path, a_llama()) / "config.json"
    path.write_text(json.dumps({"model_type": "abacus", "auto_map": {"AutoModelForCausalLM": "evil.Model"}}))
    (tmp_path / "evil.py").write_text("raise SystemExit('code from a model folder was run')")
    with pytest.raises(DataError, match="transformers cannot load"):
        load(tmp_path)
