"""Weights from a folder or the hub, and back into a folder.

A folder holds `config.json`, `model.safetensors` (its header carries the lineage) and the tokenizer's files. A plain
Llama runs in `regrowth.weights.network`, without transformers; every other architecture goes through it (extra `hf`).
Only safetensors are read: a pickle can run code. No code that comes with weights is ever executed.

    weights = load("models/tiny")            # or "HuggingFaceTB/SmolLM2-135M-Instruct", "org/name@revision"
    weights.network(ids_BT)                  # logits [B, T, V]
    weights.digest                           # "9c1f…": safetensors files and codec
"""

# ruff: noqa: N803 -- axes stand in the names of tensors

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import canonical, digest
from regrowth.weights.codec import BpeCodec, Codec, hf_codec
from regrowth.weights.hub import fetch, is_hub_name, library
from regrowth.weights.network import Llama, LlamaShape

__all__ = ["HfNetwork", "Weights", "lineage", "load", "save"]

WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class Weights:
    """Hold a network with what makes it speak."""

    network: nn.Module
    """Maps ids [B, T], rows padded on the right, to logits [B, T, V]; causal."""
    codec: Codec
    digest: str
    """Names the safetensors files and the codec: 32 hexadecimal digits."""
    context: int
    """Longest sequence in tokens."""


class HfNetwork(nn.Module):
    """Give a `transformers` causal language model the call of our own network."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids_BT: Tensor) -> Tensor:
        logits: Tensor = self.model(input_ids=ids_BT, attention_mask=torch.ones_like(ids_BT), use_cache=False).logits
        return logits


def load(name: str | Path, *, device: str = "cpu", dtype: str = "float32") -> Weights:
    """Read weights from a local folder or, given `org/name` or `org/name@revision`, from the Hugging Face hub.

    Whatever is stored is converted to `dtype`: float32, bfloat16 or float16.

    Raises:
        SettingsError: there is no such folder, and the name cannot be one of the hub's.
        DataError: a file is missing or damaged, or an architecture is unknown.
        MissingExtra: the architecture or the tokenizer needs transformers.
        ModelUnavailable: the hub cannot be reached.
    """
    folder = _folder(name)
    config = _config(folder)
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = ", ".join(sorted(path.name for path in folder.glob("*.bin"))) or "none"
        raise DataError(
            f"{folder} has no {WEIGHTS} (pickled weights found: {pickles}). Only safetensors are read, because a "
            "pickle can run code; convert the weights, or copy the missing file."
        )
    shape = LlamaShape.of(config)
    network = _own(shape, files, getattr(torch, dtype)) if shape else _foreign(folder, getattr(torch, dtype))
    codec = BpeCodec.of(folder) or hf_codec(folder)
    return Weights(
        network=network.to(device).eval(),
        codec=codec,
        digest=digest("weights", [_hash(path) for path in files], codec.digest),
        context=shape.context if shape else _context(network),
    )


def save(network: nn.Module, codec: Codec, folder: Path, *, lineage: Mapping[str, str], half: bool = False) -> None:
    """Write weights so that `load` and transformers read them; equal weights give equal bytes.

    Every file is replaced in one step, the weights last: a folder without them is unfinished, not wrong.
    Other files in the folder stay.

    Args:
        lineage: where the weights come from, kept in the header of the safetensors file.
        half: store 16-bit floats (fp16); loading widens them again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("*.safetensors*"):
        stale.unlink()
    with TemporaryDirectory(prefix=".saving-", dir=folder) as scratch:
        draft = Path(scratch)
        codec.save(draft)
        if isinstance(network, Llama):
            ends = sorted(codec.ends)
            config = {**network.shape.config(), "dtype": "float16" if half else "float32", "pad_token_id": codec.pad}
            config |= {"bos_token_id": None, "eos_token_id": ends if len(ends) > 1 else ends[0]}
            (draft / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        elif isinstance(network, HfNetwork):
            network.model.config.save_pretrained(draft)
            network.model.generation_config.save_pretrained(draft)
        else:
            raise SettingsError(f"Cannot save a {type(network).__name__}; expected a network that `load` returned.")
        (draft / WEIGHTS).write_bytes(_packed(_tensors(network, half), lineage))
        for path in sorted(draft.iterdir(), key=lambda path: path.name == WEIGHTS):
            _publish(path, folder / path.name)


def lineage(folder: Path) -> dict[str, str]:
    """Return what `save` was told about where the weights come from."""
    with safe_open(folder / WEIGHTS, framework="pt") as file:
        return {key: value for key, value in (file.metadata() or {}).items() if key != "format"}


def _folder(name: str | Path) -> Path:
    folder = Path(name).expanduser()
    if folder.is_dir():
        return folder
    if isinstance(name, Path) or not is_hub_name(name):
        raise SettingsError(
            f"There is no folder {str(name)!r}. Expected a folder with config.json, {WEIGHTS} and tokenizer files, "
            "or the hub's org/name."
        )
    return fetch(name)


def _config(folder: Path) -> dict[str, Any]:
    path = folder / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        found = ", ".join(sorted(entry.name for entry in folder.iterdir())) or "nothing"
        raise DataError(f"{folder} has no config.json (found: {found}). Is it a folder of weights?") from None
    except ValueError as error:
        raise DataError(f"{path} is not JSON: {error}. Copy the file anew from where it came.") from error
    return config


def _own(shape: LlamaShape, files: list[Path], dtype: torch.dtype) -> Llama:
    with torch.device("meta"):
        network = Llama(shape)
    tensors = {name: tensor.to(dtype) for path in files for name, tensor in _read(path)}
    wanted = network.state_dict()
    if missing := sorted(wanted.keys() - tensors.keys()):
        raise DataError(f"{files[0].parent}: {len(missing)} tensors are missing, the first is {missing[0]}.")
    if wrong := [name for name, tensor in wanted.items() if tensor.shape != tensors[name].shape]:
        name = wrong[0]
        raise DataError(
            f"{files[0].parent}: {name} has the shape {list(tensors[name].shape)}, "
            f"config.json expects {list(wanted[name].shape)}."
        )
    network.load_state_dict({name: tensors[name] for name in wanted}, assign=True)
    return network


def _read(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        yield from safetensors.torch.load_file(path).items()
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is damaged: {error}. Copy the file anew from where it came.") from error


def _foreign(folder: Path, dtype: torch.dtype) -> HfNetwork:
    transformers = library("transformers", f"The architecture in {folder}")
    transformers.utils.logging.disable_progress_bar()  # a run draws its own
    try:
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, trust_remote_code=False, use_safetensors=True, local_files_only=True
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise DataError(f"transformers cannot load {folder}: {error}") from error
    return HfNetwork(model)


def _context(network: Any) -> int:
    """Return the longest sequence of a foreign network; 2,048 where positions are not bounded."""
    return int(getattr(network.model.config.get_text_config(), "max_position_embeddings", None) or 2048)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _tensors(network: Llama | HfNetwork, half: bool) -> dict[str, Tensor]:
    """Return the tensors under the names of transformers, each storage once."""
    module = network.model if isinstance(network, HfNetwork) else network
    tied = set(getattr(module, "_tied_weights_keys", None) or ()) if isinstance(network, HfNetwork) else set()
    seen: dict[int, str] = {}
    tensors = {}
    for name, tensor in sorted(module.state_dict().items(), key=lambda pair: (pair[0] in tied, pair[0])):
        if seen.setdefault(tensor.data_ptr(), name) == name:
            kept = tensor.detach().to("cpu", torch.float16 if half and tensor.is_floating_point() else tensor.dtype)
            tensors[name] = kept.contiguous()
    return tensors


def _packed(tensors: dict[str, Tensor], lineage: Mapping[str, str]) -> bytes:
    """Return the bytes of a safetensors file with its header in sorted order (the library's order changes)."""
    packed = safetensors.torch.save(tensors, {**lineage, "format": "pt"})
    length = int.from_bytes(packed[:8], "little")
    header = canonical(json.loads(packed[8 : 8 + length]))
    header += b" " * (-len(header) % 8)
    return len(header).to_bytes(8, "little") + header + packed[8 + length :]


def _publish(draft: Path, final: Path) -> None:
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    draft.replace(final)
