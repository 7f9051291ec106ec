"""The laws on every recipe: a finished run replays for nothing, one that was stopped ends as if undisturbed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.errors import StoreError
from regrowth.core.store import Store
from regrowth.recipes import RECIPES
from support.flows import bytes_of
from support.recipes import SLOW, SMALL, play, remark, words_of
from support.runs import remembered

NAMES = [pytest.param(name, marks=pytest.mark.slow) if name in SLOW else name for name in SMALL]
STORED = ("blocks.json", "rounds.json")


def made(folder: Path) -> Mapping[str, bytes]:
    """Return what a run left for people: every dataset and weight, its ledger of rounds, the blocks of its report."""
    found = {
        f"{path.parent.name}/{name}": content
        for path in sorted((folder / "data").glob("[!.]*/manifest.json"))
        for name, content in bytes_of(Dataset(path.parent)).items()
    }
    weights = sorted((folder / "artefacts").glob("*/*.safetensors"))
    others = [folder / name for name in STORED if (folder / name).exists()]
    return found | {str(path.relative_to(folder)): path.read_bytes() for path in (*weights, *others)}


class Pulled:
    """Pull the plug: after so many new effects, the disk is full."""

    def __init__(self, after: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left, compute = after, Store._compute

        async def metered(store: Store, *request: Any) -> Any:
            if self.left <= 0:
                raise StoreError("the plug was pulled")
            self.left -= 1
            return await compute(store, *request)

        monkeypatch.setattr(Store, "_compute", metered)


@pytest.mark.parametrize("name", RECIPES)
def test_every_recipe_has_a_small_setting(name: str) -> None:
    assert name in SMALL, remark(name)


@pytest.mark.parametrize("name", NAMES)
def test_a_finished_run_replays_for_nothing_and_a_stopped_one_ends_the_same(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = words_of(name, tmp_path)
    first = play(name, tmp_path / "whole", words)
    left, effects = made(tmp_path / "whole"), remembered(tmp_path / "whole")
    assert effects
    assert first.store.new_effects == len(effects)
    assert play(name, tmp_path / "whole", words).store.new_effects == 0
    assert made(tmp_path / "whole") == left

    with monkeypatch.context() as patched:
        Pulled(len(effects) * 3 // 5, patched)
        with pytest.raises(StoreError, match="the plug was pulled"):
            play(name, tmp_path / "stopped", words)
    before = remembered(tmp_path / "stopped")
    assert len(before) < len(effects)
    play(name, tmp_path / "stopped", words)
    assert before < remembered(tmp_path / "stopped") == effects
    assert made(tmp_path / "stopped") == left
