import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.record import Record
from regrowth.core.store import Store
from regrowth.training.admission import UNSEEN
from regrowth.training.fit import fit
from regrowth.training.journal import read_log
from regrowth.training.objectives import Loss, Objective, View, sft
from regrowth.weights.loading import lineage, load
from support.training import SHORT, additions, files, trained

RECORDS = additions(30, rejected=True)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "run") as store:
        yield store


def test_a_fit_is_remembered_and_named_by_what_reaches_it(base: Path, store: Store) -> None:
    async def three() -> list[Path]:
        return [
            await fit(base, RECORDS, "thirty sums", sft, SHORT, store=store),
            await fit(base, RECORDS, "thirty sums", sft, SHORT.model_copy(update={"threads": 2}), store=store),
            await fit(base, RECORDS, "other sums", sft, SHORT, store=store),
        ]

    first, again, other = asyncio.run(three())
    assert first == again != other
    assert store.new_effects == 2
    told = lineage(first)
    assert told["base"] == load(base).digest
    assert told["data"] == "thirty sums"
    assert len(read_log(first).losses) == SHORT.steps


@pytest.mark.parametrize(
    "change",
    [
        {"settings": SHORT.model_copy(update={"seed": 1})},
        {"objective": Objective("sft", sft.loss, parameters={"smoothing": 0.1})},
    ],
)
def test_other_settings_and_other_objectives_are_other_effects(
    base: Path, store: Store, change: dict[str, object]
) -> None:
    given = {"settings": SHORT, "objective": sft}

    async def two() -> set[Path]:
        return {
            await fit(base, RECORDS, "thirty sums", **how, store=store)  # type: ignore[arg-type]
            for how in (given, given | change)
        }

    assert len(asyncio.run(two())) == 2


def test_the_event_loop_stays_live_and_hears_every_step(base: Path, store: Store) -> None:
    heard: list[int] = []
    beats = 0

    def on_step(step: int, facts: dict[str, float]) -> None:
        assert threading.current_thread() is threading.main_thread()
        assert facts["loss"] > 0
        heard.append(step)

    async def train_and_count() -> None:
        nonlocal beats
        training = asyncio.ensure_future(
            fit(base, RECORDS, "thirty sums", settings=SHORT, store=store, on_step=on_step)
        )
        while not training.done():
            beats += 1
            await asyncio.sleep(0.002)
        await training

    asyncio.run(train_and_count())
    assert heard == list(range(1, SHORT.steps + 1))
    assert beats > 5


def test_a_cancelled_fit_resumes_where_it_stopped_and_ends_alike(base: Path, store: Store, tmp_path: Path) -> None:
    steps: list[int] = []
    long = SHORT.model_copy(update={"steps": 60, "checkpoint_every": 1000})

    async def cancel_early() -> None:
        training = asyncio.ensure_future(
            fit(base, RECORDS, "thirty sums", settings=long, store=store, on_step=lambda step, _: steps.append(step))
        )
        while len(steps) < 3:
            await asyncio.sleep(0)
        training.cancel()
        await asyncio.sleep(0)
        training.cancel()  # an impatient second one must not let go of the thread
        with pytest.raises(asyncio.CancelledError):
            await training

    asyncio.run(cancel_early())
    stopped = len(steps)
    assert stopped < long.steps
    assert not any(thread.name.startswith("training") for thread in threading.enumerate())
    (kept,) = (store.folder / "scratch").glob("*/checkpoint-*")
    folder = asyncio.run(
        fit(base, RECORDS, "thirty sums", settings=long, store=store, on_step=lambda step, _: steps.append(step))
    )
    assert steps == list(range(1, long.steps + 1))
    assert not kept.parent.exists()
    lineage = {"base": load(base).digest, "data": "thirty sums", "override": UNSEEN}
    trained(base, tmp_path, long, lineage=lineage)
    assert files(folder) == files(tmp_path / "out")


def test_what_a_killed_save_left_behind_is_not_published(base: Path, store: Store) -> None:
    class Killed(BaseException):
        pass

    def dying(_: View) -> Loss:
        (scratch,) = (store.folder / "scratch").iterdir()
        (scratch / "out" / ".saving-xyz").mkdir(exist_ok=True)
        raise Killed

    objective = Objective("sft", dying)
    with pytest.raises(Killed):
        asyncio.run(fit(base, RECORDS, "thirty sums", objective, SHORT, store=store))
    folder = asyncio.run(fit(base, RECORDS, "thirty sums", sft, SHORT, store=store))
    assert ".saving-xyz" not in {path.name for path in folder.iterdir()}


def test_errors_reach_the_caller_and_are_not_remembered(base: Path, store: Store) -> None:
    with pytest.raises(DataError, match="Nothing to train on"):
        asyncio.run(fit(base, [Record.of("2 ?")], "empty", settings=SHORT, store=store))
    assert store.new_effects == 0


def test_where_torch_is_missing_the_extra_is_named() -> None:
    program = "import sys; sys.modules['torch'] = None; import regrowth.training.fit"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert "MissingExtra" in done.stderr
    assert "pip install 'regrowth[train]'" in done.stderr


def test_a_missing_gpu_is_told_before_anything_is_loaded(
    base: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    on_gpu = SHORT.model_copy(update={"device": "cuda"})
    with pytest.raises(SettingsError, match="no CUDA device"):
        asyncio.run(fit(base / "nowhere", RECORDS, "thirty sums", settings=on_gpu, store=store))


def test_other_scores_of_the_same_records_are_another_effect(base: Path, store: Store) -> None:
    weighed = Objective(
        "weighed",
        lambda view: Loss(-view.mean(view.columns["gap"] * view.logprobs_B("response"))),
        columns={"gap": None},
    )

    async def fitted(gap: float) -> Path:
        records = [record.scored(gap=gap) for record in RECORDS]
        return await fit(base, records, "thirty sums", weighed, SHORT, store=store)

    async def three() -> list[Path]:
        return [await fitted(1.0), await fitted(1.0), await fitted(0.5)]

    first, again, other = asyncio.run(three())
    assert first == again != other
