"""The run: one folder with its store, its models, its datasets and its progress. The one object a user holds.

    runs/exam/
      run.json       format and settings
      store.sqlite   every effect, so that nothing paid is paid twice
      data/…         the datasets
      artefacts/…    trained weights, by content
      report.html    the page that shows it

Recipes are async and await `agrow` and `afit`; scripts and notebooks call `grow` and `fit`, which do the same on the
run's own event loop in a thread of its own, so they also work where a loop already runs.
"""

import asyncio
import json
import re
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

import uvloop

from regrowth import __version__
from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError, StoreError
from regrowth.core.files import told, write_text
from regrowth.core.flow import Progress, Work, each, grow
from regrowth.core.protocols import Backend, Executor
from regrowth.core.record import Record
from regrowth.core.store import FORMAT, Store
from regrowth.curation.examiners import EXAMINERS
from regrowth.curation.lock import Override, Policy, admitted, examined, signed
from regrowth.models.model import RememberedModel
from regrowth.models.spec import backend
from regrowth.run.forgetting import Forgotten, forget
from regrowth.run.previewing import Forecast, previewed
from regrowth.sandbox.ladder import sandbox
from regrowth.sandbox.remembered import RememberedExecutor
from regrowth.training.settings import TrainingSettings

if TYPE_CHECKING:
    from regrowth.training.phases import Phase

__all__ = ["Forecast", "Forgotten", "Run", "Watcher", "open_run"]

T = TypeVar("T")
R = TypeVar("R")
CREDENTIALS = re.compile(r"://[^/@\s\"]*@")
"""User and password in an address: refused by the backend, and never written down."""
WIDTH = 512
"""Pieces of work held at a time: enough for full batches in this process, few enough for the memory."""
PREVIEW_STEPS = 4
"""Training steps that a preview takes to time one."""


class Watcher:
    """Hear what a run does; the command line draws it. This one keeps silent."""

    def growing(self, progress: Progress) -> None:
        """Hear that an attempt was settled."""

    def training(self, name: str, step: int, steps: int, facts: Mapping[str, float]) -> None:
        """Hear that a training step was taken."""

    def working(self, name: str, done: int, total: int) -> None:
        """Hear that one of many equal pieces of work is done."""

    def noting(self, text: str) -> None:
        """Hear something that a person should know, though nothing failed."""


@dataclass
class Run:
    """Hold one run folder. Use as a context manager; one process writes a folder at a time."""

    folder: Path
    watcher: Watcher = field(default_factory=Watcher)
    preview: int = 0
    """Records per dataset, at most, when only a preview is wanted; 0 runs in full."""
    shard: tuple[int, int] | None = None
    """(index, of): this process tries every of-th seed of each one-pass `grow`."""
    isolation: str | Executor = "auto"
    """What runs untrusted code: a kind that `sandbox()` knows, or an executor of yours."""
    track: str = ""
    """Where the figures of trainings go besides: `tensorboard:FOLDER`, `trackio:PROJECT`, `wandb:PROJECT`, nowhere."""
    policy: str | Path = ""
    """File that says what a dataset must pass before it is trained on; nothing takes what comes with the package."""
    override: str = ""
    """Who signs for datasets that did not pass, and why: `name: reason`. It stays in the lineage of the weights."""

    def __post_init__(self) -> None:
        self.forecasts: list[Forecast] = []
        self._policy = Policy.read(self.policy)
        self._override = Override.read(self.override) if self.override else None
        _check_folder(self.folder)
        self.store = Store(self.folder)
        self._backends: dict[str, Backend] = {}
        self._names: dict[str, str] = json.loads((self.folder / "run.json").read_text("utf-8")).get("models", {})
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="regrowth", daemon=True)
        self._thread.start()

    def remember(self, recipe: str, settings: Mapping[str, Any]) -> None:
        """Note in `run.json` what was run here, for the report and for whoever finds the folder."""
        self._note(recipe=recipe, settings=settings)

    def _note(self, **facts: Any) -> None:
        known = json.loads((self.folder / "run.json").read_text("utf-8"))
        text = json.dumps({**known, "regrowth": __version__, **facts}, indent=1)
        write_text(self.folder / "run.json", CREDENTIALS.sub("://", text) + "\n")

    # Models -----------------------------------------------------------------------------------------------------

    def model(self, name: str | Path, **options: Any) -> RememberedModel:
        """Return a model by its one string: `tiny`, `hf:org/name`, `./folder`, `openai:model@http://host/v1`, …

        Raises:
            SettingsError: no such kind of model.
            MissingExtra: it needs an optional dependency.
        """
        key = json.dumps([str(name), options], sort_keys=True, default=repr)
        if key not in self._backends:
            self._backends[key] = backend(str(name), **options)
        return self._named(RememberedModel(self._backends[key], self.store, str(name)))

    def _named(self, model: RememberedModel) -> RememberedModel:
        """Note what a person calls a model, so that the report need not speak in digests."""
        if self._names.get(model.digest) is None:
            self._names[model.digest] = model.name
            self._note(models=self._names)
        return model

    # Code runs --------------------------------------------------------------------------------------------------

    @cached_property
    def sandbox(self) -> RememberedExecutor:
        """Return what runs untrusted code here; every run of a program is remembered."""
        found = sandbox(self.isolation) if isinstance(self.isolation, str) else self.isolation
        return RememberedExecutor(found, self.store)

    # Rows create ------------------------------------------------------------------------------------------------

    async def agrow(
        self, seeds: Iterable[Record], work: Work, *collaborators: object, name: str = "data", **settings: Any
    ) -> Dataset:
        """Grow a dataset under a name; settings as in `core.flow.grow`."""
        settings = {"on_progress": self.watcher.growing, "shard": self.shard, **settings}
        path = self._place(name)
        if not self.preview:
            return await grow(seeds, work, *collaborators, store=self.store, path=path, **settings)
        few, settings, planned = previewed(seeds, settings, self.preview)
        start = time.monotonic()
        dataset = await grow(few, work, *collaborators, store=self.store, path=path, **settings)
        attempts = sum(tally["attempted"] for tally in dataset.manifest["funnel"]["strata"].values())
        done = len(dataset) if settings.get("quotas") else attempts
        self.forecasts.append(Forecast(name, done, planned, dataset.manifest["cost"], time.monotonic() - start))
        return dataset

    def grow(self, seeds: Iterable[Record], work: Work, *collaborators: object, **settings: Any) -> Dataset:
        """Grow a dataset; the blocking twin of `agrow`."""
        return self.wait(self.agrow(seeds, work, *collaborators, **settings))

    async def aeach(self, items: Sequence[T], work: Callable[[T], Awaitable[R]], *, name: str) -> list[R]:
        """Apply an async function to all items, concurrently; return the results in order."""
        some = items[: self.preview] if self.preview else items
        start = time.monotonic()
        results: list[R] = []
        async for result in each(some, work, width=WIDTH):
            results.append(result)
            self.watcher.working(name, len(results), len(some))
        if self.preview:
            self.forecasts.append(Forecast(name, len(some), len(items), {}, time.monotonic() - start))
        return results

    def _place(self, name: str) -> Path:
        """Return where a dataset lies; what a preview makes never stands in the place of the real thing."""
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
            raise SettingsError(f"{name!r} cannot name a dataset: use a-z, 0-9, dot, dash and underscore.")
        return self.folder / ("preview" if self.preview else "data") / name

    def dataset(self, name: str) -> Dataset:
        """Open a finished dataset of this run.

        Raises:
            DataError: there is none; the message lists those there are.
        """
        try:
            return Dataset(self._place(name))
        except DataError as error:
            names = ", ".join(found.path.name for found in self.datasets()) or "none"
            raise DataError(f"{error} Datasets of this run: {names}.") from None

    def datasets(self) -> list[Dataset]:
        """Return the finished datasets of this run, by name."""
        return [Dataset(path.parent) for path in sorted(self._place("x").parent.glob("[!.]*/manifest.json"))]

    def write(self, name: str, records: Iterable[Record], **facts: Any) -> Dataset:
        """Write records as a dataset of this run: a mix, a split, the real data that are kept."""
        kept = (record for record in records if not self.store.is_forgotten(record.id))
        return Dataset.write(self._place(name), kept, **facts)

    def admitted(self, data: Dataset) -> tuple[Dataset, str]:
        """Examine a dataset as the policy asks; return it with its verdicts, and what was signed for.

        Raises:
            DataError: it does not pass, and nobody signs for it.
        """
        data = examined(data, self._policy, EXAMINERS)
        words = admitted(data, self._policy, self._override)
        return signed(data, words), words

    # Models are trained -----------------------------------------------------------------------------------------

    async def afit(
        self,
        model: RememberedModel,
        data: Dataset,
        settings: TrainingSettings,
        *,
        name: str = "model",
        models: Mapping[str, RememberedModel] | None = None,
        **how: Any,
    ) -> RememberedModel:
        """Train a model on a dataset and return the trained one; `objective`, `held_out` as in `training.fit`.

        Args:
            models: the objective's other models, by name. A reference that is not named is `model` as it is now.

        Raises:
            SettingsError: the model has no weights in this process to train.
            DataError: the dataset does not pass the policy, and nobody signs for it.
        """
        from regrowth.training.fit import fit  # torch, on first use
        from regrowth.training.trackers import tracker

        data, words = await asyncio.to_thread(self.admitted, data)
        planned = settings.steps
        if self.preview:
            settings = settings.model_copy(update={"steps": min(PREVIEW_STEPS, planned)})
        start = time.monotonic()

        def on_step(step: int, facts: Mapping[str, float]) -> None:
            self.watcher.training(name, step, settings.steps, facts)
            if track is not None:
                track(step, facts)

        others = {role: other.folder for role, other in (models or {}).items()}
        how = {"settings": settings, "store": self.store, "models": others, "on_step": on_step, **how}
        how["override"] = words
        with tracker(self.track, name=name) if self.track else nullcontext() as track:
            folder = await fit(model.folder, data, data.fingerprint, **how)
        if self.preview:
            self.forecasts.append(Forecast(name, settings.steps, planned, {}, time.monotonic() - start))
        trained = RememberedModel(backend(str(folder.resolve())), self.store, f"trained on {name}")
        self._backends[trained.digest] = trained.backend
        return self._named(trained)

    def fit(self, model: RememberedModel, data: Dataset, settings: TrainingSettings, **how: Any) -> RememberedModel:
        """Train a model; the blocking twin of `afit`."""
        return self.wait(self.afit(model, data, settings, **how))

    async def afit_phases(self, model: RememberedModel, plan: "Sequence[Phase]") -> list[RememberedModel]:
        """Train phase after phase, each from the weights of the one before; return the model of each.

        Raises:
            SettingsError: the plan does not hold together, or a training fails.
        """
        from regrowth.training.phases import checked, mixed  # torch, on first use

        trained: list[RememberedModel] = []
        for place, phase in enumerate(checked(plan)):
            data = mixed(phase, plan[:place], self.write)
            others = {role: self.model(other) for role, other in phase.models.items()}
            how: dict[str, Any] = {"objective": phase.objective, "models": others, "held_out": phase.held_out}
            start = trained[-1] if trained else model
            trained.append(await self.afit(start, data, phase.settings, name=phase.name, **how))
        return trained

    def fit_phases(self, model: RememberedModel, plan: "Sequence[Phase]") -> list[RememberedModel]:
        """Train phase after phase; the blocking twin of `afit_phases`."""
        return self.wait(self.afit_phases(model, plan))

    # Forgetting -------------------------------------------------------------------------------------------------

    def forget(self, ids: Iterable[str]) -> Forgotten:
        """Remove records and all that was made from them: effects, dataset rows, models trained on them.

        Forgotten seeds, and calls that served a forgotten record, are refused from here on; run the recipe again to
        train without them.
        """
        return forget(self.folder, self.store, self.datasets(), ids)

    # The edge ---------------------------------------------------------------------------------------------------

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the run's loop and wait for it. Ctrl-C cancels it; what is committed stays."""
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except KeyboardInterrupt:
            future.cancel()
            asyncio.run_coroutine_threadsafe(_settled(), self._loop).result()
            raise

    def close(self) -> None:
        """Give back connections, the loop and the folder."""
        try:
            self.wait(_closed(self._backends.values()))
            if "sandbox" in vars(self):
                self.sandbox.close()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_run(folder: str | Path, **settings: Any) -> Run:
    """Open a run folder, making it if it is new.

    Raises:
        StoreError: it cannot be written, is in use, or belongs to another version.
    """
    return Run(Path(folder), **settings)


def _check_folder(folder: Path) -> None:
    """Write `run.json`, or check that the one there can be read by this version."""
    path = folder / "run.json"
    try:
        if path.exists():
            found = json.loads(path.read_text("utf-8"))
            if found.get("format") != FORMAT:
                raise StoreError(
                    f"{folder}: run format {found.get('format')}, made by regrowth {found.get('regrowth')}; "
                    f"this version reads format {FORMAT}. Use the regrowth that made it, or choose a new folder."
                )
            return
        if folder.is_dir() and any(folder.iterdir()) and not (folder / "store.sqlite").exists():
            raise StoreError(f"{folder}: not empty and not a run folder. Choose a new or an empty folder.")
        folder.mkdir(parents=True, exist_ok=True)
        write_text(path, json.dumps({"format": FORMAT, "regrowth": __version__}) + "\n")
    except StoreError:
        raise
    except (OSError, ValueError) as error:
        raise told(error, folder) from error


async def _settled() -> None:
    """Wait until every other task of the loop has ended."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)


async def _closed(backends: Iterable[Backend]) -> None:
    await asyncio.gather(*(one.close() for one in backends))
