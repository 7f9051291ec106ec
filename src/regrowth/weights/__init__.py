"""Weights and how text reaches them: networks, codecs, loading and saving.

A folder of weights is in the Hugging Face layout (`config.json`, `model.safetensors`, `tokenizer.json`), so other
tools read what this room wrote. Importing anything of it needs the extra `train`.
"""

from importlib.util import find_spec

from regrowth.core.errors import MissingExtra

if _absent := [name for name in ("torch", "safetensors", "tokenizers", "numpy") if find_spec(name) is None]:
    raise MissingExtra(
        f"Running or training weights in this process needs {', '.join(_absent)}, not installed here. "
        "Install the extra: pip install 'regrowth[train]'"
    )
