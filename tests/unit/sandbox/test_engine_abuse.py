"""What a row of programs costs that hang, print, fork and allocate for ever, daemonise, and kill their parents: at most
their limits, and nothing is left of them. As this user, and as an ordinary one where this is root."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

import regrowth
from unit.sandbox import abuse
from unit.sandbox.conftest import Bench

STRANGER = "64000"
SYSTEM_PYTHON = "/usr/bin/python3"


def abused(tier: int, count: int, command: list[str], **environment: str) -> dict[str, Any]:
    script = Path(abuse.__file__)
    done = subprocess.run(
        [*command, str(script), str(tier), str(count)],
        env={"PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"], **environment},
        capture_output=True, text=True, check=False, timeout=280,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


def unharmed(report: dict[str, Any], count: int) -> None:
    assert report["left"] == {}
    assert "setup_failed" not in report["statuses"], report["reasons"]
    assert sum(report["statuses"].values()) == count
    assert report["honest"] == sum(n % len(abuse.PROGRAMS) == len(abuse.PROGRAMS) - 1 for n in range(count))
    assert report["longest"] < 1e3 * abuse.LIMITS.wall + 10_000  # on a machine that does other things besides
    assert report["peak"] < 3 * abuse.LIMITS.memory
    assert report["warden_mb"] < 60


@pytest.mark.slow
def test_nothing_is_left_of_many_hostile_programs(bench: Bench) -> None:
    count = 6 * len(abuse.PROGRAMS)
    unharmed(abused(bench.wardens.tier, count, [sys.executable]), count)


@pytest.mark.slow
@pytest.mark.parametrize("tier", [2, 1])
def test_nor_for_an_ordinary_user(tier: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    if os.getuid() != 0:
        pytest.skip("this is an ordinary user already")
    if not Path(SYSTEM_PYTHON).exists() or shutil.which("setpriv") is None:
        pytest.skip(f"{SYSTEM_PYTHON} and setpriv are needed")
    new = [SYSTEM_PYTHON, "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    if subprocess.run(new, check=False).returncode:
        pytest.skip(f"{SYSTEM_PYTHON} is older than this project's")
    folder = Path("/tmp") / f"regrowth-copy-{os.getpid()}"
    shutil.copytree(Path(regrowth.__file__).parent, folder / "regrowth", ignore=shutil.ignore_patterns("*.safetensors"))
    shutil.copy(abuse.__file__, folder / "abuse.py")
    try:
        count = 3 * len(abuse.PROGRAMS)
        command = ["setpriv", "--reuid", STRANGER, "--regid", STRANGER, "--clear-groups", SYSTEM_PYTHON]
        site = sysconfig.get_path("purelib")
        report = abused(tier, count, command, PYTHONPATH=f"{folder}:{site}", HOME="/nonexistent")
        unharmed(report, count)
    finally:
        shutil.rmtree(folder)
