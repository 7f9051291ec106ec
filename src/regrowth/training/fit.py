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
from collections.abc import Callable, Iterable
from pathlib import Path

import regrowth.weights  # noqa: F401 -- first of all: where torch is missing, it says which extra to install
from regrowth.core.record import Json, Record
from regrowth.core.store import Store
from regrowth.training.loop import VERSION, OnStep, check_device, train
from regrowth.training.objectives import Objective, sft
from regrowth.training.settings import TrainingSettings
from regrowth.weights.loading import load

__all__ = ["fit"]


async def fit(
    base: str | Path,
    records: Iterable[Record],
    fingerprint: str,
    objective: Objective = sft,
    settings: TrainingSettings = TrainingSettings(),  # noqa: B008 -- frozen
    *,
    store: Store,
    on_step: OnStep | None = None,
) -> Path:
    """Return the folder of weights trained on records, training them first if that was not done before.

    The event loop stays live: training runs in a thread. Cancelling stops it before its next step, with a checkpoint.

    Args:
        base: folder or hub name of the weights to start from.
        fingerprint: names the records and their order; reaches the key.
        on_step: called on the event loop.

    Raises:
        DataError: no record can be trained on, or the base cannot be read.
        SettingsError: the training diverged, or there is no such base or device.
        StoreError: the disk is full or refuses to be written.
    """
    check_device(settings.device)
    weights = await asyncio.to_thread(load, base, device=settings.device)
    lineage = {"base": weights.digest, "data": fingerprint}
    request: dict[str, Json] = {
        **lineage,
        "objective": objective.to_json(),
        "settings": settings.to_json(),
        "version": VERSION,
    }
    loop = asyncio.get_running_loop()

    def heard(step: int, facts: dict[str, float]) -> None:
        if on_step is not None:
            loop.call_soon_threadsafe(on_step, step, facts)

    async def build(scratch: Path) -> None:
        out = scratch / "out"
        shutil.rmtree(out, ignore_errors=True)  # a killed attempt may have left half of a file there
        out.mkdir(parents=True)
        where = {"out": out, "scratch": scratch}
        await _in_thread(
            lambda stop: train(
                weights, records, objective, settings, **where, lineage=lineage, on_step=heard, stop=stop
            )
        )

    return await store.artefact("fit", request, build)


async def _in_thread(work: Callable[[Callable[[], bool]], object]) -> None:
    """Run work(stop) in a thread; when cancelled, have it stop and wait until it has."""
    halt = threading.Event()

    def run() -> None:
        try:
            work(halt.is_set)
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
