"""Control groups: what the last program held is given back before the next one is bound."""

import threading
import time
from pathlib import Path

import pytest

from regrowth.sandbox.warden.cgroups import Group

MIB = 1 << 20
FILES = {
    1: ("memory.usage_in_bytes", "memory.limit_in_bytes", "cache {files}\nshmem {shared}\n"),
    2: ("memory.current", "memory.max", "anon 0\nfile {files}\nshmem {shared}\n"),
}


class Kernel:
    """Stand in for the files of a group."""

    def __init__(self, folder: Path, version: int) -> None:
        self.folder = folder
        self.used, self.limit, self.stat = FILES[version]
        (folder / "memory.oom_control").write_text("oom_kill 0\n")
        (folder / "memory.events").write_text("oom_kill 0\n")
        self.group = Group(version, {"memory": str(folder)})
        self.holds(30)

    def holds(self, used: int, files: int = 0, shared: int = 0) -> None:
        """Say how many MiB the group uses, how many of them are files, and how many of these only memory holds."""
        (self.folder / "memory.stat").write_text(self.stat.format(files=files * MIB, shared=shared * MIB))
        (self.folder / self.used).write_text(str(used * MIB))

    def bound(self) -> float:
        """Bind the group for a job of 100 MiB; return the seconds that took."""
        start = time.monotonic()
        self.group.bound(100 * MIB, 10)
        return time.monotonic() - start


@pytest.fixture(params=[1, 2])
def kernel(request: pytest.FixtureRequest, tmp_path: Path) -> Kernel:
    return Kernel(tmp_path, request.param)


def test_the_next_job_waits_until_the_memory_of_the_last_is_given_back(kernel: Kernel) -> None:
    kernel.bound()
    kernel.holds(140, files=5)
    threading.Timer(0.2, kernel.holds, [31]).start()
    assert 0.15 < kernel.bound() < 1.5
    assert (kernel.folder / kernel.limit).read_text() == str(148 * MIB)


def test_files_that_were_read_are_no_reason_to_wait_and_files_in_memory_are(kernel: Kernel) -> None:
    kernel.bound()
    kernel.holds(140, files=109)
    assert kernel.bound() < 0.15
    kernel.holds(140, files=109, shared=109)
    threading.Timer(0.2, kernel.holds, [30]).start()
    assert kernel.bound() > 0.15


def test_what_is_never_given_back_does_not_stop_the_next_job(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regrowth.sandbox.warden.cgroups.PATIENCE", 0.2)
    kernel.bound()
    kernel.holds(140)
    assert 0.15 < kernel.bound() < 1.5
