"""The lanes: how fast, what a kill costs, what becomes of prompts that fail once or for ever.

Each run of a driver gives one plain dictionary, a line of the results.
"""

import json
import os
import platform
import shutil
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.orchestration import server, task
from benchmarks.orchestration.peers import PEERS, ROOT, environment, python_of
from benchmarks.orchestration.process import Measured, busy_seconds, measure

__all__ = ["LANES", "Mock", "Plan", "mock_server", "run"]

WORK = ROOT / "benchmarks" / ".work"
DOOMED = 0.05
GOLDEN = (5**0.5 - 1) / 2
"""Its multiples, modulo 1, spread evenly, however many are taken."""
SPOILT = tuple(fault for fault in server.FAULTS if fault != "hang")
"""A server that never replies is left out: by default the tools wait for it for two to ten minutes."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Say what one run of one driver does."""

    lane: str
    peer: str
    prompts: int
    steps: int = 1
    concurrency: int = 128
    limit: float = 300.0
    """Seconds until a driver counts as hung."""
    repeat: int = 0


class Mock:
    """Reach the mock server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def reset(self, settings: server.Settings) -> None:
        """Change how it behaves and start its counts anew."""
        self._ask("/reset", json.dumps(asdict(settings)).encode())

    def stats(self) -> dict[str, Any]:
        """Return what it has counted."""
        return self._ask("/stats")

    def drained(self) -> dict[str, Any]:
        """Wait until nothing is under way, then return the counts."""
        while (counts := self.stats())["active"]:
            time.sleep(0.02)
        return counts

    def _ask(self, path: str, body: bytes | None = None) -> dict[str, Any]:
        with urllib.request.urlopen(urllib.request.Request(self.url + path, data=body), timeout=10) as answer:
            return dict(json.load(answer))


@contextmanager
def mock_server() -> Iterator[Mock]:
    """Run the mock server in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.orchestration.server", "--until-eof"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield Mock(int(process.stdout.readline()))
        assert process.stdin is not None
        process.stdin.close()


def run(plan: Plan, mock: Mock) -> dict[str, Any]:
    """Run one driver in one lane and return what was measured."""
    folder = WORK / plan.peer
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "prompts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in task.prompts(plan.prompts)))
    return {**asdict(plan), **LANES[plan.lane](plan, mock, folder), "machine": machine()}


def speed(plan: Plan, mock: Mock, folder: Path) -> dict[str, Any]:
    """Answer all prompts, undisturbed, at 50 ms latency."""
    mock.reset(server.Settings())
    before, busy = mock.stats(), busy_seconds()
    took = start(plan, mock, folder)
    counts, busy = mock.stats(), busy_seconds() - busy
    served = counts["cpu_s"] - before["cpu_s"]
    outcome = judge(folder, task.expected(plan.prompts, plan.steps))
    return {
        **report(took, counts, folder, outcome),
        "server_cpu_s": served,
        "others_cores": max(0.0, busy - took.cpu_s - served) / took.wall_s,
    }


def kill(plan: Plan, mock: Mock, folder: Path) -> dict[str, Any]:
    """SIGKILL the process group when half of the prompts were answered, at 200 ms latency; then start again.

    Replies come in waves, so the kill falls into another phase of the wave in each repeat.
    """
    latency = 0.2
    mock.reset(server.Settings(latency=latency))
    delay = latency * (GOLDEN * (plan.repeat + 1) % 1)

    def half_way() -> bool:
        if mock.stats()["ok"] < plan.prompts // 2:
            return False
        time.sleep(delay)
        return True

    first = start(plan, mock, folder, stop_when=half_way)
    counts = mock.drained()
    (folder / "out.told.json").unlink(missing_ok=True)
    second = start(plan, mock, folder)
    outcome = judge(folder, task.expected(plan.prompts, plan.steps))
    return {
        **report(second, mock.drained(), folder, outcome),
        "killed": {
            "ended": first.ended,
            "delay_s": delay,
            "wall_s": first.wall_s,
            "cpu_s": first.cpu_s,
            "answered": counts["ok"],
            "unheard": counts["unheard"],
        },
    }


def failforever(plan: Plan, mock: Mock, folder: Path) -> dict[str, Any]:
    """Let 5 % of the prompts fail with status 500, at every attempt, for ever."""
    settings = server.Settings(faults={"500": DOOMED}, scope="prompt")
    mock.reset(settings)
    took = start(plan, mock, folder)
    doomed = frozenset(row["id"] for row in task.prompts(plan.prompts) if server.fault_of(row["prompt"], 0, settings))
    wanted = {number: text for number, text in task.expected(plan.prompts, 1).items() if number not in doomed}
    return report(took, mock.drained(), folder, judge(folder, wanted, doomed))


def faults(plan: Plan, mock: Mock, folder: Path) -> dict[str, Any]:
    """Spoil every fifth attempt in one of seven ways; another attempt may succeed, so every prompt can be answered."""
    mock.reset(server.Settings(faults=dict.fromkeys(SPOILT, 0.2 / len(SPOILT))))
    took = start(plan, mock, folder)
    return report(took, mock.drained(), folder, judge(folder, task.expected(plan.prompts, plan.steps)))


LANES = {"speed": speed, "kill": kill, "failforever": failforever, "faults": faults}


def start(plan: Plan, mock: Mock, folder: Path, **how: Any) -> Measured:
    """Start a driver and measure it."""
    peer, work, home = PEERS[plan.peer], folder / "work", WORK / "home"
    for needed in (work, home):
        needed.mkdir(parents=True, exist_ok=True)
    command = [str(python_of(peer)), "-m", f"benchmarks.orchestration.drivers.{peer.driver}"]
    options = {
        "base-url": f"{mock.url}/v1",
        "prompts": folder / "prompts.jsonl",
        "out": folder / "out.jsonl",
        "work": work,
        "steps": plan.steps,
        "concurrency": plan.concurrency,
        "checkpoint": peer.checkpoint,
    }
    command += [f"--{name}={value}" for name, value in options.items()]
    variables = environment(peer, home, os.environ["PATH"])
    return measure(command, environment=variables, folder=work, log=folder / "log.txt", limit=plan.limit, **how)


def report(took: Measured, counts: dict[str, Any], folder: Path, outcome: dict[str, int]) -> dict[str, Any]:
    """Put together what the kernel, the server and the driver say about one run."""
    told = folder / "out.told.json"
    driver = json.loads(told.read_text()) if told.exists() else {}
    first = counts["first_request"]
    return {
        "returncode": took.returncode,
        "ended": took.ended,
        "wall_s": took.wall_s,
        "cpu_s": took.cpu_s,
        "peak_mb": took.peak_mb,
        "processes": took.processes,
        "first_request_s": first - took.started if first and first > took.started else None,
        "driver": driver,
        "server": {name: value for name, value in counts.items() if name not in ("settings", "cpu_s")},
        "outcome": outcome,
    }


def judge(folder: Path, wanted: dict[int, str], doomed: frozenset[int] = frozenset()) -> dict[str, int]:
    """Compare what came out with what had to.

    delivered + explained + listed + vanished = wanted + doomed: a prompt without the right reply was told to the
    program with the reason, without it, or not at all. `lost` counts those of them that the server does answer.
    """
    out = folder / "out.jsonl"
    rows = [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []
    replies = Counter(row["id"] for row in rows if "reply" in row)
    right = {row["id"] for row in rows if "reply" in row and wanted.get(row["id"]) == row["reply"]}
    errors = {row["id"]: row["error"] for row in rows if "error" in row}
    missing = (wanted.keys() | doomed) - right
    explained = {number for number in missing if errors.get(number)}
    listed = missing & errors.keys() - explained
    return {
        "wanted": len(wanted),
        "doomed": len(doomed),
        "delivered": len(right),
        "lost": len(wanted) - len(right),
        "wrong": len(replies.keys() - right),
        "duplicated": replies.total() - len(replies),
        "explained": len(explained),
        "listed": len(listed),
        "vanished": len(missing - explained - listed),
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    return {"cores": os.cpu_count(), "load": round(os.getloadavg()[0], 2), "python": platform.python_version()}
