import asyncio
import logging
import os
import struct
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from regrowth.core.errors import MissingExtra, SettingsError
from regrowth.core.store import Store
from regrowth.training.fit import fit
from regrowth.training.trackers import Tracker, tracker
from support.training import SHORT, additions

Told = list[tuple[str, int, float]]


def scalars(folder: Path) -> Told:
    """Return what an event file of TensorBoard holds: tag, step, value. Frames: length, its sum, event, its sum."""
    events = pytest.importorskip("tensorboardX.proto.event_pb2")
    (path,) = folder.glob("events.out.tfevents.*")
    left, found = path.read_bytes(), []
    while left:
        (length,) = struct.unpack("<Q", left[:8])
        event = events.Event.FromString(left[12 : 12 + length])
        found += [(one.tag, event.step, one.simple_value) for one in event.summary.value]
        left = left[12 + length + 4 :]
    return found


def test_a_training_tells_tensorboard_every_figure_of_every_step(base: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    heard: dict[int, Mapping[str, float]] = {}
    with Store(tmp_path / "run") as store, tracker(f"tensorboard:{tmp_path / 'logs'}", name="sums") as track:

        def on_step(step: int, facts: dict[str, float]) -> None:
            heard[step] = facts
            track(step, facts)

        asyncio.run(fit(base, additions(30), "sums", settings=SHORT, store=store, on_step=on_step))
    told = scalars(tmp_path / "logs" / "sums")
    expected = [(name, step, value) for step, facts in heard.items() for name, value in facts.items()]
    assert [one[:2] for one in told] == [one[:2] for one in expected]
    assert [one[2] for one in told] == pytest.approx([one[2] for one in expected], rel=1e-6)
    assert {one[1] for one in told} == set(range(1, SHORT.steps + 1))
    assert "loss" in {one[0] for one in told}


def test_what_is_seen_of_held_out_records_is_a_group_of_its_own(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    with tracker(f"tensorboard:{tmp_path}", name="x") as track:
        track(3, {"held-out loss": 0.5})
    assert scalars(tmp_path / "x") == [("held-out/loss", 3, 0.5)]


class Recorder:
    """Stands for trackio or wandb: notes what it is asked for."""

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}
        self.told: list[tuple[dict[str, float], int]] = []
        self.finished = 0

    def init(self, **how: Any) -> "Recorder":
        self.started = how
        return self

    def log(self, facts: dict[str, float], *, step: int) -> None:
        self.told.append((facts, step))

    def finish(self) -> None:
        self.finished += 1


def stand_in(name: str, monkeypatch: pytest.MonkeyPatch, **more: object) -> Recorder:
    recorder, module = Recorder(), ModuleType(name)
    module.__dict__.update({"init": recorder.init, "Settings": SimpleNamespace, "Error": KeyError, **more})
    monkeypatch.setitem(sys.modules, name, module)
    return recorder


@pytest.mark.parametrize("kind", ["trackio", "wandb"])
def test_a_dashboard_is_told_each_step_once_and_closed(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_ERROR_REPORTING", raising=False)
    recorder = stand_in(kind, monkeypatch)
    with tracker(f"{kind}:exam", name="dpo") as track:
        track(1, {"loss": 2.0})
        track(2, {"loss": 1.0})
    assert (recorder.started["project"], recorder.started["name"]) == ("exam", "dpo")
    assert recorder.told == [({"loss": 2.0}, 1), ({"loss": 1.0}, 2)]
    assert recorder.finished == 1


def test_wandb_is_asked_to_send_nothing_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = stand_in("wandb", monkeypatch)
    tracker("wandb:exam").close()
    settings = vars(recorder.started["settings"])
    for silenced in ("disable_code", "disable_git", "x_disable_meta", "x_disable_stats", "x_disable_machine_info"):
        assert settings[silenced] is True
    assert settings["x_save_requirements"] is settings["save_code"] is False
    assert settings["console"] == "off"


def test_a_wandb_that_cannot_start_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise KeyError("no API key")

    stand_in("wandb", monkeypatch, init=refuse)
    with pytest.raises(SettingsError, match=r"no API key.*WANDB_MODE=offline"):
        tracker("wandb:exam")


@pytest.mark.parametrize("spec", ["tensorboard", "tensorboard:", "mlflow:exam", "", ":x"])
def test_what_is_no_tracker_is_refused(spec: str) -> None:
    with pytest.raises(SettingsError, match="Expected tensorboard:FOLDER, trackio:PROJECT or wandb:PROJECT"):
        tracker(spec)


@pytest.mark.parametrize(
    ("kind", "library"), [("tensorboard", "tensorboardX"), ("trackio", "trackio"), ("wandb", "wandb")]
)
def test_a_missing_library_names_its_extra(kind: str, library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(MissingExtra, match=rf"{library}.*pip install 'regrowth\[{kind}\]'"):
        tracker(f"{kind}:exam")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="tensorboard could not be started"):
        tracker(f"tensorboard:{tmp_path / 'file'}", name="x")


def test_a_dashboard_that_fails_is_told_of_once_and_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    asked: list[int] = []

    def fail(step: int, _: object) -> None:
        asked.append(step)
        raise ConnectionError("gone")

    with caplog.at_level(logging.WARNING), Tracker("trackio", fail, lambda: fail(0, {})) as track:
        for step in (1, 2, 3):
            track(step, {"loss": 1.0})
    assert asked == [1, 0]
    assert [record.getMessage() for record in caplog.records] == [
        "trackio takes no more figures: gone. The training goes on without it.",
        "trackio did not close: gone.",
    ]


def test_no_dashboard_is_loaded_unless_it_is_asked_for() -> None:
    program = (
        "import sys, regrowth.training.fit, regrowth.training.trackers\n"
        "print([name for name in ('tensorboardX', 'trackio', 'wandb', 'requests') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "files"), [("trackio", "*.db*"), ("wandb", "*.wandb")])
def test_the_library_itself_writes_to_this_machine_alone(kind: str, files: str, tmp_path: Path) -> None:
    pytest.importorskip(kind)
    program = (
        "from regrowth.training.trackers import tracker\n"
        f"with tracker('{kind}:exam', name='x') as track: track(1, {{'loss': 2.5}})\n"
        "assert track.works"
    )
    places = {"TRACKIO_DIR": str(tmp_path), "WANDB_DIR": str(tmp_path), "WANDB_MODE": "offline", "HOME": str(tmp_path)}
    environment = {**places, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert b"loss" in b"".join(path.read_bytes() for path in tmp_path.rglob(files))
    assert not list(tmp_path.rglob("requirements.txt"))
