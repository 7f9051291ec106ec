"""Mutants differ from their program by one small bug."""

import ast
import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.domains.code.mutants import OPERATORS, mutants

PROGRAM = '''
def longest(words: list[str], least: int = 1) -> str:
    """Return the longest word."""
    best = ""
    for i in range(len(words)):
        word = words[i].lower()
        if len(word) >= least and len(word) > len(best):
            best = word
        elif not word:
            continue
    total = 0
    total += len(best)
    return best[:9] if total != 0 else "none"


if __name__ == "__main__":
    print(longest(["a"]) == 1)
'''


def made(code: str) -> dict[str, set[str]]:
    """Return the last lines of the mutants of some code, by operator."""
    found: dict[str, set[str]] = {}
    for mutant in mutants(code):
        found.setdefault(mutant.operator, set()).add(mutant.code.strip().splitlines()[-1].strip())
    return found


CASES = [
    ("a < b", "comparison boundary", {"a <= b"}),
    ("a < b", "comparison negated", {"a >= b"}),
    ("a < b <= c", "comparison boundary", {"a <= b <= c", "a < b < c"}),
    ("a in b", "comparison negated", {"a not in b"}),
    ("a == b", "comparison negated", {"a != b"}),
    ("a + b", "arithmetic", {"a - b"}),
    ("a % b", "arithmetic", {"a // b"}),
    ("a -= b", "arithmetic", {"a += b"}),
    ("a = 3", "constant", {"a = 4", "a = 2"}),
    ("a = True", "constant", {"a = False"}),
    ("a = 'x'", "string", {"a = ''"}),
    ("a = ''", "string", {"a = 'x'"}),
    ("a and b", "and, or", {"a or b"}),
    ("a[i]", "index", {"a[i + 1]", "a[i - 1]"}),
    ("a[:n]", "index", {"a[1:n]", "a[:n - 1]", "a[:n + 1]"}),
    ("a[2:]", "index", {"a[3:]", "a[1:]", "a[2:-1]"}),
    ("def f():\n    return 3", "return dropped", {"return None"}),
    ("x if a else y", "condition negated", {"x if not a else y"}),
    ("x if not a else y", "condition negated", {"x if a else y"}),
    ("[x for x in xs if x]", "condition negated", {"[x for x in xs if not x]", "[x for x in xs]"}),
    ("for x in xs:\n    break", "break, continue", {"continue"}),
    ("range(n)", "range", {"range(n + 1)", "range(n - 1)"}),
    ("range(1, n)", "range", {"range(2, n)", "range(0, n)", "range(1, n + 1)", "range(1, n - 1)"}),
    ("def f(a=1): return a", "default", {"return a"}),
    ("min(a, b)", "function", {"max(a, b)"}),
    ("a.lower()", "function", {"a.upper()"}),
    ("-a", "sign dropped", {"a"}),
    ("not a", "sign dropped", {"a"}),
    ("a.sort()", "statement dropped", {"pass"}),
]


@pytest.mark.parametrize(("code", "operator", "expected"), CASES)
def test_an_operator_makes_these(code: str, operator: str, expected: set[str]) -> None:
    assert made(code)[operator] == expected


def test_every_operator_stands_above() -> None:
    assert {name for _, name, _ in OPERATORS} == {name for _, name, _ in CASES}


def test_each_mutant_compiles_is_new_and_changes_one_line() -> None:
    original = ast.unparse(ast.parse(PROGRAM))
    found = mutants(PROGRAM)
    trees = {ast.dump(ast.parse(mutant.code)) for mutant in found}
    assert len(trees) == len(found) >= 30
    assert ast.dump(ast.parse(original)) not in trees
    for mutant in found:
        compile(mutant.code, "mutant", "exec")
        changed = [
            line
            for line in difflib.ndiff(original.splitlines(), mutant.code.splitlines())
            if line.startswith(("-", "+"))
        ]
        assert len(changed) == 2, mutant
        assert mutant.line <= PROGRAM.count("\n")


def test_what_no_call_can_show_is_left_alone() -> None:
    for mutant in mutants(PROGRAM):
        assert '"""Return the longest word."""' in mutant.code
        assert "words: list[str], least: int" in mutant.code
        assert "print(longest(['a']) == 1)" in mutant.code


def test_the_sample_follows_from_the_seed_and_takes_operators_in_turn() -> None:
    whole = mutants(PROGRAM)
    few = mutants(PROGRAM, limit=8, seed=1)
    assert few == mutants(PROGRAM, limit=8, seed=1) != mutants(PROGRAM, limit=8, seed=2)
    assert set(few) < set(whole)
    assert len({mutant.operator for mutant in few}) == 8
    assert [mutant.line for mutant in few] == sorted(mutant.line for mutant in few)
    assert mutants(PROGRAM, limit=1000) == whole
    assert mutants(PROGRAM, limit=0) == ()


def test_a_program_of_nothing_has_no_mutants_and_a_broken_one_says_where() -> None:
    assert mutants("def f(x):\n    return x\n", limit=0) == ()
    assert mutants('"""Only words."""') == ()
    with pytest.raises(DataError, match="line 2"):
        mutants("def f(x):\n    return (x\n")


@pytest.mark.parametrize("code", ["x = " + "+".join(["1"] * 5000), f"x = {'9' * 4300}", "x" * 100 + "(" * 150])
def test_a_hostile_program_raises_nothing_but_a_data_error(code: str) -> None:
    with pytest.raises(DataError):
        mutants(code)


@given(st.text(alphabet="def f(x):\n    return x+1<[0]ifelsnot'\"\\", max_size=60))
def test_any_text_has_mutants_or_is_no_program(text: str) -> None:
    try:
        found = mutants(text)
    except DataError:
        return
    assert all(ast.parse(mutant.code) for mutant in found)
