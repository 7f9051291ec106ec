import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from regrowth.core.errors import SettingsError
from support.training import SHORT, additions, files, trained

TESTS = Path(__file__).parents[2]


class Crash(BaseException):
    """Stands for a kill: nothing gets the chance to tidy up on purpose."""


@pytest.fixture(scope="module")
def undisturbed(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """The result of a training that nothing disturbed: checkpoints after steps 3 and 6 of 8."""
    folder = tmp_path_factory.mktemp("undisturbed")
    trained(base, folder)
    return files(folder / "out")


def crash_at(step: int, base: Path, folder: Path) -> None:
    def on_step(number: int, _: object) -> None:
        if number == step:
            raise Crash

    with pytest.raises(Crash):
        trained(base, folder, on_step=on_step)


@pytest.mark.parametrize("step", range(1, SHORT.steps + 1))
def test_a_training_that_died_after_any_step_ends_with_the_same_bytes(
    step: int, base: Path, tmp_path: Path, undisturbed: Mapping[str, bytes]
) -> None:
    crash_at(step, base, tmp_path)
    trained(base, tmp_path)
    assert files(tmp_path / "out") == undisturbed


def test_a_training_that_died_again_and_again_ends_with_the_same_bytes(
    base: Path, tmp_path: Path, undisturbed: Mapping[str, bytes]
) -> None:
    for step in (2, 5, 4, 7):
        crash_at(step, base, tmp_path)
    trained(base, tmp_path)
    assert files(tmp_path / "out") == undisturbed


def test_what_was_done_before_the_checkpoint_is_not_done_again(base: Path, tmp_path: Path) -> None:
    crash_at(7, base, tmp_path)
    steps: list[int] = []
    trained(base, tmp_path, on_step=lambda step, _: steps.append(step))
    assert steps == [7, 8]


def test_a_sigkill_between_checkpoints_costs_nothing(
    base: Path, tmp_path: Path, undisturbed: Mapping[str, bytes]
) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from support.training import trained\n"
        "kill = lambda step, _: os.kill(os.getpid(), signal.SIGKILL) if step == 5 else None\n"
        "trained(Path(sys.argv[1]), Path(sys.argv[2]), on_step=kill)"
    )
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    killed = subprocess.run([sys.executable, "-c", program, str(base), str(tmp_path)], env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    trained(base, tmp_path)
    assert files(tmp_path / "out") == undisturbed


def test_a_damaged_checkpoint_falls_back_to_the_one_before(
    base: Path, tmp_path: Path, undisturbed: Mapping[str, bytes]
) -> None:
    crash_at(8, base, tmp_path)
    older, newest = sorted((tmp_path / "scratch").glob("checkpoint-*"))
    newest.write_bytes(newest.read_bytes()[:-100])
    steps: list[int] = []
    trained(base, tmp_path, on_step=lambda step, _: steps.append(step))
    assert steps[0] == int(older.stem.split("-")[1]) + 1 == 4
    assert files(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("harm", ["half a line", "a lost line", "a lost file", "a left draft"])
def test_a_torn_journal_or_draft_does_no_harm(
    harm: str, base: Path, tmp_path: Path, undisturbed: Mapping[str, bytes]
) -> None:
    crash_at(5, base, tmp_path)
    metrics = tmp_path / "scratch" / "metrics.jsonl"
    lines = metrics.read_text("utf-8").splitlines(keepends=True)
    match harm:
        case "half a line":
            metrics.write_text("".join(lines)[:-20], "utf-8")
        case "a lost line":
            metrics.write_text("".join(lines[:1] + lines[2:]), "utf-8")
        case "a lost file":
            metrics.unlink()
        case "a left draft":
            (tmp_path / "scratch" / ".checkpoint.unfinished").write_bytes(b"half a checkpoint")
    trained(base, tmp_path)
    assert files(tmp_path / "out") == undisturbed


def test_two_checkpoints_are_kept(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path, SHORT.model_copy(update={"checkpoint_every": 1}))
    names = sorted(path.name for path in (tmp_path / "scratch").glob("checkpoint-*"))
    assert names == ["checkpoint-00000006.safetensors", "checkpoint-00000007.safetensors"]


def test_a_stop_keeps_a_checkpoint_of_that_very_step(
    base: Path, tmp_path: Path, undisturbed: Mapping[str, bytes]
) -> None:
    steps: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        trained(base, tmp_path, on_step=lambda step, _: steps.append(step), stop=lambda: len(steps) == 5)
    assert (tmp_path / "scratch" / "checkpoint-00000005.safetensors").exists()
    trained(base, tmp_path, on_step=lambda step, _: steps.append(step))
    assert steps == list(range(1, SHORT.steps + 1))
    assert files(tmp_path / "out") == undisturbed


@pytest.mark.parametrize("change", ["settings", "records"])
def test_checkpoints_of_another_training_are_refused(change: str, base: Path, tmp_path: Path) -> None:
    crash_at(5, base, tmp_path)
    settings = SHORT.model_copy(update={"learning_rate": 1e-4}) if change == "settings" else SHORT
    records = additions(29) if change == "records" else None
    with pytest.raises(SettingsError, match=r"belongs to another training.*empty scratch folder"):
        trained(base, tmp_path, settings, records=records)
