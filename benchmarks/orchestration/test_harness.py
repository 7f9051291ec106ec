"""Check the harness itself: `python -m pytest benchmarks/orchestration`."""

import json
import os
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.client import IncompleteRead
from pathlib import Path

import pytest

from benchmarks.orchestration import task
from benchmarks.orchestration.lanes import Mock, judge, mock_server
from benchmarks.orchestration.process import Measured, measure
from benchmarks.orchestration.server import FAULTS, Fault, Settings, fault_of


@pytest.fixture(scope="module")
def mock() -> Iterator[Mock]:
    with mock_server() as running:
        yield running


def ask(mock: Mock, prompt: str, timeout: float = 5) -> str:
    body = json.dumps({"model": "mock", "messages": [{"role": "user", "content": prompt}]}).encode()
    with urllib.request.urlopen(f"{mock.url}/v1/chat/completions", body, timeout) as answer:
        return str(json.load(answer)["choices"][0]["message"]["content"])


def always(fault: Fault) -> Settings:
    return Settings(latency=0.0, faults={fault: 1.0})


def run(code: str, folder: Path, limit: float = 20) -> Measured:
    command = [sys.executable, "-c", code]
    return measure(command, environment=dict(os.environ), folder=folder, log=folder / "log", limit=limit)


def test_a_reply_is_a_function_of_the_prompt_and_a_second_one_counts_as_paid_again(mock: Mock) -> None:
    mock.reset(Settings(latency=0.0))
    assert ask(mock, "one") == ask(mock, "one") == task.reply("one") != ask(mock, "two")
    counts = mock.stats()
    assert (counts["ok"], counts["distinct_ok"], counts["paid_again"]) == (3, 2, 1)


@pytest.mark.parametrize(("fault", "status"), [("429", 429), ("429_bare", 429), ("500", 500)])
def test_a_refusal_has_its_status_and_only_the_429_names_a_time(mock: Mock, fault: Fault, status: int) -> None:
    mock.reset(always(fault))
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(mock, "one")
    assert refused.value.code == status
    assert refused.value.headers["Retry-After"] == ("1" if fault == "429" else None)
    refused.value.close()
    assert mock.stats()["failed"] == {fault: 1}


@pytest.mark.parametrize(
    ("fault", "error"),
    [("hang", TimeoutError), ("cut", IncompleteRead), ("broken_json", ValueError), ("wrong_schema", LookupError)],
)
def test_a_spoilt_reply_shows_as_what_it_is(mock: Mock, fault: Fault, error: type[Exception]) -> None:
    mock.reset(always(fault))
    with pytest.raises(error):
        ask(mock, "one", timeout=0.3)
    assert mock.stats()["ok"] == 0


def test_requests_beyond_the_capacity_wait_for_their_turn(mock: Mock) -> None:
    mock.reset(Settings(latency=0.05, capacity=1))
    threads = [threading.Thread(target=ask, args=(mock, f"prompt {number}")) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = mock.stats()
    assert counts["ok"] == 4
    assert counts["last_reply"] - counts["first_request"] >= 0.2


def test_settings_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="expected shares of 429"):
        Settings(faults={"fire": 0.1})  # type: ignore[dict-item]


def test_faults_come_in_the_asked_shares_and_a_doomed_prompt_stays_doomed() -> None:
    shares = dict.fromkeys(FAULTS, 0.02)
    for scope in ("attempt", "prompt"):
        settings = Settings(faults=shares, scope=scope)
        fates = [fault_of(f"prompt {number}", 0, settings) for number in range(20_000)]
        assert all(fates.count(fault) == pytest.approx(400, abs=100) for fault in FAULTS)
        again = [fault_of(f"prompt {number}", 1, settings) for number in range(20_000)]
        assert (again == fates) == (scope == "prompt")


def test_the_cpu_time_of_children_and_of_orphans_is_counted(tmp_path: Path) -> None:
    burn = "import time\nwhile time.process_time() < 0.3: pass"
    alone = run(burn, tmp_path)
    assert alone.cpu_s == pytest.approx(0.3, abs=0.15)
    child = run(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])", tmp_path)
    assert child.cpu_s > 0.3
    assert child.processes == 2
    orphan = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {burn!r}]); time.sleep(1.5)"
    assert run(orphan, tmp_path).cpu_s > 0.3


def test_memory_is_what_the_family_holds_and_forks_do_not_count_twice(tmp_path: Path) -> None:
    hold = "import os, time; kept = b'x' * 100_000_000; {fork}time.sleep(0.6); os._exit(0)"
    one = run(hold.format(fork=""), tmp_path).peak_mb
    forked = run(hold.format(fork="os.fork(); os.fork(); "), tmp_path).peak_mb
    assert one == pytest.approx(100, abs=15)
    assert forked == pytest.approx(one, abs=15)


def test_a_command_that_hangs_is_ended(tmp_path: Path) -> None:
    took = run("import time; time.sleep(60)", tmp_path, limit=0.3)
    assert (took.ended, took.returncode) == ("too late", -9)
    assert took.wall_s < 2


def test_every_kind_of_loss_is_told_apart(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": 0, "reply": "right"},
        {"id": 0, "reply": "right"},
        {"id": 1, "reply": "not right"},
        {"id": 3, "error": "status 500"},
        {"id": 4, "error": ""},
    ]
    (tmp_path / "out.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    outcome = judge(tmp_path, {0: "right", 1: "right", 2: "right"}, frozenset({3, 4, 5}))
    assert outcome == {
        "wanted": 3,
        "doomed": 3,
        "delivered": 1,
        "lost": 2,
        "wrong": 1,
        "duplicated": 1,
        "explained": 1,
        "listed": 1,
        "vanished": 3,
    }
