"""Hypothesis strategies from types and examples. Imported only where inputs are drawn: it needs the extra `code`.

arguments([Kind("list", (Kind("int"),))], [([3, 9, 4],)])       tuples(lists(integers(0, 18), max_size=6) | …)
"""

import string
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.internal.constants_ast import Constants

from regrowth.domains.code.signatures import ANY, Inputs, Kind, kind_of

__all__ = ["Drawing", "arguments", "drawn", "strategy"]

Strategy: TypeAlias = st.SearchStrategy[Any]
LARGEST_SIZE = 24
PLACES = 6
CLASSES = (string.ascii_lowercase, string.ascii_uppercase, string.digits)
BACKEND = "regrowth"


class Drawing(HypothesisProvider):
    """Draw without the constants that Hypothesis collects from loaded modules: they would make a seed's inputs depend
    on what else a process has imported."""

    @property
    def _local_constants(self) -> Constants:
        return Constants()


AVAILABLE_PROVIDERS[BACKEND] = f"{__name__}.{Drawing.__name__}"


def drawn(kinds: Sequence[Kind], known: Sequence[Inputs], count: int, number: int) -> Iterator[Inputs]:
    """Yield inputs drawn with a seed, at most `count`."""
    found = list[Inputs]()

    @seed(number)
    @settings(
        max_examples=max(count, 1),
        database=None,
        deadline=None,
        backend=BACKEND,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(arguments(kinds, known))
    def collect(one: Inputs) -> None:
        found.append(one)

    collect()
    return iter(found)


def arguments(kinds: Sequence[Kind], known: Sequence[Inputs]) -> Strategy:
    """Return a strategy for the positional arguments of calls like the known ones."""
    return st.tuples(*(strategy(kind, [one[place] for one in known]) for place, kind in enumerate(kinds)))


def strategy(kind: Kind, values: Sequence[Any] = ()) -> Strategy:
    """Return a strategy for values of a kind, in ranges that some values suggest."""
    if kind.name == "|":
        return st.one_of([strategy(part, [value for value in values if _is(value, part)]) for part in kind.parts])
    if kind == ANY:
        return st.sampled_from(list(values)) if values else st.integers(-9, 99) | st.text("abc ", max_size=5)
    if kind.name in ("list", "tuple…", "set", "frozenset"):
        return _collection(kind, values)
    if kind.name == "tuple":
        parts = [[value[place] for value in values] for place in range(len(kind.parts))]
        return st.tuples(*map(strategy, kind.parts, parts))
    if kind.name == "dict":
        keys, items = ([part for value in values for part in some(value)] for some in (dict.keys, dict.values))
        made = st.dictionaries(strategy(kind.parts[0], keys), strategy(kind.parts[1], items), max_size=_size(values))
        return _with_known_keys(made, keys, strategy(kind.parts[1], items)) if keys else made
    return _scalar(kind.name, values)


def _is(value: Any, kind: Kind) -> bool:
    name = kind_of(value).name
    return name == kind.name or (name, kind.name) in (("tuple", "tuple…"), ("int", "float"))


def _with_known_keys(made: Strategy, keys: Sequence[Any], items: Strategy) -> Strategy:
    """Programs look keys up by name, so those of the examples come back."""
    return made | st.dictionaries(st.sampled_from(list(dict.fromkeys(keys))), items, max_size=8)


def _size(values: Sequence[Any]) -> int:
    return min(LARGEST_SIZE, max(4, 2 * max(map(len, values), default=4)))


def _collection(kind: Kind, values: Sequence[Any]) -> Strategy:
    items = [item for value in values for item in value]
    element, most = strategy(kind.parts[0], items), _size(values)
    if kind.name in ("set", "frozenset"):
        made = st.sets(element, max_size=most)
        return made if kind.name == "set" else made.map(frozenset)
    distinct = len(values) > 1 and all(_distinct(value) for value in values)
    some: Strategy = st.lists(element, max_size=most, unique_by=repr if distinct else None)
    if items and not distinct:
        some |= st.lists(
            st.sampled_from(items), max_size=most
        )  # more of the same: duplicates are where programs differ
    sortable = kind.parts[0].name in ("int", "float", "str") and any(len(value) > 2 for value in values)
    if sortable and len(values) > 1 and all(map(_ordered, values)):
        some = some.map(sorted)
    return some if kind.name == "list" else some.map(tuple)


def _distinct(value: Sequence[Any]) -> bool:
    return len(value) > 1 and len(set(map(repr, value))) == len(value)


def _ordered(value: Sequence[Any]) -> bool:
    try:
        return bool(list(value) == sorted(value))
    except TypeError:
        return False


def _scalar(name: str, values: Sequence[Any]) -> Strategy:
    if name == "None":
        return st.none()
    if name == "bool":
        return st.booleans()
    if name == "int":
        return _whole([value for value in values if isinstance(value, int)])
    if name == "float":
        return _decimal([float(value) for value in values if isinstance(value, int | float)])
    if name == "complex":
        part = st.integers(-9, 9).map(float)
        return st.builds(complex, part, part)
    if name == "bytes":
        return st.lists(st.integers(0, 255), max_size=_size(values)).map(bytes)
    return _text([value for value in values if isinstance(value, str)])


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return the range of some numbers and half as much again; a sign that none has stays away."""
    low, high = min(values, default=-20), max(values, default=100)
    room = max(4, (high - low) / 2)
    return (low - room if low < 0 else max(0, low - room)), (high + room if high > 0 else min(0, high + room))


def _whole(values: Sequence[int]) -> Strategy:
    low, high = _range(values)
    return st.integers(int(low), int(high))


def _decimal(values: Sequence[float]) -> Strategy:
    """Draw numbers with as many places as the known ones have: 3.75, not 3.7500000000000004."""
    finite = [value for value in values if value - value == 0]
    places = max((len(repr(value).partition(".")[2]) for value in finite if "e" not in repr(value)), default=2)
    scale = 10 ** min(places, PLACES)
    low, high = _range(finite)
    return st.integers(int(low * scale), int(high * scale)).map(lambda number: number / scale)


def _text(values: Sequence[str]) -> Strategy:
    """Draw from the classes of characters that the known texts use, and from their words."""
    used = set("".join(values)) or set("ab c")
    alphabet = sorted(used.union(*(some for some in CLASSES if used & set(some))))
    made: Strategy = st.lists(st.sampled_from(alphabet), max_size=_size(values)).map("".join)
    made |= st.lists(st.sampled_from(sorted(used)), max_size=_size(values)).map("".join)
    words = sorted({word for value in values for word in value.split(" ")})
    return made | st.lists(st.sampled_from(words), max_size=8).map(" ".join) if len(words) > 2 else made
