"""Suites: forms of tests, verdicts by values, and code that tries to get a verdict it did not earn."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.core.protocols import Limits
from regrowth.core.store import Store
from regrowth.domains.code import suites
from regrowth.domains.code._observer import key
from regrowth.domains.code.suites import Judged, Suite, judged, read_suite
from regrowth.sandbox.remembered import RememberedExecutor
from support.executors import Unisolated

ADD = "def add(a, b):\n    return a + b\n"
QUICK = Limits(wall=1.5, output=262_144)


def judge(code: str, tests: str | Suite, function: str = "f", limits: Limits = suites.LIMITS) -> Judged:
    suite = tests if isinstance(tests, Suite) else read_suite(tests, function)
    return asyncio.run(judged(Unisolated(), code, suite, limits=limits))


def test_a_failure_says_what_was_asked_expected_and_found() -> None:
    found = judge("def add(a, b):\n    return a - b", "assert add(2, 3) == 5\nassert add(4, 0) == 4", "add")
    assert found.passed == (False, True)
    assert found.messages == ("assert add(2, 3) == 5\n  expected 5, found -1\n  add(2, 3) returned -1", "")
    assert not found.right
    assert found.execution.status == "ok"


def test_simple_checks_take_one_program_others_two_or_three() -> None:
    for tests, runs in (
        ("assert add(1, 2) == 3\nassert 3 == add(a=1, b=2)\nassert add(1, 1)\nassert not add(1, -1)", 1),
        ("assert abs(add(1, 2) - 3) < 1e-6", 2),
        ("for n in range(30):\n    assert add(n, n) == 2 * n", 3),
    ):
        executor = Unisolated()
        assert asyncio.run(judged(executor, ADD, read_suite(tests, "add"))).right
        assert executor.runs == runs, tests


def test_a_judgement_replays_without_running_anything(tmp_path: Path) -> None:
    executor = Unisolated()
    tests = "import random\nfor _ in range(3):\n    n = random.random()\n    assert add(n, 1) == n + 1"
    with Store(tmp_path) as store:
        remembered = RememberedExecutor(executor, store)
        first, again = (asyncio.run(judged(remembered, ADD, read_suite(tests, "add"))) for _ in range(2))
    assert first == again
    assert executor.runs == 3


FORMS = {
    "bare": "from math import pi\nassert add(2, 3) == 5\nassert add(-1, 1) == 0\n",
    "pytest": "import pytest\n\ndef test_add():\n    assert add(2, 3) == 5\n    assert add(-1, 1) == 0\n",
    "humaneval": "METADATA = {}\ndef check(candidate):\n    assert candidate(2, 3) == 5\n    assert True\n"
    "    assert candidate(-1, 1) == 0\ncheck(add)\n",
    "unittest": "import unittest\nfrom solution import add\n"
    "class TestAdd(unittest.TestCase):\n    def test_add(self):\n"
    "        self.assertEqual(add(2, 3), 5)\n        self.assertEqual(add(-1, 1), 0)\n"
    "if __name__ == '__main__':\n    unittest.main()\n",
    "module": "import solution\nassert solution.add(2, 3) == 5\nassert solution.add(-1, 1) == 0\n",
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_tests_gives_the_same_checks(form: str) -> None:
    assert read_suite(FORMS[form], "add").checks == ("assert add(2, 3) == 5", "assert add(-1, 1) == 0")
    assert judge(ADD, FORMS[form], "add").passed == (True, True)


def test_statements_that_share_a_name_stay_together_in_their_order() -> None:
    tests = "r = f(1)\nassert r == 1\nr = f(2)\nassert r == 2\nassert f(3) == 3\nbig = [4]\nassert f(big[0]) == 4"
    assert read_suite(tests, "f").checks == (
        "r = f(1)\nassert r == 1",
        "r = f(2)\nassert r == 2",
        "assert f(3) == 3",
        "big = [4]\nassert f(big[0]) == 4",
    )


def test_a_helper_stays_with_what_it_changes() -> None:
    tests = "seen = []\ndef note(n):\n    seen.append(n)\nf(note)\nassert seen == [7]\nassert f(print) is None"
    assert [check.count("\n") for check in read_suite(tests, "f").checks] == [4, 0]
    alone = "def twice(n):\n    return 2 * n\nassert f(1) == twice(2)\nassert f(2) == twice(3)"
    assert len(read_suite(alone, "f").checks) == 2


def test_what_a_callback_of_the_test_changes_is_not_seen_and_that_is_told() -> None:
    tests = "seen = []\ndef note(n):\n    seen.append(n)\nf(note)\nassert seen == [7]"
    (message,) = judge("def f(g):\n    g(7)", tests).messages
    assert "f was called with what is not plain: a function is not plain data" in message


def test_what_tests_share_is_there_for_each() -> None:
    tests = "DATA = [1, 2]\nassert f(DATA) == 3\ndef test_it():\n    assert f(DATA) == 3\n"
    assert judge("def f(xs):\n    return sum(xs)", tests).passed == (True, True)


def test_parameters_become_one_check_each() -> None:
    cases = "@pytest.mark.parametrize('n, half', [(4, 2), pytest.param(5, 2)])"
    tests = f"import pytest\n{cases}\ndef test_it(n, half):\n    assert f(n) == half\n"
    assert read_suite(tests, "f").checks == ("test_it(n=4, half=2)", "test_it(n=5, half=2)")
    assert judge("def f(n):\n    return n / 2", tests).passed == (True, False)


@pytest.mark.parametrize(
    ("tests", "said"),
    [
        ("assert f(1 == 1", "the test is not Python: '(' was never closed in line 1"),
        ("", "Tests of 'f': no check in ''"),
        ("assert g(1) == 1", "Tests of 'f': 1 checks, none of which calls it"),
        ("def test_it(tmp_path):\n    assert f(tmp_path)", "test_it takes 'tmp_path', which are not all given"),
        ("from solution import f, g\nassert f(g(1)) == 1", "line 1 imports 'g' beside 'f', which is tested"),
        ("async def test_it():\n    assert f(1)", "test_it is an async test"),
    ],
)
def test_tests_that_cannot_be_used_are_refused_with_the_reason(tests: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_suite(tests, "f")
    assert said in str(caught.value)


def test_a_suite_of_what_is_no_python_is_refused_at_once() -> None:
    with pytest.raises(DataError, match="check 2 is not Python"):
        Suite("f", ("assert f(1)", "assert f("))


def passages(text: str) -> dict[str, str]:
    """Return what stands under each heading."""
    parts = text.split("#### ")[1:]
    return {name: body.strip("\n") + "\n" for name, _, body in (part.partition("\n") for part in parts)}


RIGHT = passages("""
#### errors
class Odd(ValueError): ...
def f(n):
    if n % 2: raise Odd(f'{n} is odd')
    return n // 2
----
import pytest
assert f(4) == 2
with pytest.raises(ValueError, match='3 is odd'):
    f(3)

#### changes in place
def f(xs):
    xs.sort()
    return xs
----
xs = [3, 1, 2]
found = f(xs)
assert xs == [1, 2, 3]
assert found is xs

#### changes of dicts
def f(d, k):
    d[k] = 1
----
d = {'a': 0}
assert f(d, 'b') is None
assert d == {'a': 0, 'b': 1}

#### iterators
def f(n):
    yield from range(n)
----
assert list(f(3)) == [0, 1, 2]
assert f(3) != [0, 1, 2]

#### ranges
def f(n):
    return range(n)
----
assert f(3) == range(3)

#### what is printed
def f(n):
    print('n is', n)
----
import io, contextlib
said = io.StringIO()
with contextlib.redirect_stdout(said):
    f(3)
assert said.getvalue() == 'n is 3\\n'

#### chance
def f(n):
    return n + 1
----
import random
for _ in range(50):
    n = random.random()
    assert f(n) == n + 1

#### calls that depend on calls
def f(n):
    return n + 1
----
n = 0
while n < 2:
    n = f(n)
assert n == 2

#### nested calls
def f(n):
    return 2 * n
----
assert f(f(f(1))) == 8

#### near
def f(n):
    return n / 3
----
import pytest, math
assert f(1) == pytest.approx(0.333333, abs=1e-5)
assert math.isclose(f(2), 2 / 3)

#### types as inputs
def f(xs, kind):
    return [x for x in xs if type(x) is kind]
----
assert f([1, 'a'], int) == [1]

#### functions as inputs
def f(g, x):
    return g(g(x))
----
assert f(lambda n: n + 3, 1) == 7

#### objects of the setup
def f(p):
    return p.x + p.y
----
class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y
assert f(Point(1, 2)) == 3

#### subclasses of plain types
from collections import Counter, namedtuple
P = namedtuple('P', 'x y')
def f(s):
    return [Counter(s), P(1, 2)]
----
assert f('aab') == [{'a': 2, 'b': 1}, (1, 2)]

#### set up
def f(n):
    return n + 1
----
import unittest
class TestF(unittest.TestCase):
    def setUp(self):
        self.n = 1
    def test_it(self):
        self.assertEqual(f(self.n), 2)

#### shadowed names
list = str = exec = print = None
def f(n):
    return n
----
assert f(2) == 2

#### odd values
def f(n):
    return [n, -0.0, 1j, b'x', {1: {2}}, 10 ** 5000]
----
import math
assert math.isnan(f(float('nan'))[0])
""")


@pytest.mark.parametrize("name", RIGHT)
def test_tests_of_every_kind_pass_by_values(name: str) -> None:
    code, tests = RIGHT[name].split("----\n")
    found = judge(code, tests)
    assert found.right, found.messages


@pytest.mark.slow
@pytest.mark.parametrize("name", set(RIGHT) - {"changes of dicts"})  # whose function gives None indeed
def test_a_stub_passes_none_of_them(name: str) -> None:
    found = judge("def f(*args, **kwargs):\n    return None", RIGHT[name].split("----\n")[1])
    assert not found.right


CHEATS = passages("""
#### leaves with 0
import os
print('PASS', flush=True)
os._exit(0)
def f(*a): return 0

#### leaves when called
import os
def f(*a):
    os._exit(0)

#### exits
import sys
sys.exit(0)
def f(*a): return 0

#### equals everything
class E:
    def __eq__(s, o): return True
    def __lt__(s, o): return True
    def __rsub__(s, o): return s
    __sub__ = __abs__ = lambda s, *o: s
def f(*a): return E()

#### number that equals everything
class E(int):
    def __eq__(s, o): return True
    __hash__ = None
def f(*a): return E(0)

#### prints at exit
import atexit
atexit.register(lambda: print('PASS'))
def f(*a): return 0

#### patches asserts
import builtins
class E(Exception): ...
builtins.AssertionError = E
def f(*a): return 0

#### patches equality
import operator
operator.eq = lambda a, b: True
def f(*a): return 0

#### patches abs
import builtins
builtins.abs = lambda n: -1
def f(*a): return 0

#### reads the frames
import sys
def f(*a):
    g = sys._getframe()
    while g:
        for v in [*g.f_globals.values(), *g.f_locals.values()]:
            if isinstance(v, int) and v > 6: return v
        g = g.f_back
    return 0

#### reads its files
import glob, re
def f(*a):
    t = ''.join(open(p).read() for p in glob.glob('*'))
    m = re.search(r'==\\s*(\\d+)', t)
    return int(m[1]) if m else 0

#### speaks for its judge
import os
def f(*a):
    for fd in range(3, 12):
        try:
            for at in range(9):
                os.write(fd, b'{"at": %d, "value": true, "passed": true}\\n' % at)
        except OSError: pass
    return 0

#### gives back an argument that is not there
import os
def f(*a):
    for fd in range(3, 12):
        try:
            for at in range(9):
                os.write(fd, b'{"at": %d, "value": {"tuple": ["argument", 7, "", null]}}\\n' % at)
        except OSError: pass
    return 0

#### raises to pass
def f(*a):
    raise AssertionError

#### ends the test
def f(*a):
    raise SystemExit(0)

#### skips the test
import unittest
def f(*a):
    raise unittest.SkipTest('no')

#### hangs
def f(*a):
    while True: pass

#### deletes itself
def f(*a): return 7
del f

#### nested without end
def f(*a):
    x = []
    for _ in range(5000): x = [x]
    return x

#### no code
I am sorry, but I cannot do that.
""")


@pytest.mark.parametrize("name", CHEATS)
def test_no_cheat_passes_a_check(name: str) -> None:
    tests = "import pytest\nassert f(3) == 7\nassert abs(f(4) - 9) < 1e-6\nassert f(5) < -3\n"
    found = judge(CHEATS[name], tests, limits=QUICK)
    assert found.passed == (False, False, False), found.messages
    assert all(found.messages)


def test_what_a_hanging_call_left_unanswered_fails_and_costs_nothing_more() -> None:
    code = "def f(n):\n    while n == 2: pass\n    return n"
    found = judge(code, "assert f(1) == 1\nassert f(2) == 2\nassert f(3) == 3\nassert f(4) + f(5) == 9", limits=QUICK)
    assert found.passed == (True, False, False, False)
    assert found.execution.status == "timeout"
    assert "f(2) gave no value: timeout" in found.messages[1]


@pytest.mark.slow
def test_a_test_that_never_ends_is_a_failure_not_an_error() -> None:
    found = judge("def f(n):\n    return n", "assert f(1) == 1\nwhile f(1):\n    pass", limits=QUICK)
    assert found.passed == (True, False)
    assert "the test itself did not end" in found.messages[1]


def test_a_setup_that_fails_is_told_as_such() -> None:
    found = judge(ADD, Suite("add", ("assert abs(add(1, 2)) == 3",), "import no_such_module"))
    assert "the setup of the tests failed\n  ModuleNotFoundError" in found.messages[0]


def test_code_that_does_not_compile_is_told_once_per_check() -> None:
    found = judge("def f(n) return n", "assert f(1) == 1\nassert abs(f(2)) == 2")
    told = [message.partition("\n")[2][:40].strip() for message in found.messages]
    assert told == ["the code cannot be judged: SyntaxError"] * 2


@pytest.mark.parametrize("check", ["assert not f(1)", "assert f(1) == 0", "assert abs(f(1)) == 0"])
@pytest.mark.parametrize(
    "answer", ["return 10 ** 5000", "raise ValueError('\\ud800\\x00')", "return '\\udcff'", "return [[]] * 9999"]
)
def test_odd_values_are_told_in_words_that_any_file_holds(check: str, answer: str) -> None:
    (message,) = judge(f"def f(n):\n    {answer}", check).messages
    assert message.startswith(check)
    assert len(message.encode()) < 2000


def test_the_limits_of_values_are_told() -> None:
    assert "a coroutine is not plain data" in judge("async def f(n):\n    return n", "assert f(1) == 1").messages[0]
    assert (
        "a Fraction is not plain data"
        in judge("from fractions import Fraction\ndef f(n):\n    return Fraction(n)", "assert f(1) == 1").messages[0]
    )


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=3)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.text(max_size=2), inner, max_size=2)
    ),
    max_leaves=4,
)
symbols = st.sampled_from(["==", "!=", "<", ">=", "in", "not in"])


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(values, values, symbols, st.booleans(), st.booleans()), min_size=5, max_size=25))
def test_what_is_decided_at_once_is_what_the_tests_themselves_say(
    monkeypatch: pytest.MonkeyPatch, drawn: list[tuple[object, object, str, bool, bool]]
) -> None:
    table, checks = [], []
    for number, (expected, other, symbol, right, swapped) in enumerate(drawn):
        table.append(key(expected if right else other))
        sides = (f"f({number})", key(expected))
        left, right_side = reversed(sides) if swapped else sides
        checks.append(f"assert {left} {symbol} {right_side}")
    code = f"def f(n):\n    return [{', '.join(table)}][n]\n"
    suite = Suite("f", tuple(checks))
    at_once = judge(code, suite)
    with monkeypatch.context() as patched:
        patched.setattr(suites._Judgement, "decide_simple", lambda self: None)
        replayed = judge(code, suite)
    assert at_once.passed == replayed.passed
    assert at_once.messages == replayed.messages


pieces = st.sampled_from(
    [
        "import unittest", "from x import f as g", "import y as z", "assert f(1) == 2", "assert z.f([1])", "x = f(2)",
        "assert x", "def test_a(x):", "def test_b():", "def check(c):", "class TestC(unittest.TestCase):", "@x",
        "@pytest.mark.parametrize('n', [1, (2,)])\ndef test_n(n):", "for x in range(3):", "x += 1", "check(f)", "pass",
        "@pytest.mark.parametrize(names, RANGE)\ndef test_m(m):", "return f(3)", "f(4)", "self.assertEqual(f(5), 6)",
        "with self.assertRaises(E):", "if __name__ == '__main__':", "lambda f: f", "global x", "assert True", "'doc'",
        "def test_c(self):", "assert f(*x, **y) is not None, 'note'", "self.x = 1", "def setUpClass(cls):",
    ]
)  # fmt: skip


def nested(lines: list[tuple[int, str]]) -> str:
    """Return lines, each as deep as it wants to be and as the one before allows."""
    text, depth = "", 0
    for wanted, piece in lines:
        indent = "    " * min(wanted, depth)
        text += "\n".join(indent + line for line in piece.split("\n")) + "\n"
        opens = piece.endswith(":")
        text += indent + "    f(0)\n" if opens else ""
        depth = min(wanted, depth) + opens
    return text


sources = st.lists(st.tuples(st.integers(0, 3), pieces), max_size=9).map(nested) | st.text(max_size=20)


@given(sources)
def test_whatever_the_text_it_is_a_suite_or_refused(text: str) -> None:
    with contextlib.suppress(DataError):
        suite = read_suite(text, "f")
        assert suite.checks
        assert read_suite("\n".join([suite.setup, *suite.checks]), "f").checks


@pytest.mark.slow
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.text(max_size=60))
def test_no_code_makes_the_judge_raise(code: str) -> None:
    assert not judge(code, "assert f(1) == 1\nassert abs(f(2)) == 2").right
