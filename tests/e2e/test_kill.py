"""Law 2 on whole runs: `kill -9` at random points, the same command again, the same result, nothing done twice."""

import contextlib
import json
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.runs import SMALL, remembered, result

KILLS = int(os.environ.get("REGROWTH_KILLS", "50"))
ARGUMENTS = ["demo", *SMALL]

pytestmark = pytest.mark.slow


class Warm:
    """Run the command line in children of one warm process."""

    def __init__(self, log: Path) -> None:
        self.log = log
        program = [sys.executable, "-m", "support.warm"]
        self.process = subprocess.Popen(
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[1]
        )

    def run(self, folder: Path, kill_after: float | None = None) -> int:
        """Run once; kill the child after some seconds unless it ended before; return its exit status."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {"arguments": [*ARGUMENTS, "--folder", str(folder)], "log": str(self.log)}
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        child = int(self.process.stdout.readline())
        if kill_after is not None and not select.select([self.process.stdout], [], [], kill_after)[0]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return int(self.process.stdout.readline())


@pytest.fixture
def warm(tmp_path: Path) -> Iterator[Warm]:
    started = Warm(tmp_path / "log")
    yield started
    started.process.stdin.close()  # type: ignore[union-attr]
    started.process.wait(30)
    started.process.stdout.close()  # type: ignore[union-attr]


@pytest.mark.timeout(3600)
def test_killed_at_any_point_a_run_ends_as_if_undisturbed(tmp_path: Path, warm: Warm) -> None:
    start = time.monotonic()
    assert warm.run(tmp_path / "whole") == 0, warm.log.read_text()
    whole = time.monotonic() - start
    expected, effects = result(tmp_path / "whole"), remembered(tmp_path / "whole")
    chance, kills, runs = random.Random(20261121), 0, 0
    while kills < KILLS:
        folder = tmp_path / f"killed-{runs}"
        runs += 1
        kept: set[bytes] = set()
        status = -signal.SIGKILL
        while status != 0 and kills < KILLS:
            status = warm.run(folder, kill_after=chance.uniform(0.05, 0.6 * whole))
            assert status in (0, -signal.SIGKILL), warm.log.read_text()
            kills += status != 0
            committed = remembered(folder)
            assert kept <= committed, "a committed effect was lost"
            kept = committed
        if status != 0:
            assert warm.run(folder) == 0, warm.log.read_text()
        assert remembered(folder) == effects
        assert result(folder) == expected
