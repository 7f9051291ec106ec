"""Call a function of untrusted code on many inputs: values in, plain values out, and only the host knows what is right.

    found = await call(executor, "def half(n):\\n    return n / 2", "half", [[3], ["x"]])
    found.outcomes      (Returned(1.5), Returned(None, "TypeError: unsupported operand type(s) for /: 'str' and 'int'"))
    found.execution     how the one program that made all the calls ended, and what the code printed

All calls run in one program, each with arguments made afresh. What was answered before a hang or a crash is kept; what
was not is an error outcome, as is every answer that cannot be read. Nothing the code does raises an exception here.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files as package_files
from typing import Any

from regrowth.core.errors import DataError
from regrowth.core.protocols import Execution, Executor, Limits
from regrowth.core.record import digest
from regrowth.sandbox.language_table import LANGUAGES, SMALL
from regrowth.sandbox.programs import BUILD_FAILED, calling, running
from regrowth.sandbox.signatures import Type, parse_signature, shaped, signature_of
from regrowth.sandbox.values import decode, encode, read
from regrowth.sandbox.words import read_word

__all__ = ["Called", "Returned", "call", "run"]

LONGEST = 300
"""Characters of an error that are kept."""

_DRIVERS = package_files("regrowth.sandbox").joinpath("drivers")
_DRIVER, _SQL = (_DRIVERS.joinpath(name).read_text("utf-8") for name in ("python.py", "sql.py"))


@dataclass(frozen=True, slots=True)
class Returned:
    """Hold what one call gave."""

    value: object = None
    error: str = ""
    """Nothing if it returned; else `ZeroDivisionError: division by zero`, or `no value: ` and what ended it all."""


@dataclass(frozen=True, slots=True)
class Called:
    """Hold what all calls gave, one outcome per input, and how the program ended that made them."""

    outcomes: tuple[Returned, ...]
    execution: Execution


async def call(
    executor: Executor,
    code: str,
    function: str,
    inputs: Sequence[Sequence[object]],
    *,
    language: str = "python",
    signature: str | None = None,
    limits: Limits | None = None,
) -> Called:
    """Call a function of the code once per input, in one program.

    Args:
        executor: what isolates it.
        code: the source of one file.
        function: its name there.
        inputs: the positional arguments of each call, plain values.
        language: one of `LANGUAGES`.
        signature: types of parameters and result as Python writes them, `(a: int, b: list[str]) -> bool`; other
            languages need it. Where it is missing, the parameters are inferred from the inputs.
        limits: for all calls together; the language's own by default.

    Raises:
        DataError: an argument is not plain, or not to be written in that language; or the signature is none.
        SettingsError: no such language, or its tools are not installed.
        NoIsolation: nothing here can isolate the code.
        CallFailed: the sandbox itself broke down.
    """
    request = _request(language, function, inputs)
    safe = code.encode("utf-8", "replace").decode()
    if language in ("python", "sql"):
        files = {"driver.py": _DRIVER, "candidate.py": safe}
        if language == "sql":
            files |= {"candidate.py": _SQL, "query.sql": safe}
        execution = await executor.run(files, ["python", "driver.py"], request, limits or SMALL)
        return Called(tuple(_outcomes(execution.stdout.split("\n"), execution, len(inputs))), execution)
    types = parse_signature(signature) if signature else signature_of(inputs)
    mark = digest("call", language, safe, request)[:24]
    program = calling(language, safe, function, inputs, types, mark)
    known = LANGUAGES[language]
    execution = await executor.run(program.files, program.argv, "", limits or known.limits)
    lines = (line.partition(f"{mark} ")[2] for line in execution.stdout.split("\n"))
    raw = _outcomes(lines, execution, len(inputs))
    return Called(tuple(_in_python(outcome, language, types.returns) for outcome in raw), execution)


async def run(
    executor: Executor, source: str, *, language: str = "python", stdin: str = "", limits: Limits | None = None
) -> Execution:
    """Run a whole program in a language, built before if the language wants it.

    A source that does not compile ends as `nonzero` with the reason `does not compile` and the messages on stderr.

    Raises:
        SettingsError: no such language, or its tools are not installed.
        NoIsolation: nothing here can isolate the code.
        CallFailed: the sandbox itself broke down.
    """
    safe = source.encode("utf-8", "replace").decode()
    mark = digest("run", language, safe)[:24]
    program = running(language, safe, mark)
    execution = await executor.run(program.files, program.argv, stdin, limits or LANGUAGES[language].limits)
    if execution.stdout.startswith(f"{mark} {BUILD_FAILED}"):
        return replace(execution, stdout="", reason="does not compile")
    return execution


def _request(language: str, function: str, inputs: Sequence[Sequence[object]]) -> str:
    trees = [[encode(one) for one in given] for given in inputs]
    return json.dumps({"function": "rows" if language == "sql" else function, "inputs": trees})


def _in_python(outcome: Returned, language: str, kind: Type) -> Returned:
    """Return an outcome as Python would give it, as far as the type of the result tells."""
    value = _texts(outcome.value)
    if outcome.error:
        return outcome
    if language == "bash":
        return Returned(read_word(value, kind) if isinstance(value, str) else value)
    return Returned(shaped(value, kind, blurs=LANGUAGES[language].blurs))


def _texts(value: Any) -> Any:
    """Return a value with bytes read as text: in languages other than Python, texts are bytes."""
    if type(value) is bytes:
        return value.decode("utf-8", "surrogateescape")
    if type(value) in (list, tuple, set):
        return type(value)(map(_texts, value))
    if type(value) is dict:
        return {_texts(key): _texts(one) for key, one in value.items()}
    return value


def _outcomes(lines: Iterable[str], execution: Execution, count: int) -> Iterator[Returned]:
    said: dict[int, Mapping[str, Any]] = {}
    missing = Returned(error=_missing(execution))
    for line in lines:
        try:
            tree = read(line)
        except DataError:
            continue
        if not isinstance(tree, dict):
            continue
        if isinstance(load := tree.get("load"), str) and not said:
            missing = Returned(error=load[:LONGEST] or missing.error)
        if tree.get("build") == "failed" and not said:
            missing = Returned(error=f"does not compile: {_complaint(execution.stderr)}"[:LONGEST])
        if type(at := tree.get("at")) is int:
            said.setdefault(at, tree)
    for at in range(count):
        yield _returned(said[at]) if at in said else missing


def _complaint(messages: str) -> str:
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), lines[0] if lines else "no message")


def _missing(execution: Execution) -> str:
    why = execution.reason or (f"left with exit code {execution.exit}" if execution.exit is not None else "")
    return f"no value: {execution.status}" + (f", {why}"[:LONGEST] if why else "")


def _returned(tree: Mapping[str, Any]) -> Returned:
    if isinstance(error := tree.get("error"), str) and error:
        return Returned(error=error[:LONGEST])
    value = tree.get("value")
    if isinstance(value, dict) and isinstance(name := value.get("unplain"), str):
        return Returned(error=f"not a plain value: {name[:LONGEST]}")
    if "value" not in tree:
        return Returned(error="no value: the answer holds none")
    try:
        return Returned(decode(value))
    except DataError as error:
        return Returned(error=f"no value: {error}"[:LONGEST])
