"""Rephrased code does what the original does: a text's functions are called on an item's inputs, in a sandbox.

    probe = Probe("below_zero", inputs=(([1, 2, -4],), …), expected=(True, …), signature="(a: list[int]) -> bool")
    verify = behaves(executor, {item.number: probe})
    await verify("function isNegative(ops) { … }", item, 0.31)
                                    # Opinion(True, "isNegative (javascript) gives what is expected on 12 of 12 inputs")

Names, wording and language do not matter; what is called wrong fails. Python and JavaScript are tried.
"""

import ast
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple

from regrowth.core.errors import DataError
from regrowth.core.protocols import Executor, Limits
from regrowth.curation.contamination.items import Item
from regrowth.curation.contamination.verifiers import LONGEST, Opinion, Verifier
from regrowth.sandbox.calls import call
from regrowth.sandbox.language_table import LANGUAGES
from regrowth.sandbox.literals import literal

__all__ = ["Defined", "Probe", "alike", "behaves", "functions", "held_code"]

FUNCTIONS = 6
"""Functions of a text that are tried, the last ones first: helpers come before what needs them."""
CLOSE = 1e-6
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[ \t]*(\w*)[^\n]*\n(.*?)^[ \t]*(?:```|~~~)", re.DOTALL | re.MULTILINE)
_LANGUAGES = {"python": ("python", "py", "python3"), "javascript": ("javascript", "js", "node", "jsx")}
_FUNCTION = re.compile(
    r"^(?:export\s+(?:default\s+)?)?(?:(?:async\s+)?function|(?:const|let|var))\s+(?P<name>[\w$]+)\s*"
    r"(?:=\s*(?:async\s*)?(?:function\b[^(\n]{0,80})?)?(?:\((?P<several>[^)]{0,400})\)|(?P<one>[\w$]+))\s*(?:=>|\{)",
    re.MULTILINE,
)
_EXPORT = re.compile(r"^export\s+(?:default\s+)?|^(?:module\.)?exports\b.*$|^import\s.*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Probe:
    """Hold how a problem's solution behaves."""

    function: str
    inputs: tuple[Sequence[object], ...]
    """The positional arguments of each call."""
    expected: tuple[object, ...]
    """What the reference solution returned for them."""
    signature: str
    """Types as `sandbox.calls.call` takes them."""

    @property
    def telling(self) -> bool:
        """Return whether a function that always gives one value would fail."""
        return len({repr(one) for one in self.expected}) > 1


class Defined(NamedTuple):
    """Name a function of some code, and how many arguments it takes."""

    name: str
    least: int
    most: float


def held_code(text: str, language: str) -> str:
    """Return the code of a language in a text: what stands in its fences, or all of a text without fences."""
    names = _LANGUAGES[language]
    blocks = [(name.lower(), code) for name, code in _FENCE.findall(text)]
    if blocks:
        return "\n".join(code for name, code in blocks if name in names or not name)
    return "\n".join(line for line in text.split("\n") if not line.lstrip().startswith(("```", "~~~")))


def functions(code: str, language: str) -> list[Defined]:
    """Return the functions that some code defines at its margin, in their order."""
    if language == "python":
        return list(_in_python(code))
    found = {}
    for match in _FUNCTION.finditer(code):
        name, given = match["name"], match["several"] if match["one"] is None else match["one"]
        parameters = [part.strip() for part in given.split(",") if part.strip()]
        plain = [part for part in parameters if "=" not in part and not part.startswith("...")]
        found[name] = Defined(name, len(plain), math.inf if "..." in given else len(parameters))
    return list(found.values())


def _in_python(code: str) -> Iterator[Defined]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in body:
        if isinstance(node, ast.FunctionDef):
            given = len(node.args.posonlyargs) + len(node.args.args)
            least = given - len(node.args.defaults)
            if all(one is not None for one in node.args.kw_defaults):
                yield Defined(node.name, least, math.inf if node.args.vararg else given)


def behaves(
    executor: Executor,
    probes: Mapping[int, Probe],
    *,
    extract: Callable[[str, str], str] = held_code,
    limits: Limits | None = None,
) -> Verifier:
    """Return the verifier that runs a text's functions; silent on items without a probe and texts without code.

    Args:
        executor: what isolates the code.
        probes: by number of the item.
        extract: gives the code of a language (`python`, `javascript`) in a text.
        limits: of the calls of one function; two seconds of processor time by default, what the language needs else.
    """

    async def verify(text: str, item: Item, cosine: float) -> Opinion | None:
        probe = probes.get(item.number)
        if probe is None or not probe.telling:
            return None
        tried = 0
        for language in _LANGUAGES:
            code = extract(text[:LONGEST], language)
            for one in _fitting(functions(code, language), probe):
                tried += 1
                given = limits or replace(LANGUAGES[language].limits, cpu=2.0)
                if await _gives(executor, code, one.name, probe, language, given):
                    count = len(probe.inputs)
                    why = f"{one.name} ({language}) gives what is expected on {count} of {count} inputs"
                    return Opinion(True, why, {"function": one.name, "language": language, "inputs": count})
        return Opinion(False, f"none of {tried} functions behaves like it") if tried else None

    return verify


def _fitting(defined: Sequence[Defined], probe: Probe) -> list[Defined]:
    widths = {len(given) for given in probe.inputs}
    fitting = [one for one in defined if one.least <= min(widths) and max(widths) <= one.most]
    return fitting[::-1][:FUNCTIONS]


async def _gives(executor: Executor, code: str, function: str, probe: Probe, language: str, limits: Limits) -> bool:
    if language != "python":
        code = _EXPORT.sub("", code)
        probe = _written(probe, language)
    if not probe.telling:
        return False
    found = await call(
        executor, code, function, probe.inputs, language=language, signature=probe.signature, limits=limits
    )
    return all(
        not outcome.error and alike(outcome.value, expected)
        for outcome, expected in zip(found.outcomes, probe.expected, strict=True)
    )


def _written(probe: Probe, language: str) -> Probe:
    """Return a probe without the inputs that the language has no values for, such as integers of 64 bits."""
    kept = []
    for place, given in enumerate(probe.inputs):
        with suppress(DataError):
            for value in given:
                literal(value, language)
            kept.append(place)
    return replace(probe, inputs=tuple(probe.inputs[n] for n in kept), expected=tuple(probe.expected[n] for n in kept))


def alike(found: object, expected: object) -> bool:
    """Return whether two values are the same to callers in any language: tuples are lists, 2.0 is 2, near is equal."""
    if isinstance(found, bool) or isinstance(expected, bool) or found is None or expected is None:
        return found is expected
    if isinstance(found, int | float) and isinstance(expected, int | float):
        return found == expected or math.isclose(found, expected, rel_tol=CLOSE, abs_tol=CLOSE)
    if isinstance(found, list | tuple) and isinstance(expected, list | tuple):
        return len(found) == len(expected) and all(map(alike, found, expected))
    if isinstance(found, dict) and isinstance(expected, dict):
        return found.keys() == expected.keys() and all(alike(found[key], expected[key]) for key in found)
    return type(found) is type(expected) and found == expected
