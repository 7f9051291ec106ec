r"""The numbers by which states know people: `ids.toml`, a row for each form.

    Rule("national_id", "DE", "Steuer-ID", "86 095 742 719", check digit, named by "Steuer-ID|IdNr|…")

A shape reads a number as it is written, with one separator throughout or none. What has no check digit, or one that
every tenth number passes, needs a word that names it: its confidence alone is below the threshold. Numbers that are
reserved for tests, or printed in every manual, are `example`.
"""

import functools
import re
import tomllib
from importlib.resources import files
from typing import Any, NamedTuple

from regrowth.gates.personal import checks, digits
from regrowth.gates.personal.hits import Kind, Rule

__all__ = ["LEFT", "RIGHT", "Shape", "any_shape", "rules", "shapes"]

LEFT = r"(?<![\w.,/+$€£])(?<!\d-)"
"""In front of a number: nothing that would make it a part of another, a decimal, a path or a price."""
RIGHT = r"(?!\w)(?![.,/\-]\d)(?! ?[€%$])"
_FEW_DIGITS = ("PAN", "codice fiscale", "CURP", "Ausweisnummer")


class Shape(NamedTuple):
    """Hold a shape with all the rules that share it: check digit and words decide whose number it is."""

    pattern: re.Pattern[str]
    rules: tuple[Rule, ...]
    least: int
    """Digits that stand close together in every such number."""


@functools.lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Return all rules for numbers of persons."""
    rows = tomllib.loads(files("regrowth.gates.personal").joinpath("ids.toml").read_text("utf-8"))["rule"]
    return tuple(_rule(**row) for row in rows)


def _rule(check: str, form: str, **row: Any) -> Rule:
    kind: Kind = "passport" if form == "Ausweisnummer" else "national_id"
    return Rule(kind=kind, form=form, check=getattr(checks, check, None) or getattr(digits, check), **row)


@functools.lru_cache(maxsize=1)
def shapes() -> tuple[Shape, ...]:
    """Return each distinct shape once."""
    found: dict[str, list[Rule]] = {}
    for rule in rules():
        found.setdefault(rule.shape, []).append(rule)
    return tuple(
        Shape(re.compile(f"{LEFT}(?:{shape}){RIGHT}", re.ASCII), tuple(same), _least(same))
        for shape, same in found.items()
    )


@functools.lru_cache(maxsize=1)
def any_shape() -> re.Pattern[str]:
    """Return one pattern that finds whatever any shape does, and a little more: where it finds nothing none does."""
    loose = (
        re.sub(r"\(\?P<s>(.*?)\)", r"\1", shape.pattern.pattern).replace("(?P=s)", r"[ .\-/]?") for shape in shapes()
    )
    bare = "|".join(f"(?:{shape.removeprefix(LEFT).removesuffix(RIGHT)})" for shape in loose)
    return re.compile(f"{LEFT}(?=[0-9A-Za-z])(?:{bare}){RIGHT}", re.ASCII)


def _least(same: list[Rule]) -> int:
    return (
        4 if any(rule.form in _FEW_DIGITS for rule in same) else 6 if any(rule.form == "NINO" for rule in same) else 7
    )
