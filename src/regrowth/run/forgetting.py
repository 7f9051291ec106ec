"""Forgetting by lineage: records, all that was made from them, and the models trained on any of it.

forget(run.folder, run.store, run.datasets(), ["5f0c…"])
    Forgotten(records=12, effects=31, datasets=("verified-1",), models=("9a31…",))
"""

import itertools
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from regrowth.core.dataset import Dataset, rewritten
from regrowth.core.store import Effect, Store

__all__ = ["Forgotten", "forget"]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What `forget` removed."""

    records: int
    effects: int
    datasets: tuple[str, ...]
    models: tuple[str, ...]


def forget(folder: Path, store: Store, datasets: Sequence[Dataset], ids: Iterable[str]) -> Forgotten:
    """Delete records and their descendants from a run: effects, rows of datasets, weights."""
    gone = store.descendants(ids)
    changed = [dataset for dataset in datasets if _mentions(dataset, gone)]
    built = _built_on(folder, store, {dataset.fingerprint for dataset in changed})
    models = [effect.value["folder"] for effect in built if effect.kind == "fit"]
    rows = sum(len(dataset) for dataset in changed)
    rows -= sum(len(rewritten(dataset, gone)) for dataset in changed)
    effects = store.forget(gone)
    for effect in built:
        shutil.rmtree(folder / "artefacts" / effect.value["folder"], ignore_errors=True)
    return Forgotten(rows, effects, tuple(dataset.path.name for dataset in changed), tuple(models))


def _mentions(dataset: Dataset, ids: set[str]) -> bool:
    entries = itertools.chain(dataset.entries(), dataset.ledger())
    return any(
        ids.intersection((entry.record.id, *entry.record.parents, entry.passport.get("seed", ""))) for entry in entries
    )


def _built_on(folder: Path, store: Store, fingerprints: set[str]) -> list[Effect]:
    """Return the artefacts made of some data, and those made of the weights among them, and so on."""
    left = [effect for effect in store.effects() if effect.kind in ("fit", "score")]
    found: list[Effect] = []
    digests: set[str] = set()
    while True:
        fresh = [effect for effect in left if _made_of(effect, fingerprints, digests)]
        if not fresh:
            return found
        found += fresh
        left = [effect for effect in left if effect not in fresh]
        digests |= {name for effect in fresh if (name := _weights_of(folder, effect))}


def _made_of(effect: Effect, fingerprints: set[str], digests: set[str]) -> bool:
    asked = effect.request
    others = asked.get("models", {}).values()
    return asked.get("data") in fingerprints or not digests.isdisjoint((asked.get("base"), asked.get("model"), *others))


def _weights_of(folder: Path, effect: Effect) -> str:
    """Return what names the weights that a fit made, nothing if they are gone."""
    place = folder / "artefacts" / effect.value["folder"]
    if effect.kind != "fit" or not place.exists():
        return ""
    from regrowth.weights.loading import load  # torch, on first use

    return load(place).digest
