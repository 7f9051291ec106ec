"""JSON out of models that write it almost right, checked against a schema and asked for again where it is wrong.

parse_json('Sure! ```json\\n{"name": "Ada", "born": 1815,}\\n```')
Parsed(value={'name': 'Ada', 'born': 1815}, mended=True)
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from importlib.resources import files
from string import Template
from typing import Any, NamedTuple, NoReturn

from regrowth.core.errors import DataError, Rejected, SettingsError
from regrowth.core.protocols import Completion, Model, Sampling
from regrowth.core.record import Json, Message, Messages, conversation, digest
from regrowth.models._mend import DEPTH, Broken, read_loosely

__all__ = ["Parsed", "ask_json", "parse_json"]

LONGEST = 1_000_000
"""Characters of a text that is read at all."""
STARTS = 16
"""Places in a text at which a value is looked for."""
SHOWN = 4_000
"""Characters of a faulty answer that are shown to the model again."""
FENCE = re.compile(r"```[\w-]*[ \t]*\n?")
SAMPLING = Sampling()


class Parsed(NamedTuple):
    """Hold a value read from a model's text."""

    value: Any
    mended: bool
    """Whether the text was anything but plain JSON: prose or fences around it, loose syntax, brackets missing."""


def parse_json(text: str) -> Parsed:
    """Read the JSON value in a text, mending what can be mended without guessing. Takes linear time.

    Plain JSON of any kind is read as it is. Else the last code fence that holds an object or array counts, else the
    longest object or array in the text.

    Raises:
        DataError: there is none, or the text is longer than 1,000,000 characters or nested deeper than 100.
    """
    if len(text) > LONGEST:
        raise DataError(f"a text of {len(text)} characters, at most {LONGEST} are read as JSON")
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except (ValueError, RecursionError):
        return Parsed(_found(text), mended=True)
    if _deeper_than(value, DEPTH):
        raise DataError(f"JSON nested deeper than {DEPTH}")
    return Parsed(value, mended=False)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits} is too large")
    return number


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        inside = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)]
        level = [part for parts in inside for part in parts]
        if not level:
            return False
    return True


def _found(text: str) -> Any:
    """Return the value in a text that is more, or less, than JSON."""
    answer = text.rpartition("</think>")[2]
    fences = [match.end() for match in FENCE.finditer(answer)][-STARTS:]
    why = "no object or array"
    for start in reversed(fences):
        if answer[start : start + 1] in ("{", "["):
            try:
                return read_loosely(answer, start)[0]
            except Broken as error:
                why = str(error)
    best, longest, at = None, 0, 0
    for _ in range(STARTS):
        if (start := _bracket(answer, at)) < 0:
            break
        try:
            value, end = read_loosely(answer, start)
        except Broken as error:
            why, at = str(error), start + 1
            if error.cut:
                break
            continue
        if end - start > longest:
            best, longest = value, end - start
        at = end
    if longest:
        return best
    raise DataError(f"no JSON in a text of {len(text)} characters: {why}. The text begins {text[:80]!r}")


def _bracket(text: str, at: int) -> int:
    places = [place for place in (text.find("{", at), text.find("[", at)) if place >= 0]
    return min(places, default=-1)


async def ask_json(
    model: Model,
    messages: str | Messages,
    schema: Mapping[str, Any],
    *,
    seed: int,
    sampling: Sampling = SAMPLING,
    attempts: int = 3,
) -> Json:
    """Ask for JSON that satisfies a schema; show the model what was wrong and ask again, `attempts` times in all.

    Every attempt has a seed of its own, derived from `seed` and its number.

    Raises:
        Rejected: no attempt satisfied the schema; the reason is the last one's.
        SettingsError: the schema itself is wrong.
    """
    complaint_about = _checker(schema)
    turns = conversation(messages)
    asked, reason = turns, ""
    for attempt in range(attempts):
        own_seed = int(digest("ask_json", seed, attempt)[:16], 16) >> 1
        completion = await model.generate(asked, replace(sampling, schema=schema), seed=own_seed)
        try:
            parsed = parse_json(completion.text)
        except DataError as error:
            reason = str(error)
        else:
            reason = complaint_about(parsed.value)
            if not reason and not (parsed.mended and completion.finish == "length"):
                value: Json = parsed.value
                return value
        reason = _with_finish(reason, completion)
        asked = (*turns, Message("assistant", completion.text[:SHOWN]), Message("user", _repair(reason, schema)))
    raise Rejected("schema", f"{reason} (attempt {attempts} of {attempts})")


def _with_finish(reason: str, completion: Completion) -> str:
    if completion.finish == "length":
        return f"the answer was cut at the limit of tokens ({completion.tokens}); {reason or 'it must be shorter'}"
    return f"the model refused to answer; {reason}" if completion.finish == "refused" else reason


def _repair(reason: str, schema: Mapping[str, Any]) -> str:
    text = files("regrowth.models").joinpath("prompts", "repair_json.md").read_text("utf-8")
    body = text.split("---\n", 2)[2].strip()
    return Template(body).substitute(error=reason, schema=json.dumps(schema, ensure_ascii=False))


def _checker(schema: Mapping[str, Any]) -> Any:
    """Return the function that says, in one sentence, what is wrong with a value; empty if nothing is."""
    # Imported here: jsonschema costs a tenth of a second, and few runs check a schema.
    from jsonschema.exceptions import SchemaError, best_match
    from jsonschema.validators import validator_for
    from referencing import Registry
    from referencing.exceptions import Unresolvable

    kind = validator_for(schema)
    try:
        kind.check_schema(schema)
    except SchemaError as error:
        raise SettingsError(f"the JSON schema is wrong at {error.json_path}: {error.message[:300]}") from None
    validator = kind(schema, registry=Registry())  # an empty registry: a schema never reaches for the network

    def complaint(value: Any) -> str:
        try:
            error = best_match(validator.iter_errors(value))
        except Unresolvable as missing:
            raise SettingsError(f"the JSON schema refers to {missing.ref!r}, which it does not contain") from None
        except re.error as broken:
            raise SettingsError(f"the JSON schema has a pattern that is no regular expression: {broken}") from None
        return "" if error is None else f"at {error.json_path}: {error.message[:500]}"

    return complaint
