"""Inputs through every target; what comes out that should not, and what grows faster than its input.

    PYTHONPATH=tests python -m fuzz 1000000 --seed 1         # every input through one parser, reader or gate in turn
    PYTHONPATH=tests python -m fuzz --growth                 # doubles each text four times, compares processor time
    PYTHONPATH=tests python -m fuzz --long                   # one line of 10 MB through everything

A failure names the target, the seed and the input, so that `--only TARGET --seed N 1` shows it again.
"""

import resource
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from fuzz.inputs import GROWING, drawn
from fuzz.targets import ALLOWED, GATES, PARSERS, SLOW, file_readers
from regrowth.core.record import Record

__all__ = ["Failure", "Growth", "Outcome", "fuzz", "growths", "long_lines", "peak", "texts_of"]

SECONDS = 10.0
"""Processor time that one short input may take."""
STEEP = 2.6
"""Times the processor time may grow when the input doubles."""
FIRST, DOUBLINGS = 4_000, 4
NOTICED = 0.08
"""Seconds below which the growth of a time means nothing: some clocks tick 250 times a second."""
TOO_LONG = 4.0
LINE = 10_000_000
LONG_LINES = ("word another ", "a", "\u200b", "1,2. ", '{"a": [')

Target = Callable[[str, Random], object]


class Failure(NamedTuple):
    """Hold an input after which something came out that should not."""

    target: str
    seed: int
    error: str
    text: str
    place: str


class Growth(NamedTuple):
    """Hold how the time of a target grew with a text."""

    target: str
    unit: str
    seconds: tuple[float, ...]
    """Of a text of 4,000 characters, and of each twice as long."""

    @property
    def ratio(self) -> float:
        """Return how much longer the longest took than the one before."""
        return self.seconds[-1] / max(self.seconds[-2], 1e-9)


@dataclass
class Outcome:
    """Hold what a run of many inputs did."""

    inputs: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    """How often a target refused its input with an error that it may raise."""
    failures: list[Failure] = field(default_factory=list)
    slowest: dict[str, float] = field(default_factory=dict)
    """Seconds of processor time of the slowest input, by target."""


class _Hangs(BaseException):
    pass


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    def stop(*_: Any) -> None:
        raise _Hangs

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def texts_of() -> dict[str, Callable[[str], object]]:
    """Return the targets that take a text: parsers, and gates on a record that holds it everywhere."""
    return PARSERS | {f"gate {name}": partial(_gated, gate) for name, gate in GATES.items()}


def _gated(gate: Callable[[Record], object], text: str) -> object:
    return gate(_record(text))


def _record(text: str) -> Record:
    attributes: dict[str, Any] = {
        "context": text,
        "question": text,
        "topic": text,
        "safe": True,
        "tainted": [text] if text else [],
    }
    return Record.of(text, response=text, target=text[::-1], rejected=text, **attributes)


def _targets(only: str, folder: Path | None) -> dict[str, Target]:
    made: dict[str, Target] = {name: partial(_alone, target) for name, target in texts_of().items()}
    made |= file_readers(folder)
    chosen = {name: target for name, target in made.items() if only in name}
    assert chosen, f"no target is called {only!r}; there are: {', '.join(made)}"
    return chosen


def _alone(target: Callable[[str], object], text: str, _: Random) -> object:
    return target(text)


def fuzz(
    count: int,
    *,
    seed: int = 0,
    only: str = "",
    folder: Path | None = None,
    tell: Callable[[str], object] | None = None,
) -> Outcome:
    """Put so many inputs through the targets in turn; each input is drawn from its own number."""
    targets, found = _targets(only, folder), Outcome()
    names = sorted(targets)
    for number in range(seed, seed + count):
        name = names[number % len(names)]
        if name in SLOW and len(names) > len(SLOW) and number // len(names) % 50:
            name = names[(number + len(SLOW)) % len(names)]
        rng = Random(number)
        text = drawn(rng)
        _one(name, targets[name], text, rng, number, found)
        if tell and found.inputs % 50_000 == 0:
            tell(f"{found.inputs:,} inputs, {len(found.failures)} failures")
    return found


def _one(name: str, target: Target, text: str, rng: Random, number: int, found: Outcome) -> None:
    found.inputs += 1
    started = time.process_time()
    try:
        with _limited(SECONDS):
            target(text, rng)
    except ALLOWED:
        found.refused[name] += 1
    except _Hangs:
        found.failures.append(Failure(name, number, f"more than {SECONDS:g} s", text[:200], ""))
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{Path(place.filename).name}:{place.lineno} {place.name}"
        found.failures.append(Failure(name, number, f"{type(error).__name__}: {error}"[:300], text[:200], told))
    taken = time.process_time() - started
    found.slowest[name] = max(taken, found.slowest.get(name, 0.0))


def growths(
    targets: Mapping[str, Callable[[str], object]] | None = None, units: Sequence[str] = GROWING
) -> Iterator[Growth]:
    """Yield each text that takes more than 2.6 times as long when it is twice as long, measured three times."""
    for name, target in (targets if targets is not None else texts_of()).items():
        for unit in units:
            found = _growth(name, target, unit, 1)
            if found.ratio > STEEP and found.seconds[-1] > NOTICED:
                found = _growth(name, target, unit, 3)
                if found.ratio > STEEP and found.seconds[-1] > NOTICED:
                    yield found


def _growth(name: str, target: Callable[[str], object], unit: str, repeats: int) -> Growth:
    taken = []
    for doubling in range(DOUBLINGS + 1):
        size = FIRST << doubling
        text = (unit * (size // len(unit) + 1))[:size]
        taken.append(min(_seconds(target, f"{text}{repeat}") for repeat in range(repeats)))
        if taken[-1] > TOO_LONG:
            break
    return Growth(name, unit, (0.0, *taken))


def _seconds(target: Callable[[str], object], text: str) -> float:
    started = time.process_time()
    try:
        with _limited(4 * TOO_LONG):
            target(text)
    except ALLOWED:
        pass
    except _Hangs:
        pass
    return time.process_time() - started


def long_lines(
    targets: Mapping[str, Callable[[str], object]] | None = None, *, length: int = LINE, limit: float = 120.0
) -> Iterator[tuple[str, str, float, str]]:
    """Yield target, unit, seconds and what went wrong, if anything did, for one long line after another."""
    for name, target in (targets if targets is not None else texts_of()).items():
        for unit in LONG_LINES:
            text = (unit * (length // len(unit) + 1))[:length]
            started, error = time.process_time(), ""
            try:
                with _limited(limit):
                    target(text)
            except ALLOWED:
                pass
            except _Hangs:
                error = f"more than {limit:g} s"
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised}"[:200]
            yield name, unit, time.process_time() - started, error


def peak() -> float:
    """Return the most memory that this process had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
