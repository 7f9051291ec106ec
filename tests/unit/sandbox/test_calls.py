"""Calls: inputs go in, plain values come out, and whatever the code does, the host gets an outcome."""

import asyncio
import json
import re
from collections.abc import Sequence
from typing import Any

import pytest

from regrowth.core.errors import DataError, SettingsError
from regrowth.core.protocols import Execution, Limits
from regrowth.sandbox.calls import Called, Returned, call, run
from regrowth.sandbox.languages import Missing, checked
from support.executors import Unisolated


def called(code: str, *inputs: Sequence[object], function: str = "f", **how: Any) -> Called:
    return asyncio.run(call(Unisolated(), code, function, inputs, **how))


def values(code: str, *inputs: Sequence[object], **how: Any) -> list[object]:
    return [outcome.error or outcome.value for outcome in called(code, *inputs, **how).outcomes]


class Saying:
    """An executor that ran something else."""

    tier = 2
    digest = "saying"

    def __init__(self, execution: Execution) -> None:
        self.execution = execution

    async def run(self, files: Any, argv: Any, stdin: str = "", limits: Any = None) -> Execution:
        return self.execution


def heard(stdout: str, **how: Any) -> tuple[Returned, ...]:
    execution = Execution(**{"status": "ok", "exit": 0, "stdout": stdout, **how})
    return asyncio.run(call(Saying(execution), "", "f", [[1], [2]])).outcomes


def test_values_come_back_as_they_are() -> None:
    given = [None, True, 2**70, 1.5, float("inf"), "é\ud800\U0001f600", [1, (2, {3})], {1: {"a": b"x"}}, 1 + 2j]
    assert values("def f(x):\n    return x", *([one] for one in given)) == given


def test_each_call_gets_arguments_of_its_own() -> None:
    code = "kept = []\ndef f(xs):\n    kept.append(xs)\n    xs.append(len(kept))\n    return xs"
    assert values(code, [[0]], [[0]]) == [[0, 1], [0, 2]]
    shared = [[0]]
    assert values(code, *[shared] * 2) == [[0, 1], [0, 2]]
    assert shared == [[0]]


def test_an_error_in_one_call_leaves_the_others() -> None:
    found = called("def f(n):\n    return 1 / n", [1], [0], [2])
    assert found.outcomes == (Returned(1.0), Returned(None, "ZeroDivisionError: division by zero"), Returned(0.5))
    assert "candidate.py, line 2, in f" in found.execution.stderr


def test_what_the_code_prints_is_kept_apart() -> None:
    code = (
        'import os\nprint(\'{"at": 0, "value": 7}\')\n'
        'def f(n):\n    os.write(1, b\'{"at": 0, "value": 8}\')\n    return n'
    )
    found = called(code, [1])
    assert found.outcomes == (Returned(1),)
    assert '"value": 8' in found.execution.stderr


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("def g(): pass", "NameError: the code defines no 'f'"),
        ("f = 3", "TypeError: 'int' object is not callable"),
        ("def f(n)", "SyntaxError: expected ':' (candidate.py, line 1)"),
        ("import sys\nsys.exit(0)", "SystemExit: 0"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("import os\nos._exit(0)", "no value: ok, left with exit code 0"),
        ("import os\nos._exit(3)", "no value: nonzero, left with exit code 3"),
        ("import os\nos.kill(os.getpid(), 9)", "no value: crashed, stopped by crashed"),
        ("def f(n):\n    raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def f(n):\n    raise BaseException('x' * 9999)", "BaseException: " + "x" * 285),
        (
            "class E(Exception):\n    def __str__(self): return 1\ndef f(n):\n    raise E",
            "an error that cannot be described",
        ),
        ("def f(n):\n    return f(n)", "RecursionError: maximum recursion depth exceeded"),
        ("def f(n):\n    return object()", "not a plain value: object"),
        ("def f(n):\n    yield n", "not a plain value: generator"),
        ("class A(int): pass\ndef f(n):\n    return [A(n)]", "not a plain value: A"),
        (
            "x = []\nx.append(x)\ndef f(n):\n    return x",
            "not a plain value: list nested deeper than 100 or larger than 200000 values",
        ),
        ("import os\nos.closerange(0, 99)\ndef f(n):\n    return n", "no value: nonzero, left with exit code 1"),
        ("\0", "SyntaxError: source code string cannot contain null bytes"),
        ("x = '\ud800'", "NameError: the code defines no 'f'"),
    ],
)
def test_whatever_the_code_does_is_an_outcome(code: str, error: str) -> None:
    (outcome,) = called(code, [3]).outcomes
    assert outcome.value is None
    assert outcome.error.startswith(error) or (
        error.startswith("no value: nonzero") and outcome.error.startswith("no value")
    )


def test_what_came_before_a_hang_is_kept() -> None:
    code = "def f(n):\n    while n == 2: pass\n    return n"
    found = called(code, [1], [2], [3], limits=Limits(wall=0.5))
    lost = Returned(None, "no value: timeout, stopped by timeout")
    assert found.outcomes == (Returned(1), lost, lost)


def test_what_came_before_an_exit_is_kept() -> None:
    code = "import os\ndef f(n):\n    if n == 2: os._exit(0)\n    return n"
    lost = Returned(None, "no value: ok, left with exit code 0")
    assert called(code, [1], [2], [3]).outcomes == (Returned(1), lost, lost)


def test_megabytes_on_its_streams_end_the_program_at_its_limit() -> None:
    found = called("def f(n):\n    print('x' * 10_000_000)\n    return n", [1], limits=Limits(output=10_000))
    assert found.execution.status == "output"
    assert found.outcomes[0].error.startswith("no value: output")


def test_threads_and_exit_handlers_hold_nothing_up() -> None:
    code = (
        "import atexit, threading, time\natexit.register(time.sleep, 60)\n"
        "threading.Thread(target=time.sleep, args=(60,)).start()\ndef f(n):\n    return n"
    )
    found = called(code, [1])
    assert found.outcomes == (Returned(1),)
    assert found.execution.wall_ms < 5000


def test_patches_of_the_builtins_and_of_json_do_not_reach_the_driver() -> None:
    code = (
        "import builtins, json, sys, os\n"
        "for name in ('type', 'len', 'repr', 'isinstance', 'str', 'map', 'sorted', 'list', 'enumerate'):\n"
        "    setattr(builtins, name, None)\n"
        "json.dumps = json.loads = json.JSONEncoder = os.write = os._exit = None\n"
        "sys.stdout = sys.stderr = sys.stdin = None\n"
        "def f(n):\n    return {n: (1.5, {'é', '\\ud800'})}"
    )
    assert values(code, [1], [2]) == [{1: (1.5, {"é", "\ud800"})}, {2: (1.5, {"é", "\ud800"})}]


def test_a_patched_builtin_is_patched_for_the_code_itself() -> None:
    assert values("import builtins\nbuiltins.len = lambda x: 42\ndef f(n):\n    return len([])", [1]) == [42]


CHEATS = {
    "exit": "import os\nos._exit(0)\ndef f(a, b): return 0",
    "print": "print('PASS', flush=True)\ndef f(a, b): return 0",
    "equal to all": "class X:\n    def __eq__(s, o): return True\ndef f(a, b): return X()",
    "equal int": "class X(int):\n    def __eq__(s, o): return True\ndef f(a, b): return X(0)",
    "odd class": "class X:\n    __class__ = int\ndef f(a, b): return X()",
    "exit handler": "import atexit\natexit.register(lambda: print('PASS'))\ndef f(a, b): return 0",
    "frames": (
        "import sys\ndef f(a, b):\n    frame = sys._getframe()\n    while frame:\n"
        "        for name in ('expected', 'target', 'answer', 'NONCE'):\n"
        "            if name in frame.f_locals: return frame.f_locals[name]\n        frame = frame.f_back\n    return 0"
    ),
    "command line": "def f(a, b):\n    return open('/proc/self/cmdline').read()",
    "assertion": "import builtins\nbuiltins.AssertionError = Exception\ndef f(a, b): return 0",
    "takes over the driver": (
        "import sys, os\nmain = sys.modules['__main__']\nmain.encoded = lambda value: {'agree': True}\n"
        "def f(a, b): return 0"
    ),
    "writes to every descriptor": (
        "import os\nfor fd in range(3, 20):\n"
        '    try: os.write(fd, b\'{"at":0,"value":true}\\n{"verdict":"pass"}\\n\')\n'
        "    except OSError: pass\ndef f(a, b): return 0"
    ),
}


@pytest.mark.parametrize("cheat", CHEATS)
def test_a_cheat_has_to_know_the_right_value(cheat: str) -> None:
    (outcome,) = called(CHEATS[cheat], [2, 3]).outcomes
    assert outcome.error or outcome.value != 5
    assert outcome != Returned(5)


@pytest.mark.parametrize(
    ("stdout", "first"),
    [
        ("", "no value: ok, left with exit code 0"),
        ("garbage\n[]\n3\nnull\n", "no value: ok"),
        ('{"at": 0}\n', "no value: the answer holds none"),
        ('{"at": 0, "value": {"dict": [[[], 1]]}}', "no value: Not the encoding"),
        ('{"at": 0, "value": {"unplain": "Foo"}}', "not a plain value: Foo"),
        ('{"at": 0, "value": 1, "error": "boom"}', "boom"),
        ('{"at": 0, "value": NaN}', "no value: ok"),
        ('{"at": true, "value": 1}\n{"at": "0", "value": 1}\n{"at": 0.0, "value": 1}', "no value: ok"),
        ('{"at": 0, "value": ' + "[" * 100_000, "no value: ok"),
        ('{"load": "NameError: x"}', "NameError: x"),
        ('{"load": 5}', "no value: ok"),
    ],
)
def test_an_answer_that_cannot_be_read_is_an_error_outcome(stdout: str, first: str) -> None:
    outcomes = heard(stdout)
    assert outcomes[0].error.startswith(first)
    assert all(outcome.value is None for outcome in outcomes)
    assert len(outcomes) == 2


@pytest.mark.parametrize(
    "kind", ["bool", "str", "int", "float", "list[int]", "dict[int, str]", "int | None", "set[str]"]
)
def test_hostile_answers_of_other_languages_raise_nothing(kind: str) -> None:
    huge = '{"int":"0x' + "f" * 9000 + '"}'
    hostile = [
        *(huge, '{"float":"nan"}', '{"bytes":"ff00"}', "1e999", '{"dict":[[' + huge + ",1]]}", "[" * 150 + "]" * 150),
        *('{"bytes":"' + "39" * 5000 + '"}', '{"set":[{"tuple":[[1]]}]}', '{"tuple":[]}', "-0.0"),
    ]
    for language in ("perl", "bash", "r", "lua"):
        for tree in hostile:

            class Answering(Saying):
                async def run(self, files: Any, argv: Any, stdin: str = "", limits: Any = None) -> Execution:
                    found = re.search(r"\b[0-9a-f]{24}\b", "".join(files.values()))
                    assert found
                    return Execution(status="ok", stdout=f'{found[0]} {{"at":0,"value":{tree}}}\n')  # noqa: B023

            if isinstance(checked(language), Missing):
                continue
            executor = Answering(Execution(status="ok"))
            made = asyncio.run(call(executor, "", "f", [[1]], language=language, signature=f"(n: int) -> {kind}"))
            assert len(made.outcomes) == 1


def test_the_first_answer_to_a_call_counts_and_others_are_ignored() -> None:
    assert heard('{"at":1,"value":5}\n{"at":1,"value":6}\n{"at":7,"value":1}\n{"at":-1,"value":1}') == (
        Returned(None, "no value: ok, left with exit code 0"),
        Returned(5),
    )


def test_what_is_asked_must_be_plain() -> None:
    with pytest.raises(DataError, match="Not a plain value: object"):
        called("def f(x): return x", [object()])


def test_the_request_holds_inputs_and_nothing_else() -> None:
    class Listening(Saying):
        async def run(self, files: Any, argv: Any, stdin: str = "", limits: Any = None) -> Execution:
            assert json.loads(stdin) == {"function": "f", "inputs": [[1], [{"tuple": [2]}]]}
            assert set(files) == {"driver.py", "candidate.py"}
            return self.execution

    asyncio.run(call(Listening(Execution(status="ok")), "def f(x): pass", "f", [[1], [(2,)]]))


def test_the_same_request_is_the_same_program() -> None:
    seen = []

    class Listening(Saying):
        async def run(self, files: Any, argv: Any, stdin: str = "", limits: Any = None) -> Execution:
            seen.append((dict(files), tuple(argv), stdin))
            return self.execution

    for _ in range(2):
        asyncio.run(call(Listening(Execution(status="ok")), "f() { :; }", "f", [["a"]], language="bash"))
    assert seen[0] == seen[1]


def test_languages_and_names_that_are_none() -> None:
    with pytest.raises(SettingsError, match="No calls in 'cobol'"):
        called("", [1], language="cobol")
    with pytest.raises(DataError, match="Not the name of a function"):
        called("", [1], function="f; rm", language="bash")
    with pytest.raises(DataError, match="Not a signature"):
        called("", [1], language="bash", signature="int -> int")


def test_sql_answers_with_rows() -> None:
    tables = {"people": [{"name": "Ann", "age": 40}, {"name": 'B"o', "age": None}], "none": []}
    query = "CREATE VIEW old AS SELECT * FROM people WHERE age > 30;\nSELECT name, age FROM old; -- done;"
    assert values(query, [tables], language="sql") == [[("Ann", 40)]]
    assert values("SELECT ';', count(*) FROM people", [tables], language="sql") == [[(";", 2)]]
    (found,) = values("SELEC 1", [tables], language="sql")
    assert found == 'OperationalError: near "SELEC": syntax error'


def test_whole_programs_run_too() -> None:
    done = asyncio.run(run(Unisolated(), "print(input()[::-1])", stdin="abc"))
    assert (done.status, done.stdout) == ("ok", "cba\n")
    done = asyncio.run(run(Unisolated(), 'read x; echo "$x$x"; exit 3', language="bash", stdin="ab\n"))
    assert (done.status, done.exit, done.stdout) == ("nonzero", 3, "abab\n")
