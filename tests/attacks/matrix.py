"""Run attacks against an executor and judge them from outside.

    with Arena(lambda: sandbox("landlock")) as arena:
        arena.judge(attack)         # Verdict(attack="udp", held=True, reached=(), …)

One judge for all: the host is as it was, no secret came out, no limit was passed, nothing is left behind, and the next
honest program runs. An attack may add a judge of its own.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Self

from attacks.attack import LIMITS, Attack, Program
from attacks.guard import Guard
from attacks.watch import Facts, Watch, living
from attacks.world import World, changes
from regrowth.core.protocols import Execution, Executor, Limits

__all__ = ["Arena", "Seen", "Verdict"]

HONEST = "total = 0\nfor number in range(10): total += number\nprint(total)\n"
SLACK_WALL = 6.0
"""Seconds that starting and ending may take where twenty others want the processor; no attack ends by itself before."""
SLACK_CPU = 1.2
SLACK_MEMORY = 1.3
"""Times the limit: what a monitor may notice late."""
LATE = 256
"""MiB more for an ordinary user, who has no control group: what is filled between two looks on a busy machine."""
SLACK_PROCESSES = 6
"""The sandbox's own: what waits for the program, and a warm interpreter that is made anew."""
CROWD = 64
"""More for an ordinary user under Landlock, where the kernel counts all processes of that user together: for some
milliseconds, until the monitor looks, there may be as many as it leaves room for."""
SPACES = ("user", "mnt", "pid", "net", "ipc", "uts", "root")
HOST = 96
"""MiB that the host itself may grow by."""


@dataclass
class Seen:
    """Hold all that was seen of one attack."""

    attack: Attack
    executions: list[Execution]
    elapsed: float
    watch: Watch
    world: World
    first: Facts | None = None

    @property
    def execution(self) -> Execution:
        """Return how the attacking program itself ended."""
        return self.executions[-1]

    @property
    def text(self) -> str:
        """Return all that it said."""
        return self.execution.stdout + self.execution.stderr


@dataclass(frozen=True, slots=True)
class Verdict:
    """Hold whether an attack was held, and what it reached if not."""

    attack: str
    family: str
    held: bool
    reached: tuple[str, ...] = ()
    told: str = ""
    """How the executor says that it ended."""
    seconds: float = 0.0
    processes: int = 0
    cpu: float = 0.0
    """Seconds of processor time, as the host saw it; what lived only shortly is missing."""
    memory: float = 0.0
    """MiB at the peak, as the host saw it."""
    said: str = ""

    def to_json(self) -> dict[str, object]:
        """Return the verdict as plain JSON data."""
        return asdict(self)


@dataclass
class Arena:
    """Hold one executor and one world. Use as a context manager."""

    make: Callable[[], Executor]
    world: World = field(default_factory=World)

    def __enter__(self) -> Self:
        self._loop = asyncio.Runner()
        self.executor = self.make()
        try:
            self._look_around()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _look_around(self) -> None:
        """See what an honest program runs as, and lay out what belongs to that user."""
        watch = Watch(self.world.mark)
        try:
            honest = self._run(Program(f"{HONEST}\nhold(0.5)"), LIMITS)
        finally:
            watch.stop()
        if honest.status != "ok":
            raise RuntimeError(f"no honest program runs here: {honest}")
        uid = int(watch.marked[-1].status["Uid"].split()[0]) if watch.marked else os.getuid()
        self.world.meet(uid, owns=isinstance(self.executor, Guard))

    def __exit__(self, *_: object) -> None:
        close = getattr(self.executor, "close", None)
        if close is not None:
            close()
        self._loop.close()
        self.world.close()

    def _run(self, program: Program, limits: Limits) -> Execution:
        files = program.files(self.world.facts, self.world.tokens)
        return self._loop.run(self.executor.run(files, program.argv(), program.read(self.world.tokens), limits))

    def judge(self, attack: Attack) -> Verdict:
        """Run an attack and say what it reached."""
        if self.world.victim is None or self.world.victim.poll() is not None:
            self.world.invite()
        before = self.world.observe()
        watch = Watch(self.world.mark, self.world.ears.knock)
        executions, broken, elapsed = [], "", 0.0
        try:
            for program in attack.programs:
                start = time.monotonic()
                executions.append(self._run(program, attack.limits))
                elapsed = time.monotonic() - start
            left = _left(self.world.mark)
            honest = self._run(Program(HONEST), LIMITS)
        except Exception as error:
            broken, left = f"{type(error).__name__}: {error}", _left(self.world.mark)
            honest = Execution(status="setup_failed")
        finally:
            watch.stop()
        seen = Seen(attack, executions or [honest], elapsed, watch, self.world)
        reached = [
            *([f"the sandbox broke down: {broken}"] if broken else []),
            *changes(before, self.world.observe()),
            *self.world.stolen("".join(one.stdout + one.stderr for one in executions)),
            *self._beyond(seen),
            *([f"{len(left)} processes are left"] if left else []),
            *([] if honest.stdout == "45\n" else [f"the next honest program ended so: {honest}"]),
            *([extra] if attack.extra and executions and (extra := attack.extra(seen)) else []),
        ]
        for pid in left:
            _end(pid)
        self.world.tidy(before)
        if isinstance(self.executor, Guard):
            self.executor.sweep(self.world.victim.pid if self.world.victim else 0)
        told = f"{seen.execution.status} {'' if seen.execution.exit is None else seen.execution.exit}".strip()
        return Verdict(
            attack.name,
            attack.family,
            not reached,
            tuple(reached),
            told,
            round(elapsed, 3),
            watch.processes,
            round(watch.cpu, 2),
            round(watch.memory, 1),
            seen.text[-300:],
        )

    def _beyond(self, seen: Seen) -> Iterator[str]:
        """Yield which limits were passed, and which rights somebody had."""
        limits, watch = seen.attack.limits, seen.watch
        if seen.elapsed > limits.wall + SLACK_WALL:
            yield f"{seen.elapsed:.1f} s instead of {limits.wall}"
        if watch.cpu > (limits.cpu + SLACK_CPU) * len(seen.attack.programs):
            yield f"{watch.cpu:.1f} s of processor time instead of {limits.cpu}"
        ordinary = os.getuid() != 0
        if watch.processes > limits.processes + SLACK_PROCESSES + CROWD * (ordinary and self.executor.tier == 1):
            yield f"{watch.processes} processes instead of {limits.processes}"
        if watch.memory > limits.memory * SLACK_MEMORY + LATE * ordinary:
            yield f"{watch.memory:.0f} MiB instead of {limits.memory}"
        if watch.host > HOST:
            yield f"the host itself grew by {watch.host:.0f} MiB"
        if max(len(seen.execution.stdout), len(seen.execution.stderr)) > limits.output:
            yield f"{len(seen.execution.stdout)} characters of output instead of {limits.output}"
        if watch.held:
            yield f"held open: {', '.join(sorted(watch.held))}"
        for facts in watch.marked:
            yield from self._rights(facts)
        for kind in SPACES if len(seen.attack.programs) == 1 else ():
            if len({facts.spaces[kind] for facts in watch.marked if facts.spaces}) > 1:
                yield f"changed its {kind}"

    def _rights(self, facts: Facts) -> Iterator[str]:
        """Yield the rights that a process should not have, as the kernel tells them to the host."""
        status, spaces = facts.status, facts.spaces
        for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            if int(status.get(name, "0"), 16):
                yield f"capabilities: {name} {status[name]}"
        if 0 in {int(number) for number in status.get("Uid", "").split()}:
            yield "is root on the host"
        if self.world.mark in spaces.get("mounts", ""):
            yield "mounted something"


def _left(mark: str) -> list[int]:
    """Return the processes that an attack left behind, when it had a moment to end."""
    until = time.monotonic() + 0.3
    while (found := living(mark)) and time.monotonic() < until:
        time.sleep(0.02)
    return found


def _end(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return
