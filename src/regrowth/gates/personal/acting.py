"""What becomes of a record with personal data or secrets: refused, masked, or given made-up values.

    no_personal_data()    refused: 2 email, 1 secret (GitHub token): messages[0], response
    masked()              "write to [EMAIL_1] or [EMAIL_2], not to [EMAIL_1]"
    masked(key="REGROWTH_MASK_KEY")     "[EMAIL_9f3a61c2]": the same for the same address in all records of all runs
    replaced()            "write to mia.muster7@example.org …"

A reason counts kinds and names places; what was found is in no reason. What one place of a record gives away (by a
word beside it), is found in its other places too. Whatever is reserved for examples passes, and stays.
"""

import hashlib
import hmac
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from regrowth.core.errors import Rejected, SettingsError
from regrowth.core.protocols import Gate, Model
from regrowth.core.record import Message, Record
from regrowth.gates.naming import named
from regrowth.gates.personal.hits import Hit, compact, shown
from regrowth.gates.personal.making import made
from regrowth.gates.personal.names import Names, asked
from regrowth.gates.personal.phones import significant
from regrowth.gates.personal.scan import EVERYTHING, Search, hits

__all__ = ["Found", "counted", "hits_in", "masked", "no_personal_data", "replaced", "told"]

_LITERALS = 64
"""Values, at most, that are looked for again in the other places of a record."""
_BY_CONTEXT = frozenset(("national_id", "passport", "phone", "secret", "name", "birth_date"))
Spans: TypeAlias = Mapping[str, tuple[tuple[int, int], ...]]


class Found(NamedTuple):
    """Say in which part of a record something was found."""

    part: str
    """`messages[2]`, `response`, `rejected`, `target` or `attributes.NAME`."""
    hit: Hit


def parts_of(record: Record) -> dict[str, str]:
    """Return every text of a record by the name of its part; of the attributes those that are texts."""
    parts = {f"messages[{place}]": message.content for place, message in enumerate(record.messages)}
    parts |= {"response": record.response, "rejected": record.rejected, "target": record.target}
    parts |= {f"attributes.{name}": value for name, value in record.attributes.items() if isinstance(value, str)}
    return {name: text for name, text in parts.items() if text}


def hits_in(
    record: Record, search: Search = EVERYTHING, *, names: Names | None = None, examples: bool = False
) -> tuple[Found, ...]:
    """Return what is personal or secret in a record, part by part.

    Args:
        names: A model of names; none are looked for without one, unless `search` asks for guesses.
        examples: Whether what is reserved for documentation and tests counts too.
    """
    spans = {part: tuple(names(text)) for part, text in parts_of(record).items()} if names else {}
    return _found(record, search, spans, examples)


def _found(record: Record, search: Search, spans: Spans, examples: bool) -> tuple[Found, ...]:
    parts = parts_of(record)
    found = {part: hits(text, search, names=spans.get(part, ())) for part, text in parts.items()}
    found = {part: tuple(hit for hit in those if examples or not hit.example) for part, those in found.items()}
    known = {
        parts[part][hit.start : hit.end]: hit
        for part, those in found.items()
        for hit in those
        if hit.kind in _BY_CONTEXT
    }
    for literal, hit in list(_both_ways(known))[:_LITERALS]:
        for part, text in parts.items():
            found[part] = _with_repeats(text, found[part], literal, hit)
    return tuple(Found(part, hit) for part, those in found.items() for hit in those)


def _both_ways(known: Mapping[str, Hit]) -> Iterator[tuple[str, Hit]]:
    """Give each value as it was written, and numbers without their separators too."""
    for literal, hit in known.items():
        yield literal, hit
        bare = compact(literal)
        if hit.kind != "secret" and len(bare) >= 8 and bare != literal and any(map(str.isdigit, bare)):
            yield bare, hit


def _with_repeats(text: str, those: tuple[Hit, ...], literal: str, hit: Hit) -> tuple[Hit, ...]:
    """Add the places where the same value stands again, outside of what was found already."""
    if len(literal) < 5 or text.count(literal) == sum(text.startswith(literal, one.start) for one in those):
        return those
    taken = sorted((one.start, one.end) for one in those)
    fresh = []
    at = 0
    for match in re.finditer(rf"(?<!\w){re.escape(literal)}(?!\w)", text):
        while at < len(taken) and taken[at][1] <= match.start():
            at += 1
        if at == len(taken) or match.end() <= taken[at][0]:
            fresh.append(hit._replace(start=match.start(), end=match.end()))
    return tuple(sorted((*those, *fresh), key=lambda one: one.start))


def counted(found: Iterable[Found]) -> dict[str, int]:
    """Return how many there are of each kind, most first."""
    return dict(Counter(one.hit.kind for one in found).most_common())


def told(record: Record, found: Iterable[Found]) -> list[str]:
    """Say what was found and where, masked: for a person who looks into a finding."""
    parts = parts_of(record)
    return [f"{one.part}: {shown(one.hit, parts[one.part])}" for one in found]


def no_personal_data(
    search: Search = EVERYTHING, *, names: Names | Model | None = None, examples: bool = False
) -> Gate:
    """Refuse a record that holds personal data or secrets. With a language model for names the gate is async."""
    return _gate("no_personal_data", _refused, search, names, examples=examples)


def masked(
    search: Search = EVERYTHING, *, names: Names | Model | None = None, key: str = "", examples: bool = False
) -> Gate:
    """Put a mask in the place of everything personal or secret; the same value gets the same mask.

    Args:
        key: Name of an environment variable that holds a secret. With it a mask is a keyed hash (HMAC-SHA256, eight
            hexadecimal digits), the same in every record; without it masks are numbered in each record.

    Raises:
        SettingsError: the variable is not set.
    """
    if key:
        _secret_of(key)
    return _gate("masked", _masked, search, names, examples=examples, key=key)


def replaced(search: Search = EVERYTHING, *, names: Names | Model | None = None, reserved_only: bool = False) -> Gate:
    """Put made-up values of the same form in the place of everything personal or secret, seeded from the record.

    Args:
        reserved_only: Mask what has no reserved range (most national numbers, dates of birth), so that the result
            holds nothing that `no_personal_data` would refuse.
    """
    return _gate("replaced", _replaced, search, names, examples=False, reserved_only=reserved_only)


def _gate(
    name: str,
    act: Callable[..., Record],
    search: Search,
    names: Names | Model | None,
    *,
    examples: bool,
    **settings: Any,
) -> Gate:
    if names is not None and not callable(names):
        return named(name, _after_asking, act=act, search=search, model=names, examples=examples, settings=settings)
    return named(name, _at_once, act=act, search=search, names=names, examples=examples, settings=settings)


def _at_once(
    record: Record,
    *,
    act: Callable[..., Record],
    search: Search,
    names: Names | None,
    examples: bool,
    settings: Mapping[str, Any],
) -> Record:
    found = hits_in(record, search, names=names, examples=examples)
    return act(record, found, **settings) if found else record


async def _after_asking(
    record: Record,
    *,
    act: Callable[..., Record],
    search: Search,
    model: Model,
    examples: bool,
    settings: Mapping[str, Any],
) -> Record:
    spans = {part: await asked(model, text, seed=record.seed("names", part)) for part, text in parts_of(record).items()}
    found = _found(record, search, spans, examples)
    return act(record, found, **settings) if found else record


def _refused(record: Record, found: tuple[Found, ...]) -> Record:
    kinds = Counter(one.hit.name for one in found).most_common(8)
    places = list(dict.fromkeys(one.part for one in found))[:8]
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds)
    raise Rejected("no_personal_data", f"{counts}: in {', '.join(places)}")


def _masked(record: Record, found: tuple[Found, ...], *, key: str = "") -> Record:
    secret = _secret_of(key) if key else b""
    numbers: dict[tuple[str, str], str] = {}
    counts: Counter[str] = Counter()

    def mask(hit: Hit, value: str) -> str:
        same = (hit.kind, same_value(hit, value))
        if same not in numbers:
            counts[hit.kind] += 1
            numbers[same] = _hashed(secret, same) if key else str(counts[hit.kind])
        return f"[{hit.kind.upper()}_{numbers[same]}]"

    return _rewritten(record, found, mask, "personal_masked")


def _secret_of(key: str) -> bytes:
    if not (value := os.environ.get(key, "")):
        raise SettingsError(f"masked: the environment variable {key} is not set; put a long random secret into it.")
    return value.encode("utf-8", "surrogateescape")


def _hashed(secret: bytes, same: tuple[str, str]) -> str:
    return hmac.new(secret, "\0".join(same).encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:8]


def _replaced(record: Record, found: tuple[Found, ...], *, reserved_only: bool) -> Record:
    known: dict[tuple[str, str], str] = {}

    def value_for(hit: Hit, value: str) -> str:
        same = (hit.kind, same_value(hit, value))
        if same not in known:
            fresh = made(hit, value, random.Random(record.seed("replaced", *same)))
            unkept = reserved_only and not fresh.reserved
            known[same] = f"[{hit.kind.upper()}_{len(known) + 1}]" if unkept else fresh.text
        return known[same]

    return _rewritten(record, found, value_for, "personal_replaced")


def same_value(hit: Hit, value: str) -> str:
    """Return what two ways of writing one value have in common."""
    if hit.kind == "phone":
        return significant(value)
    return value if hit.kind == "secret" else compact(value) or value


def _rewritten(record: Record, found: tuple[Found, ...], new: Callable[[Hit, str], str], score: str) -> Record:
    texts = {
        part: _with(text, [one.hit for one in found if one.part == part], new)
        for part, text in parts_of(record).items()
    }
    messages = tuple(
        Message(turn.role, texts.get(f"messages[{place}]", turn.content)) for place, turn in enumerate(record.messages)
    )
    changes = {name: texts.get(name, "") for name in ("response", "rejected", "target")}
    attributes = {name: texts[f"attributes.{name}"] for name in record.attributes if f"attributes.{name}" in texts}
    fresh = record.derive(origin=record.origin, messages=messages, attributes=attributes, **changes)
    return fresh.scored(**{score: float(len(found))})


def _with(text: str, those: list[Hit], new: Callable[[Hit, str], str]) -> str:
    pieces: list[str] = []
    reached = 0
    for hit in those:
        pieces += (text[reached : hit.start], new(hit, text[hit.start : hit.end]))
        reached = hit.end
    return "".join((*pieces, text[reached:]))
