"""Every attack is held by every tier that this machine has: as this user, and as an ordinary one where this is root."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import regrowth
from attacks.guard import Guard
from attacks.known import ATTACKS
from attacks.matrix import Arena, Verdict
from attacks.tiers import TIERS, missing, open_tier
from attacks.world import interpreter

QUICK = {
    "fork bomb", "a file of the host", "the environment, its own", "a new file of the host", "udp", "kill", "trace",
    "a unix socket by its path", "a daemon that holds the output", "one large file", "io_uring", "a gigabyte of output",
    "secrets of the job before, in its own memory", "functions that everybody uses", "a sibling's word for its own",
    "forged reports on every descriptor",
}  # fmt: skip
"""What is fast, and would show a tier that is no tier at all."""
STRANGER = "64823"
BY_NAME = {attack.name: attack for attack in ATTACKS}


@pytest.fixture(scope="module")
def arena(request: pytest.FixtureRequest) -> Iterator[Arena]:
    """Yield the arena of a tier, or of the baseline."""
    if request.param == "guard":
        with Arena(Guard) as found:
            yield found
    else:
        with open_tier(request.param) as executor, Arena(lambda: executor) as found:
            yield found


def reached(verdict: Verdict) -> str:
    return f"{verdict.attack}: {'; '.join(verdict.reached)} (it said: {verdict.said})"


def test_attacks_have_names_of_their_own() -> None:
    assert len(BY_NAME) == len(ATTACKS) >= 64
    assert set(BY_NAME) >= QUICK


@pytest.mark.parametrize("arena", TIERS, indirect=True)
@pytest.mark.parametrize("name", sorted(QUICK))
def test_a_tier_holds(arena: Arena, name: str) -> None:
    verdict = arena.judge(BY_NAME[name])
    assert verdict.held, reached(verdict)


@pytest.mark.slow
@pytest.mark.parametrize("arena", TIERS, indirect=True)
@pytest.mark.parametrize("name", sorted(set(BY_NAME) - QUICK))
def test_a_tier_holds_against_all(arena: Arena, name: str) -> None:
    verdict = arena.judge(BY_NAME[name])
    assert verdict.held, reached(verdict)


@pytest.mark.skipif(
    os.getuid() != 0, reason="the baseline needs a user of its own, or an attack would end this session"
)
@pytest.mark.parametrize("arena", ["guard"], indirect=True)
@pytest.mark.parametrize(
    "name", ["a file of the host", "a new file of the host", "udp", "kill", "a daemon", "a unix socket by its path"]
)
def test_the_judge_sees_what_gets_through_without_a_sandbox(arena: Arena, name: str) -> None:
    """The same judge, the same attacks, resource limits only: a judge that lets everything pass would show here."""
    assert not arena.judge(BY_NAME[name]).held


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", TIERS)
def test_a_tier_holds_for_an_ordinary_user(kind: str) -> None:
    if os.getuid() != 0:
        pytest.skip("this is an ordinary user already")
    with tempfile.TemporaryDirectory(prefix="sources-of-attacks-") as name:
        done = as_ordinary_user(kind, Path(name))
    if "NoIsolation" in done.stderr:
        missing(kind, done.stderr.strip().splitlines()[-1])
    verdicts = [Verdict(**json.loads(line)) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(verdicts) == len(ATTACKS)
    assert not [reached(one) for one in verdicts if not one.held]


def as_ordinary_user(kind: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Attack a tier in a process of a user whom nothing belongs to, with copies of the sources that it can read."""
    python = interpreter()
    newest = f"import sys; sys.exit(sys.version_info[:2] != {sys.version_info[:2]!r})"
    if shutil.which("setpriv") is None or subprocess.run([python, "-c", newest], check=False).returncode:
        pytest.skip(
            f"setpriv and a Python {sys.version_info[0]}.{sys.version_info[1]} that everybody may read are needed"
        )
    ignored = shutil.ignore_patterns("*.safetensors", "__pycache__")
    shutil.copytree(Path(regrowth.__file__).parent, folder / "regrowth", ignore=ignored)
    shutil.copytree(Path(__file__).parent, folder / "attacks", ignore=ignored)
    (folder / "home").mkdir()
    for path in (folder, folder / "home"):
        os.chown(path, int(STRANGER), int(STRANGER))
    return subprocess.run(
        ["setpriv", "--reuid", STRANGER, "--regid", STRANGER, "--clear-groups", python, "-m", "attacks", kind],
        cwd=folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder / "home"),
            "PYTHONPATH": f"{folder}:{sysconfig.get_path('purelib')}",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=880,
    )
