"""Fit: trained weights out of base weights and records, as one remembered effect.

    folder = await fit("models/tiny", dataset, dataset.fingerprint, sft, TrainingSettings(steps=150), store=store)
    load(folder)            # the trained network; its header names base, data, objective and settings
    read_log(folder)        # losses, tokens, records that could not be trained on

The key holds all that reaches the weights, so an equal request is answered from the store. A training that was killed
resumes from its own checkpoints in the scratch folder of its key.
"""

import asyncio
import shutil
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import cast

import regrowth.weights  # noqa: F401 -- first of all: where torch is missing, it says which extra to install
from regrowth.core.dataset import Dataset
from regrowth.core.record import Json, Record, digest
from regrowth.core.store import Store
from regrowth.training.admission import permit, signatures
from regrowth.training.intake import VERSION, carried_digest, check_device
from regrowth.training.journal import OnStep
from regrowth.training.loop import train
from regrowth.training.objectives import Objective, sft
from regrowth.training.reference import Remember
from regrowth.training.settings import TrainingSettings
from regrowth.weights.heads import RewardNetwork, with_head
from regrowth.weights.loading import Weights, load

__all__ = ["fit", "loaded"]


async def fit(
    base: str | Path,
    records: Iterable[Record],
    fingerprint: str,
    objective: Objective = sft,
    settings: TrainingSettings = TrainingSettings(),  # noqa: B008 -- frozen
    *,
    store: Store,
    models: Mapping[str, str | Path] | None = None,
    held_out: Dataset | None = None,
    accept_template: bool = False,
    override: str = "",
    on_step: OnStep | None = None,
) -> Path:
    """Return the folder of weights trained on records, training them first if that was not done before.

    Training runs in a thread, `on_step` on the event loop. Cancelling stops it before its next step, with a checkpoint.

    Args:
        base: folder or hub name of the weights to start from; an objective that trains a head gets one put on.
        fingerprint: names the records and their order; reaches the key.
        models: the objective's other models, by name: `{"persona": folder}`. A reference that is missing is the base.
        held_out: records that are looked at every `evaluate_every` steps; the best weights are returned.
        accept_template: train although the chat template writes answers otherwise; the weights' header says so.
        override: who signs for records that did not pass, and why. It stays in the header of these weights and of all
            that are trained on from them; so does that records in memory were not examined.

    Raises:
        DataError: no record can be trained on, or the base cannot be read; or the records are a dataset that was not
            examined or did not pass, and nobody signed for it (see `admission`).
        SettingsError: the training diverged, or there is no such base, device or other model.
        StoreError: the disk cannot be written.
    """
    check_device(settings.device)
    words = await asyncio.to_thread(permit, records, override)
    weights, others = await asyncio.to_thread(loaded, base, objective, settings, models or {})
    lineage = {"base": weights.digest, "data": fingerprint, **signatures(weights, words)}
    beside: dict[str, Json] = {
        "columns": await asyncio.to_thread(_columns, objective, records, held_out),
        "models": {name: other.digest for name, other in others.items()},
        "held_out": held_out.fingerprint if held_out is not None else "",
        "optimizer": carried_digest(Path(base)) if settings.carry else "",
        "accept_template": accept_template,
    }
    what = {"objective": objective.to_json(), "settings": settings.to_json(), "version": VERSION}
    request = cast("dict[str, Json]", {**lineage, **{name: fact for name, fact in beside.items() if fact}, **what})
    loop = asyncio.get_running_loop()

    def heard(step: int, facts: dict[str, float]) -> None:
        if on_step is not None:
            loop.call_soon_threadsafe(on_step, step, facts)

    async def build(scratch: Path) -> None:
        out = scratch / "out"
        shutil.rmtree(out, ignore_errors=True)  # a killed attempt may have left half of a file there
        out.mkdir(parents=True)
        work = partial(
            train,
            *(weights, records, objective, settings),
            out=out,
            scratch=scratch,
            lineage=lineage,
            models=others,
            held_out=held_out,
            base=Path(base),
            remember=_remembering(store, fingerprint, loop),
            accept_template=accept_template,
            on_step=heard,
        )
        await _in_thread(work)

    return await store.artefact("fit", request, build)


def _remembering(store: Store, fingerprint: str, loop: asyncio.AbstractEventLoop) -> Remember:
    """Return a memory, for the thread that trains, that is the store."""

    def remember(score: Mapping[str, Json], fill: Callable[[Path], None]) -> Path:
        async def build(scratch: Path) -> None:
            await asyncio.to_thread(fill, scratch / "out")

        named = {**score, "data": fingerprint}
        return asyncio.run_coroutine_threadsafe(store.artefact("score", named, build), loop).result()

    return remember


def _columns(objective: Objective, *parts: Iterable[Record] | None) -> str:
    """Name the numbers that an objective reads: scores are no part of a record's id, nor of a fingerprint."""
    if not objective.columns:
        return ""
    found = [
        [repr(record.scores.get(name, record.attributes.get(name))) for name in sorted(objective.columns)]
        for part in parts
        for record in part or ()
    ]
    return digest("columns", found)


def loaded(
    base: str | Path, objective: Objective, settings: TrainingSettings, models: Mapping[str, str | Path]
) -> tuple[Weights, dict[str, Weights]]:
    """Load the base, with a head if the objective trains one, and the other models."""
    small = settings.lora is not None and settings.lora.bits == 4  # the whole of it need not fit on a GPU
    weights = load(base, device="cpu" if small else settings.device)
    if objective.head and not isinstance(weights.network, RewardNetwork):
        weights = with_head(weights, objective.head, seed=settings.seed)
    return weights, {name: load(model, device=settings.device) for name, model in models.items()}


async def _in_thread(work: Callable[..., object]) -> None:
    """Run work(stop=…) in a thread; when cancelled, have it stop and wait until it has."""
    halt = threading.Event()

    def run() -> None:
        try:
            work(stop=halt.is_set)
        except KeyboardInterrupt:
            if not halt.is_set():
                raise

    running = asyncio.get_running_loop().run_in_executor(None, run)
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        halt.set()
        # The thread owns the scratch folder: nobody may touch that before it is done, however often they cancel.
        while not running.done():
            try:
                await asyncio.wait([running])
            except asyncio.CancelledError:
                continue
        running.exception()
        raise
