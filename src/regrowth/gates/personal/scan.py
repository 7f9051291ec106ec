"""One pass over a text, all kinds at once.

    hits("Mail max@posteo.de or call 0171 3920099")
        (Hit("email", 5, 18, 0.95), Hit("phone", 27, 39, 0.95, "DE", "national", example=True))

Most text holds none of it, so the pass looks for rare characters first: where no digits stand close together no
number is tried, where there is no `@` no address. What overlaps is settled by confidence, then length.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from regrowth.core.errors import SettingsError
from regrowth.gates.personal.accounts import cards, ibans
from regrowth.gates.personal.addresses import addresses, streets_in
from regrowth.gates.personal.contacts import dotted_macs, emails, handles, ip4, ip6, macs
from regrowth.gates.personal.countries import any_shape, shapes
from regrowth.gates.personal.documents import zones
from regrowth.gates.personal.hits import KINDS, OPTIONAL, THRESHOLD, Hit, Kind, judged
from regrowth.gates.personal.names import titled
from regrowth.gates.personal.phones import phones
from regrowth.gates.personal.places import births, births_in, coordinates, named_in
from regrowth.gates.personal.plain import Plain, plain
from regrowth.gates.personal.secrets import secrets

__all__ = ["Search", "hits"]

_CLUSTER = re.compile(r"[0-9](?:[^0-9\n=*<>$%&|#~^]{0,3}[0-9]){3,}+")
"""Four digits or more, none farther than three characters from the next: where a number can be."""
_NUMBER = re.compile(r"[0-9]+")
_AROUND, _LETTERS = 64, 20
"""Characters around a number in which the rest of an address stands; and letters that belong to a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Say what is looked for, and how sure one must be.

    Raises:
        SettingsError: no such kind, or a confidence that is none.
    """

    kinds: tuple[Kind, ...] = tuple(kind for kind in KINDS if kind not in OPTIONAL)
    at_least: Mapping[Kind, float] = field(default_factory=dict)
    """Confidence per kind; 0.5 where none is given."""

    def __post_init__(self) -> None:
        """Check the settings."""
        if unknown := {*self.kinds, *self.at_least} - set(KINDS):
            raise SettingsError(f"Personal data of kind {sorted(unknown)}: expected some of {', '.join(KINDS)}.")
        if wrong := {kind: least for kind, least in self.at_least.items() if not 0 <= least <= 1}:
            raise SettingsError(f"at_least={wrong}: expected confidences between 0 and 1.")

    def wants(self, hit: Hit) -> bool:
        """Return whether a candidate counts."""
        return hit.kind in self.kinds and hit.confidence >= self.at_least.get(hit.kind, THRESHOLD)


EVERYTHING = Search()


def hits(text: str, search: Search = EVERYTHING, *, names: Iterable[tuple[int, int]] = ()) -> tuple[Hit, ...]:
    """Return what is personal or secret in a text, in the order of the text, without overlaps.

    Args:
        names: Spans of names that a model found, in the original text.
    """
    clean = plain(text)
    found = [_placed(clean, hit) for hit in _candidates(clean, search) if search.wants(hit)]
    found += [Hit("name", start, end, 0.9) for start, end in names if 0 <= start < end <= len(text)]
    return tuple(_settled(found))


def _placed(clean: Plain, hit: Hit) -> Hit:
    if not clean.marks:
        return hit
    start, end = clean.back(hit.start, hit.end)
    return hit._replace(start=start, end=end)


def _candidates(clean: Plain, search: Search) -> Iterator[Hit]:
    text = clean.text
    lowered = text.lower()
    if "@" in text:
        yield from emails(text)
        if "handle" in search.kinds:
            yield from handles(text)
    if "secret" in search.kinds:
        yield from secrets(text, lowered)
    if ":" in text or "-" in text:
        yield from macs(text)
        yield from ip6(text)
    if "name" in search.kinds:
        yield from titled(text)
    if "<<<" in text:
        yield from zones(text)
    yield from _numbers(text)
    yield from _places(text, lowered)


def _numbers(text: str) -> Iterator[Hit]:
    reached = 0
    for cluster in _CLUSTER.finditer(text):
        start, end = max(reached, cluster.start() - _LETTERS), cluster.end() + _LETTERS
        yield from _in_cluster(text, start, end, _digits(cluster[0]))
        reached = cluster.end()


def _digits(cluster: str) -> int:
    return sum(map(str.isdigit, cluster)) if len(cluster) < 64 else 64


def _in_cluster(text: str, start: int, end: int, digits: int) -> Iterator[Hit]:
    if text.find(".", start, end) >= 0:
        yield from ip4(text, start, end)
        yield from dotted_macs(text, start, end)
    if digits >= 7:
        yield from phones(text, start, end)
    if digits >= 10:
        yield from ibans(text, start, end)
    if digits >= 10 and text.find(".", start, end) >= 0:
        yield from coordinates(text, start, end)
    if digits >= 12:
        yield from cards(text, start, end)
    if not any_shape().search(text, start, end):
        return
    for shape in shapes():
        if digits >= shape.least:
            for match in shape.pattern.finditer(text, start, end):
                for rule in shape.rules:
                    yield from judged(text, rule, match.start(), match.end())


def _places(text: str, lowered: str) -> Iterator[Hit]:
    windows = list(_windows(text))
    if not windows:
        return
    streets, born, arcs = streets_in(text, lowered), births_in(lowered), "°" in text
    named = born and named_in(text)
    for start, end in windows:
        yield from addresses(text, start, end, streets)
        if born:
            yield from births(text, start, end, named=named)
        if arcs:
            yield from coordinates(text, start, end)


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Give the parts of a text that stand near a number, each once."""
    start, end = 0, 0
    for number in _NUMBER.finditer(text):
        if number.start() - _AROUND > end:
            if end:
                yield start, end
            start = number.start() - _AROUND
        end = number.end() + _AROUND
    if end:
        yield max(start, 0), min(end, len(text))


def _settled(found: Iterable[Hit]) -> Iterator[Hit]:
    """Give of what overlaps the surest, of what is equally sure the longest."""
    group: list[Hit] = []
    reach = -1
    for hit in sorted(dict.fromkeys(found), key=lambda one: (one.start, -one.end)):
        if hit.start >= reach:
            yield from _best(group)
            group = []
        group.append(hit)
        reach = max(reach, hit.end)
    yield from _best(group)


def _best(group: list[Hit]) -> list[Hit]:
    if len(group) < 2:
        return group
    kept: list[Hit] = []
    for hit in sorted(group, key=lambda one: (-one.confidence, one.start - one.end)):
        if all(hit.end <= other.start or other.end <= hit.start for other in kept):
            kept.append(hit)
    return sorted(kept)
