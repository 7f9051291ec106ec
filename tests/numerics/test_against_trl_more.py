"""Supervised, reward, policy-gradient and distillation losses against TRL's own trainers.

TRL computes its loss on the padded batch that its collator makes; we compute ours on log-probabilities of each reply
alone, by plain log_softmax. Loss and gradients at the parameters must agree. Weights are float64; TRL's fused head of
language models works in float32 all the same, so those comparisons are as exact as that.
"""
# ruff: noqa: N803, N806 -- axes stand in the names of tensors

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from regrowth.training.advantages import group_relative, leave_one_out
from regrowth.training.objectives import (
    Loss,
    Objective,
    Side,
    View,
    bradley_terry,
    distillation,
    grpo,
    rloo,
    supervised,
)

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

trl: Any = pytest.importorskip("trl", "1.16")
transformers: Any = pytest.importorskip("transformers")
datasets: Any = pytest.importorskip("datasets")
tokenizers: Any = pytest.importorskip("tokenizers")

WORDS = ["<pad>", "<eos>", "<unk>", "user", "assistant", *(f"w{number}" for number in range(20))]
EOS = 1
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'assistant' %}assistant "
    "{% generation %}{{ message['content'] }} <eos>{% endgeneration %} "
    "{% else %}user {{ message['content'] }} {% endif %}{% endfor %}"
)
PROMPTS = [[5, 6, 7], [8], [9, 10], [11, 12, 13, 14]]
REPLIES = [[15, 16, 17, EOS], [18, EOS], [19, 20, 21, 22, 23, EOS], [24, 5, EOS]]
REWARDS = [1.0, 0.25, -0.5, 2.0]


@pytest.fixture(scope="module")
def words() -> Any:
    model = tokenizers.models.WordLevel({word: number for number, word in enumerate(WORDS)}, unk_token="<unk>")
    codec = tokenizers.Tokenizer(model)
    codec.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=codec, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", chat_template=TEMPLATE
    )


def tiny(seed: int = 0, kind: str = "LlamaForCausalLM", **more: Any) -> Any:
    """Return a Llama in float64 that is far from uniform."""
    torch.manual_seed(seed)
    shape = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    ids = {"vocab_size": len(WORDS), "pad_token_id": 0, "eos_token_id": EOS, "bos_token_id": None}
    network = getattr(transformers, kind)(transformers.LlamaConfig(**shape, **ids, **more)).double()
    for weight in network.parameters():
        weight.data.mul_(8 if weight.ndim > 1 else 1)
    return network.eval()


def nudged(seed: int, size: float) -> Any:
    """Return the network of a seed a little further on."""
    network = tiny(seed)
    generator = torch.Generator().manual_seed(11)
    for weight in network.parameters():
        weight.data.add_(torch.randn(weight.shape, generator=generator, dtype=weight.dtype) * size)
    return network


def trainer(kind: str, network: Any, folder: Path, words: Any, records: Sequence[Mapping[str, Any]], **how: Any) -> Any:
    """Build one of TRL's trainers on the CPU; what its constructor takes goes through, the rest is settings."""
    beside = {name: how.pop(name) for name in ("reward_funcs", "teacher_model") if name in how}
    plain = {"use_cpu": True, "bf16": False, "gradient_checkpointing": False, "report_to": []}
    home = trl if hasattr(trl, f"{kind}Config") else pytest.importorskip(f"trl.experimental.{kind.lower()}")
    settings = getattr(home, f"{kind}Config")(output_dir=str(folder), **plain, **how)
    data = datasets.Dataset.from_list([dict(record) for record in records])
    make = getattr(home, f"{kind}Trainer")
    made = make(model=network, args=settings, train_dataset=data, processing_class=words, **beside)
    network.eval()
    return made


def logits(network: Any, ids: Sequence[int], first: int) -> Tensor:
    """Return the logits that say the ids from place `first` on, one record at a time."""
    said_TV: Tensor = network(input_ids=torch.tensor([ids])).logits[0]
    return said_TV[first - 1 : -1]


def logprobs(network: Any, ids: Sequence[int], first: int) -> Tensor:
    said_NV = logits(network, ids, first).log_softmax(-1)
    return said_NV.gather(-1, torch.tensor(ids[first:])[:, None])[:, 0]


def replies(network: Any, **others: Any) -> View:
    """Return what an objective sees of prompts and replies, under the network and under others."""
    pairs = list(zip(PROMPTS, REPLIES, strict=True))
    seen = {
        name: torch.cat([logprobs(model, prompt + reply, len(prompt)) for prompt, reply in pairs])
        for name, model in {"policy": network, **others}.items()
    }
    rows_N = torch.tensor([row for row, reply in enumerate(REPLIES) for _ in reply])
    under = {name: values.detach() for name, values in seen.items() if name != "policy"}
    side = Side(seen["policy"], rows_N, len(rows_N), len(REPLIES), under)
    return View({"response": side}, len(REPLIES), len(REPLIES), {"advantage": torch.tensor(REWARDS)})


def padded(rows: Sequence[Sequence[int]], left: bool = False) -> tuple[Tensor, Tensor]:
    """Return ids and mask."""
    width = max(map(len, rows))
    ids = [[0] * (width - len(row)) + list(row) if left else [*row, *[0] * (width - len(row))] for row in rows]
    mask = [
        [0] * (width - len(row)) + [1] * len(row) if left else [1] * len(row) + [0] * (width - len(row)) for row in rows
    ]
    return torch.tensor(ids), torch.tensor(mask)


def drawn(**more: Tensor) -> dict[str, Tensor]:
    """Return prompts and replies as TRL's policy-gradient trainers hold them."""
    prompt_ids, prompt_mask = padded(PROMPTS, left=True)
    completion_ids, completion_mask = padded(REPLIES)
    counts = {"num_items_in_batch": completion_mask.sum(), "advantages": torch.tensor(REWARDS)}
    masks = {"prompt_mask": prompt_mask, "completion_mask": completion_mask}
    return {"prompt_ids": prompt_ids, "completion_ids": completion_ids, **masks, **counts, **more}


def as_rows(values_N: Tensor) -> Tensor:
    """Return values per token padded to a rectangle."""
    pieces = torch.split(values_N, [len(reply) for reply in REPLIES])
    return torch.nn.utils.rnn.pad_sequence(list(pieces), batch_first=True)


def assert_equal(network: Any, theirs: Tensor, ours: Loss, tolerance: float = 1e-5) -> None:
    """Compare loss and gradients at every parameter."""
    assert float(ours.value) == pytest.approx(float(theirs), rel=tolerance)
    parameters = [weight for weight in network.parameters() if weight.requires_grad]
    slopes = (
        torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
        for loss in (theirs, ours.value)
    )
    pairs = list(zip(*slopes, strict=True))
    scale = max(float(left.abs().max()) for left, _ in pairs)
    assert scale > 1e-3
    assert max(float((left - right).abs().max()) for left, right in pairs) < tolerance * scale


def policy_trainer(kind: str, network: Any, folder: Path, words: Any, **how: Any) -> Any:
    prompts = [{"prompt": "w1"}] * 4
    sizes = {"num_generations": 2, "per_device_train_batch_size": 4, "max_completion_length": 8, "beta": 0.0}
    how = {**sizes, "reward_funcs": lambda completions, **_: [0.0] * len(completions), **how}
    return trainer(kind, network, folder, words, prompts, **how)


def test_supervised_fine_tuning_of_replies_is_trl_s(words: Any, tmp_path: Path) -> None:
    texts = [
        (" ".join(WORDS[i] for i in prompt), " ".join(WORDS[i] for i in reply[:-1]))
        for prompt, reply in zip(PROMPTS, REPLIES, strict=True)
    ]
    network = tiny()
    theirs = trainer("SFT", network, tmp_path, words, [{"prompt": a, "completion": f" {b}"} for a, b in texts])
    batch = theirs.data_collator([theirs.train_dataset[number] for number in range(len(texts))])
    assert_equal(network, theirs.compute_loss(network, batch), supervised().loss(replies(network)))


def test_supervised_fine_tuning_of_all_assistant_turns_is_trl_s(words: Any, tmp_path: Path) -> None:
    turns = [("user", "w1 w2"), ("assistant", "w3"), ("user", "w4"), ("assistant", "w5 w6")]
    record = {"messages": [{"role": role, "content": text} for role, text in turns]}
    network = tiny()
    theirs = trainer("SFT", network, tmp_path, words, [record], assistant_only_loss=True)
    batch = theirs.data_collator([theirs.train_dataset[0]])
    #      user w1 w2 assistant w3 <eos> user w4 assistant w5  w6  <eos>
    ids = [3,   6, 7, 4,        8, EOS,  3,   9, 4,        10, 11, EOS]  # fmt: skip
    spoken_N = logprobs(network, ids, 1)[[3, 4, 8, 9, 10]]
    view = View({"response": Side(spoken_N, torch.zeros(5, dtype=torch.long), 5, 1)}, 1, 1)
    assert_equal(network, theirs.compute_loss(network, batch), supervised("assistant").loss(view))


@pytest.mark.parametrize("margin", [False, True])
@pytest.mark.parametrize("centring", [0.0, 0.01, 0.3])
def test_bradley_terry_is_trl_s(words: Any, tmp_path: Path, margin: bool, centring: float) -> None:
    pairs = [
        ([5, 6, 7, EOS], [5, 8, 9, 10, EOS], 0.5),
        ([11, 12, EOS], [11, 13, EOS], 0.0),
        ([14, EOS], [15, EOS], 2.0),
    ]
    network = tiny(kind="LlamaForSequenceClassification", num_labels=1)
    records = [
        {
            **{side: " ".join(WORDS[i] for i in ids[:-1]) for side, ids in (("chosen", good), ("rejected", bad))},
            **({"margin": needed} if margin else {}),
        }
        for good, bad, needed in pairs
    ]
    theirs = trainer("Reward", network, tmp_path, words, records, center_rewards_coefficient=centring)
    batch = theirs.data_collator([theirs.train_dataset[number] for number in range(3)])

    def ends(place: int) -> Side:
        values_NA = torch.cat([network(input_ids=torch.tensor([pair[place]])).logits for pair in pairs])
        return Side(values_NA.new_empty(3, 0), torch.arange(3), 3, 3, values_NA=values_NA)

    view = View({"response": ends(0), "rejected": ends(1)}, 3, 3, {"margin": torch.tensor([0.5, 0.0, 2.0])})
    assert_equal(network, theirs.compute_loss(network, batch), bradley_terry(centring, margin).loss(view), 1e-10)


KINDS: list[tuple[str, Objective]] = [
    ("grpo", grpo(0.2, 0.3, kl_weight=0.1)),
    ("bnpo", grpo(0.2, 0.3, kl_weight=0.1, normalise="token")),
    ("dapo", grpo(0.2, 0.3, kl_weight=0.1, normalise="token")),
    ("dr_grpo", grpo(0.2, 0.3, kl_weight=0.1, normalise="constant", longest=8)),
    ("grpo", grpo(0.2, 0.3, kl_weight=0.1, kl_corrected=False)),
]


@pytest.mark.parametrize(("kind", "objective"), KINDS, ids=["grpo", "bnpo", "dapo", "dr_grpo", "grpo, plain KL"])
def test_group_relative_policy_optimisation_is_trl_s(
    words: Any, tmp_path: Path, kind: str, objective: Objective
) -> None:
    network, old, reference = tiny(0), nudged(0, 0.05), tiny(7)
    view = replies(network, old=old, reference=reference)
    theirs = policy_trainer(
        "GRPO",
        network,
        tmp_path,
        words,
        loss_type=kind,
        epsilon=0.2,
        epsilon_high=0.3,
        use_bias_correction_kl=objective.parameters["kl_corrected"],
    )
    theirs.beta = 0.1  # given to the constructor, it would load a reference from a folder
    under = view["response"].under
    batch = drawn(old_per_token_logps=as_rows(under["old"]), ref_per_token_logps=as_rows(under["reference"]))
    ours = objective.loss(view)
    assert 0.1 < float(ours.facts["clipped"]) < 0.9
    assert_equal(network, theirs.compute_loss(network, batch), ours)
    told = theirs._metrics["eval"]
    assert float(ours.facts["clipped"]) == pytest.approx(told["clip_ratio/region_mean"][0], rel=1e-5)
    assert float(ours.facts["kl"]) == pytest.approx(told["kl"][0], rel=1e-5)


def test_leave_one_out_policy_gradient_is_trl_s(words: Any, tmp_path: Path) -> None:
    network, old = tiny(0), nudged(0, 0.02)
    view = replies(network, old=old)
    theirs = policy_trainer("RLOO", network, tmp_path, words, epsilon=0.05, epsilon_high=0.1)
    batch = drawn(old_logps=as_rows(view["response"].under["old"]).sum(1))
    ours = rloo(0.05, 0.1).loss(view)
    assert 0.1 < float(ours.facts["clipped"]) < 0.9
    assert_equal(network, theirs.compute_loss(network, batch), ours)


@pytest.mark.parametrize("scale", [True, False])
def test_group_relative_advantages_are_trl_s(words: Any, tmp_path: Path, scale: bool) -> None:
    rewards = [1.0, 0.25, -0.5, 2.0, 3.0, 3.0, 3.0, 3.0]
    theirs = advantages_of("GRPO", rewards, tmp_path, words, scale_rewards=scale)
    ours = group_relative([rewards[:4], rewards[4:]], scale)
    assert theirs == pytest.approx([value for group in ours.values for value in group], rel=1e-6)
    assert ours.constant == 1


def test_leave_one_out_advantages_are_trl_s(words: Any, tmp_path: Path) -> None:
    rewards = [1.0, 0.25, -0.5, 2.0, 3.0, 3.0, 3.0, float("nan")]
    theirs = advantages_of("RLOO", rewards, tmp_path, words)
    ours = leave_one_out([rewards[:4], rewards[4:]])
    assert theirs == pytest.approx([value for group in ours.values for value in group], rel=1e-6)
    assert ours.unknown == 1


def advantages_of(kind: str, rewards: Sequence[float], folder: Path, words: Any, **how: Any) -> list[float]:
    """Let TRL draw two groups of four replies, give it the rewards, and return its advantages."""
    sizes = {"num_generations": 4, "per_device_train_batch_size": 8}

    def scores(**_: Any) -> list[float | None]:
        return [None if math.isnan(reward) else reward for reward in rewards]

    made = policy_trainer(kind, tiny(), folder, words, reward_funcs=scores, **sizes, **how)
    found: list[float] = made._generate_and_score_completions([{"prompt": "w1"}] * 4 + [{"prompt": "w2"}] * 4)[
        "advantages"
    ].tolist()
    return found


@pytest.mark.parametrize(("direction", "beta"), [("forward", 0.0), ("reverse", 1.0)])
def test_distillation_is_trl_s(words: Any, tmp_path: Path, direction: Any, beta: float) -> None:
    student, teacher = tiny(0), tiny(3)
    records = [
        {"messages": [{"role": "user", "content": "w1 w2"}, {"role": "assistant", "content": "w3 w4 w5"}]},
        {"messages": [{"role": "user", "content": "w6"}, {"role": "assistant", "content": "w7"}]},
    ]
    theirs = trainer("GKD", student, tmp_path, words, records, teacher_model=teacher, beta=beta)
    pairs = list(zip(PROMPTS, REPLIES, strict=True))
    input_ids, mask = padded([prompt + reply for prompt, reply in pairs])
    labels, _ = padded([[-100] * len(prompt) + reply for prompt, reply in pairs])
    batch = {"input_ids": input_ids, "attention_mask": mask, "labels": labels.masked_fill(mask == 0, -100)}
    student_NV, teacher_NV = (
        torch.cat([logits(model, prompt + reply, len(prompt)) for prompt, reply in pairs])
        for model in (student, teacher)
    )
    side = Side(
        student_NV[:, 0], torch.zeros(15, dtype=torch.long), 15, 4, {}, student_NV, {"teacher": teacher_NV.detach()}
    )
    ours = distillation(direction).loss(View({"response": side}, 4, 4))
    assert_equal(student, theirs.compute_loss(student, batch), ours, 1e-10)
