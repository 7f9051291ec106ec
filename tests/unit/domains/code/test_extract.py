"""The code in a reply, however it was wrapped."""

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regrowth.domains.code.extract import extracted

CODE = "def f(x):\n    return x + 1\n"
PROMPT = '''import math


def helper(x):
    return x


def f(x: int) -> int:
    """ Add one.
    >>> f(1)
    2
    """
'''


@pytest.mark.parametrize(
    ("reply", "form"),
    [
        (f"```python\n{CODE}```", "fenced"),
        (f"Sure! Here it is:\n\n```py\n{CODE}```\n\nIt adds one.", "fenced"),
        (f"```\n{CODE}```", "fenced"),
        (f"~~~python\n{CODE}~~~", "fenced"),
        (f"```{{.python}}\n{CODE}```", "fenced"),
        ("1. So:\n   ```python\n   def f(x):\n       return x + 1\n   ```", "fenced"),
        (f"````markdown\n```python\n{CODE}```\n````", "fenced"),
        (f"```bash\npip install x\n```\n```python\n{CODE}```", "fenced"),
        (
            f"```python\nx = 1\nprint(x, 'a longer block that defines another thing')\n```\n```python\n{CODE}```",
            "fenced",
        ),
        (f"```python\ndef f(x):\n    return 0\n```\nNo, rather:\n```python\n{CODE}```", "fenced"),
        (f"```python\n{CODE}", "unclosed"),
        (CODE, "bare"),
        (f"Here is the function you asked for.\n\n{CODE}\nI hope that helps!", "bare"),
        (CODE.replace("\n", "\r\n"), "bare"),
    ],
)
def test_code_comes_out_of_every_wrapping(reply: str, form: str) -> None:
    found = extracted(reply, function="f")
    assert (found.code.strip("\n"), found.form) == (CODE.strip("\n"), form)


def test_what_a_block_needs_of_an_earlier_one_comes_with_it() -> None:
    blocks = ("def half(x):\n    return x / 2", "def f(x):\n    return half(x)", "f(2)")
    reply = "\nand\n".join(f"```python\n{block}\n```" for block in blocks)
    assert extracted(reply, function="f").code == "def half(x):\n    return x / 2\n\ndef f(x):\n    return half(x)\n"


@pytest.mark.parametrize(
    "reply",
    [
        "    return helper(x) + 1\n",
        "return helper(x) + 1",
        "return helper(x) + 1\n\nThis adds one to the number.",
        "    y = helper(x)\n    return y + 1\n\n\nprint(f(",
        "```python\n    return helper(x) + 1\n```",
    ],
)
def test_a_completion_goes_on_with_the_prompt(reply: str) -> None:
    found = extracted(reply, function="f", prompt=PROMPT)
    space: dict[str, object] = {}
    exec(found.code, space)
    assert found.form == "completion"
    assert space["f"](2) == 3  # type: ignore[operator]


def test_a_whole_function_gets_the_helpers_of_the_prompt_but_not_its_beginning() -> None:
    found = extracted("```python\ndef f(x):\n    return helper(x) + math.pi\n```", function="f", prompt=PROMPT)
    assert found.code.count("def f(") == 1
    assert found.code.startswith("import math\ndef helper(x):")


def test_other_languages_go_by_their_fences() -> None:
    reply = "```js\nfunction f(x) { return x; }\n```\n```js\nconsole.log(f(1))\n```"
    assert extracted(reply, language="javascript", function="f").code == "function f(x) { return x; }\n"
    begun = extracted("  return x;\n}", language="javascript", function="f", prompt="function f(x) {\n")
    assert (begun.code, begun.form) == ("function f(x) {\n  return x;\n}", "completion")
    renamed = extracted(
        "```lua\nlocal function g(x)\n  return x\nend\n```", language="lua", function="f", prompt="-- f\n"
    )
    assert (renamed.code, renamed.form) == ("local function g(x)\n  return x\nend\n", "fenced")


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ("", "the reply is empty"),
        ("I cannot help with that.", "the reply holds no code that defines 'f', neither in fences nor bare"),
        ("Yes", "the reply holds no code that defines 'f', neither in fences nor bare"),
        ("```java\nclass F {}\n```", "the reply's code is in 'java', not in python"),
    ],
)
def test_no_code_is_said_to_be_none(reply: str, reason: str) -> None:
    found = extracted(reply, function="f")
    assert (found.code, found.form, found.reason) == ("", "none", reason)


lines = st.sampled_from(
    [
        "```",
        "```python",
        "~~~",
        "````md",
        "def f(x):",
        "    return x",
        "@",
        "class",
        "import",
        "Text.",
        "\t",
        "'''",
        "\x00",
        "\r",
        "λ",
    ]
)
texts = st.lists(lines | st.text(max_size=8), max_size=12).map("\n".join)


@given(texts, st.sampled_from(["python", "javascript", "klingon"]), st.sampled_from(["", "f", "a b"]), texts)
def test_no_text_makes_it_raise_and_python_that_is_bare_parses(
    reply: str, language: str, function: str, prompt: str
) -> None:
    found = extracted(reply, language=language, function=function, prompt=prompt)
    assert bool(found.reason) == (found.form == "none") == (not found.code)
    if language == "python" and found.form in ("bare", "completion"):
        ast.parse(found.code)
