"""Inputs for a function of which only the signature and a few calls are known, and whether two programs agree on them.

    given = signature("def largest(xs: list[int]): …", "largest")
    draw_inputs(given, [([3, 9, 4],)], count=5, seed=0)     # ([],), ([9, 9],), ([-1, 9, 4],), ([9, 3, 4],), ([2, 7],)

A third is near the known calls (`neighbours.around`), some are edge cases, the others are drawn by Hypothesis within
ranges that the calls suggest: their sizes, signs, alphabets, words; sorted where theirs are; an `n` that is always the
length of a list stays that. Equal seeds draw equal inputs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from regrowth.core.protocols import Execution, Executor, Limits
from regrowth.domains.code._observer import key
from regrowth.domains.code.neighbours import around
from regrowth.domains.code.signatures import Inputs, Kind, Signature, joined, kind_of
from regrowth.extras import library
from regrowth.sandbox.calls import Called, Returned, call
from regrowth.sandbox.values import same

__all__ = ["Agreement", "Difference", "Program", "agree", "draw_inputs", "edges"]

Tidy: TypeAlias = Callable[[list[Any]], None]
NEAR, AT_EDGES = 0.35, 0.25
"""Shares of the inputs that are near the known calls, and at the edges of their types."""
HANGS = 3
"""Inputs without an answer after which a reference is not asked again."""
GONE = "no value"
UNICODE = ("é", "ß", "漢字", "😀", "İ")


def draw_inputs(given: Signature, examples: Sequence[Inputs], count: int, seed: int) -> list[Inputs]:
    """Return up to `count` different inputs, none of them an example; fewer only if there are no more.

    Raises:
        MissingExtra: Hypothesis is not installed.
    """
    library("hypothesis", "Drawing inputs from a signature", extra="code")
    from regrowth.domains.code import _drawing as drawing  # it stands on Hypothesis

    width = len(given.parameters)
    known = [one for one in examples if len(one) == width]
    kinds = [parameter.kind for parameter in given.parameters]
    seen = {_named(one) for one in known}
    found = list[Inputs]()

    def take(some: Iterator[Inputs], most: int) -> None:
        for one in some:
            if len(found) >= most:
                return
            tidied = _tidied(one, relations)
            if (name := _named(tidied)) not in seen and all(map(_fits, tidied, kinds)):
                seen.add(name)
                found.append(tidied)

    relations = list(_relations(known))
    take(iter(edges(kinds, known)), int(AT_EDGES * count))
    take(iter(around(known, count=count, seed=seed)), int((AT_EDGES + NEAR) * count))
    take(drawing.drawn(kinds, known, 2 * count, seed), count)
    return found


def _fits(value: Any, kind: Kind) -> bool:
    """Return whether a value is of a kind: a neighbour of a pair may be no pair."""
    return "Any" in str(kind) or joined([kind, kind_of(value)]) == kind


def edges(kinds: Sequence[Kind], known: Sequence[Inputs]) -> list[Inputs]:
    """Return a known input with one argument after the other put to the edges of its type."""
    base = known[0] if known else tuple(next(iter(_edges(kind, [])), None) for kind in kinds)
    rows = [list(_edges(kind, [one[place] for one in known])) for place, kind in enumerate(kinds)]
    longest = max(map(len, rows), default=0)
    return [
        (*base[:place], row[number], *base[place + 1 :])
        for number in range(longest)
        for place, row in enumerate(rows)
        if number < len(row)
    ]


def _edges(kind: Kind, values: Sequence[Any]) -> Iterator[Any]:
    if kind.name == "|":
        for part in kind.parts:
            yield from _edges(part, [])
    elif kind.name in ("list", "tuple…"):
        made: Callable[[Any], Any] = list if kind.name == "list" else tuple
        longest = max((value for value in values if isinstance(value, list | tuple)), key=len, default=())
        items = [*longest, *_edges(kind.parts[0], [])][: max(2, len(longest))]
        yield from (made(()), made(items[:1]), made(items[:1] * 3), made(items[::-1]), made(items * 2))
    elif kind.name == "tuple":
        yield tuple(next(iter(_edges(part, [])), None) for part in kind.parts)
    elif kind.name == "dict":
        yield {}
        yield from (dict(list(value.items())[:1]) for value in values[:1] if isinstance(value, dict))
    elif kind.name in ("set", "frozenset"):
        yield set() if kind.name == "set" else frozenset()
    else:
        yield from _scalar_edges(kind.name, values)


def _scalar_edges(name: str, values: Sequence[Any]) -> Iterator[Any]:
    numbers = [value for value in values if isinstance(value, int | float)]
    if name == "int":
        yield from (0, 1, -1, 2, *(-value for value in numbers[:1]))
    elif name == "float":
        yield from (0.0, 1.0, -1.0, 0.5, *(-value for value in numbers[:1]))
    elif name == "str":
        word = max((value for value in values if isinstance(value, str)), key=len, default="ab")
        yield from ("", word[:1] or "a", word[:1] * 3, f" {word} ", word.upper(), word[:2] + UNICODE[len(word) % 5])
    else:
        yield from {"None": (None,), "bool": (False, True), "bytes": (b"", b"\x00\xff"), "complex": (0j, 1j)}.get(
            name, ()
        )


def _named(one: Inputs) -> str:
    try:
        return key(one)
    except TypeError:
        return repr(one)


def _relations(known: Sequence[Inputs]) -> Iterator[tuple[str, int, int]]:
    """Yield what holds of every known call: an argument is another's length, or two are of one length."""
    if len(known) < 2:
        return
    width = range(len(known[0]))
    for place in width:
        sized = all(isinstance(one[place], list | tuple | str) for one in known)
        for other in width if sized else ():
            lengths = {len(one[place]) for one in known}
            if all(type(one[other]) is int and one[other] == len(one[place]) for one in known):
                yield "length", place, other
            elif other > place and len(lengths) > 1 and all(_alike(one[place], one[other]) for one in known):
                yield "alike", place, other


def _alike(one: Any, other: Any) -> bool:
    return type(one) is type(other) and isinstance(one, list | tuple) and len(one) == len(other)


def _tidied(one: Inputs, relations: Sequence[tuple[str, int, int]]) -> Inputs:
    """Return an input in which the relations hold again; a wrong type somewhere is left as it is."""
    values = list(one)
    for relation, place, other in sorted(relations):
        if relation == "alike" and type(values[place]) is type(values[other]):
            shorter = min(len(values[place]), len(values[other]))
            values[place], values[other] = values[place][:shorter], values[other][:shorter]
    for relation, place, other in relations:
        if relation == "length" and isinstance(values[place], list | tuple | str):
            values[other] = len(values[place])
    return tuple(values)


@dataclass(frozen=True, slots=True)
class Program:
    """Name a function in some code."""

    code: str
    function: str
    language: str = "python"
    signature: str | None = None
    """As `call` takes it: languages with types need it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold an input on which two programs differ."""

    arguments: Inputs
    expected: Returned
    """What the reference gave."""
    found: Returned
    """What the candidate gave."""

    def __str__(self) -> str:
        given = ", ".join(map(repr, self.arguments))
        said = [one.error or repr(one.value) for one in (self.expected, self.found)]
        return f"on ({given}) expected {said[0]}, found {said[1]}"


@dataclass(frozen=True, slots=True)
class Agreement:
    """Hold how far a candidate behaves like a reference."""

    compared: int
    """Inputs that counted."""
    agreed: int
    dropped: int
    """Inputs on which the reference gave no value, or did not come to an end."""
    first_difference: Difference | None
    execution: Execution
    """How the candidate's program ended; the reference's, if no input counted."""

    @property
    def share(self) -> float:
        """Return the share of the inputs that counted on which both agree; 0 if none counted."""
        return self.agreed / self.compared if self.compared else 0.0

    @property
    def complete(self) -> bool:
        """Return whether inputs counted and both agree on all."""
        return bool(self.compared) and self.agreed == self.compared


async def agree(
    executor: Executor,
    reference: Program,
    candidate: Program,
    inputs: Sequence[Inputs],
    *,
    errors: bool = False,
    tolerance: float = 1e-9,
    limits: Limits | None = None,
) -> Agreement:
    """Compare two programs, in one language or in two, by the values they give on the same inputs.

    Args:
        executor: what isolates them; each runs in a program of its own.
        reference: what counts as right.
        candidate: what is judged.
        inputs: positional arguments of each call.
        errors: whether inputs on which the reference raises count (the candidate must raise too) or are dropped.
        tolerance: what two floats may differ by, as `same` takes it.
        limits: of each program; those of its language by default.

    Raises:
        DataError, SettingsError, NoIsolation, CallFailed: as `call`.
    """
    expected, execution = await _answers(executor, reference, inputs, limits)
    kept = [(given, one) for given, one in expected if errors or not one.error]
    dropped = len(inputs) - len(kept)
    if not kept:
        return Agreement(0, 0, dropped, None, execution)
    found = await _outcomes(executor, candidate, [given for given, _ in kept], limits)
    loose = reference.language != candidate.language
    differences = [
        Difference(given, one, other)
        for (given, one), other in zip(kept, found.outcomes, strict=True)
        if not _agree(one, other, tolerance, loose)
    ]
    first = differences[0] if differences else None
    return Agreement(len(kept), len(kept) - len(differences), dropped, first, found.execution)


def _agree(expected: Returned, found: Returned, tolerance: float, loose: bool) -> bool:
    if expected.error or found.error:
        lost = found.error.startswith(GONE)
        return bool(expected.error) and bool(found.error) and not lost
    return same(expected.value, found.value, tolerance=tolerance, loose=loose)


async def _answers(
    executor: Executor, program: Program, inputs: Sequence[Inputs], limits: Limits | None
) -> tuple[list[tuple[Inputs, Returned]], Execution]:
    """Return each input with its answer, those left out on which the program did not end, and how it ended first."""
    answered = list[tuple[Inputs, Returned]]()
    left, executions = list(inputs), list[Execution]()
    for _ in range(HANGS):
        found = await _outcomes(executor, program, left, limits)
        executions.append(found.execution)
        ends = [place for place, one in enumerate(found.outcomes) if one.error.startswith(GONE)]
        end = ends[0] if ends else len(left)
        answered += zip(left[:end], found.outcomes, strict=False)
        left = left[end + 1 :]
        if not left:
            break
    return answered, executions[0]


async def _outcomes(executor: Executor, program: Program, inputs: Sequence[Inputs], limits: Limits | None) -> Called:
    return await call(
        executor,
        program.code,
        program.function,
        inputs,
        language=program.language,
        signature=program.signature,
        limits=limits,
    )
