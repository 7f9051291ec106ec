"""Phases: one training after another, each from the weights of the one before, earlier data replayed.

Source: LAB (Sudalairaj et al., 2024, arXiv:2403.01081, section 3.3): knowledge first, then skills; every phase replays
all data of the earlier ones, and no phase that another follows ends at a learning rate near zero, which would leave
the weights where the next phase cannot move them. Departs from it in two points: how much is replayed is a choice
(LAB: 1.0), and what is replayed is drawn without replacement.

    plan = [
        Phase("knowledge", facts, supervised("everything"), TrainingSettings(steps=400)),
        Phase("skills", skills, sft, TrainingSettings(steps=200), replay=0.5),
    ]
    first, second = await phases("models/tiny", plan, store=store)     # folders of weights

The records of `skills` are trained with as many of `facts`. The mix is a dataset of its own, `skills-mix`, named by
its records: the fit has the right key, and what is forgotten is found in it.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from regrowth.core.dataset import Dataset
from regrowth.core.errors import SettingsError
from regrowth.core.record import Record
from regrowth.core.store import Store
from regrowth.training.fit import fit
from regrowth.training.objectives import Objective, sft
from regrowth.training.settings import TrainingSettings

__all__ = ["Phase", "Write", "checked", "mixed", "phases"]

LOWEST = 0.5
"""Share of the peak that the learning rate must still have when another phase follows."""

Write: TypeAlias = Callable[..., Dataset]
"""Writes records as a dataset under a name: write(name, records, **facts). `Run.write` is one."""


@dataclass(frozen=True)
class Phase:
    """Say what is trained on what, and how much of the earlier phases comes again."""

    name: str
    data: Dataset
    objective: Objective = sft
    settings: TrainingSettings = field(default_factory=TrainingSettings)
    replay: float = 0.0
    """Share of this phase's records that come from earlier phases: 0 none, 0.5 as many old as new ones, 1 all there
    are. Where fewer are there than that takes, all of them."""
    may_cool: bool = False
    """Whether the learning rate may fall below half its peak although another phase follows."""
    models: Mapping[str, str | Path] = field(default_factory=dict)
    """The objective's other models, by name. A reference that is missing is the phase's start."""
    held_out: Dataset | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.replay <= 1:
            raise SettingsError(f"Phase {self.name!r}: replay = {self.replay}, expected a share from 0 to 1.")


async def phases(
    base: str | Path,
    plan: Sequence[Phase],
    *,
    store: Store,
    examine: Callable[[Dataset], Dataset] = lambda dataset: dataset,
    on_step: Callable[[str, int, dict[str, float]], None] | None = None,
) -> list[Path]:
    """Train phase after phase and return the weights of each; what was done before is answered from the store.

    Mixes are written to `data/` beside the store, where a `Run` keeps its datasets. Inside a run use `Run.afit_phases`.

    Args:
        examine: returns a dataset, mixes included, with the verdicts that `fit` asks for (`curation.lock.examined`).
        on_step: hears the phase's name, the step and its figures.

    Raises:
        SettingsError: the plan does not hold together (see `checked`), or a training fails.
        DataError: nothing can be trained on, or a dataset was not examined or did not pass.
    """
    folders: list[Path] = []
    for place, phase in enumerate(checked(plan)):
        data = examine(mixed(phase, plan[:place], _writer(store)))
        folder = await fit(
            folders[-1] if folders else base,
            data,
            data.fingerprint,
            phase.objective,
            phase.settings,
            store=store,
            models=phase.models,
            held_out=phase.held_out,
            on_step=on_step and _told(on_step, phase.name),
        )
        folders.append(folder)
    return folders


def checked(plan: Sequence[Phase]) -> Sequence[Phase]:
    """Return a plan as it is.

    Raises:
        SettingsError: two phases have one name, the first replays, or one that another follows ends too cool.
    """
    names = [phase.name for phase in plan]
    if doubled := [name for name in names if names.count(name) > 1]:
        raise SettingsError(f"Two phases are called {doubled[0]!r}. Give each a name of its own.")
    if plan and plan[0].replay:
        raise SettingsError(f"Phase {names[0]!r} is the first, so there is nothing to replay. Set replay = 0.")
    for phase in plan[:-1]:
        share = phase.settings.rate_at(phase.settings.steps) / phase.settings.learning_rate
        if share < LOWEST and not phase.may_cool:
            raise SettingsError(
                f"Phase {phase.name!r} ends at {share:.0%} of its peak learning rate and another phase follows, which "
                f"should find weights that still move: at least {LOWEST:.0%}. Set schedule = 'constant' (and warmup "
                "below steps), or may_cool = True."
            )
    return plan


def mixed(phase: Phase, earlier: Sequence[Phase], write: Write) -> Dataset:
    """Return what a phase is trained on: its own data, or a dataset of these and what is replayed."""
    if not phase.replay:
        return phase.data
    own = {record.id for record in phase.data}
    pool = _pool(earlier, own)
    chosen = set(_drawn(pool, _wanted(phase, len(pool)), f"{phase.settings.seed} {phase.name}"))
    parts = {one.name: one.data.fingerprint for one in (*earlier, phase)}
    facts = {"replay": phase.replay, "replayed": len(chosen), "parts": parts}
    return write(f"{phase.name}-mix", _mix(phase, earlier, chosen), **facts)


def _pool(earlier: Sequence[Phase], own: set[str]) -> list[str]:
    """Return the ids of all records of earlier phases that the phase does not have itself, each once."""
    ids = (record.id for phase in earlier for record in phase.data)
    return list(dict.fromkeys(name for name in ids if name not in own))


def _wanted(phase: Phase, most: int) -> int:
    """Return how many records make up the share that is asked for: new · share / (1 - share)."""
    if phase.replay == 1:
        return most
    return min(most, round(len(phase.data) * phase.replay / (1 - phase.replay)))


def _drawn(pool: Sequence[str], count: int, seed: str) -> list[str]:
    return random.Random(seed).sample(pool, count)


def _mix(phase: Phase, earlier: Sequence[Phase], chosen: set[str]) -> Iterator[Record]:
    """Yield the phase's own records, then the chosen ones of earlier phases in their order."""
    yield from phase.data
    left = set(chosen)
    for record in (record for one in earlier for record in one.data):
        if record.id in left:
            left.remove(record.id)
            yield record


def _writer(store: Store) -> Write:
    def write(name: str, records: Iterator[Record], **facts: object) -> Dataset:
        kept = (record for record in records if not store.is_forgotten(record.id))
        return Dataset.write(store.folder / "data" / name, kept, **facts)

    return write


def _told(on_step: Callable[[str, int, dict[str, float]], None], name: str) -> Callable[[int, dict[str, float]], None]:
    return lambda step, facts: on_step(name, step, facts)
