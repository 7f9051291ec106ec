"""Names on the hub, and what happens without the extra."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from regrowth import extras
from regrowth.core.errors import MissingExtra, ModelUnavailable
from regrowth.weights import hub
from regrowth.weights.loading import load
from support.networks import a_llama, saved


def pretend(monkeypatch: pytest.MonkeyPatch, answer: Path | Exception) -> list[tuple[str, str | None]]:
    """Stand in for the hub; return the list of what was asked of it."""
    asked: list[tuple[str, str | None]] = []

    def snapshot_download(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        assert not any(pattern.endswith((".bin", ".py", ".pt")) for pattern in allow_patterns)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    monkeypatch.setattr(hub, "library", lambda *_, **__: SimpleNamespace(snapshot_download=snapshot_download))
    return asked


def test_a_name_of_the_hub_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = saved(tmp_path, a_llama())
    asked = pretend(monkeypatch, folder)
    assert load("someone/small-model").digest == load("someone/small-model@v2").digest == load(folder).digest
    assert asked == [("someone/small-model", None), ("someone/small-model", "v2")]


def test_an_unreachable_hub_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    pretend(monkeypatch, OSError("no route to host"))
    with pytest.raises(ModelUnavailable, match="'someone/model', and the hub did not give it: no route to host"):
        load("someone/model")


def test_a_missing_library_says_the_pip_command() -> None:
    with pytest.raises(MissingExtra, match=r"Reading it needs no_such_library.*pip install 'regrowth\[hf\]'"):
        extras.library("no_such_library", "Reading it", extra="hf")


@pytest.mark.parametrize("module", ["weights.loading", "weights.codec", "models.torch"])
def test_without_torch_importing_says_the_pip_command(module: str) -> None:
    program = (
        "import sys; sys.modules['torch'] = None\n"
        "import importlib.util as util; find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)\n"
        f"from regrowth.core.errors import MissingExtra\ntry: import regrowth.{module}\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "MissingExtra" in done.stdout
    assert "pip install 'regrowth[train]'" in done.stdout
