import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.store import Store
from regrowth.curation.examiners import EXAMINERS
from regrowth.curation.lock import Policy, examined
from regrowth.run import open_run
from regrowth.training.phases import Phase, checked, mixed, phases
from regrowth.weights.loading import lineage, load
from support.training import SHORT, additions, files

TESTS = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "run") as store:
        yield store


def sums(folder: Path, name: str, seed: int, count: int = 20) -> Dataset:
    """Write sums as a dataset; another seed makes others."""
    distinct = {record.id: record for record in additions(3 * count, seed=seed)}
    return Dataset.write(folder / name, list(distinct.values())[:count])


def a_plan(folder: Path, replay: float = 0.5, **changes: float) -> list[Phase]:
    """Return two phases of eight steps each."""
    first, second = sums(folder, "first", 1), sums(folder, "second", 2, 12)
    settings = SHORT.model_copy(update=changes)
    return [Phase("first", first, settings=settings), Phase("second", second, settings=settings, replay=replay)]


def made(folder: Path, replay: float, seed: int = 0) -> tuple[list[str], list[str], Dataset]:
    """Return the ids of both phases' own records, and the mix of the second."""
    plan = a_plan(folder, replay, seed=seed)
    mix = mixed(plan[1], plan[:1], lambda name, records, **facts: Dataset.write(folder / name, records, **facts))
    return [one.id for one in plan[0].data], [one.id for one in plan[1].data], mix


def passed(dataset: Dataset) -> Dataset:
    """Examine as the packaged policy asks."""
    return examined(dataset, Policy.read(), EXAMINERS)


# The mix ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("replay", "old"), [(0.25, 4), (0.5, 12), (0.6, 18), (0.9, 20), (1.0, 20)])
def test_replay_is_the_share_of_old_records_or_all_there_are(replay: float, old: int, tmp_path: Path) -> None:
    first, second, mix = made(tmp_path, replay)
    ids = [record.id for record in mix]
    assert ids[: len(second)] == second
    assert len(set(ids)) == len(ids) == 12 + old
    assert set(ids[12:]) <= set(first)
    assert mix.manifest["replayed"] == old


def test_equal_seeds_draw_the_same_and_others_draw_others(tmp_path: Path) -> None:
    mixes = [made(tmp_path / str(place), 0.5, seed)[2].fingerprint for place, seed in enumerate([0, 0, 1])]
    assert mixes[0] == mixes[1] != mixes[2]


def test_a_mix_names_its_parts(tmp_path: Path) -> None:
    _, _, mix = made(tmp_path, 0.5)
    parts = {name: Dataset(tmp_path / name).fingerprint for name in ("first", "second")}
    assert mix.manifest["parts"] == parts
    assert mix.fingerprint not in parts.values()


def test_a_record_of_two_phases_comes_once(tmp_path: Path) -> None:
    one = sums(tmp_path, "one", 1)
    plan = [Phase("one", one), Phase("two", one), Phase("three", sums(tmp_path, "three", 3), replay=1.0)]
    mix = mixed(plan[2], plan[:2], lambda name, records, **facts: Dataset.write(tmp_path / name, records, **facts))
    assert len(mix) == len({record.id for record in mix})
    assert {record.id for record in mix} == {record.id for phase in plan for record in phase.data}


def test_without_replay_a_phase_is_trained_on_its_own_dataset(tmp_path: Path) -> None:
    plan = a_plan(tmp_path, replay=0.0)
    assert mixed(plan[1], plan[:1], Dataset.write) is plan[1].data


# The plan -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"schedule": "cosine", "warmup": 2}, {"warmup": 100}])
def test_a_phase_that_another_follows_must_not_end_cool(change: dict[str, object], tmp_path: Path) -> None:
    data = sums(tmp_path, "some", 1)
    cool = SHORT.model_copy(update=change)
    first, second = Phase("first", data, settings=cool), Phase("second", data)
    with pytest.raises(SettingsError, match=r"'first' ends at 1?\d% of .*schedule = 'constant'.*may_cool = True"):
        checked([first, second])
    checked([second, first])
    checked([Phase("first", data, settings=cool, may_cool=True), second])


def test_a_plan_that_does_not_hold_together_is_refused(tmp_path: Path) -> None:
    data = sums(tmp_path, "some", 1)
    with pytest.raises(SettingsError, match="Two phases are called 'one'"):
        checked([Phase("one", data), Phase("one", data)])
    with pytest.raises(SettingsError, match="nothing to replay"):
        checked([Phase("one", data, replay=0.5)])
    for share in (-0.1, 1.5, float("nan")):
        with pytest.raises(SettingsError, match="expected a share from 0 to 1"):
            Phase("one", data, replay=share)


# Training -----------------------------------------------------------------------------------------------------------


def trained(base: Path, run: Path) -> list[Path]:
    """Train both phases in a run folder."""
    with Store(run) as store:
        return asyncio.run(phases(base, a_plan(run / "data"), store=store, examine=passed))


def test_each_phase_starts_from_the_weights_of_the_one_before(base: Path, store: Store) -> None:
    heard: list[tuple[str, int]] = []
    plan = a_plan(store.folder / "data")
    noting = {"on_step": lambda name, step, _: heard.append((name, step))}
    folders = asyncio.run(phases(base, plan, store=store, examine=passed, **noting))
    assert [lineage(folder)["base"] for folder in folders] == [load(base).digest, load(folders[0]).digest]
    mix = Dataset(store.folder / "data" / "second-mix")
    assert [lineage(folder)["data"] for folder in folders] == [plan[0].data.fingerprint, mix.fingerprint]
    assert heard == [(name, step) for name in ("first", "second") for step in range(1, SHORT.steps + 1)]
    effects = store.new_effects
    assert asyncio.run(phases(base, plan, store=store, examine=passed)) == folders
    assert store.new_effects == effects == 2


def test_phases_outside_of_a_run_ask_the_lock_too(base: Path, store: Store) -> None:
    plan = a_plan(store.folder / "data")
    with pytest.raises(DataError, match="first may not be trained on"):
        asyncio.run(phases(base, plan, store=store))
    for phase in plan:
        passed(phase.data)
    plan = [Phase(one.name, Dataset(one.data.path), settings=SHORT, replay=one.replay) for one in plan]
    with pytest.raises(DataError, match="second-mix may not be trained on"):
        asyncio.run(phases(base, plan, store=store))


@pytest.mark.slow
@pytest.mark.parametrize("moment", [5, 8, 9, 13])
def test_phases_killed_in_or_between_end_with_the_same_bytes(moment: int, base: Path, tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from regrowth.training import loop\n"
        "from test_phases import trained\n"
        "taken, steps = loop._update, []\n"
        "def dying(run, records, spread):\n"
        "    if len(steps) == int(sys.argv[3]): os.kill(os.getpid(), signal.SIGKILL)\n"
        "    steps.append(run.step)\n"
        "    return taken(run, records, spread)\n"
        "loop._update = dying\n"
        "trained(Path(sys.argv[1]), Path(sys.argv[2]))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{TESTS}:{Path(__file__).parent}"}
    arguments = [sys.executable, "-c", program, str(base), str(tmp_path / "torn"), str(moment)]
    assert subprocess.run(arguments, env=environment, check=False).returncode == -signal.SIGKILL
    assert len(list((tmp_path / "torn" / "artefacts").glob("*"))) == (moment >= SHORT.steps)
    torn, whole = trained(base, tmp_path / "torn"), trained(base, tmp_path / "whole")
    assert [files(folder) for folder in torn] == [files(folder) for folder in whole]


def test_a_forgotten_record_leaves_the_mix_and_takes_the_models_with_it(base: Path, tmp_path: Path) -> None:
    with open_run(tmp_path / "run") as run:
        data = {name: run.write(name, additions(20, seed=seed)) for seed, name in enumerate(("first", "second"))}
        plan = [
            Phase("first", data["first"], settings=SHORT),
            Phase("second", data["second"], settings=SHORT, replay=1.0),
        ]
        before = run.wait(phases(base, plan, store=run.store, examine=passed))
        known = {record.id for record in data["second"]}
        gone = next(record.id for record in data["first"] if record.id not in known)
        forgotten = run.forget([gone])
        assert set(forgotten.datasets) == {"first", "second-mix"}
        assert not any(folder.exists() for folder in before)
        assert gone not in {record.id for record in run.dataset("second-mix")}
        plan = [Phase(one.name, run.dataset(one.name), settings=SHORT, replay=one.replay) for one in plan]
        again = run.wait(phases(base, plan, store=run.store, examine=passed))
        assert gone not in {record.id for record in run.dataset("second-mix")}
        assert set(again).isdisjoint(before)
