"""A Python function as the original of something else: what it does, on inputs drawn from its types and its tests.

    original = await observed(executor, snippet, 32)
    original.head, original.call(0), len(original.inputs)          "def area(r):", "area(2)", 32
    found = await agreement(executor, original, "def area(r):\\n    return 3 * r * r")
    found.share, difference(original, found.first_difference)      0.03, "area(2) gives 12, the original gives 12.566"

Inputs on which the original gives no plain value, or not twice the same one, are left out, and so are those that the
other side cannot represent.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from regrowth.core.errors import DataError, Rejected
from regrowth.core.protocols import Executor, Limits
from regrowth.core.record import Record
from regrowth.domains.code.inputs import Agreement, Difference, Program, agree, draw_inputs
from regrowth.domains.code.signatures import Inputs, examples, joined, kind_of, signature
from regrowth.sandbox.calls import Returned, call
from regrowth.sandbox.values import same, shown

__all__ = ["FEWEST", "Original", "agreement", "difference", "failed", "head", "noted", "observed", "proven"]

FEWEST = 6
"""Different inputs below which behaviour is not known."""
PATIENCE = 4
"""Inputs that may end the program of the original before nothing is known of it."""
LIMITS = Limits(cpu=1.0, wall=15.0, output=262_144)
"""Of the original: its inputs leave slower languages some room within limits of their own."""
SURPLUS = 2
"""Inputs drawn for each that is wanted: some are outside what the function is defined on."""


@dataclass(frozen=True, slots=True)
class Original:
    """Hold a function, and inputs on which its behaviour is known."""

    code: str
    function: str
    signature: str
    """Types of parameters and result: from annotations and from what went in and came out."""
    inputs: tuple[Inputs, ...]

    @property
    def head(self) -> str:
        """Return the line that begins the function."""
        return head(self.code, self.function)

    def call(self, inputs: Inputs) -> str:
        """Return a call as Python writes it."""
        return f"{self.function}({', '.join(map(shown, inputs))})"


async def observed(
    executor: Executor,
    record: Record,
    count: int,
    *,
    code: str = "",
    representable: Callable[[object], bool] = lambda _: True,
    errors: bool = False,
) -> Original:
    """Run the function of a record on sampled inputs, each twice, and keep those that tell how it behaves.

    Args:
        record: One of `read_benchmark`.
        count: Inputs wanted, those of its tests included.
        code: The function itself, where it is not the record's target as it stands.
        representable: Whether the other side has a value, as an argument or as a result.
        errors: Whether inputs on which the function raises count: a quarter of `count` besides, at most.

    Raises:
        Rejected: fewer than FEWEST inputs with a value, or one and the same value on all of them.
    """
    code, function = code or record.target, record["function"]
    told = signature(code, function, record["checks"])
    known = examples(code, function, record["checks"])
    drawn = [*known, *draw_inputs(told, known, SURPLUS * count, record.seed("inputs"))]
    drawn = [given for given in drawn if all(map(representable, given))]
    steady, said = await _steady(executor, code, function, drawn)
    right = [(given, one) for given, one in steady if not one.error and representable(one.value)][:count]
    wrong = [given for given, one in steady if one.error][: count // 4 if errors else 0]
    _enough(right, len(drawn), said)
    told = replace(told, returns=joined((told.returns, *(kind_of(one.value) for _, one in right))))
    return Original(code, function, str(told), (*(given for given, _ in right), *wrong))


async def _steady(
    executor: Executor, code: str, function: str, drawn: Sequence[Inputs]
) -> tuple[list[tuple[Inputs, Returned]], str]:
    """Call a function twice per input; return what was the same both times, and the first error.

    An input that ends the program, for it takes too long or too much, is left out and the others are tried again.
    """
    known = list(drawn)
    said = ""
    for patience in reversed(range(PATIENCE)):
        called = (await call(executor, code, function, [*known, *known], limits=LIMITS)).outcomes
        pairs = list(zip(known, called[: len(known)], called[len(known) :], strict=True))
        said = said or next((one.error for one in called if one.error), "")
        ended = next((place for place, one in enumerate(called) if one.error.startswith("no value")), None)
        if ended is None:
            return [(given, one) for given, one, two in pairs if _same(one, two)], said
        # The last time, only what was answered before it: where many inputs hang, those of the tests come first.
        known = known[: ended % len(known)] + ([] if patience == 1 else known[ended % len(known) + 1 :])
    return [], said


def _same(one: Returned, two: Returned) -> bool:
    if one.error or two.error:
        return bool(one.error and two.error)
    return same(one.value, two.value)


def _enough(right: Sequence[tuple[Inputs, Returned]], drawn: int, error: str) -> None:
    if len(right) < FEWEST:
        said = f": {error}" if error else ""
        raise Rejected("inputs", f"{len(right)} of {drawn} inputs can be used, at least {FEWEST}{said}")
    if all(same(right[0][1].value, one.value) for _, one in right):
        raise Rejected("inputs", f"the same value on all {len(right)} inputs: {shown(right[0][1].value)}")


async def agreement(
    executor: Executor, original: Original, code: str, *, language: str = "python", inputs: Sequence[Inputs] = ()
) -> Agreement:
    """Compare other code with the original, on all of its inputs or on some.

    Raises:
        Rejected: the function takes what the other language has no type for.
        NoIsolation: nothing here can isolate the code.
        CallFailed: the sandbox itself broke down.
    """
    reference = Program(original.code, original.function)
    candidate = Program(code, original.function, language, original.signature)
    try:
        return await agree(executor, reference, candidate, inputs or original.inputs, errors=True)
    except DataError as error:
        raise Rejected("inputs", f"{language} cannot be called as {original.signature}: {error}") from error


def difference(original: Original, found: Difference) -> str:
    """Say what both do on one input."""
    ours, theirs = map(_told, (found.found, found.expected))
    return f"{original.call(found.arguments)} {ours}, the original {theirs}"


def _told(outcome: Returned) -> str:
    return f"fails with {outcome.error}" if outcome.error else f"gives {shown(outcome.value)}"


def head(code: str, function: str) -> str:
    """Return the line that begins a function, without its body.

    Raises:
        DataError: the code does not define it.
    """
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.FunctionDef) and node.name == function:
            result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
            return f"def {function}({ast.unparse(node.args)}){result}:"
    raise DataError(f"The code defines no function {function!r}.")


# What the gate reads ------------------------------------------------------------------------------------------------


def noted(record: Record, **attributes: object) -> Record:
    """Return a record with further attributes and the same parents."""
    return record.derive(parents=record.parents, draw=record.draw, attributes=attributes)


def failed(record: Record, by: str, reason: str) -> Record:
    """Return a record that the gate `proven` will refuse, saying by what it failed and why."""
    return noted(record, failed={"by": by, "reason": reason})


def proven(record: Record) -> Record:
    """Refuse what failed on its way.

    Raises:
        Rejected: says at what and why.
    """
    if found := record.attributes.get("failed"):
        raise Rejected(found["by"], found["reason"])
    return record
