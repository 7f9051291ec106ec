"""Networks that `transformers` runs: causal language models, and the same with a head on top (extra `hf`).

    network = read_foreign(Path("models/gpt2"), torch.float32)       # an HfNetwork
    network(ids_BT)                                                  # logits [B, T, V]

No code that comes with weights is executed, and no pickle is read.
"""

# ruff: noqa: N803 -- axes stand in the names of tensors

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from regrowth.core.errors import DataError, SettingsError
from regrowth.extras import library

__all__ = ["HfNetwork", "classifier_name", "context_of", "read_foreign", "read_foreign_classifier"]


class HfNetwork(nn.Module):
    """Give a `transformers` causal language model the call of our own network."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids_BT: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=ids_BT, attention_mask=torch.ones_like(ids_BT), use_cache=False).logits
        return logits


def read_foreign(folder: Path, dtype: torch.dtype) -> HfNetwork:
    """Read a causal language model.

    Raises:
        MissingExtra: transformers is not installed.
        DataError: transformers cannot read it.
    """
    model, _ = _pretrained("AutoModelForCausalLM", folder, dtype)
    return HfNetwork(model)


def read_foreign_classifier(folder: Path, dtype: torch.dtype) -> Any:
    """Read what `transformers` calls a model for sequence classification: a causal body and a linear layer `score`.

    Raises:
        MissingExtra: transformers is not installed.
        DataError: transformers cannot read it, or tensors are missing, which it would fill with random numbers.
        SettingsError: the architecture puts more than one linear layer on its body.
    """
    model, found = _pretrained("AutoModelForSequenceClassification", folder, dtype)
    if missing := sorted(found["missing_keys"]):
        raise DataError(f"{folder}: {len(missing)} tensors are missing, the first is {missing[0]}.")
    if not _is_plain(model):
        raise SettingsError(
            f"{folder}: {type(model).__name__} is not one linear layer `score` on a causal body, which is the only "
            "kind of reward model that can be used here. Choose a reward model on a decoder (Llama, Qwen, Gemma, …)."
        )
    return model


def classifier_name(base: Any) -> str:
    """Return the class of `transformers` that puts one linear layer on this body.

    Raises:
        SettingsError: there is none.
    """
    known = library("transformers", "A head on such a body", extra="hf").MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING
    kind = known.get(type(base.config), None)
    with torch.device("meta"):
        model = kind(base.config) if kind is not None else None
    if model is None or not _is_plain(model) or type(model.base_model) is not type(base):
        raise SettingsError(
            f"transformers knows no model that puts one linear layer on a {type(base).__name__}, so nobody could load "
            "the reward model. Train the head on another architecture (Llama, Qwen, Gemma, …)."
        )
    return str(type(model).__name__)


def context_of(config: Any) -> int:
    """Return the longest sequence of a foreign network; 2,048 where positions are not bounded."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", None) or 2048)


def _is_plain(model: Any) -> bool:
    """Tell whether a classifier is a body and one linear layer, which a decoder's is and an encoder's is not."""
    parts = {name for name, _ in model.named_children()}
    return parts == {model.base_model_prefix, "score"} and isinstance(model.score, nn.Linear)


def _pretrained(kind: str, folder: Path, dtype: torch.dtype) -> tuple[Any, Any]:
    transformers = library("transformers", f"The architecture in {folder}", extra="hf")
    transformers.utils.logging.disable_progress_bar()  # a run draws its own
    settings: dict[str, Any] = {"trust_remote_code": False, "use_safetensors": True, "local_files_only": True}
    try:
        model, found = getattr(transformers, kind).from_pretrained(
            folder, dtype=dtype, output_loading_info=True, **settings
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise DataError(f"transformers cannot load {folder}: {error}") from error
    return model, found
