"""Weights from a folder or the hub, and back into a folder.

A folder holds `config.json`, `model.safetensors` (its header carries the lineage) and the tokenizer's files. A plain
Llama runs in `regrowth.weights.network`, without transformers; every other architecture goes through it (extra `hf`).
A reward model is what transformers calls a model for sequence classification: its body, a linear layer `score`, the
outputs' names as labels, and, under a key of ours, their weights in the one number that ranks.
Only safetensors are read: a pickle can run code. No code that comes with weights is ever executed.

    weights = load("models/tiny")            # or "HuggingFaceTB/SmolLM2-135M-Instruct", "org/name@revision"
    weights.network(ids_BT)                  # logits [B, T, V]
    weights.digest                           # "9c1f…": safetensors files and codec
"""

import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeAlias, TypeVar

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import canonical, digest
from regrowth.weights.codec import BpeCodec, Codec, hf_codec
from regrowth.weights.foreign import HfNetwork, classifier_name, context_of, read_foreign, read_foreign_classifier
from regrowth.weights.heads import RewardNetwork, blank, named
from regrowth.weights.hub import fetch, is_hub_name
from regrowth.weights.network import Llama, LlamaShape

__all__ = ["WEIGHTS", "HfNetwork", "Weights", "as_it_is", "lineage", "load", "save"]

WEIGHTS = "model.safetensors"
JUDGES = "ForSequenceClassification"
"""What the names of architectures with a head end in."""
OURS = "regrowth"
"""The key in `config.json` for what transformers has no word for."""

Network: TypeAlias = Llama | HfNetwork | RewardNetwork
N = TypeVar("N", Llama, RewardNetwork)


@dataclass(frozen=True, slots=True)
class Weights:
    """Hold a network with what makes it speak."""

    network: nn.Module
    """Maps ids [B, T], rows padded on the right, to logits [B, T, V]; causal. A reward network: to values [N, A]."""
    codec: Codec
    digest: str
    """Names the safetensors files, the codec, a head's names and weights: 32 hexadecimal digits."""
    context: int
    """Longest sequence in tokens."""
    contents: str = ""
    """Names what was in memory when the digest was made, for `as_it_is`."""
    header: Mapping[str, str] = field(default_factory=dict, compare=False)
    """What `save` was told about where the weights come from; empty for those of others."""


def load(name: str | Path, *, device: str = "cpu", dtype: str = "float32") -> Weights:
    """Read weights from a local folder or, given `org/name` or `org/name@revision`, from the Hugging Face hub.

    Whatever is stored is converted to `dtype`: float32, bfloat16 or float16.

    Raises:
        SettingsError: there is no such folder, and the name cannot be one of the hub's.
        DataError: a file is missing or damaged, or an architecture is unknown.
        MissingExtra: the architecture or the tokenizer needs transformers.
        SettingsError: a reward model is built in a way that cannot be used here.
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
    network = _network(folder, config, files, getattr(torch, dtype))
    codec = BpeCodec.of(folder) or hf_codec(folder)
    facts: list[object] = [[_hash(path) for path in files], codec.digest]
    if isinstance(network, RewardNetwork):
        facts += [network.names, network.scalar]
    contents, header = _contents(network), lineage(folder) if (folder / WEIGHTS).is_file() else {}
    return Weights(network.to(device).eval(), codec, digest("weights", *facts), _context(network), contents, header)


def as_it_is(weights: Weights) -> Weights:
    """Return weights whose digest names what is in memory now.

    A network that was trained, or changed by hand, since it was loaded is another model under the old name.
    """
    contents = _contents(weights.network)
    if contents == weights.contents:
        return weights
    return replace(weights, digest=digest("as it is", weights.digest, contents), contents=contents)


def _contents(network: nn.Module) -> str:
    parameters = (parameter.detach().cpu().contiguous() for parameter in network.parameters())
    return digest([zlib.crc32(one.flatten().view(torch.uint8).numpy().data) for one in parameters])


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
        _write_config(network, codec, draft, half)
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


def _network(folder: Path, config: Mapping[str, Any], files: list[Path], dtype: torch.dtype) -> Network:
    shape = LlamaShape.of(config)
    if str((config.get("architectures") or [""])[0]).endswith(JUDGES):
        return _judge(shape, folder, config, files, dtype)
    return _own(shape, files, dtype) if shape else read_foreign(folder, dtype)


def _judge(
    shape: LlamaShape | None, folder: Path, config: Mapping[str, Any], files: list[Path], dtype: torch.dtype
) -> RewardNetwork:
    model = None if shape else read_foreign_classifier(folder, dtype)
    try:
        names, scalar = named(config), (config.get(OURS) or {}).get("scalar")
        if model is not None:
            return RewardNetwork(HfNetwork(model.base_model), model.score, names, scalar)
        assert shape is not None
        network = blank(shape, names, scalar)
    except (ValueError, TypeError, AttributeError) as error:
        raise DataError(f"{folder / 'config.json'} does not describe its head: {error}") from error
    return _filled(network, files, dtype)


def _own(shape: LlamaShape, files: list[Path], dtype: torch.dtype) -> Llama:
    with torch.device("meta"):
        return _filled(Llama(shape), files, dtype)


def _filled(network: N, files: list[Path], dtype: torch.dtype) -> N:
    """Give a network on the device `meta` the tensors of its files."""
    tensors = {name: tensor.to(dtype) for path in files for name, tensor in _read(path)}
    wanted = network.state_dict()
    stored = network.stored if isinstance(network, RewardNetwork) else {name: name for name in wanted}
    if missing := sorted(stored[name] for name in wanted if stored[name] not in tensors):
        raise DataError(f"{files[0].parent}: {len(missing)} tensors are missing, the first is {missing[0]}.")
    if wrong := [name for name, tensor in wanted.items() if tensor.shape != tensors[stored[name]].shape]:
        name = wrong[0]
        raise DataError(
            f"{files[0].parent}: {stored[name]} has the shape {list(tensors[stored[name]].shape)}, "
            f"config.json expects {list(wanted[name].shape)}."
        )
    network.load_state_dict({name: tensors[stored[name]] for name in wanted}, assign=True)
    return network


def _read(path: Path) -> Iterator[tuple[str, Tensor]]:
    try:
        yield from safetensors.torch.load_file(path).items()
    except (SafetensorError, OSError) as error:
        raise DataError(f"{path} is damaged: {error}. Copy the file anew from where it came.") from error


def _context(network: Network) -> int:
    body = network.body if isinstance(network, RewardNetwork) else network
    return body.shape.context if isinstance(body, Llama) else context_of(body.model.config)


def _hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_config(network: nn.Module, codec: Codec, draft: Path, half: bool) -> None:
    body = network.body if isinstance(network, RewardNetwork) else network
    head = _labels(network, codec) if isinstance(network, RewardNetwork) else {}
    ends = sorted(codec.ends)
    if isinstance(body, Llama):
        config = {**body.shape.config(), "dtype": "float16" if half else "float32", "pad_token_id": codec.pad}
        config |= {"bos_token_id": None, "eos_token_id": ends if len(ends) > 1 else ends[0]}
        (draft / "config.json").write_text(json.dumps(config | head, indent=2) + "\n", encoding="utf-8")
    elif isinstance(body, HfNetwork):
        settings = deepcopy(body.model.config)
        settings.update(head)
        settings.save_pretrained(draft)
        if not head:
            generation = deepcopy(body.model.generation_config)
            generation.eos_token_id = ends if len(ends) > 1 else ends[0]
            generation.save_pretrained(draft)
    else:
        raise SettingsError(f"Cannot save a {type(network).__name__}; expected a network that `load` returned.")
    if len(ends) > 1 and not (draft / "generation_config.json").exists():
        (draft / "generation_config.json").write_text(json.dumps({"eos_token_id": ends}) + "\n", encoding="utf-8")


def _labels(network: RewardNetwork, codec: Codec) -> dict[str, Any]:
    """Return what a head adds to `config.json`.

    transformers reads the head at the last token that is no padding. Where padding is the end token, that would be
    one token early, so none is named: it then refuses batches, which is better than other numbers.
    """
    kind = f"Llama{JUDGES}" if isinstance(network.body, Llama) else classifier_name(network.body.model)
    return {
        "architectures": [kind],
        "id2label": {str(number): name for number, name in enumerate(network.names)},
        "label2id": {name: number for number, name in enumerate(network.names)},
        "problem_type": "regression",
        "pad_token_id": None if codec.reply("")[-1] == codec.pad else codec.pad,
        OURS: {"scalar": list(network.scalar)},
    }


def _tensors(network: nn.Module, half: bool) -> dict[str, Tensor]:
    """Return the tensors under the names of transformers, each storage once."""
    module = network.model if isinstance(network, HfNetwork) else network
    stored = network.stored if isinstance(network, RewardNetwork) else {name: name for name in module.state_dict()}
    tied = set(getattr(module, "_tied_weights_keys", None) or ()) if isinstance(network, HfNetwork) else set()
    seen: dict[int, str] = {}
    tensors = {}
    for name, tensor in sorted(module.state_dict().items(), key=lambda pair: (pair[0] in tied, pair[0])):
        if seen.setdefault(tensor.data_ptr(), name) == name:
            kept = tensor.detach().to("cpu", torch.float16 if half and tensor.is_floating_point() else tensor.dtype)
            tensors[stored[name]] = kept.contiguous()
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
