"""Which tier this machine can give, decided by attacking it.

    executor = sandbox()              # nothing starts yet
    executor.tier                     # 2, found by a self-test of a few seconds; remembered until the next boot
    examine().rungs[0].failed         # (): no canary got through

`auto` takes the best tier that holds. A kind that was asked for by name is given or refused, never replaced.
"""

import asyncio
import contextlib
import hashlib
import json
import os
import platform
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from regrowth.core.errors import NoIsolation, SettingsError
from regrowth.core.protocols import Execution, Executor, Limits
from regrowth.sandbox.canaries import CANARIES, Rung, attack
from regrowth.sandbox.gvisor import Gvisor
from regrowth.sandbox.interpreters import interpreter, remedy
from regrowth.sandbox.languages import toolchain_paths
from regrowth.sandbox.pool import ENTRY, Wardens

__all__ = ["KINDS", "Findings", "Ladder", "examine", "sandbox"]

KINDS = {"namespaces": 2, "landlock": 1}
"""What is tried in turn, and its tier. Tier 3 is taken by its name only: it costs fifty times as much."""
NAMES = "auto, namespaces, landlock, gvisor or remote:http://…"
ENGINE = "1"
"""Changes when the outcome of a program may change."""
LIMITS = Limits()
REPORT = "An attack that gets through on this kernel is ours to mend: report it with what `regrowth doctor` says."


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """Hold what this machine can isolate."""

    tier: int
    """The best that holds; 0 if none does."""
    rungs: tuple[Rung, ...]
    """Every tier that was tried, the best first."""

    @property
    def reason(self) -> str:
        """Return why no better tier holds, in words."""
        return " ".join(f"Tier {rung.tier}: {rung.reason}." for rung in self.rungs if not rung.holds)

    @property
    def remedy(self) -> str:
        """Return how to reach the next tier, or nothing."""
        return next((rung.remedy for rung in reversed(self.rungs) if rung.tier > self.tier and rung.remedy), "")


def sandbox(
    kind: str = "auto", *, paths: Sequence[Path] | None = None, tools: Mapping[str, str] | None = None
) -> Executor:
    """Return what runs untrusted code here; it starts at its first use.

    Args:
        kind: `auto` for the best of tiers 2 and 1 that holds; `namespaces`, `landlock` or `gvisor` for that one or
            nothing; `remote:` and an address for a server, see `Remote`.
        paths: more files and folders of this machine that programs may read, at the same place: compilers, libraries.
            Those of the languages that this machine knows, if not said.
        tools: versions of the tools in there by name; they are part of the digest.

    Raises:
        SettingsError: no such kind.
    """
    name, _, address = kind.partition(":")
    if name == "remote" and address:
        from regrowth.sandbox.remote import remote  # brings an HTTP client along

        return remote(address)
    if kind == "gvisor":
        return Gvisor(paths=toolchain_paths() if paths is None else paths, tools=tools)
    if kind != "auto" and kind not in KINDS:
        raise SettingsError(f"There is no sandbox {kind!r}. Use {NAMES}.")
    return Ladder(kind, paths=paths, tools=tools or {})


def examine(*, paths: Sequence[Path] | None = None, fresh: bool = True) -> Findings:
    """Attack every tier of this machine, and return what held; takes a few seconds.

    Args:
        paths: as in `sandbox`.
        fresh: whether to attack anew what held already since the last boot.
    """
    paths = toolchain_paths() if paths is None else paths
    return _climbed(list(KINDS.values()), paths, fresh=fresh, all_of_them=True)


class Ladder:
    """Run programs in the best tier that holds, or in the one asked for."""

    def __init__(self, kind: str, *, paths: Sequence[Path] | None, tools: Mapping[str, str]) -> None:
        self.kind = kind
        self._paths = paths
        self._tools = dict(tools)
        self._guard = threading.Lock()
        self._wardens: Wardens | None = None
        self._findings: Findings | None = None

    @property
    def tier(self) -> int:
        """Return what isolates here; 0 if nothing does. The first use may take seconds.

        Raises:
            NoIsolation: the tier that was asked for does not hold; says why and what to do.
        """
        return self._found().tier

    @property
    def digest(self) -> str:
        """Return what names the interpreter and the tools inside."""
        if not (tier := self.tier):
            return "none"
        named = {"sandbox": ENGINE, "tier": str(tier), "python": interpreter(tier)[1], **self._tools}
        return ", ".join(f"{name} {version}" for name, version in named.items())

    async def run(
        self, files: Mapping[str, str], argv: Sequence[str], stdin: str = "", limits: Limits = LIMITS
    ) -> Execution:
        """Run a program; see `Executor.run`. Where nothing isolates, the status is `refused`.

        Raises:
            SettingsError: what was given cannot be run anywhere.
            NoIsolation: the tier that was asked for does not hold; says why and what to do.
        """
        found = self._findings
        findings = found if found is not None else await asyncio.to_thread(self._found)
        if (wardens := self._wardens) is None:
            return Execution(status="refused", reason=_told(findings))
        return await wardens.run(files, argv, stdin, limits)

    def close(self) -> None:
        """End all processes that belong to this sandbox; a later use starts new ones."""
        with self._guard:
            if self._wardens is not None:
                self._wardens.close()
            self._wardens = self._findings = None

    def _found(self) -> Findings:
        with self._guard:
            if self._findings is None:
                tiers = [KINDS[self.kind]] if self.kind in KINDS else list(KINDS.values())
                paths = toolchain_paths() if self._paths is None else self._paths
                findings = _climbed(tiers, paths, fresh=False, all_of_them=False)
                if not findings.tier and self.kind != "auto":
                    raise NoIsolation(f"The sandbox {self.kind!r} does not hold here. {_told(findings)}")
                if findings.tier:
                    self._wardens = _wardens(findings.tier, paths)
                self._findings = findings
            return self._findings


def _told(findings: Findings) -> str:
    return f"Nothing here can isolate a program, so it was not run. {findings.reason} {findings.remedy}".strip()


def _wardens(tier: int, paths: Sequence[Path]) -> Wardens:
    executable, _ = interpreter(tier)
    return Wardens(tier, paths=paths, executable=executable)


def _climbed(tiers: Sequence[int], paths: Sequence[Path], *, fresh: bool, all_of_them: bool) -> Findings:
    """Try tiers in turn, until one holds or all were tried."""
    rungs: list[Rung] = []
    for tier in tiers:
        rung = None if fresh else _remembered(tier, paths)
        if rung is None:
            rung = _in_a_thread(partial(_tried, tier, paths))
            _remember(rung, paths)
        rungs.append(rung)
        if rung.holds and not all_of_them:
            break
    return Findings(tier=max((rung.tier for rung in rungs if rung.holds), default=0), rungs=tuple(rungs))


def _tried(tier: int, paths: Sequence[Path]) -> Rung:
    if sys.platform != "linux":
        reason = f"{platform.system()} has no means for it"
        return Rung(tier=tier, holds=False, reason=reason, remedy=remedy(tier, reason))
    try:
        wardens = _wardens(tier, paths)
    except NoIsolation as error:
        return Rung(tier=tier, holds=False, reason=str(error), remedy="See the reason.")
    try:
        rung = asyncio.run(attack(wardens))
    finally:
        wardens.close()
    if rung.holds:
        return rung
    return replace(rung, remedy=REPORT if rung.failed else remedy(tier, rung.reason))


def _in_a_thread(work: Callable[[], Rung]) -> Rung:
    """Run something with an event loop of its own, wherever this is called."""
    found: list[Rung | BaseException] = []

    def caught() -> None:
        try:
            found.append(work())
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=caught, name="regrowth-sandbox-self-test")
    thread.start()
    thread.join()
    if isinstance(found[0], BaseException):
        raise found[0]
    return found[0]


def _key(tier: int, paths: Sequence[Path]) -> str:
    """Return what a self-test is valid for: boot, kernel, user, interpreter, and every line of the engine."""
    said = hashlib.sha256()
    for path in (*sorted(ENTRY.parent.glob("*.py")), Path(__file__).with_name("pool.py")):
        said.update(path.read_bytes())
    boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    words = [boot, platform.release(), os.getuid(), *interpreter(tier), tier, *map(str, paths), *CANARIES]
    said.update(json.dumps(words).encode())
    return said.hexdigest()


def _memory() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "regrowth" / "sandbox.json"


def _remembered(tier: int, paths: Sequence[Path]) -> Rung | None:
    """Return that a tier held since the last boot, if it did; what did not hold is always tried again."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, NoIsolation):
        with _memory().open("rb") as file:
            about = os.fstat(file.fileno())
            if about.st_uid != os.getuid() or about.st_mode & 0o077:
                return None
            held: dict[str, Any] = json.load(file)
        if names := held.get(_key(tier, paths)):
            return Rung(tier=tier, holds=True, held=tuple(names))
    return None


def _remember(rung: Rung, paths: Sequence[Path]) -> None:
    if not rung.holds:
        return
    with contextlib.suppress(OSError, RuntimeError, ValueError):
        path = _memory()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        held: dict[str, Any] = {}
        with contextlib.suppress(OSError, ValueError):
            held = dict(list(json.loads(path.read_bytes()).items())[-16:])
        held[_key(rung.tier, paths)] = rung.held
        fresh = path.with_suffix(f".{os.getpid()}")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "w") as file:
            json.dump(held, file)
        fresh.replace(path)
