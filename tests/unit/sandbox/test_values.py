"""Plain values: nothing is lost on the way, and equality asks no object."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError
from regrowth.sandbox.values import decode, encode, read, same

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(exclude_categories=()))
    | st.complex_numbers()
    | st.binary()
)
hashable = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3), max_leaves=5
)
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(hashable, inner, max_size=4)
        | st.sets(hashable, max_size=4)
    ),
    max_leaves=12,
)


class Agreeable(int):
    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = int.__hash__


@given(plain)
def test_a_value_survives_the_way_through_json(value: object) -> None:
    text = json.dumps(encode(value), allow_nan=False)
    found = decode(read(text))
    assert same(value, found)
    assert encode(found) == encode(value)
    assert repr(type(found)) == repr(type(value))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(10**5000, id="huge"),
        -(10**20),
        2**53 + 1,
        -0.0,
        math.inf,
        -math.inf,
        "\ud83d\ude00",
        "😀",
        "\udc80",
        {1: 2, "1": 3},
        {(1, 2): []},
    ],
)
def test_what_json_alone_would_lose_is_kept(value: object) -> None:
    found = decode(read(json.dumps(encode(value))))
    assert found == value
    if isinstance(value, float) and isinstance(found, float):
        assert math.copysign(1, found) == math.copysign(1, value)


@pytest.mark.parametrize(
    "value", [Agreeable(3), [Agreeable(3)], {"a": object()}, range(3), len, {Agreeable(1)}, b"".join]
)
def test_what_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(DataError, match="Not a plain value"):
        encode(value)
    with pytest.raises(DataError, match="only plain values"):
        same(value, value)
    with pytest.raises(DataError, match="only plain values"):
        same(3, Agreeable(3))


def test_depth_and_size_are_bounded() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    wide: Any = [0]
    for _ in range(40):
        wide = [wide, wide]
    for value in (deep, wide):
        with pytest.raises(DataError, match="nested deeper than 100 or larger"):
            encode(value)
    with pytest.raises(DataError, match="nested deeper than 100"):
        same(deep, deep)
    with pytest.raises(DataError, match="Not JSON"):
        read("[" * 100_000)
    tree: Any = 1
    for _ in range(300):
        tree = {"tuple": [tree]}
    with pytest.raises(DataError, match="nested deeper"):
        decode(tree)


@pytest.mark.parametrize(
    "line",
    ["", "{", "NaN", "1e5 x", "Infinity", "9" * 5000],
)
def test_what_is_no_json_is_refused(line: str) -> None:
    with pytest.raises(DataError, match="Not JSON"):
        read(line)


@pytest.mark.parametrize(
    "tree",
    [
        {"unplain": "Foo"},
        {},
        {"set": [1], "dict": []},
        {"set": [[1]]},
        {"tuple": 5},
        {"dict": [[1]]},
        {"dict": [[[], 1]]},
        {"int": "0xzz"},
        {"int": 5},
        {"float": "1"},
        {"float": []},
        {"complex": [1, 2, 3]},
        {"bytes": "0"},
        {"str": [-1]},
        {"str": ["a"]},
        [{"set": {"dict": 1}}],
    ],
)
def test_a_tree_that_encodes_nothing_is_refused(tree: Any) -> None:
    with pytest.raises(DataError, match="Not the encoding of a plain value"):
        decode(tree)


NAN = math.nan


@pytest.mark.parametrize(
    ("expected", "found", "equal"),
    [
        (1, 1, True),
        (1, 1.0, True),
        (2**53 + 1, float(2**53), False),
        (1, True, False),
        (0, False, False),
        (False, False, True),
        (None, None, True),
        (None, False, False),
        (None, 0, False),
        ("1", 1, False),
        ("a", "a", True),
        ("a", b"a", False),
        ([1], (1,), False),
        ((1, 2), (1, 2), True),
        ([1, 2], [2, 1], False),
        ([1], [1, 1], False),
        ([], {}, False),
        ({1}, {1.0}, True),
        ({1}, {True}, False),
        ({1}, frozenset({1}), False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({1: 0}, {"1": 0}, False),
        ({1: 0}, {True: 0}, False),
        ({1: 0}, {1.0: 0}, True),
        (NAN, NAN, True),
        ([NAN], [NAN], True),
        ({NAN}, {NAN}, True),
        (NAN, 0.0, False),
        (complex(NAN, 1), complex(NAN, 1), True),
        (1j, 1, False),
        (0.0, -0.0, True),
        ({"a": [(1, {"b"})]}, {"a": [(1, {"b"})]}, True),
        ({"a": [(1, {"b"})]}, {"a": [(1, {"c"})]}, False),
        ({(1, True)}, {(1, 1)}, False),
        (10**400, 1e300, False),
        ("", [], False),
        ({1j}, {1j}, True),
    ],
)
def test_equality_is_exact_about_types(expected: object, found: object, equal: bool) -> None:
    assert same(expected, found) is equal
    assert same(found, expected) is equal


@pytest.mark.parametrize(
    ("expected", "found", "equal"),
    [
        ((1, 2), [1, 2], True),
        ([(1,)], [[1]], True),
        ({1: "a"}, {"1": "a"}, True),
        ({1.0: "a"}, {"1": "a"}, True),
        ({1.5: 0}, {"1.5": 0}, True),
        ({"a": 1, "b": None}, {"a": 1}, True),
        ({"a": None}, {}, True),
        ([], {}, True),
        ([1, None], [1], True),
        ([None, 1], [1], False),
        (3, 3.0, True),
        (frozenset({1}), {1}, True),
        (1, True, False),
        (None, False, False),
        ("", None, False),
        ([1], [1, 2], False),
        ({1: "a"}, {"2": "a"}, False),
        ([1], {"0": 1}, False),
        ("1", 1, False),
        ({1}, [1], False),
        ({math.inf: 1}, {"inf": 1}, True),
    ],
)
def test_looseness_forgives_what_languages_blur_and_no_more(expected: object, found: object, equal: bool) -> None:
    assert same(expected, found, loose=True) is equal
    assert same(found, expected, loose=True) is equal


def test_huge_numbers_are_keys_too() -> None:
    assert same({10**5000: 1}, {10**5000: 1}, loose=True)
    assert not same({10**5000: 1}, {10**5001: 1}, loose=True)
    assert same({1e308: 1}, {str(int(1e308)): 1}, loose=True)


@pytest.mark.parametrize(
    ("expected", "found", "equal"),
    [
        (1.0, 1.0 + 1e-7, True),
        (1.0, 1.0001, False),
        (1e9, 1e9 + 100, True),
        (0.0, 1e-7, True),
        (0, 1e-7, True),
        (1e-9, 0.0, True),
        ([1.0], [1.0 + 1e-7], True),
        (NAN, 1.0, False),
        (math.inf, 1e308, False),
        (10**400, 1.0, False),
        (True, 1.0, False),
        (1j, 1j + 1e-8, True),
        ({"a": 0.1 + 0.2}, {"a": 0.3}, True),
        ({1.0}, {1.0 + 1e-9}, False),
    ],
)
def test_a_tolerance_is_for_numbers(expected: object, found: object, equal: bool) -> None:
    assert same(expected, found, tolerance=1e-6) is equal


@given(plain, plain)
def test_equality_is_that_of_the_encoding_up_to_numbers_and_order(left: object, right: object) -> None:
    assert same(left, left)
    assert same(left, right) is same(right, left)
    if encode(left) == encode(right) and json.dumps(encode(left)) == json.dumps(encode(right)):
        assert same(left, right)
    if same(left, right):
        assert same(left, right, loose=True)
        assert same(left, right, tolerance=1e-9)
