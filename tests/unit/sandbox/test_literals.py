"""Values as source of other languages; types as Python writes them; words as Bash takes them."""

import ast
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import DataError, SettingsError
from regrowth.sandbox.declared import parameters
from regrowth.sandbox.literals import argument, literal
from regrowth.sandbox.signatures import (
    Signature,
    Type,
    inferred,
    parse_signature,
    parse_type,
    shaped,
    signature_of,
)
from regrowth.sandbox.type_names import type_name
from regrowth.sandbox.values import same
from regrowth.sandbox.words import bash_word, read_word

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.binary()
    | st.complex_numbers(allow_nan=False, allow_infinity=False)
)
plain = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text() | st.integers(), inner, max_size=3)
        | st.sets(st.integers(), max_size=3)
        | st.frozensets(st.text(), max_size=3)
    ),
    max_leaves=8,
)


@given(plain)
def test_python_reads_its_own_literals(value: object) -> None:
    assert same(
        value, eval(literal(value, "python"), {"__builtins__": {"float": float, "set": set, "frozenset": frozenset}})
    )


@pytest.mark.parametrize(
    ("language", "source"),
    [
        ("javascript", '[1, null, "a$b`\\u00e9\\ud83d\\ude00"]'),
        ("perl", '[1, undef, "a\\$b`\\x{e9}\\x{1f600}"]'),
        ("lua", '{1, nil, "a$b`\\195\\169\\240\\159\\152\\128"}'),
        ("ruby", '[1, nil, "a$b`\\u{e9}\\u{1f600}"]'),
        ("php", '[1, null, "a\\$b`\\u{e9}\\u{1f600}"]'),
        ("r", 'list(1, NULL, "a$b`\\U{e9}\\U{1f600}")'),
        ("julia", 'Any[1, nothing, "a\\$b`\\U000000e9\\U0001f600"]'),
        ("racket", '(list 1 #f "a$b`\\U000000e9\\U0001f600")'),
        ("go", '[]interface{}{1, nil, "a$b`\\U000000e9\\U0001f600"}'),
        ("rust", 'vec![1, None, "a$b`\\u{e9}\\u{1f600}".into()]'),
        ("java", 'new ArrayList<Object>(Arrays.<Object>asList(1L, (Object) null, "a$b`\\u00e9\\ud83d\\ude00"))'),
        ("typescript", '[1, null, "a$b`\\u00e9\\ud83d\\ude00"]'),
        ("python", "[1, None, 'a$b`é😀']"),
    ],
)
def test_each_language_has_its_notation(language: str, source: str) -> None:
    assert literal([1, None, "a$b`é😀"], language, Type("list", (Type("mixed"),))) == source


@pytest.mark.parametrize(
    ("value", "language", "kind", "source"),
    [
        (
            {"a": [1]},
            "cpp",
            "",
            'std::map<std::string, std::vector<long>>{{std::string("a", 1), std::vector<long>{1L}}}',
        ),
        ([], "cpp", "list[str]", "std::vector<std::string>{}"),
        (3, "cpp", "float", "3.0"),
        ([], "julia", "list[int]", "Int64[]"),
        (None, "cpp", "int | None", "std::nullopt"),
        (3, "rust", "int | None", "Some(3)"),
        (None, "rust", "int | None", "None"),
        ((1,), "rust", "", "(1,)"),
        ((1, "a"), "cpp", "", 'std::make_tuple(1L, std::string("a", 1))'),
        ([1, 2], "c", "", "(long long[]){1LL, 2LL}"),
        ("a\n?", "c", "", '"a\\012\\?"'),
        ([], "r", "list[str]", "character(0)"),
        ([], "r", "", "list()"),
        ([1, 2.5], "r", "", "c(1.0, 2.5)"),
        ([[1], [2]], "r", "", "list(c(1), c(2))"),
        ({}, "r", "", "structure(list(), names = character(0))"),
        ({"a": 1}, "r", "", 'structure(list(1), names = c("a"))'),
        ({"__proto__": 1, "b": 2}, "javascript", "", '{["__proto__"]: 1, "b": 2}'),
        ({1: 2}, "javascript", "", '{"1": 2}'),
        ("\n", "java", "", '"\\012"'),
        ({"a": None}, "java", "", 'new LinkedHashMap<String, Object>() {{ put("a", null); }}'),
        (-(2**63), "lua", "", "math.mininteger"),
        (-(2**63), "php", "", "PHP_INT_MIN"),
        (2**80, "ruby", "", str(2**80)),
        (math.nan, "perl", "", "(9**9**9 - 9**9**9)"),
        (-math.inf, "ruby", "", "-Float::INFINITY"),
        (math.nan, "python", "", 'float("nan")'),
        ([math.inf, set(), {1}, (2,)], "python", "", '[float("inf"), set(), {1}, (2,)]'),
        ("a b", "bash", "", "$'a b'"),
        ("it's", "bash", "", "$'it\\'s'"),
        ([1, 2], "bash", "", "$'1 2'"),
        (True, "bash", "", '"true"'),
        ({"a": 1}, "php", "", '["a" => 1]'),
        ({1, 2}, "javascript", "", "new Set([1, 2])"),
        (1e20, "rust", "", "1e+20"),
        (False, "perl", "", '""'),
        ("#{x}", "ruby", "", '"\\#{x}"'),
    ],
)
def test_literals_follow_the_type(value: object, language: str, kind: str, source: str) -> None:
    assert literal(value, language, parse_type(kind) if kind else None) == source


@pytest.mark.parametrize(
    ("value", "language", "reason"),
    [
        (2**63, "java", "Java has no integer 9223372036854775808: at most 64 bits"),
        (2**60, "javascript", "at most 54 bits"),
        ({"a": 1}, "c", "C has no literal for a dict"),
        ([[1]], "c", "Not supported in C: list\\[list\\[int\\]\\]"),
        ({1}, "lua", "no literal for a set"),
        ("a\0b", "r", "zero byte"),
        ("a\0b", "c", "zero byte"),
        ("a\0b", "bash", "zero byte"),
        ("\ud800", "ruby", "lone surrogate"),
        (b"x", "go", "Go has no literal for a bytes"),
        ({(1, 2): 3}, "ruby", "keys must be text or numbers"),
        ([[[1]]], "bash", "Bash has no word"),
        (object(), "lua", "Not a plain value"),
        (10**400, "rust", "Rust has no integer"),
        pytest.param(10**5000, "ruby", "Too large to be written", id="huge"),
        pytest.param([10**5000], "bash", "Too large to be written", id="huge in bash"),
        pytest.param(10**5000, "java", "Too large to be written", id="huge in java"),
    ],
)
def test_what_a_language_cannot_hold_is_refused(value: object, language: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        literal(value, language)


def test_arguments_that_are_converted_later_say_less() -> None:
    kind = parse_type("list[list[int]]")
    assert argument([[1], []], "cpp", kind) == "{{1}, {}}"
    made = "RegrowthDriver.list(new Object[] {"
    assert argument([[1], []], "java", kind) == f"{made}{made}1L}}), {made}}})}})"
    assert argument({"a": [1]}, "go", kind) == 'map[interface{}]interface{}{"a": []interface{}{1}}'
    assert argument([1], "ruby", kind) == "[1]"
    assert literal([1], "cpp", parse_type("int")) == "std::vector<long>{1L}"
    for language in ("java", "go", "cpp", "ruby"):
        with pytest.raises(DataError, match="Too large to be written"):
            argument(10**5000, language, parse_type("int"))


def test_a_language_that_is_none() -> None:
    with pytest.raises(SettingsError, match="No literals in 'cobol'"):
        literal(1, "cobol")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("int", "int"),
        ("List[int]", "list[int]"),
        ("typing.Optional[str]", "str | None"),
        ("dict", "dict[Any, Any]"),
        ("None", "None"),
        ("Union[int, float]", "float"),
        ("int | str", "object"),
        ("tuple[int, ...]", "list[int]"),
        ("Tuple[int, str]", "tuple[int, str]"),
        ("Iterable[float]", "list[float]"),
        ("'list[int]'", "list[int]"),
        ("Sequence", "list[Any]"),
        ("Foo", "Any"),
        ("Any", "Any"),
        ("dict[str, list[int | None]]", "dict[str, list[int | None]]"),
        ("frozenset[int]", "set[int]"),
        ("Counter[str]", "dict[str, int]"),
        ("Callable[[int], str]", "Any"),
        ("None | int | str", "object | None"),
    ],
)
def test_annotations_are_read(text: str, shown: str) -> None:
    assert str(parse_type(text)) == shown


def test_signatures_are_read_and_inferred() -> None:
    text = "(a: int, b: list[str]) -> dict[str, float] | None"
    assert str(parse_signature(text)) == text
    assert parse_signature("(x, y=3, *z)") == Signature((Type("any"), Type("any")), Type("any"))
    assert str(signature_of([[1, []], [2.5, ["a"]]], [None, True])) == "(a: float, b: list[str]) -> bool | None"
    assert str(signature_of([], [])) == "() -> Any"
    assert str(inferred([[1, 2.5], [], [None]])) == "list[list[float | None]]"
    assert str(inferred({1: (True, "a")})) == "dict[int, tuple[bool, str]]"
    assert str(inferred([1, "a"])) == "list[object]"
    assert str(inferred([(1,), (1, 2)])) == "list[list[int]]"
    assert ast.parse(f"def f{parse_signature(text)}: ...")
    for wrong in ("int -> int", "(", "(a: int): pass\nimport os\ndef g("):
        with pytest.raises(DataError, match="Not a signature"):
            parse_signature(wrong)
    with pytest.raises(DataError, match="Not a type"):
        parse_type("list[")


@pytest.mark.parametrize(
    ("value", "kind", "blurs", "made"),
    [
        (3, "float", (), 3.0),
        (3.0, "int", (), 3),
        (3.5, "int", (), 3.5),
        ([1, 2], "tuple[int, int]", (), (1, 2)),
        ({"1": 2}, "dict[int, int]", (), {1: 2}),
        ([], "dict[str, int]", (), {}),
        ({}, "list[int]", (), []),
        ([1], "set[int]", (), {1}),
        (1, "list[int]", ("vectors",), [1]),
        (None, "list[int]", ("vectors",), []),
        (1, "list[int]", (), 1),
        ([1, [2]], "list[list[int]]", ("vectors",), [[1], [2]]),
        (1, "bool", ("words",), True),
        ("", "bool", ("words",), False),
        (1, "bool", (), 1),
        ("3", "int", ("words",), 3),
        ("3", "int", (), "3"),
        (3, "str", ("words",), "3"),
        (False, "int | None", ("false is none",), None),
        (False, "bool | None", ("false is none",), False),
        ([5, 6], "dict[int, int]", ("from 1",), {1: 5, 2: 6}),
        ([5], "dict[int, int]", ("from 0",), {0: 5}),
        ([5], "dict[int, int]", (), [5]),
        ("x", "int", ("words",), "x"),
        (None, "int | None", (), None),
        ([[1]], "set[list[int]]", (), [[1]]),
        ("1e3", "float", ("words",), 1000.0),
    ],
)
def test_a_value_takes_the_shape_that_its_type_says(
    value: object, kind: str, blurs: tuple[str, ...], made: object
) -> None:
    found = shaped(value, parse_type(kind), blurs=frozenset(blurs))  # type: ignore[arg-type]
    assert repr(found) == repr(made)


words = st.text(st.characters(categories=["L", "N"]), min_size=1).filter(lambda word: word != "None")


@given(
    st.lists(words),
    st.lists(st.lists(st.integers(), min_size=1), min_size=1),
    st.dictionaries(words, st.integers() | st.none()),
    st.booleans(),
    st.floats(allow_nan=False) | st.none(),
)
def test_words_are_read_back(
    texts: list[str], rows: list[list[int]], table: dict[str, int | None], truth: bool, number: float | None
) -> None:
    assert read_word(bash_word(texts), parse_type("list[str]")) == texts
    assert read_word(bash_word(rows), parse_type("list[list[int]]")) == rows
    assert read_word(bash_word(table), parse_type("dict[str, int | None]")) == table
    assert read_word(bash_word(truth), parse_type("bool")) is truth
    assert read_word(bash_word(number), parse_type("float | None")) == number


@pytest.mark.parametrize(
    ("kind", "language", "name"),
    [
        ("list[dict[str, int]]", "cpp", "std::vector<std::map<std::string, long>>"),
        ("tuple[int, str]", "rust", "(i64, String)"),
        ("float | None", "rust", "Option<f64>"),
        ("dict[str, list[float]]", "go", "map[string][]float64"),
        ("list[str]", "c", "const char * *"),
        ("dict[str, bool]", "typescript", "{ [key: string]: boolean }"),
        ("list[int]", "java", "List<Long>"),
        ("int | None", "julia", "Union{Int64, Nothing}"),
    ],
)
def test_types_have_names(kind: str, language: str, name: str) -> None:
    assert type_name(parse_type(kind), language) == name
    with pytest.raises(DataError, match="Not supported in c: dict"):
        type_name(parse_type("dict[str, int]"), "c")


def test_declarations_are_found_in_the_text() -> None:
    assert parameters("int add(int a, int *b) { }", r"\badd\s*\(") == ["int a", "int *b"]
    assert parameters("fn f(m: &HashMap<String, (i64, i64)>, k: &str)", r"\bf\s*\(") == [
        "m: &HashMap<String, (i64, i64)>",
        "k: &str",
    ]
    assert parameters("fn f()", r"\bf\s*\(") == []
    assert parameters("fn g()", r"\bf\s*\(") is None
