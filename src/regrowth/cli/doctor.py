"""What this machine can do for a run, and how to get what is missing."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from regrowth import __version__
from regrowth.sandbox import ladder, languages

__all__ = ["Finding", "examine"]


class Finding(NamedTuple):
    """One line of the doctor's report."""

    what: str
    state: str
    good: bool
    remedy: str = ""


def examine(folder: Path) -> list[Finding]:
    """Look at the machine, the optional parts and the folder that runs would be written to."""
    return [
        Finding("regrowth", f"{__version__} on Python {platform.python_version()}, {platform.platform()}", True),
        Finding("processor", f"{len(os.sched_getaffinity(0))} cores, {_memory()} GiB of memory", True),
        Finding("sqlite", sqlite3.sqlite_version, sqlite3.sqlite_version_info >= (3, 35)),
        *_extras(),
        _tiny(),
        _accelerator(),
        _disk(folder),
        *_isolation(),
        *_languages(),
    ]


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _extras() -> list[Finding]:
    wanted = {"torch": "train", "tokenizers": "train", "safetensors": "train", "transformers": "hf"}
    findings = []
    for module, extra in wanted.items():
        there = importlib.util.find_spec(module) is not None
        state = importlib.metadata.version(module) if there else "not installed"
        findings.append(Finding(module, state, there, f"pip install 'regrowth[{extra}]'"))
    return findings


def _tiny() -> Finding:
    weights = Path(__file__).parents[1] / "models" / "tiny_weights" / "model.safetensors"
    there = weights.exists()
    state = f"{weights.stat().st_size / 2**20:.1f} MiB of weights" if there else "weights are missing"
    return Finding("tiny model", state, there, "install regrowth again: the package is incomplete")


def _accelerator() -> Finding:
    if importlib.util.find_spec("torch") is None:
        return Finding("accelerator", "unknown without torch", True)
    import torch  # optional extra

    state = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none: models run on the processor"
    return Finding("accelerator", state, True)


def _isolation() -> list[Finding]:
    """Attack every tier of the sandbox, and tell what held and how to reach what did not."""
    found = ladder.examine()
    names = {tier: kind for kind, tier in ladder.KINDS.items()}
    if found.tier:
        best = f"tier {found.tier} ({names[found.tier]}) runs code that models write"
    else:
        best = "nothing here can isolate code that models write, so none will run"
    findings = [Finding("sandbox", best, bool(found.tier), found.remedy)]
    for rung in found.rungs:
        attacks = [name for name in rung.held if name != "honest"]
        state = f"held against {len(attacks)} attacks: {', '.join(attacks)}" if rung.holds else rung.reason
        findings.append(Finding(f"tier {rung.tier}, {names[rung.tier]}", state, rung.holds, rung.remedy))
    return findings


def _languages() -> list[Finding]:
    """Tell which languages programs can be run in."""
    return [
        Finding(f"code in {name}", tools.reason, False, tools.install)
        if isinstance(tools, languages.Missing)
        else Finding(f"code in {name}", tools.version, True)
        for name, tools in languages.found().items()
    ]


def _disk(folder: Path) -> Finding:
    place = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(place).free / 2**30
    try:
        with tempfile.NamedTemporaryFile(dir=place) as file:
            file.write(b"x")
            start = time.perf_counter()
            os.fsync(file.fileno())
            pace = (time.perf_counter() - start) * 1e3
    except OSError as error:
        return Finding("disk", f"{place}: cannot be written ({error.strerror})", False, "choose another --folder")
    return Finding("disk", f"{place}: {free:.0f} GiB free, {pace:.1f} ms to force a write", free > 1, "free some space")
