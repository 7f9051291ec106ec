"""Reward models: a language model's body with one linear layer on the reply's end token instead of the vocabulary.

Sources: the head on the end-of-response token and the five attributes are those of HelpSteer2 (Wang et al., 2024,
arXiv:2406.08673) and Nemotron-4 (arXiv:2406.11704).

    weights = with_head(load("models/tiny"), ("helpfulness", "correctness", "coherence", "complexity", "verbosity"))
    weights.network.values(ids_BT, kept_N)       # [N, 5]; position 11 of [2, 8] ids is place 3 of row 1
    weights.network.scalar                       # (0.3, 0.74, 0.46, 0.47, -0.33)

Folders of such weights are those of `transformers`' models for sequence classification; `regrowth.weights.loading`
reads and writes them.
"""

# ruff: noqa: N803, N806 -- axes stand in the names of tensors

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from regrowth.core.errors import SettingsError
from regrowth.core.record import digest
from regrowth.weights.foreign import HfNetwork, classifier_name
from regrowth.weights.network import Llama, LlamaShape

if TYPE_CHECKING:
    from regrowth.weights.loading import Weights

__all__ = ["HELPSTEER2", "RewardNetwork", "blank", "last_values", "named", "with_head"]

# B: rows, T: positions, N: chosen positions, C: width of the body, A: attributes (outputs of the head).

HELPSTEER2: Mapping[str, float] = {
    "helpfulness": 0.3,
    "correctness": 0.74,
    "coherence": 0.46,
    "complexity": 0.47,
    "verbosity": -0.33,
}
"""HelpSteer2's attributes, and their weights in the one number that ranks (model card of Nemotron-4-340B-Reward)."""

TOGETHER = 8192
"""Tokens read in one pass at most, padding included, where rows share passes."""


class RewardNetwork(nn.Module):
    """Map token ids to one value per attribute at chosen positions; logits are never made."""

    def __init__(
        self, body: Llama | HfNetwork, score: nn.Linear, names: Sequence[str], scalar: Sequence[float] | None = None
    ) -> None:
        """Put a head on a body.

        Args:
            body: a network without logits of its own, as `with_head` makes it.
            names: what the head's outputs are called.
            scalar: the weights of the outputs in the one number that ranks. Left out, HelpSteer2's attributes get
                the published ones, all others equal shares.

        Raises:
            SettingsError: names, weights and outputs do not fit together.
        """
        super().__init__()
        self.body = body
        self.score = score
        self.names = tuple(names)
        self.scalar = _checked(self.names, scalar)
        if len(self.names) != score.out_features:
            raise SettingsError(f"The head has {score.out_features} outputs, their names are {', '.join(self.names)}.")

    @property
    def stored(self) -> dict[str, str]:
        """Return under which name a file keeps each tensor: name here to name there."""
        place = "model" if isinstance(self.body, Llama) else self.body.model.base_model_prefix
        return {name: name.replace("body.model.", f"{place}.", 1) for name in self.state_dict()}

    def values(self, ids_BT: Tensor, kept_N: Tensor) -> Tensor:
        """Return the head's outputs [N, A], in fp32 or better.

        Args:
            ids_BT: rows padded on the right.
            kept_N: positions, counted in reading order over B·T, where replies end.
        """
        values_NA: Tensor = self(ids_BT, kept_N)
        return values_NA

    def forward(self, ids_BT: Tensor, kept_N: Tensor) -> Tensor:
        values_NA: Tensor = self.score(self._hidden(ids_BT).flatten(0, 1).index_select(0, kept_N))
        return values_NA.to(torch.promote_types(values_NA.dtype, torch.float32))

    def _hidden(self, ids_BT: Tensor) -> Tensor:
        """Return the body's last layer [B, T, C]."""
        if isinstance(self.body, Llama):
            own: Tensor = self.body.model(ids_BT)
            return own
        seen_BT = torch.ones_like(ids_BT)
        foreign: Tensor = self.body.model(input_ids=ids_BT, attention_mask=seen_BT, use_cache=False).last_hidden_state
        return foreign


def with_head(
    weights: "Weights", names: Sequence[str], seed: int = 0, scalar: Sequence[float] | None = None
) -> "Weights":
    """Replace the vocabulary of a language model by a new head with these outputs; equal seeds make equal heads.

    The body's tensors are shared with `weights`. What is a reward model already keeps its head if the names are the
    same, so that one training can follow another, and gets a new one otherwise.

    Args:
        scalar: as in `RewardNetwork`.

    Raises:
        SettingsError: names and weights do not fit together, or transformers has no such model for the architecture.
    """
    network, names = weights.network, tuple(names)
    _checked(names, scalar)
    if isinstance(network, RewardNetwork) and network.names == names:
        if scalar is None or tuple(scalar) == network.scalar:
            return weights
        judge, origin = RewardNetwork(network.body, network.score, names, scalar), None
    else:
        body = network.body if isinstance(network, RewardNetwork) else _body(network)
        judge, origin = RewardNetwork(body, _new_score(body, len(names), seed), names, scalar), seed
    return replace(
        weights, network=judge.eval(), digest=digest("head", weights.digest, judge.names, judge.scalar, origin)
    )


def blank(shape: LlamaShape, names: Sequence[str], scalar: Sequence[float] | None) -> RewardNetwork:
    """Return a reward network of our own architecture without numbers in it (on the device `meta`)."""
    with torch.device("meta"):
        body = Llama(replace(shape, tied=True))
        return RewardNetwork(body, nn.Linear(shape.width, len(names), bias=False), names, scalar)


def named(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the outputs' names in a `config.json`; a lone output without a name of its own is `reward`."""
    labels = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}  # what transformers leaves out
    names = tuple(str(labels[number]) for number in sorted(labels, key=int))
    return ("reward",) if names == ("LABEL_0",) else names


@torch.inference_mode()
def last_values(
    network: RewardNetwork, rows: Sequence[Sequence[int]], *, together: int | None = None
) -> Iterator[tuple[int, list[float]]]:
    """Yield each row's number and its head's outputs at the last token, as they are computed.

    On a CPU every row goes through the network alone, so that its bits do not depend on the company; from about a
    hundred tokens on that is as fast as batches with the same promise. Elsewhere rows of like length share a pass.

    Args:
        together: tokens in a pass at most, padding included; 0 sends every row alone.
    """
    device = network.score.weight.device
    if together is None:
        together = 0 if device.type == "cpu" else TOGETHER
    for part in _parts(rows, together):
        longest = len(rows[part[-1]])
        ids_BT = torch.tensor([[*rows[number], *[0] * (longest - len(rows[number]))] for number in part], device=device)
        ends_N = torch.tensor([place * longest + len(rows[number]) - 1 for place, number in enumerate(part)])
        yield from zip(part, network.values(ids_BT, ends_N.to(device)).tolist(), strict=True)


def _parts(rows: Sequence[Sequence[int]], together: int) -> Iterator[list[int]]:
    """Yield the numbers of rows that share a pass, shortest first."""
    part: list[int] = []
    for number in sorted(range(len(rows)), key=lambda number: len(rows[number])):
        if part and (len(part) + 1) * len(rows[number]) > together:
            yield part
            part = []
        part.append(number)
    if part:
        yield part


def _body(network: nn.Module) -> Llama | HfNetwork:
    """Return a language model without what makes its logits."""
    if isinstance(network, Llama):
        with torch.device("meta"):
            body = Llama(replace(network.shape, tied=True))
        body.model = network.model
        return body
    if isinstance(network, HfNetwork):
        base = network.model.base_model
        classifier_name(base)
        return HfNetwork(base)
    raise SettingsError(f"Cannot put a head on a {type(network).__name__}; expected a network that `load` returned.")


def _new_score(body: Llama | HfNetwork, outputs: int, seed: int) -> nn.Linear:
    """Return a head whose outputs have about unit deviation: normal weights of deviation 1/√(C + 1)."""
    like = next(body.parameters())
    width = body.shape.width if isinstance(body, Llama) else body.model.config.get_text_config().hidden_size
    with torch.device("meta"):
        score = nn.Linear(width, outputs, bias=False)
    score.to_empty(device="cpu")
    with torch.no_grad():
        score.weight.normal_(0.0, (width + 1) ** -0.5, generator=torch.Generator().manual_seed(seed))
    return score.to(like.device, like.dtype)


def _checked(names: tuple[str, ...], scalar: Sequence[float] | None) -> tuple[float, ...]:
    """Return the weights of outputs with these names: those given, or the usual ones."""
    if not names or len(set(names)) < len(names) or not all(names):
        raise SettingsError(
            f"A head's outputs are named {names}; expected one name or more, all different, none empty."
        )
    if scalar is None:
        usual = HELPSTEER2 if set(names) == set(HELPSTEER2) else dict.fromkeys(names, 1 / len(names))
        return tuple(usual[name] for name in names)
    weights = tuple(float(weight) for weight in scalar)
    if len(weights) != len(names) or not all(map(math.isfinite, weights)):
        raise SettingsError(
            f"The weights {list(weights)} cannot make one number of {len(names)} outputs ({', '.join(names)}). "
            "Expected one finite weight for each."
        )
    return weights
