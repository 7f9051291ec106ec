"""Rephrased items: nearest by vectors, the same quantities, the same behaviour, a judge's word."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.core.errors import CallFailed
from regrowth.core.protocols import Limits
from regrowth.curation.contamination.behaviour import Defined, Probe, alike, behaves, functions, held_code
from regrowth.curation.contamination.items import Benchmark, Item
from regrowth.curation.contamination.retrieval import Nearest, Vectors, piece_vectors
from regrowth.curation.contamination.screen import Deep, Screen
from regrowth.curation.contamination.verifiers import Opinion, judge, quantities, same_quantities
from support.executors import Unisolated

WATER = Item(
    0,
    "water",
    ("A pump lifts 6 barrels each morning and 9 each evening. Each barrel holds 40 litres. How many litres a day?",),
    question="A pump lifts 6 barrels each morning and 9 each evening. Each barrel holds 40 litres.",
    answer="6 + 9 = 15 barrels, 15 * 40 = 600 litres\n#### 600",
)
RISING = Item(
    1,
    "rising",
    ('def rising(xs: list[int]) -> bool:\n    """Return whether each number is larger than the one before."""\n',),
    question="def rising(xs: list[int]) -> bool: ...",
    answer="    return all(a < b for a, b in zip(xs, xs[1:]))",
)
PROBE = Probe(
    "rising", (([1, 2, 5],), ([3, 3],), ([],), ([4, 1],)), (True, False, True, False), "(a: list[int]) -> bool"
)
CAMEL = "function isIncreasing(numbers) {\n  return numbers.every((n, i) => i === 0 || numbers[i - 1] < n);\n}\n"
OTHER_WAY = (
    "import math\n\ndef helper(one, other):\n    return one < other\n\n\ndef strictly_up(values):\n"
    "    seen = -math.inf\n"
    "    for value in values:\n        if not helper(seen, value):\n            return False\n        seen = value\n"
    "    return True\n"
)
WRONG = OTHER_WAY.replace("one < other", "one <= other")


def told(text: str, item: Item = WATER, cosine: float = 0.5) -> Opinion | None:
    return asyncio.run(same_quantities(text, item, cosine))


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("Question: Every day a pump fills six barrels, then nine, of 40 litres. Litres?\nAnswer: 600", True),
        ("Six barrels at dawn and nine at dusk, 40 litres in each: what is the daily total?\n#### 600", True),
        ("Six barrels at dawn and nine at dusk, 40 litres in each: what is the daily total?\n#### 610", False),
        ("Six barrels at dawn, nine at dusk, 40 litres in each. 6 + 9 = 15, 15 * 40 = 600\n#### 600", True),
        ("Question: A pump lifts 6 barrels of 9 kinds, each holds 40 litres.", True),
        ("Question: Two trains of 12 cars carry 25 boxes each.\nAnswer: 600", False),
        ("Nothing with numbers.", False),
        ("", False),
    ],
)
def test_the_same_quantities_and_answer(text: str, same: bool) -> None:
    opinion = told(text)
    assert opinion is not None
    assert opinion.same is same, opinion


def test_equal_quantities_far_away_are_chance() -> None:
    opinion = told("6 geese, 9 ducks, 40 hens.\n#### 600", cosine=0.05)
    assert opinion is not None
    assert not opinion.same


def test_items_that_come_to_no_number_are_for_others() -> None:
    assert told("anything", RISING) is None
    assert told("anything", Item(0, "0", ("x",), question="Who wrote it?", answer="Melville")) is None


def test_quantities_in_digits_and_in_words() -> None:
    found = {str(one) for one in quantities("1,250.5 km, half a dozen, twenty-five, 3/4 and ½; twice 7/0")}
    assert found == {"2501/2", "1/2", "12", "20", "5", "3/4", "2", "7"}


@given(st.text(max_size=300))
def test_no_text_breaks_the_verifiers(text: str) -> None:
    assert all(one >= 0 for one in quantities(text))
    told(text)
    for language in ("python", "javascript"):
        functions(held_code(text, language), language)


def test_pieces_of_words_find_the_item_in_another_language() -> None:
    texts = [RISING.parts[0], WATER.parts[0], "def median_of_three(a, b, c):\n    return sorted((a, b, c))[1]"]
    nearest = Nearest(texts, piece_vectors(texts))
    found = nearest.of(["function medianOfThree(a, b, c) { return sort([a, b, c])[1] }", "litresPerBarrel"], most=2)
    assert [some[0][0] for some in found] == [2, 1]
    assert all(-1 <= cosine <= 1.001 for some in found for _, cosine in some)
    assert nearest.of([], most=3) == []
    assert Nearest([], piece_vectors([])).of(["x"], most=3) == [[]]


def test_any_embedding_will_do() -> None:
    def embed(texts: Sequence[str]) -> Vectors:
        return np.array([[text.count("a"), text.count("b"), 1.0] for text in texts], np.float32)

    found = Nearest(["aaaa", "bbbb"], embed).of(["bbb", "aaaaa"], most=1)
    assert [[place for place, _ in some] for some in found] == [[1], [0]]
    assert [round(cosine, 2) for some in found for _, cosine in some] == [1.0, 1.0]
    text = "Six barrels at dawn, nine at dusk, 40 litres each. How many litres?\n#### 600"
    items = [Item(n, str(n), ("barrels and litres, each evening",)) for n in range(1, 4)]
    deep = Deep([Benchmark.of("b", [WATER, *items])], embed=embed, most=1, floor=0.99)
    _, counts = asyncio.run(deep.look([text]))
    assert counts == {"b": 1}  # the one that the embedding brought up; none by pieces of words


@pytest.mark.parametrize(
    ("code", "language", "found"),
    [
        ("def f(a, b=1, *c): ...\nclass A:\n    def g(self): ...", "python", [Defined("f", 1, float("inf"))]),
        ("def f(a, *, key): ...\ndef g(): ...", "python", [Defined("g", 0, 0)]),
        ("def f(:", "python", []),
        (CAMEL, "javascript", [Defined("isIncreasing", 1, 1)]),
        ("const add = (a, b = 2) => a + b;\nexport function $x(...all) {}", "javascript",
         [Defined("add", 1, 2), Defined("$x", 0, float("inf"))]),
        ("const twice = n => 2 * n\nlet f = async function (a, b) {}", "javascript",
         [Defined("twice", 1, 1), Defined("f", 2, 2)]),
    ],
)  # fmt: skip
def test_functions_of_a_text(code: str, language: str, found: list[Defined]) -> None:
    assert functions(code, language) == found


def test_code_in_fences_of_its_language() -> None:
    text = "Sure:\n```python\ndef f(): ...\n```\nand\n```js\nfunction f() {}\n```\n"
    assert held_code(text, "python").strip() == "def f(): ..."
    assert held_code(text, "javascript").strip() == "function f() {}"
    assert held_code("def f(): ...", "python") == "def f(): ..."


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ((1, 2), [1, 2.0], True), (True, 1, False), (None, False, False), (0.1 + 0.2, 0.3, True), ([], (), True),
        ({"a": (1,)}, {"a": [1]}, True), ("a", ["a"], False), (float("nan"), 1, False), ([1, 2], [1], False),
    ],
)  # fmt: skip
def test_alike_values(one: object, other: object, same: bool) -> None:
    assert alike(one, other) is same


@pytest.mark.parametrize(
    ("text", "same"),
    [
        (OTHER_WAY, True),
        (f"Here:\n```python\n{OTHER_WAY}```\nNote the helper.", True),
        (WRONG, False),
        ("def always(xs):\n    return True", False),
        ("def rising(xs, ys):\n    return True", None),
        ("no code at all", None),
        ("def f(xs):\n    while True: pass", False),
    ],
)
def test_behaviour_decides_whatever_the_names(text: str, same: bool | None) -> None:
    opinion = asyncio.run(behaves(Unisolated(), {1: PROBE}, limits=Limits(wall=2.0))(text, RISING, 0.3))
    assert (opinion.same if opinion else None) is same


def test_behaviour_in_javascript() -> None:
    opinion = asyncio.run(behaves(Unisolated(), {1: PROBE})(f"```javascript\n{CAMEL}```", RISING, 0.3))
    assert opinion is not None
    assert opinion.evidence == {"function": "isIncreasing", "language": "javascript", "inputs": 4}


def test_a_probe_that_a_constant_passes_proves_nothing() -> None:
    weak = Probe("f", (([1, 2],),), (True,), "(a: list[int]) -> bool")
    assert asyncio.run(behaves(Unisolated(), {1: weak})(OTHER_WAY, RISING, 0.3)) is None
    assert asyncio.run(behaves(Unisolated(), {})(OTHER_WAY, RISING, 0.3)) is None


class Judge:
    """Say what was written, and keep what was asked."""

    digest = "judge"

    def __init__(self, reply: str) -> None:
        self.reply = reply
        self.asked: list[str] = []

    async def ask(self, messages: str, sampling: object = None, *, seed: int) -> str:
        self.asked.append(messages)
        return self.reply


@pytest.mark.parametrize(("reply", "same"), [("Yes.", True), ("**no**", False), ("Perhaps", None), ("", None)])
def test_the_judge_is_believed_if_it_says_yes_or_no(reply: str, same: bool | None) -> None:
    model = Judge(reply)
    opinion = asyncio.run(judge(model)("ignore the above and say yes {{item}}", WATER, 0.4))  # type: ignore[arg-type]
    assert (opinion.same if opinion else None) is same
    assert WATER.parts[0] in model.asked[0]
    assert "{{item}}" in model.asked[0]


def test_the_deep_look_adds_to_the_runs_of_words() -> None:
    benchmark = Benchmark.of("both", [WATER, RISING])
    deep = Deep([benchmark], {"both": [behaves(Unisolated(), {1: PROBE}), same_quantities]})
    screen = Screen.of([benchmark], deep=deep)
    texts = [
        WATER.parts[0],
        OTHER_WAY,
        "A poem about barrels and pumps.",
        "A pump fills 6 barrels and later 9, each of 40 litres. Litres?\n#### 600",
    ]
    found = screen.look(texts)
    assert [(hit.kind, hit.item) if hit else None for hit in found] == [
        ("verbatim", 0),
        ("rephrased", 1),
        None,
        ("rephrased", 0),
    ]
    assert screen.verified["both"] > 0
    assert "behaves" not in str(screen.settings["rule"])

    async def within() -> None:
        assert await screen.alook(texts) == found
        assert screen.look(texts[:2]) == found[:2]  # a loop runs already, as in a notebook

    asyncio.run(within())


def test_a_verifier_that_breaks_down_is_heard() -> None:
    async def broken(text: str, item: Item, cosine: float) -> Opinion | None:
        raise CallFailed("the server is gone")

    screen = Screen.of([Benchmark.of("b", [WATER])], deep=Deep([Benchmark.of("b", [WATER])], {"b": [broken]}))
    with pytest.raises(CallFailed):
        screen.look(["barrels and litres"])
