"""Strict JSON for gates: what a model wrote is parsed and held against a schema; every fault becomes one sentence.

    parse_json('{"a": 1, "a": 2}')                                  ValueError: key 'a' stands there twice
    fault({"a": "1"}, checked_schema({"properties": {"a": {"type": "integer"}}}))
                                                                    "at a: '1' is not of type 'integer'"

jsonschema is imported on first use: it costs 0.1 s that a run without schemas need not wait for.
"""

import functools
import json
import re
from collections.abc import Mapping
from math import isinf
from typing import Any

from regrowth.core.errors import SettingsError
from regrowth.core.record import canonical

__all__ = ["checked_schema", "fault", "parse_json"]

LONGEST_FAULT = 200
"""Characters of a schema's complaint that are kept; it may quote the whole value."""


def parse_json(text: str) -> Any:
    """Parse one JSON value and nothing else: no NaN, no number beyond a float, no key twice.

    Raises:
        ValueError: it is none; says why and where.
    """
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite)
    except json.JSONDecodeError as error:
        raise ValueError(f"{error.msg} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made:
            raise ValueError(f"key {key[:40]!r} stands there twice")
        made[key] = value
    return made


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON value")


def _finite(text: str) -> float:
    if isinf(value := float(text)):
        raise ValueError(f"the number {text[:40]} is too large")
    return value


def checked_schema(schema: Mapping[str, Any]) -> str:
    """Return a JSON schema (draft 2020-12) as the text that `fault` takes.

    Raises:
        SettingsError: it is no schema.
    """
    from jsonschema import Draft202012Validator, SchemaError  # see the module docstring

    try:
        text = canonical(schema).decode()
        Draft202012Validator.check_schema(schema)
    except (SchemaError, TypeError, ValueError, RecursionError) as error:
        raise SettingsError(f"Not a JSON schema: {str(error)[:LONGEST_FAULT]}") from error
    return text


@functools.lru_cache(maxsize=256)
def _checker(schema: str) -> Any:
    from jsonschema import Draft202012Validator  # see the module docstring
    from referencing import Registry

    # An empty registry: a $ref never reaches out to the network.
    return Draft202012Validator(json.loads(schema), registry=Registry())


def fault(value: Any, schema: str) -> str:
    """Return the first fault of a value, with its place; nothing if it fits the schema."""
    from referencing.exceptions import Unresolvable  # see the module docstring

    try:
        error = next(_checker(schema).iter_errors(value), None)
    except (Unresolvable, re.error, ArithmeticError, ValueError, RecursionError) as trouble:
        return f"cannot be held against the schema ({type(trouble).__name__}: {str(trouble)[:LONGEST_FAULT]})"
    if error is None:
        return ""
    place = ".".join(str(step) for step in error.absolute_path)
    return (f"at {place[:LONGEST_FAULT]}: " if place else "") + str(error.message)[:LONGEST_FAULT]
