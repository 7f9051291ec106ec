"""JSON tool calls: a request, two declared tools, one call, which is executed.

The difficulty is the number of arguments to fill in.

One problem and its worked answer:
    Tools: weather(city, day); timer(minutes)
    Will it rain in Oslo on Monday?
    {"name": "weather", "arguments": {"city": "Oslo", "day": "Monday"}}
An answer is right when it is strict JSON, names a declared tool, satisfies its schema, names the tool that was asked
for, and returns what the expected call returns.
"""

import json
from collections.abc import Callable, Mapping
from random import Random
from typing import Any

from regrowth.core.errors import Rejected
from regrowth.core.record import Record
from regrowth.domains.domain import Domain, Drawn
from regrowth.domains.tools import TOOLS
from regrowth.domains.words import CITIES, DAYS, NAMES, THINGS

__all__ = ["TOOL_CALLS"]

NAME = "tool_calls"

REQUESTS: Mapping[str, tuple[str, ...]] = {
    "timer": ("Set a timer for {minutes} minutes.", "Wake me in {minutes} minutes."),
    "dial": ("Call number {number}.", "Please dial {number}."),
    "weather": ("Will it rain in {city} on {day}?", "How warm is {city} on {day}?"),
    "price": ("What do {count} {thing} cost?", "How much are {count} {thing}?"),
    "book": ("Book a table for {name} on {day} at {hour}.", "{name} wants to eat out on {day} at {hour}."),
    "send": ("Send {count} {thing} to {name}.", "Mail {name} {count} {thing}."),
    "trip": (
        "Reserve {seats} seats from {start} to {end} on {day}.",
        "On {day}, {seats} of us go from {start} to {end}.",
    ),
    "meet": ("Meet {name} in {city} on {day} at {hour}.", "On {day} at {hour} I see {name} in {city}."),
}
VALUES: Mapping[str, Callable[[Random], Any]] = {
    "minutes": lambda rng: rng.randint(2, 120),
    "number": lambda rng: rng.randint(100, 999),
    "count": lambda rng: rng.randint(2, 40),
    "seats": lambda rng: rng.randint(2, 9),
    "hour": lambda rng: rng.randint(8, 21),
    "day": lambda rng: rng.choice(DAYS),
    "thing": lambda rng: rng.choice(THINGS),
    "name": lambda rng: rng.choice(NAMES),
    **dict.fromkeys(("city", "start", "end"), lambda rng: rng.choice(CITIES)),
}


def draw(rng: Random, difficulty: int) -> Drawn:
    """Draw a request for a tool with as many arguments as the difficulty, beside one other tool."""
    name = rng.choice([tool.name for tool in TOOLS.values() if len(tool.properties) == difficulty])
    declared = [name, rng.choice([other for other in TOOLS if other != name])]
    rng.shuffle(declared)
    arguments = {argument: VALUES[argument](rng) for argument in TOOLS[name].properties}
    request = rng.choice(REQUESTS[name]).format(**arguments)
    prompt = f"Tools: {'; '.join(TOOLS[tool].signature for tool in declared)}\n{request}"
    target = json.dumps({"name": name, "arguments": arguments})
    return Drawn((name, arguments), prompt, target, name, {"tools": declared})


def verify(record: Record, response: str) -> None:
    """Refuse what is no call, no declared tool, no valid arguments, or has another result.

    Raises:
        Rejected: says what was called and what was expected.
    """
    name, arguments = _parse(response)
    if name not in record["tools"]:
        raise Rejected(NAME, f"no tool {name[:40]!r} is declared (declared: {', '.join(record['tools'])})")
    if fault := TOOLS[name].fault(arguments):
        raise Rejected(NAME, f"arguments of {name} do not satisfy its schema: {fault}")
    expected = json.loads(record.target)
    wanted = TOOLS[expected["name"]].run(**expected["arguments"])
    if name != expected["name"] or TOOLS[name].run(**arguments) != wanted:
        called = _shown(name, arguments)
        raise Rejected(NAME, f"called {called}, expected {_shown(expected['name'], expected['arguments'])}")


def _parse(response: str) -> tuple[str, dict[str, Any]]:
    """Read exactly one call."""
    try:
        call = json.loads(response, object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise Rejected(NAME, f"not JSON: {str(error)[:80]} in {response[:60]!r}") from None
    match call:
        case {"name": str(name), "arguments": dict(arguments)} if len(call) == 2:
            return name, arguments
        case _:
            raise Rejected(NAME, f"expected {{'name': …, 'arguments': {{…}}}}, found {response[:80]!r}")


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("an object names a key twice")
    return dict(pairs)


def _shown(name: str, arguments: Mapping[str, Any]) -> str:
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


TOOL_CALLS = Domain(
    name=NAME,
    difficulties=(1, 2, 3, 4),
    instructions=(
        'Answer with one call of one of the tools, as JSON and nothing else: {"name": "…", "arguments": {…}}. '
        "Numbers are JSON numbers."
    ),
    draw=draw,
    verify=verify,
)
