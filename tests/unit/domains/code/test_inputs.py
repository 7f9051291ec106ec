"""Signatures from what is known of a function, inputs from signatures, and whether programs agree on them."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from regrowth.core.errors import DataError, MissingExtra
from regrowth.domains.code.inputs import Agreement, Program, agree, draw_inputs
from regrowth.domains.code.signatures import Inputs, examples, joined, kind_of, signature
from support.executors import Unisolated

TOP = 'def top(xs, n=1, *, key=None):\n    """\n    >>> top([3, 1], 1)\n    [3]\n    """\n    return sorted(xs)[-n:]\n'


@pytest.mark.parametrize(
    ("source", "tests", "told"),
    [
        ("def f(a: int, b: 'list[str]') -> bool: ...", (), "(a: int, b: list[str]) -> bool"),
        ("def f(a: Tuple[int, ...], b: Optional[str]): ...", (), "(a: tuple[int, ...], b: str | None) -> Any"),
        ("def f(a: dict[str, set[int]] | None = None): ...", (), "(a: dict[str, set[int]] | None) -> Any"),
        (TOP.replace("top", "f"), (), "(xs: list[int], n: int) -> list[int]"),
        ("def f(a, b=2.5): ...", (), "(a: Any, b: float) -> Any"),
        ("def f(a): ...", ("assert f([1, 2.5, None]) == (1, 'a')",), "(a: list[float | None]) -> tuple[int, str]"),
        ("def f(a): ...", ("assert f(1) == 1", "assert f('a') == 'a'"), "(a: int | str) -> int | str"),
        ("def f(a: list): ...", ("assert f([{'k': 1}]) is None",), "(a: list[dict[str, int]]) -> None"),
        ("def f(a, b=1): ...", ("assert f(2) == 2",), "(a: int) -> int"),
        ("def f(a: Sequence[int], b: Callable): ...", (), "(a: list[int], b: Any) -> Any"),
        ("def f(a): ...", ("assert f((1, 2)) and f((1, 2, 3))",), "(a: tuple[int, ...]) -> Any"),
    ],
)  # fmt: skip
def test_a_signature_is_read_from_annotations_examples_tests_and_defaults(
    source: str, tests: tuple[str, ...], told: str
) -> None:
    assert str(signature(source, "f", tests)) == told


def test_examples_come_from_docstrings_and_tests_each_once() -> None:
    assert examples(TOP, "top", ["assert top([3, 1], 1) == [3]", "assert top([2], 4) == [2]"]) == [
        ([3, 1], 1),
        ([2], 4),
    ]


@pytest.mark.parametrize("source", ["def g(x): ...", "class f: ...", "def f(x) ->"])
def test_code_that_does_not_define_the_function_is_refused(source: str) -> None:
    with pytest.raises(DataError):
        signature(source, "f")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(0, 1) | st.text("ab", max_size=2),
    lambda inner: (
        st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.integers(0, 3), inner, max_size=2)
    ),
    max_leaves=5,
)


@given(st.lists(values, min_size=1, max_size=5), st.randoms())
def test_a_kind_holds_what_it_was_made_of_in_any_order(some: list[object], rng: object) -> None:
    kind = joined(map(kind_of, some))
    assert all(joined([kind, kind_of(one)]) == kind for one in some)


SORTED = ([1, 4, 9, 12], [2, 3, 5], [0, 7, 7, 8, 30])


def drawn(source: str, known: list[Inputs], count: int = 60, seed: int = 0) -> list[Inputs]:
    return draw_inputs(signature(source, "f", calls=known), known, count, seed)


def test_inputs_are_different_fill_the_count_and_are_no_examples() -> None:
    known = [([3, 9, 4], 2)]
    found = drawn("def f(xs, n): ...", known)
    assert len(found) == len(set(map(repr, found))) == 60
    assert known[0] not in found
    assert all(isinstance(xs, list) and type(n) is int for xs, n in found)
    lists = [xs for xs, _ in found if isinstance(xs, list)]
    assert [] in lists
    assert any(len(set(xs)) < len(xs) for xs in lists)
    assert {0, -1} <= {n for _, n in found}


def test_ranges_follow_the_examples() -> None:
    found = drawn("def f(n, x, s): ...", [(12, 0.25, "ACGT"), (40, 1.5, "GATTACA")], 100)[60:]
    assert all(isinstance(n, int) and 0 <= n <= 54 for n, _, _ in found)
    assert all(isinstance(x, float) and x >= 0 and x == round(x, 2) for _, x, _ in found)
    assert all(isinstance(s, str) and s.isalpha() and s.isupper() for _, _, s in found if s)


def test_what_holds_of_all_examples_holds_of_the_drawn_ones() -> None:
    known: list[Inputs] = [(xs, len(xs), xs[::-1]) for xs in SORTED]
    found = drawn("def f(xs, n, ys): ...", known, 80)
    assert all(isinstance(xs, list) and n == len(xs) for xs, n, _ in found)
    assert sum(len(ys) == len(xs) for xs, _, ys in found if isinstance(xs, list) and isinstance(ys, list)) == 80
    assert all(xs == sorted(xs) for xs, _, _ in found[50:] if isinstance(xs, list))


def test_text_without_examples_has_its_edges_too() -> None:
    found = drawn("def f(s: str, d: dict[str, int], o: int | None, t: tuple[int, str]): ...", [])
    assert len(found) == 60
    assert any(s == "" for s, *_ in found)
    assert any(not str(s).isascii() for s, *_ in found)
    assert {type(o) for _, _, o, _ in found} == {int, type(None)}


@pytest.mark.slow
def test_equal_seeds_draw_equal_inputs_whatever_else_a_process_did(tmp_path: Path) -> None:
    program = (
        "import sys\nif len(sys.argv) > 1: import regrowth.run, xml.dom.minidom\n"
        "from regrowth.domains.code.inputs import draw_inputs\nfrom regrowth.domains.code.signatures import signature\n"
        "known = [([3, 9, 4], 'ab c', 1.5)]\n"
        "print(draw_inputs(signature('def f(xs, s, x): ...', 'f', calls=known), known, 40, 7))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program, *further],
            env={**os.environ, "PYTHONHASHSEED": hashes},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hashes, further in (("1", []), ("2", ["more"]))
    }
    assert said == {f"{drawn('def f(xs, s, x): ...', [([3, 9, 4], 'ab c', 1.5)], 40, 7)}\n"}
    assert not list(tmp_path.iterdir())


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(values, min_size=1, max_size=3))
def test_inputs_can_be_drawn_for_every_kind_of_value(some: list[object]) -> None:
    known = [(one,) for one in some]
    kind = joined(map(kind_of, some))
    for (one,) in draw_inputs(signature("def f(x): ...", "f", calls=known), known, 12, 0):
        assert "Any" in str(kind) or joined([kind, kind_of(one)]) == kind


def test_without_hypothesis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    with pytest.raises(MissingExtra, match=r"pip install 'regrowth\[code\]'"):
        drawn("def f(x: int): ...", [])


HALF = Program("def half(x):\n    return x / (x - 3)", "half")


def compared(candidate: str, inputs: list[Inputs], *, errors: bool = False) -> Agreement:
    return asyncio.run(agree(Unisolated(), HALF, Program(candidate, "half"), inputs, errors=errors))


def test_agreement_drops_what_the_reference_cannot_answer() -> None:
    found = compared("def half(x):\n    return 0 if x == 3 else x / (x - 3)", [(1,), (3,), (5,)])
    assert (found.compared, found.agreed, found.dropped, found.share, found.complete) == (2, 2, 1, 1.0, True)
    assert found.first_difference is None


def test_errors_count_if_asked_for() -> None:
    found = compared("def half(x):\n    return 0 if x == 3 else x / (x - 3)", [(1,), (3,), (5,)], errors=True)
    assert (found.compared, found.agreed, found.dropped) == (3, 2, 0)
    assert str(found.first_difference) == "on (3) expected ZeroDivisionError: division by zero, found 0"


def test_the_first_difference_is_told_and_no_common_input_is_no_agreement() -> None:
    found = compared("def half(x):\n    return x", [(1,), (2,)])
    assert (found.share, found.complete) == (0.0, False)
    assert str(found.first_difference) == "on (1) expected -0.5, found 1"
    nothing = compared("def half(x):\n    return x", [(3,)])
    assert (nothing.share, nothing.complete, nothing.dropped) == (0.0, False, 1)


def test_inputs_without_an_answer_of_the_reference_do_not_count() -> None:
    leaves = Program("import os\ndef half(x):\n    return x if x != 2 else os._exit(0)", "half")
    found = asyncio.run(agree(Unisolated(), leaves, Program("def half(x):\n    return x", "half"), [(1,), (2,), (3,)]))
    assert (found.compared, found.agreed, found.dropped) == (2, 2, 1)
    never = asyncio.run(agree(Unisolated(), Program("import os\nos._exit(0)", "half"), HALF, [(1,), (2,)]))
    assert (never.compared, never.dropped, never.complete) == (0, 2, False)


def test_a_candidate_without_an_answer_differs() -> None:
    assert compared("import os\nos._exit(0)", [(1,)]).share == 0
