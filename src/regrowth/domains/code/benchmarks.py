"""Published code benchmarks as records: HumanEval (Chen et al., 2021, arXiv:2107.03374), MBPP (Austin et al., 2021,
arXiv:2108.07732), MultiPL-E (Cassano et al., 2022, arXiv:2208.08227), and whatever has their columns.

One row of HumanEval as a record:
    prompt      "def truncate_number(number: float) -> float:\\n    \\"\\"\\" Given a positive floating point …"
    target      the prompt and the reference solution: one program
    attributes  {"domain": "code_benchmark", "benchmark": "humaneval", "name": "HumanEval/2", "language": "python",
                 "function": "truncate_number", "checks": ["assert truncate_number(3.5) == 0.5", …], "setup": "…"}

Python is judged by values (`suites`). The other languages of MultiPL-E come with tests that only an exit code decides:
code and tests run as one program, as they do there, so a program that exits early may pass. That verdict is weaker.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from regrowth.core.cells import described, listed, shown, text
from regrowth.core.errors import DataError
from regrowth.core.layouts.rows import read_rows
from regrowth.core.record import Record
from regrowth.domains.code._syntax import defined, parsed
from regrowth.domains.code.suites import Suite, read_suite

__all__ = ["DOMAIN", "LANGUAGES", "read_benchmark", "suite_of"]

DOMAIN = "code_benchmark"
Row: TypeAlias = Mapping[str, Any]

LANGUAGES = {
    "py": "python", "js": "javascript", "ts": "typescript", "sh": "bash", "pl": "perl", "lua": "lua", "r": "r",
    "cpp": "cpp", "java": "java", "rs": "rust", "go": "go", "go_test.go": "go", "php": "php", "rb": "ruby",
    "jl": "julia", "rkt": "racket", "c": "c",
}  # fmt: skip
"""MultiPL-E's names of languages."""


def read_benchmark(path: Path) -> Iterator[Record]:
    """Yield the problems of a file of HumanEval, MBPP or MultiPL-E, known by its columns.

    Raises:
        SettingsError: no such kind of file.
        DataError: a row that cannot be read: says where and what was found.
    """
    for place, row in read_rows(Path(path)):
        try:
            if not isinstance(row, Mapping):
                raise DataError(f"found {described(row)}, expected an object.")
            yield _form(row)(row)
        except DataError as error:
            raise DataError(f"{path}: {place}: {error}") from error


def suite_of(record: Record) -> Suite:
    """Return the tests of a Python problem.

    Raises:
        DataError: the record carries none.
    """
    attributes = record.attributes
    if not attributes.get("function") or not attributes.get("checks"):
        raise DataError(f"record {record.id}: no tests in Python (attributes: {listed(attributes)}).")
    return Suite(attributes["function"], tuple(attributes["checks"]), attributes.get("setup", ""))


def _form(row: Row) -> Callable[[Row], Record]:
    for columns, form in _FORMS.items():
        if all(column in row for column in columns):
            return form
    expected = " or ".join(f"({', '.join(columns)})" for columns in _FORMS)
    raise DataError(f"columns {listed(row)} are no benchmark that is known. Expected {expected}.")


def _humaneval(row: Row) -> Record:
    prompt, function = text(row, "prompt"), text(row, "entry_point")
    program = _plain(prompt + text(row, "canonical_solution"))
    module = parsed(program, "prompt and canonical_solution together")
    if function not in defined(module):
        raise DataError(
            f"entry_point is {shown(function)}, but the solution defines {listed(sorted(defined(module)))}."
        )
    suite = read_suite(_plain(text(row, "test")), function)
    helpers = "\n".join(
        ast.unparse(node) for node in parsed(prompt, "prompt").body if function not in defined(ast.Module([node], []))
    )
    setup = "\n".join(part for part in (helpers, suite.setup) if part)
    return _record(row, "humaneval", prompt, program, Suite(function, suite.checks, setup), completes=True)


def _mbpp(row: Row) -> Record:
    program = _plain(text(row, "code"))
    module = parsed(program, "code")
    tests = row["test_list"]
    if not isinstance(tests, list) or not tests or not all(isinstance(test, str) for test in tests):
        raise DataError(f"column 'test_list' holds {described(tests)}, expected a list of Python sources.")
    checks = tuple(_plain(test).strip() for test in tests)
    function = _tested(checks, module)
    given = row.get("test_setup_code") or row.get("test_imports") or ""
    setup = [_borrowed(module), _plain("\n".join(given) if isinstance(given, list) else given)]
    task = text(row, "text" if "text" in row else "prompt").strip()
    prompt = "\n".join([task, "Your code should pass these tests:", "", *checks, ""])
    suite = Suite(function, checks, "\n".join(part for part in setup if part.strip()))
    return _record(row, "mbpp", prompt, program, suite)


def _multipl_e(row: Row) -> Record:
    language = LANGUAGES.get(text(row, "language"))
    if language is None:
        raise DataError(f"column 'language' holds {shown(row['language'])}, expected one of {listed(LANGUAGES)}.")
    stops = row.get("stop_tokens") or []
    return Record.of(
        _plain(text(row, "prompt")),
        response=row.get("gpt_solution") or "",
        domain=DOMAIN,
        benchmark="multipl_e",
        name=text(row, "name"),
        language=language,
        function=_called(text(row, "name")),
        program_tests=_plain(text(row, "tests")),
        stops=list(stops) if isinstance(stops, list) else [],
        completes=True,
    )


_FORMS: Mapping[tuple[str, ...], Callable[[Row], Record]] = {
    ("prompt", "entry_point", "canonical_solution", "test"): _humaneval,
    ("code", "test_list"): _mbpp,
    ("prompt", "language", "tests"): _multipl_e,
}


def _record(row: Row, benchmark: str, prompt: str, program: str, suite: Suite, completes: bool = False) -> Record:
    name = row.get("task_id", row.get("name", ""))
    return Record.of(
        prompt,
        target=program,
        domain=DOMAIN,
        benchmark=benchmark,
        name=f"{benchmark}/{name}" if isinstance(name, int) else str(name),
        language="python",
        function=suite.function,
        checks=list(suite.checks),
        setup=suite.setup,
        completes=completes,
    )


def _plain(source: str) -> str:
    return source.replace("\r\n", "\n")


def _tested(checks: tuple[str, ...], module: ast.Module) -> str:
    """Return the function that every check calls and the reference defines: the outermost, if there are several."""
    own = defined(module)
    counts: Counter[str] = Counter()
    for number, check in enumerate(checks, 1):
        nodes = ast.walk(parsed(check, f"test {number}"))  # breadth first: the outer call before the inner
        called = [node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        counts.update(dict.fromkeys((name for name in called if name in own), 1))
    found = [name for name, count in counts.items() if count == len(checks)]
    if not found:
        raise DataError(f"no function of {listed(sorted(own))} is called by every test, as {shown(checks[0])}.")
    return found[0]


def _borrowed(module: ast.Module) -> str:
    """Return the imports and classes of the reference: MBPP's tests use them as if they were their own."""
    kinds = ast.Import | ast.ImportFrom | ast.ClassDef
    return "\n".join(ast.unparse(node) for node in module.body if isinstance(node, kinds))


def _called(name: str) -> str:
    """Return the function in a name like `mbpp_4_heap_queue_largest` or `HumanEval_23_strlen`."""
    parts = name.split("_", 2)
    return parts[2] if len(parts) == 3 and parts[1].isdigit() else name
