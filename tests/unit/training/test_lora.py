# ruff: noqa: N806 -- axes stand in the names of tensors
import json
import logging
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from regrowth.core.errors import MissingExtra, SettingsError
from regrowth.training import body, lora, reference
from regrowth.training.loop import train
from regrowth.training.lora import Nf4Linear
from regrowth.training.objectives import bradley_terry, dpo, sft
from regrowth.training.settings import Lora, TrainingSettings
from regrowth.weights.foreign import HfNetwork
from regrowth.weights.heads import RewardNetwork, with_head
from regrowth.weights.loading import Weights, load, save
from support.networks import a_codec, a_llama, some_weights
from support.training import SHORT, additions, trained

peft = pytest.importorskip("peft")
transformers = pytest.importorskip("transformers")

IDS_BT = torch.arange(60).reshape(2, 30) * 7 % 280
SMALL = SHORT.model_copy(update={"lora": Lora(rank=4)})


def qwen() -> HfNetwork:
    torch.manual_seed(1)
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    config = transformers.Qwen2Config(**shape, vocab_size=280, num_key_value_heads=1, tie_word_embeddings=False)
    return HfNetwork(transformers.Qwen2ForCausalLM(config).eval())


def gpt2() -> HfNetwork:
    """Its matrices lie the other way round."""
    torch.manual_seed(1)
    return HfNetwork(
        transformers.GPT2LMHeadModel(
            transformers.GPT2Config(n_embd=32, n_layer=2, n_head=2, vocab_size=280, bos_token_id=0, eos_token_id=0)
        ).eval()
    )


NETWORKS: Mapping[str, tuple[Callable[[], nn.Module], Lora]] = {
    "ours": (a_llama, Lora(rank=4)),
    "ours, its head apart": (lambda: a_llama(tied=False), Lora(rank=4, targets=("q_proj", "down_proj"))),
    "qwen": (qwen, Lora(rank=4)),
    "gpt2": (gpt2, Lora(rank=4, targets=("c_attn", "c_fc"))),
}


def moved(network: nn.Module, how: Lora) -> dict[str, nn.Parameter]:
    """Attach adapters and move them, as training does; return what is trained."""
    trained = body.prepare(network, TrainingSettings(lora=how))
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for weight in trained.values():
            weight.add_(torch.randn(weight.shape, generator=generator) / 10)
    return trained


def every_file(folder: Path) -> Mapping[str, bytes]:
    """Return the bytes of every file in a folder and below."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def pupil(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that has learnt a little: small changes do little to one that has not."""
    folder = tmp_path_factory.mktemp("pupil")
    trained(base, folder, SHORT.model_copy(update={"steps": 40}))
    return folder / "out"


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_adapters_begin_at_nothing_and_are_all_that_is_trained(name: str) -> None:
    make, how = NETWORKS[name]
    network = make()
    before_BTV = network(IDS_BT)
    trained = body.prepare(network, TrainingSettings(lora=how))
    assert torch.equal(network(IDS_BT), before_BTV)
    assert trained
    assert all(".lora_" in weight for weight in trained)
    assert {weight.dtype for weight in trained.values()} == {torch.float32}
    assert {"lm_head", "embed_tokens"}.isdisjoint(part for weight in trained for part in weight.split("."))


@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_merging_keeps_the_logits_and_leaves_an_ordinary_network(name: str) -> None:
    make, how = NETWORKS[name]
    network, plain = make(), make()
    moved(network, how)
    moved_BTV = network(IDS_BT)
    assert (moved_BTV - plain(IDS_BT)).abs().max() > 0.01
    merged = body.finished(network)
    torch.testing.assert_close(merged(IDS_BT), moved_BTV, rtol=1e-4, atol=1e-5 * float(moved_BTV.abs().max()))
    assert merged.state_dict().keys() == plain.state_dict().keys()
    assert [type(module) for module in merged.modules()] == [type(module) for module in plain.modules()]
    assert all(weight.requires_grad for weight in merged.parameters())


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT asks transformers so
@pytest.mark.parametrize("name", NETWORKS)
@torch.no_grad()
def test_peft_loads_the_adapter_onto_the_base_and_transformers_the_merged_folder(name: str, tmp_path: Path) -> None:
    make, how = NETWORKS[name]
    network = make()
    save(network, a_codec(), tmp_path / "base", lineage={})
    moved(network, how)
    lora.write_adapter(network, how, tmp_path / "out" / "adapter")
    save(body.finished(network), a_codec(), tmp_path / "out", lineage={})
    expected_BTV = load(tmp_path / "out").network(IDS_BT)
    auto = transformers.AutoModelForCausalLM
    whole = auto.from_pretrained(tmp_path / "out").eval()
    beside = peft.PeftModel.from_pretrained(auto.from_pretrained(tmp_path / "base"), tmp_path / "out" / "adapter")
    for model in (whole, beside.eval()):
        found_BTV = model(input_ids=IDS_BT).logits
        torch.testing.assert_close(found_BTV, expected_BTV, rtol=1e-4, atol=1e-5 * float(expected_BTV.abs().max()))


@pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")  # PEFT asks transformers so
@torch.no_grad()
def test_a_reward_models_head_is_trained_whole_and_kept_with_the_adapter(tmp_path: Path) -> None:
    save(a_llama(), a_codec(), tmp_path / "base", lineage={})
    network = with_head(some_weights(), ("good", "short"), seed=1).network
    trained = moved(network, Lora(rank=4))
    assert "score.weight" in trained
    ends_N = torch.tensor([29, 59])
    moved_NA = network.values(IDS_BT, ends_N)  # type: ignore[operator]
    lora.write_adapter(network, Lora(rank=4), tmp_path / "out" / "adapter")
    merged = body.finished(network)
    torch.testing.assert_close(merged.values(IDS_BT, ends_N), moved_NA, rtol=1e-4, atol=1e-4)  # type: ignore[operator]
    transformers.logging.set_verbosity_error()  # the base has no head, and transformers says so
    base = transformers.AutoModelForSequenceClassification.from_pretrained(tmp_path / "base", num_labels=2)
    model = peft.PeftModel.from_pretrained(base, tmp_path / "out" / "adapter").eval()
    model.config.pad_token_id = 279
    torch.testing.assert_close(model(input_ids=IDS_BT).logits, moved_NA, rtol=1e-4, atol=1e-4)


def test_an_unknown_product_is_told_with_those_that_there_are(base: Path, tmp_path: Path) -> None:
    settings = SHORT.model_copy(update={"lora": Lora(targets=("q_proj", "w1"))})
    with pytest.raises(SettingsError, match=r"'w1'; the products of this network are down_proj, gate_proj, k_proj"):
        trained(base, tmp_path, settings)


def test_equal_seeds_make_equal_adapters_whatever_was_drawn_before() -> None:
    made = []
    for seed, drawn_before in ((1, 0), (1, 5), (2, 0)):
        torch.rand(drawn_before)
        state = torch.get_rng_state()
        network = a_llama()
        body.prepare(network, TrainingSettings(lora=Lora(), seed=seed))
        assert torch.equal(torch.get_rng_state(), state)
        made.append({name: weight for name, weight in network.named_parameters() if "lora_A" in name})
    one, same, other = made
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not any(torch.equal(one[name], other[name]) for name in one)


def test_a_training_of_adapters_learns_and_writes_an_ordinary_folder(pupil: Path, tmp_path: Path) -> None:
    log = trained(pupil, tmp_path, SMALL.model_copy(update={"steps": 40}))
    assert log.losses[-1] < 0.9 * log.losses[0]
    found, before = load(tmp_path / "out").network.state_dict(), load(pupil).network.state_dict()
    assert found.keys() == before.keys()
    for name in found:
        assert torch.equal(found[name], before[name]) == (not name.endswith("proj.weight")), name


def test_checkpoints_hold_the_adapters_alone(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path, SMALL)
    (path, *_) = sorted((tmp_path / "scratch").glob("checkpoint-*"))
    with safe_open(path, "pt") as file:
        names = list(file.keys())
    kinds = {name.split(" model.")[0] for name in names}
    assert kinds == {"weight", "first moment", "second moment"}
    assert all(".lora_" in name for name in names)


@pytest.mark.parametrize("bits", [16, 4])
@pytest.mark.parametrize("last", [2, 7])
def test_a_training_of_adapters_that_died_ends_with_the_same_bytes(
    bits: Any, last: int, base: Path, tmp_path: Path
) -> None:
    class Crash(BaseException):
        pass

    def crash(step: int, _: object) -> None:
        if step == last:
            raise Crash

    if bits == 4:
        pytest.importorskip("bitsandbytes")
    settings = SHORT.model_copy(update={"lora": Lora(rank=4, bits=bits)})
    with pytest.raises(Crash):
        trained(base, tmp_path / "died", settings, dpo(), on_step=crash)
    trained(base, tmp_path / "died", settings, dpo())
    trained(base, tmp_path / "lived", settings, dpo())
    died, lived = (every_file(tmp_path / name / "out") for name in ("died", "lived"))
    assert died == lived
    assert {"adapter/adapter_config.json", "adapter/adapter_model.safetensors", "model.safetensors"} <= died.keys()


@pytest.mark.parametrize("bits", [16, 4])
def test_the_reference_is_the_base_without_adapters(
    bits: Any, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[bool] = []
    margins: list[float] = []

    def watched(read: Any, network: nn.Module, part: Any) -> Any:
        seen.append(any("lora" in name for name, _ in network.named_parameters()))
        return read_off(read, network, part)

    if bits == 4:
        pytest.importorskip("bitsandbytes")
    read_off = reference._read_off
    monkeypatch.setattr(reference, "_read_off", watched)
    settings = SHORT.model_copy(update={"lora": Lora(rank=4, bits=bits)})
    log = trained(base, tmp_path, settings, dpo(), on_step=lambda _, facts: margins.append(abs(facts["margin"])))
    assert seen
    assert not any(seen)
    assert margins[0] < 1e-5 < margins[-1]
    assert log.losses[0] == pytest.approx(0.693147, abs=1e-5)


def test_a_reward_model_is_trained_by_adapters(base: Path, tmp_path: Path) -> None:
    weights = with_head(load(base), ("reward",), seed=0)
    records, settings = additions(30, rejected=True), SMALL.model_copy(update={"steps": 60})
    scratch = tmp_path / "scratch"
    log = train(weights, records, bradley_terry(), settings, out=tmp_path / "out", scratch=scratch, lineage={})
    assert sum(log.losses[-10:]) < 0.9 * sum(log.losses[:10])
    assert isinstance(load(tmp_path / "out").network, RewardNetwork)
    assert "base_model.model.score.weight" in load_file(tmp_path / "out" / "adapter" / "adapter_model.safetensors")


def test_without_peft_the_extra_is_named(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(MissingExtra, match=r"LoRA needs peft.*regrowth\[lora\]"):
        trained(base, tmp_path, SMALL)


def test_the_adapters_file_names_its_kind_and_no_folder_of_this_machine(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path, SMALL)
    facts = json.loads((tmp_path / "out" / "adapter" / "adapter_config.json").read_text("utf-8"))
    assert (facts["peft_type"], facts["task_type"], facts["r"], facts["lora_alpha"]) == ("LORA", "CAUSAL_LM", 4, 32.0)
    assert facts["target_modules"] == sorted(Lora().targets)
    assert facts["base_model_name_or_path"] is None


class TestFourBits:
    """QLoRA. On a GPU this was never tried."""

    @pytest.fixture(autouse=True)
    def needed(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.CRITICAL)
        pytest.importorskip("bitsandbytes")

    @torch.no_grad()
    def test_products_take_an_eighth_of_the_memory_and_stay_close(self) -> None:
        product = nn.Linear(256, 512)
        small = Nf4Linear(product, "cpu")
        assert small.weight.numel() * small.weight.element_size() * 8 == product.weight.numel() * 4
        x = torch.randn(7, 256)
        assert torch.equal(small(x), nn.functional.linear(x, small.wide()) + product.bias)
        apart = (small.wide() - product.weight).abs()
        assert 0 < float(apart.mean()) < 0.1 * float(product.weight.abs().mean())

    def test_its_gradient_is_that_of_a_product_with_the_widened_matrix(self) -> None:
        small = Nf4Linear(nn.Linear(64, 32, bias=False), "cpu")
        x = torch.randn(5, 64, requires_grad=True)
        slope = torch.randn(5, 32)
        (found,) = torch.autograd.grad(small(x), x, slope)
        torch.testing.assert_close(found, slope @ small.wide())

    @torch.no_grad()
    def test_all_products_but_the_head_are_small_meanwhile_and_full_again_at_the_end(self) -> None:
        weights = Weights(a_llama(tied=False), a_codec(), "some", 256)
        before = {name: tensor.clone() for name, tensor in weights.network.state_dict().items()}
        settings = TrainingSettings(lora=Lora(rank=4, bits=4))
        small = body.held(weights, settings)
        assert small.digest not in ("some", "")
        assert body.held(small, settings).network is small.network
        kinds = {name.rpartition(".")[2]: type(module) for name, module in small.network.named_modules()}
        assert {name for name, kind in kinds.items() if kind is Nf4Linear} == set(Lora().targets)
        assert kinds["lm_head"] is nn.Linear
        trained = moved(small.network, Lora(rank=4, bits=4, targets=("q_proj",)))
        added: dict[str, Tensor] = {
            name.replace("lora_A.default.", ""): 8 * trained[name.replace("lora_A", "lora_B")] @ trained[name]
            for name in trained
            if "lora_A" in name
        }
        products = {
            f"{name}.weight": one.wide() for name, one in small.network.named_modules() if isinstance(one, Nf4Linear)
        }
        products = {name.replace(".base_layer", ""): wide for name, wide in products.items()}
        ids_BT = torch.tensor([[3, 1, 2, 5]])
        learnt = small.network(ids_BT)
        finished = body.finished(small.network)
        torch.testing.assert_close(finished(ids_BT), learnt)  # what was trained is what is written
        merged = finished.state_dict()
        assert merged.keys() == before.keys()
        for name, tensor in before.items():
            torch.testing.assert_close(merged[name], products.get(name, tensor) + added.get(name, 0.0))
            assert float((products.get(name, tensor) - tensor).abs().mean()) < 0.25 * float(tensor.abs().mean() + 1e-9)

    def test_it_learns(self, pupil: Path, tmp_path: Path) -> None:
        settings = SHORT.model_copy(update={"steps": 40, "lora": Lora(rank=4, bits=4)})
        log = trained(pupil, tmp_path, settings, sft)
        assert log.losses[-1] < 0.9 * log.losses[0]

    def test_without_bitsandbytes_the_extra_is_named(
        self, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "bitsandbytes", None)
        with pytest.raises(MissingExtra, match=r"lora.bits = 4 needs bitsandbytes.*regrowth\[qlora\]"):
            trained(base, tmp_path, SHORT.model_copy(update={"lora": Lora(bits=4)}))
