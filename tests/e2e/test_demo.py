"""The demo, small: it ends with a report, replays for nothing, previews, and stops politely."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from regrowth.cli import main
from regrowth.core.dataset import Dataset
from regrowth.core.store import Store
from support.runs import SMALL, remembered, result

pytestmark = pytest.mark.slow


def test_the_demo_reports_every_arm_and_replays_without_effects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["demo", *SMALL, "--folder", str(tmp_path)]
    assert main(arguments) == 0
    first, effects = result(tmp_path), remembered(tmp_path)
    page = (tmp_path / "report.html").read_text("utf-8")
    blocks = json.loads((tmp_path / "report.json").read_text("utf-8"))["blocks"]
    scores = next(block for block in blocks if block["kind"] == "scores")
    assert [arm["name"] for arm in scores["arms"]] == ["base", "verified", "unverified", "real only"]
    assert all(set(arm["estimates"]) == {"greedy", "T=1"} for arm in scores["arms"])
    assert "<script" not in page
    with Store(tmp_path) as store:
        calls = store.totals()["generate"]["count"]
    assert calls > 300

    capsys.readouterr()
    assert main(arguments) == 0
    assert f"{len(effects):,} effects are remembered" in capsys.readouterr().out
    assert remembered(tmp_path) == effects
    assert result(tmp_path) == first


def test_the_real_data_are_in_every_mix(tmp_path: Path) -> None:
    assert main(["demo", *SMALL, "--folder", str(tmp_path), "--set", "rounds=2"]) == 0
    real = {record.id for record in Dataset(tmp_path / "data" / "real-only")}
    assert len(real) == 32
    for name in ("verified-1", "verified-2", "unverified"):
        assert real <= {record.id for record in Dataset(tmp_path / "data" / name)}
    first, second = (len(Dataset(tmp_path / "data" / f"verified-{number}")) for number in (1, 2))
    assert second > first


def test_a_preview_tells_what_the_whole_demo_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "rejection_sampling", *SMALL, "--folder", str(tmp_path), "--rows", "2"]) == 0
    told = capsys.readouterr().out
    for stage in ("answers-1", "verified-1", "marking base, greedy"):
        assert stage in told.split("Forecast of the whole run")[1]


def test_ctrl_c_stops_politely_and_the_same_command_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "regrowth.cli", "demo", *SMALL, "--folder", str(tmp_path)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    while len(remembered(tmp_path)) < 20:
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    told, _ = running.communicate(timeout=60)
    assert running.returncode == 130, told
    assert "the same command goes on from here" in told
    assert "Traceback" not in told
    before = remembered(tmp_path)
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0
    assert before <= remembered(tmp_path)
