"""Rules as values: what a text, a list or a mapping must be, and one function that holds a file against them.

faults(Keys({"version": Exactly(3), "created_by": Text()}), root, "the file")
    [Fault(1, "the file has no 'created_by', expected …"), …]
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TypeAlias

from regrowth.core.cells import listed
from regrowth.seeds._taxonomy.nodes import Fault, Node, described, plain

__all__ = ["Each", "Exactly", "Keys", "Number", "OneOf", "Rule", "Text", "faults"]


@dataclass(frozen=True)
class Text:
    """A text, not empty unless it may be."""

    may_be_empty: bool = False


@dataclass(frozen=True)
class Exactly:
    """One whole number."""

    value: int


@dataclass(frozen=True)
class Number:
    """A whole number."""

    least: int = 1


@dataclass(frozen=True)
class OneOf:
    """A text or a mapping."""

    text: Text
    keys: "Keys"


@dataclass(frozen=True)
class Each:
    """A list with so many things of one kind, each of them different if they must be."""

    rule: "Rule"
    least: int = 1
    unique: bool = False
    what: str = "item"


@dataclass(frozen=True)
class Keys:
    """A mapping with some keys, others that may be there, and no more unless it is open."""

    required: Mapping[str, "Rule"]
    optional: Mapping[str, "Rule"] = field(default_factory=dict)
    open: bool = False


Rule: TypeAlias = Text | Exactly | Number | OneOf | Each | Keys


def faults(rule: Rule, node: Node, name: str) -> Iterator[Fault]:
    """Yield all that is wrong with a value; `name` says which it is."""
    match rule:
        case Text():
            yield from _text(rule, node, name)
        case Exactly(value):
            if node.kind != "number" or plain(node) != value:
                yield Fault(node.line, f"{name} is {described(node)}, expected the number {value}.")
        case Number(least):
            found = plain(node) if node.kind == "number" else None
            if not isinstance(found, int) or found < least:
                yield Fault(node.line, f"{name} is {described(node)}, expected a whole number from {least}.")
        case OneOf(text, keys):
            yield from faults(keys if node.kind == "mapping" else text, node, name)
        case Each():
            yield from _each(rule, node, name)
        case Keys():
            yield from _keys(rule, node, name)


def _text(rule: Text, node: Node, name: str) -> Iterator[Fault]:
    if node.kind != "text" and not (rule.may_be_empty and node.kind == "nothing"):
        quotes = f" Put it in quotes: '{node.value}'." if node.kind in ("number", "flag", "date") else ""
        yield Fault(node.line, f"{name} is {described(node)}, expected text.{quotes}")
    elif not rule.may_be_empty and not node.value.strip():
        yield Fault(node.line, f"{name} is empty, expected text.")


def _each(rule: Each, node: Node, name: str) -> Iterator[Fault]:
    if node.kind != "list":
        yield Fault(node.line, f"{name} is {described(node)}, expected a list.")
        return
    if len(node.value) < rule.least:
        yield Fault(node.line, f"{name} has {len(node.value)}, expected at least {rule.least}.")
    seen = list[tuple[object, int]]()
    for place, one in enumerate(node.value, 1):
        yield from faults(rule.rule, one, f"{rule.what} {place}")
        value = plain(one)
        if rule.unique and (same := next((line for other, line in seen if other == value), 0)):
            yield Fault(
                one.line, f"{rule.what} {place} is the same as the one in line {same}, expected different ones."
            )
        seen.append((value, one.line))


def _keys(rule: Keys, node: Node, name: str) -> Iterator[Fault]:
    if node.kind != "mapping":
        yield Fault(node.line, f"{name} is {described(node)}, expected the keys {listed(rule.required)}.")
        return
    known = {**rule.required, **rule.optional}
    for key in rule.required:
        if key not in node.value:
            yield Fault(node.line, f"{name} has no '{key}', expected it (found: {listed(node.value)}).")
    for key, value in node.value.items():
        if key in known:
            yield from faults(known[key], value, f"'{key}'" if name == "the file" else f"'{key}' of {name}")
        elif rule.open:
            yield Fault(value.line, f"'{key}' of {name} is not read, nor by InstructLab.", "warning")
        else:
            near = get_close_matches(key, known, 1)
            hint = f" Is it '{near[0]}'?" if near else ""
            yield Fault(value.line, f"unknown key '{key}' in {name}, expected {listed(known)}.{hint}")
