"""Every recipe on other models, by one string: a server that speaks OpenAI's protocol, a folder of transformers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.store import Store
from support.recipes import SERVED, TRAINED, play, words_of
from support.server import Behaviour
from support.templates import chat

transformers = pytest.importorskip("transformers")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an untrained GPT-2 and a chat template, as `hf:org/name` would be on the disk."""
    folder = tmp_path_factory.mktemp("foreign")
    codec = chat("chatml", folder)
    config: Any = transformers.GPT2Config(
        vocab_size=codec.size,
        n_embd=16,
        n_layer=1,
        n_head=2,
        n_positions=1024,
        eos_token_id=codec.tokenizer.eos_token_id,
        bos_token_id=None,
    )
    transformers.set_seed(1)
    transformers.GPT2LMHeadModel(config).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("name", SERVED)
def test_a_served_model_writes_by_one_string(name: str, serve: Callable[[Behaviour], str], tmp_path: Path) -> None:
    served = f"openai:mock@{serve(Behaviour(prompt_logprobs=True))}"
    play(name, tmp_path / "run", words_of(name, tmp_path, *SERVED[name], served=served))
    with Store(tmp_path / "run") as store:
        asked = [effect.request["model"] for effect in store.effects() if effect.kind == "generate"]
    assert asked


@pytest.mark.parametrize("name", TRAINED)
def test_a_folder_of_transformers_is_trained_by_one_string(name: str, foreign: Path, tmp_path: Path) -> None:
    play(name, tmp_path / "run", words_of(name, tmp_path, *TRAINED[name], folder=str(foreign)))
    trained = [
        transformers.AutoModelForCausalLM.from_pretrained(path.parent)
        for path in (tmp_path / "run" / "artefacts").glob("*/model.safetensors")
    ]
    assert trained
    assert {type(model).__name__ for model in trained} == {"GPT2LMHeadModel"}
