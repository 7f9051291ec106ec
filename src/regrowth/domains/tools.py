"""The tools of the tool-call domain: pure Python functions with JSON-schema parameters.

One tool as the prompt declares it, a call, and what the call returns:
    weather(city, day)
    {"name": "weather", "arguments": {"city": "Oslo", "day": "Monday"}}
    {"city": "Oslo", "day": "Monday", "degrees": 12}
Every result says all its arguments, so two calls have the same result only if they mean the same.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from regrowth.domains.words import DAYS, PRICES, THINGS

__all__ = ["TOOLS", "Tool"]

TEXT = {"type": "string", "minLength": 1}
DAY = {"enum": list(DAYS)}
THING = {"enum": list(THINGS)}
HOUR = {"type": "integer", "minimum": 0, "maximum": 23}
COUNT = {"type": "integer", "minimum": 1, "maximum": 999}


@dataclass(frozen=True, slots=True)
class Tool:
    """Declare a pure function that a model may call."""

    name: str
    properties: Mapping[str, Mapping[str, Any]]
    """JSON schema of each argument; all are required."""
    run: Callable[..., Mapping[str, Any]]

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the arguments."""
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.properties),
            "additionalProperties": False,
        }

    @property
    def signature(self) -> str:
        """Return the declaration as a prompt shows it."""
        return f"{self.name}({', '.join(self.properties)})"

    def fault(self, arguments: object) -> str:
        """Say what is wrong with the arguments of a call; nothing is wrong: an empty string."""
        errors = Draft202012Validator(self.schema).iter_errors(arguments)
        return "; ".join(sorted(f"{error.json_path}: {error.message[:120]}" for error in errors)[:3])


def timer(minutes: int) -> dict[str, Any]:
    """Tell after how many seconds a timer rings."""
    return {"rings_after_seconds": 60 * minutes}


def dial(number: int) -> dict[str, Any]:
    """Dial a number on the house telephone."""
    return {"dialled": number}


def weather(city: str, day: str) -> dict[str, Any]:
    """Forecast the degrees (Celsius): invented, but the same whenever asked."""
    return {"city": city, "day": day, "degrees": (7 * sum(map(ord, city)) + 5 * DAYS.index(day)) % 30}


def price(thing: str, count: int) -> dict[str, Any]:
    """Tell what a number of things costs, in cents."""
    return {"thing": thing, "cents": PRICES[thing] * count}


def book(name: str, day: str, hour: int) -> dict[str, Any]:
    """Book a table."""
    return {"table_for": name, "begins": (day, hour), "ends": (day, hour + 2)}


def send(name: str, thing: str, count: int) -> dict[str, Any]:
    """Send things to a person."""
    return {"to": name, "parcel": {thing: count}, "worth_cents": PRICES[thing] * count}


def trip(start: str, end: str, day: str, seats: int) -> dict[str, Any]:
    """Reserve seats from one city to another."""
    return {"route": (start, end), "day": day, "seats": seats, "cents": 4500 * seats}


def meet(name: str, city: str, day: str, hour: int) -> dict[str, Any]:
    """Enter a meeting in the calendar."""
    return {"with": name, "at": city, "begins": (day, hour), "ends": (day, hour + 1)}


TOOLS: Mapping[str, Tool] = {
    tool.name: tool
    for tool in (
        Tool("timer", {"minutes": COUNT}, timer),
        Tool("dial", {"number": COUNT}, dial),
        Tool("weather", {"city": TEXT, "day": DAY}, weather),
        Tool("price", {"thing": THING, "count": COUNT}, price),
        Tool("book", {"name": TEXT, "day": DAY, "hour": HOUR}, book),
        Tool("send", {"name": TEXT, "thing": THING, "count": COUNT}, send),
        Tool("trip", {"start": TEXT, "end": TEXT, "day": DAY, "seats": COUNT}, trip),
        Tool("meet", {"name": TEXT, "city": TEXT, "day": DAY, "hour": HOUR}, meet),
    )
}
