"""What comparisons with TRL need: a tiny Llama in float64, a tokenizer of a few words, TRL's trainers on the CPU.

TRL computes its loss on the padded batch that its collator makes; ours comes from log-probabilities of each reply
alone, by plain log_softmax. TRL's fused head of language models works in float32 whatever the weights are, so those
comparisons are as exact as that.
"""
# ruff: noqa: N806 -- axes stand in the names of tensors

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from regrowth.training.objectives import Loss

__all__ = ["EOS", "WORDS", "assert_equal", "logprobs", "tiny", "tokenizer", "trainer"]

WORDS = ["<pad>", "<eos>", "<unk>", *(f"w{number}" for number in range(20))]
EOS = 1


def tokenizer() -> Any:
    """Return a tokenizer that knows WORDS, split at spaces."""
    tokenizers, transformers = (importlib.import_module(name) for name in ("tokenizers", "transformers"))
    model = tokenizers.models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>")
    codec = tokenizers.Tokenizer(model)
    codec.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=codec, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>"
    )


def tiny(seed: int = 0) -> Any:
    """Return a Llama in float64 that is far from uniform."""
    transformers = importlib.import_module("transformers")
    torch.manual_seed(seed)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    ids = {"vocab_size": len(WORDS), "pad_token_id": 0, "eos_token_id": EOS, "bos_token_id": None}
    network = transformers.LlamaForCausalLM(transformers.LlamaConfig(**shape, **ids)).double()
    for weight in network.parameters():
        weight.data.mul_(8 if weight.ndim > 1 else 1)
    return network.eval()


def trainer(kind: str, network: Any, folder: Path, records: Sequence[Mapping[str, Any]], **how: Any) -> Any:
    """Return one of TRL's trainers on the CPU, its network without dropout.

    Args:
        kind: "DPO", "KTO" …; looked for in trl, then in trl.experimental.
        network: what would be trained.
        folder: where TRL may write.
        records: its data.
        how: its settings, and `ref_model`.
    """
    trl, datasets = importlib.import_module("trl"), importlib.import_module("datasets")
    home = trl if hasattr(trl, f"{kind}Config") else importlib.import_module(f"trl.experimental.{kind.lower()}")
    beside = {name: how.pop(name) for name in ("ref_model",) if name in how}
    plain = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": []}
    settings = getattr(home, f"{kind}Config")(output_dir=str(folder), **plain, **how)
    data = datasets.Dataset.from_list([dict(record) for record in records])
    made = getattr(home, f"{kind}Trainer")(
        model=network, args=settings, train_dataset=data, processing_class=tokenizer(), **beside
    )
    network.eval()
    return made


def logprobs(network: Any, ids: Sequence[int], first: int) -> Tensor:
    """Return the log-probabilities of the ids from place `first` on, one record at a time."""
    said_NV = network(input_ids=torch.tensor([ids])).logits[0, first - 1 : -1].log_softmax(-1)
    found_N: Tensor = said_NV.gather(-1, torch.tensor(ids[first:])[:, None])[:, 0]
    return found_N


def assert_equal(network: Any, theirs: Tensor, ours: Tensor | Loss, tolerance: float = 1e-5) -> None:
    """Compare loss and gradients at every parameter; the gradients against the largest."""
    value = ours.value if isinstance(ours, Loss) else ours
    assert float(value.detach()) == pytest.approx(float(theirs.detach()), rel=tolerance)
    parameters = [weight for weight in network.parameters() if weight.requires_grad]
    slopes = (torch.autograd.grad(loss, parameters, materialize_grads=True) for loss in (theirs, value))
    pairs = list(zip(*slopes, strict=True))
    scale = max(float(left.abs().max()) for left, _ in pairs)
    assert scale > 1e-3
    assert max(float((left - right).abs().max()) for left, right in pairs) < tolerance * scale
