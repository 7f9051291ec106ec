"""Heads on language models: what they read, and how they are stored."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
import safetensors.torch
import torch

from regrowth.core.errors import DataError, SettingsError
from regrowth.weights.codec import HfCodec, hf_codec
from regrowth.weights.heads import HELPSTEER2, RewardNetwork, last_values, with_head
from regrowth.weights.loading import HfNetwork, Weights, lineage, load, save
from regrowth.weights.network import Llama
from support.networks import a_codec, a_llama, saved, some_weights

TWO = ("correctness", "verbosity")
ROWS = [[2, 9, 30, 41, 5, 77, 4], [2, 8, 3, 4], [2, 100, 101, 102, 103, 3, 60, 61, 4]]
SMALL: dict[str, Any] = {"vocab_size": 280, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
KINDS: dict[str, dict[str, Any]] = {
    "GPT2": {"vocab_size": 280, "n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 64},
    "Qwen2": {**SMALL, "num_key_value_heads": 1, "intermediate_size": 48, "max_position_embeddings": 64},
}


def a_judge(names: tuple[str, ...] = TWO, scalar: tuple[float, ...] | None = None, **changes: Any) -> Weights:
    return with_head(some_weights(**changes), names, seed=3, scalar=scalar)


def network_of(weights: Weights) -> RewardNetwork:
    assert isinstance(weights.network, RewardNetwork)
    return weights.network


def stored(folder: Path, weights: Weights, **more: Any) -> Path:
    save(weights.network, weights.codec, folder, lineage={"data": "5f0c"}, **more)
    return folder


def padded() -> tuple[torch.Tensor, torch.Tensor]:
    """Return ids [B, T], padded on the right, and the position of each row's end token."""
    longest = max(map(len, ROWS))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in ROWS])
    return ids, torch.tensor([place * longest + len(row) - 1 for place, row in enumerate(ROWS)])


@torch.no_grad()
def values(network: RewardNetwork) -> torch.Tensor:
    return network.values(*padded())


def foreign(folder: Path, kind: str, *, ends: dict[str, int] | None = None) -> Path:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = getattr(transformers, f"{kind}Config")(**KINDS[kind], **(ends or {"bos_token_id": 4, "eos_token_id": 4}))
    head = "LMHeadModel" if kind == "GPT2" else "ForCausalLM"
    getattr(transformers, kind + head)(config).eval().save_pretrained(folder)
    a_codec().save(folder)
    return folder


def as_classifier(folder: Path) -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.AutoModelForSequenceClassification.from_pretrained(folder)


def test_values_are_the_heads_product_with_the_last_layer() -> None:
    weights, base = a_judge(), a_llama()
    network = network_of(weights)
    ids, _ = padded()
    kept = torch.tensor([0, 12, 26])
    with torch.no_grad():
        hidden = base.model(ids)
        wanted = torch.stack([hidden[0, 0], hidden[1, 3], hidden[2, 8]]) @ network.score.weight.T
        torch.testing.assert_close(network.values(ids, kept), wanted)


def test_equal_seeds_make_equal_heads_and_the_global_draw_is_left_alone() -> None:
    state = torch.get_rng_state()
    same, other = a_judge(), with_head(some_weights(), TWO, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(network_of(same).score.weight, network_of(a_judge()).score.weight)
    assert not torch.equal(network_of(same).score.weight, network_of(other).score.weight)
    assert same.digest == a_judge().digest != other.digest


def test_a_new_head_is_drawn_with_about_unit_outputs() -> None:
    weight = network_of(with_head(some_weights(), [f"a{number}" for number in range(50)])).score.weight
    assert weight.std().item() == pytest.approx(97**-0.5, rel=0.05)


@pytest.mark.parametrize("tied", [True, False])
def test_what_makes_logits_is_not_among_the_parameters(tied: bool) -> None:
    names = {name for name, _ in network_of(a_judge(tied=tied)).named_parameters()}
    body = {f"body.{name}" for name, _ in a_llama(tied=True).named_parameters()}
    assert names == {*body, "score.weight"}


def test_body_and_head_are_trained_together() -> None:
    network = network_of(a_judge())
    grads = torch.autograd.grad(network.values(*padded()).sum(), list(network.parameters()))
    assert all(grad.abs().sum() > 0 for grad in grads)


def test_helpsteers_attributes_have_the_published_weights_in_any_order() -> None:
    names = tuple(HELPSTEER2)[::-1]
    assert network_of(a_judge(tuple(HELPSTEER2))).scalar == (0.3, 0.74, 0.46, 0.47, -0.33)
    assert network_of(a_judge(names)).scalar == (-0.33, 0.47, 0.46, 0.74, 0.3)


def test_other_attributes_count_equally() -> None:
    assert network_of(a_judge(("reward",))).scalar == (1.0,)
    assert network_of(a_judge()).scalar == (0.5, 0.5)


@pytest.mark.parametrize(
    ("names", "scalar", "message"),
    [
        ((), None, "one name or more"),
        (("a", "a"), None, "all different"),
        (("a", ""), None, "none empty"),
        (("a", "b"), (1.0,), "one finite weight for each"),
        (("a", "b"), (1.0, float("nan")), "one finite weight for each"),
    ],
)
def test_names_and_weights_that_do_not_fit_are_refused(names: Any, scalar: Any, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        with_head(some_weights(), names, scalar=scalar)


def test_names_must_be_as_many_as_outputs() -> None:
    network = network_of(a_judge())
    with pytest.raises(SettingsError, match="The head has 2 outputs, their names are a"):
        RewardNetwork(network.body, network.score, ("a",))


def test_a_head_goes_on_a_network_that_load_returned() -> None:
    weights = Weights(torch.nn.Linear(2, 2), a_codec(), "", 8)
    with pytest.raises(SettingsError, match="Cannot put a head on a Linear"):
        with_head(weights, TWO)


def test_a_second_training_goes_on_with_the_head_of_the_first() -> None:
    first = a_judge()
    assert with_head(first, TWO, seed=9) is first
    weighted = with_head(first, TWO, scalar=(1.0, -1.0))
    assert network_of(weighted).score is network_of(first).score
    renamed = with_head(first, ("helpfulness", "verbosity"), seed=9)
    assert network_of(renamed).body is network_of(first).body
    assert network_of(renamed).score is not network_of(first).score
    assert len({first.digest, weighted.digest, renamed.digest}) == 3


def test_rows_alone_and_rows_together_have_the_same_values() -> None:
    network = network_of(a_judge())
    alone, together = dict(last_values(network, ROWS)), dict(last_values(network, ROWS, together=8192))
    assert sorted(alone) == [0, 1, 2]
    torch.testing.assert_close(torch.tensor([alone[n] for n in range(3)]), values(network))
    torch.testing.assert_close(torch.tensor([together[n] for n in range(3)]), values(network))


def test_passes_hold_no_more_tokens_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    shapes = []

    def noted(network: RewardNetwork, ids: torch.Tensor, kept: torch.Tensor) -> torch.Tensor:
        shapes.append(tuple(ids.shape))
        return network(ids, kept)  # type: ignore[no-any-return]

    monkeypatch.setattr(RewardNetwork, "values", noted)
    list(last_values(network_of(a_judge()), ROWS, together=14))
    assert shapes == [(2, 7), (1, 9)]


# Folders ----------------------------------------------------------------------------------------------------------


def test_what_is_saved_is_loaded_bit_for_bit(tmp_path: Path) -> None:
    weights = a_judge(scalar=(0.8, -0.2))
    loaded = load(stored(tmp_path, weights))
    network = network_of(loaded)
    assert torch.equal(values(network), values(network_of(weights)))
    assert (network.names, network.scalar, loaded.context) == (TWO, (0.8, -0.2), 256)
    assert isinstance(network.body, Llama)
    assert all(weight.requires_grad for weight in network.parameters())
    assert lineage(tmp_path) == {"data": "5f0c"}


@pytest.mark.parametrize("tied", [True, False])
def test_saving_what_was_loaded_writes_the_same_bytes(tmp_path: Path, tied: bool) -> None:
    stored(tmp_path / "a", a_judge(tied=tied))
    stored(tmp_path / "b", load(tmp_path / "a"))
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert files[0] == files[1]
    assert load(tmp_path / "a").digest == load(tmp_path / "b").digest


def test_the_digest_names_outputs_and_weights(tmp_path: Path) -> None:
    judges = [a_judge(), a_judge(("correctness", "brevity")), a_judge(scalar=(0.8, -0.2)), a_judge(seed=2)]
    made = {load(stored(tmp_path / str(number), judge)).digest for number, judge in enumerate(judges)}
    assert len(made) == len({judge.digest for judge in judges}) == 4


def test_a_folder_holds_the_tensors_that_transformers_expects(tmp_path: Path) -> None:
    tensors = safetensors.torch.load_file(stored(tmp_path, a_judge(tied=False)) / "model.safetensors")
    assert set(tensors) == {*dict(a_llama(tied=True).named_parameters()), "score.weight"}


@pytest.mark.parametrize("names", [("reward",), TWO, tuple(HELPSTEER2)], ids=len)
def test_transformers_gives_the_same_values(tmp_path: Path, names: tuple[str, ...]) -> None:
    weights = a_judge(names)
    model = as_classifier(stored(tmp_path, weights))
    ids, _ = padded()
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, values(network_of(weights)), atol=2e-5, rtol=1e-4)
    assert tuple(model.config.id2label.values()) == names
    assert (model.config.pad_token_id, model.config.problem_type) == (0, "regression")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_other_number_formats_come_close(tmp_path: Path, dtype: str) -> None:
    weights = a_judge()
    network = network_of(load(stored(tmp_path, weights), dtype=dtype))
    assert {weight.dtype for weight in network.parameters()} == {getattr(torch, dtype)}
    assert values(network).dtype == torch.float32
    torch.testing.assert_close(values(network), values(network_of(weights)), atol=0.2, rtol=0.2)


def test_half_precision_is_widened_again(tmp_path: Path) -> None:
    weights = a_judge()
    network = network_of(load(stored(tmp_path, weights, half=True)))
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == "float16"
    torch.testing.assert_close(values(network), values(network_of(weights)), atol=0.05, rtol=0.05)


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_goes_on_other_architectures_and_through_transformers_and_back(tmp_path: Path, kind: str) -> None:
    base = load(foreign(tmp_path / "base", kind))
    assert isinstance(base.network, HfNetwork)
    weights = with_head(base, TWO, seed=1, scalar=(0.8, -0.2))
    network = network_of(weights)
    assert not [name for name, _ in network.named_parameters() if "lm_head" in name]
    loaded = load(stored(tmp_path / "a", weights))
    assert (network_of(loaded).names, network_of(loaded).scalar, loaded.context) == (TWO, (0.8, -0.2), 64)
    assert torch.equal(values(network_of(loaded)), values(network))
    with torch.no_grad():
        found = as_classifier(tmp_path / "a")(padded()[0]).logits
    torch.testing.assert_close(found, values(network), atol=2e-5, rtol=1e-4)
    stored(tmp_path / "b", loaded)
    files = [{path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("a", "b")]
    assert files[0] == files[1]


def test_one_output_without_a_name_is_the_reward(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    folder = saved(tmp_path / "base", a_llama())
    config = transformers.AutoConfig.from_pretrained(folder, num_labels=1)
    transformers.LlamaForSequenceClassification(config).save_pretrained(tmp_path / "judge")
    a_codec().save(tmp_path / "judge")
    network = network_of(load(tmp_path / "judge"))
    assert (network.names, network.scalar) == (("reward",), (1.0,))
    with torch.no_grad():
        torch.testing.assert_close(
            as_classifier(tmp_path / "judge")(padded()[0]).logits, values(network), atol=2e-5, rtol=1e-4
        )


def test_an_architecture_without_such_a_model_is_refused(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(**SMALL, intermediate_size=48, max_position_embeddings=64, is_decoder=True)
    base = HfNetwork(transformers.BertLMHeadModel(config))
    with pytest.raises(
        SettingsError, match=r"no model that puts one linear layer on a BertModel.*another architecture"
    ):
        with_head(Weights(base, a_codec(), "", 64), TWO)


def test_an_encoders_classifier_is_refused(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(**SMALL, intermediate_size=48, max_position_embeddings=64, num_labels=1)
    transformers.BertForSequenceClassification(config).save_pretrained(tmp_path)
    a_codec().save(tmp_path)
    with pytest.raises(SettingsError, match=r"BertForSequenceClassification is not one linear layer.*on a decoder"):
        load(tmp_path)


@pytest.mark.parametrize("kind", ["Llama", "Qwen2"])
def test_a_missing_head_is_not_made_up(tmp_path: Path, kind: str) -> None:
    base = some_weights() if kind == "Llama" else load(foreign(tmp_path / "base", kind))
    path = stored(tmp_path / "judge", with_head(base, TWO)) / "model.safetensors"
    tensors = safetensors.torch.load_file(path)
    del tensors["score.weight"]
    safetensors.torch.save_file(tensors, path, {"format": "pt"})
    with pytest.raises(DataError, match=r"1 tensors are missing, the first is score\.weight"):
        load(tmp_path / "judge")


@pytest.mark.parametrize(
    "change",
    [{"regrowth": {"scalar": [1.0]}}, {"regrowth": {"scalar": "abc"}}, {"regrowth": [1]}, {"id2label": {"one": "a"}}],
    ids=str,
)
def test_a_config_that_does_not_describe_the_head_is_named(tmp_path: Path, change: dict[str, Any]) -> None:
    path = stored(tmp_path, a_judge()) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DataError, match=r"config\.json does not describe its head"):
        load(tmp_path)


def test_a_head_of_another_width_is_named(tmp_path: Path) -> None:
    path = stored(tmp_path, a_judge()) / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "id2label": {"0": "a"}, "regrowth": {}}))
    with pytest.raises(DataError, match=r"score\.weight has the shape \[2, 96\], config\.json expects \[1, 96\]"):
        load(tmp_path)


def a_codec_that_pads_with_its_end(folder: Path) -> HfCodec:
    a_codec().save(folder)
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "pad_token": "<end>", "chat_template": None}))
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [4, 5]}))
    return hf_codec(folder)


def test_where_padding_is_the_end_token_transformers_refuses_batches(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "codec").mkdir()
    codec = a_codec_that_pads_with_its_end(tmp_path / "codec")
    assert codec.pad == codec.reply("")[-1] == 4
    network = network_of(a_judge())
    save(network, codec, tmp_path / "judge", lineage={})
    model = as_classifier(tmp_path / "judge")
    with torch.no_grad():
        alone = model(torch.tensor([ROWS[0]])).logits
        torch.testing.assert_close(alone[0], values(network)[0], atol=2e-5, rtol=1e-4)
        with pytest.raises(ValueError, match="no padding token"):
            model(padded()[0])


def test_every_end_token_survives(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "codec").mkdir()
    codec = a_codec_that_pads_with_its_end(tmp_path / "codec")
    for network in (a_llama(), network_of(a_judge())):
        save(network, codec, tmp_path / "judge", lineage={})
        loaded = cast("HfCodec", load(tmp_path / "judge").codec)
        assert loaded.ends == frozenset({4, 5})
