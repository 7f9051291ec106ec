"""Execute a tool call that a model wrote, and compare what it does with what the target's call does.

    response    {"name": "convert", "arguments": {"value": 3, "to": "feet"}}
    target      {"name": "convert", "arguments": {"to": "feet", "value": 3.0}}
Both give 9.84, so the response is accepted: a call is judged by its result, not by its spelling.

The functions are declared tools of this program, never code from the reply. They must be pure, and quick for whatever
their schema lets through: bound numbers and lists there (`maximum`, `maxItems`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isclose
from typing import Any, NamedTuple

from regrowth.core.cells import shown
from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.record import Json, Record, canonical
from regrowth.gates.json_values import checked_schema, fault, parse_json
from regrowth.gates.naming import named

__all__ = ["Call", "Tool", "execute", "executed_call", "parse_call"]

CLOSE = 1e-9
"""Relative difference up to which two floats are one result."""


@dataclass(frozen=True, slots=True)
class Tool:
    """Declare a function that a model may call."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    """JSON schema (draft 2020-12) of the arguments; an object with named properties."""
    function: Callable[..., Json]
    """Pure; takes the arguments by keyword and returns plain JSON data."""

    def to_json(self) -> dict[str, Any]:
        """Return the declaration as models are shown it."""
        return {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}


class Call(NamedTuple):
    """One call of a tool."""

    name: str
    arguments: Mapping[str, Any]


def parse_call(text: str, tools: Iterable[Tool]) -> Call:
    """Read a call: one JSON object with `name` and `arguments`, that fits the schema of a declared tool.

    Raises:
        ValueError: it is none; says why.
    """
    value = parse_json(text)
    if not isinstance(value, dict) or set(value) != {"name", "arguments"} or not isinstance(value["arguments"], dict):
        raise ValueError('expected {"name": …, "arguments": {…}} and nothing else')
    known = {tool.name: tool for tool in tools}
    if not isinstance(value["name"], str) or value["name"] not in known:
        raise ValueError(f"no tool {shown(str(value['name']))} (there are: {', '.join(known)})")
    tool = known[value["name"]]
    declared = tool.parameters.get("properties", {})
    if extra := [name for name in value["arguments"] if name not in declared]:
        raise ValueError(f"{tool.name} takes no argument {shown(extra[0])} (it takes: {', '.join(declared)})")
    if wrong := fault(value["arguments"], canonical(tool.parameters).decode()):
        raise ValueError(f"arguments of {tool.name}: {wrong}")
    return Call(tool.name, value["arguments"])


def execute(call: Call, tools: Iterable[Tool]) -> Json:
    """Return what a call gives.

    Raises:
        ValueError: the tool failed, or its result is not plain JSON data.
    """
    tool = next(tool for tool in tools if tool.name == call.name)
    try:
        result = tool.function(**call.arguments)
        canonical(result)
    except Exception as error:  # a tool is somebody's function and may raise anything; the call is at fault
        raise ValueError(f"{call.name} failed with {type(error).__name__}: {str(error)[:200]}") from error
    return result


def executed_call(tools: Sequence[Tool]) -> Callable[[Record], Record]:
    """Accept a response that is a call with the same result as the call in the record's target.

    Raises:
        SettingsError: two tools share a name, or one has no usable schema.
    """
    names = [tool.name for tool in tools]
    if not names or len(set(names)) < len(names):
        raise SettingsError(f"executed_call: expected tools of different names, found {names}.")
    for tool in tools:
        checked_schema(tool.parameters)
        if tool.parameters.get("type") != "object":
            raise SettingsError(f"executed_call: the parameters of {tool.name} must be a schema of type 'object'.")
    return named("executed_call", _executed_call, tools=tuple(tools))


def _executed_call(record: Record, *, tools: tuple[Tool, ...]) -> Record:
    found = _result(record.response, tools, "the response")
    wanted = _result(record.target, tools, "the target")
    if not _same(found, wanted):
        raise Rejected("executed_call", f"the result is {shown(repr(found))}, expected {shown(repr(wanted))}")
    return record


def _result(text: str, tools: tuple[Tool, ...], where: str) -> Json:
    try:
        return execute(parse_call(text, tools), tools)
    except ValueError as error:
        raise Rejected("executed_call", f"{where} is no call that works: {error}") from error


def _same(one: Any, other: Any) -> bool:
    """Compare as JSON does: 5 is 5.0, but true is not 1; floats may differ in the last digits."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, int | float) and isinstance(other, int | float):
        return one == other or isclose(one, other, rel_tol=CLOSE)
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
