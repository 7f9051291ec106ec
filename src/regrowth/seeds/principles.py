"""Principles: what a reply should be like, one wish each, with its opposite in words of its own.

    [[principle]]
    id = "concise"
    text = "Say it in few words."
    negation = "Say it in many words."
    weight = 1.0                 # how often it is drawn, and how much it counts
    tags = ["train"]             # train, rl, intervention, or any of yours
    verifier = "concise"         # a trait that a program measures, if there is one (`gates.traits`)

    read_principles(Path("mine.toml"))       # or packaged("general"), packaged("manners")

A principle without a negation cannot be turned round, and a reward model that never saw it turned round may not read
it at all; so every principle needs one.
"""

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import Field, PositiveFloat, ValidationError, field_validator, model_validator

from regrowth.core.errors import DataError
from regrowth.core.settings import Frozen

__all__ = ["Principle", "packaged", "read_principles", "tagged"]


class Principle(Frozen):
    """Hold one wish and its opposite."""

    id: str = Field(pattern=r"[a-z][a-z0-9-]*")
    text: str = Field(min_length=1)
    negation: str = Field(min_length=1)
    weight: PositiveFloat = 1.0
    """How often it is drawn, and how much its judgement counts."""
    tags: tuple[str, ...] = ()
    verifier: str = ""
    """Name of the trait by which a program can tell, in `gates.traits.TRAITS`; nothing if only a judge can."""

    @model_validator(mode="after")
    def _two_sides(self) -> "Principle":
        if self.text.strip().casefold() == self.negation.strip().casefold():
            raise ValueError(f"text and negation of {self.id!r} are the same")
        return self

    def said(self, *, negated: bool) -> str:
        """Return the wish, or its opposite."""
        return self.negation if negated else self.text


class _File(Frozen):
    principle: tuple[Principle, ...] = Field(min_length=1)

    @field_validator("principle")
    @classmethod
    def _each_once(cls, found: tuple[Principle, ...]) -> tuple[Principle, ...]:
        ids = [one.id for one in found]
        if doubled := sorted({name for name in ids if ids.count(name) > 1}):
            raise ValueError(f"two principles are called {doubled[0]!r}")
        return found


def read_principles(path: Path) -> tuple[Principle, ...]:
    """Read the principles of a TOML file.

    Raises:
        DataError: it cannot be read, lacks something or says something twice; tells which principle.
    """
    try:
        return _parsed(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from error


def packaged(name: str) -> tuple[Principle, ...]:
    """Return principles that come with the package: `general` for real models, `manners` for the packaged one.

    Raises:
        DataError: there are none of that name.
    """
    place = files("regrowth.seeds").joinpath("principles", f"{name}.toml")
    if not place.is_file():
        raise DataError(f"No packaged principles {name!r}. There are: general, manners. A path reads a file of yours.")
    return _parsed(place.read_text("utf-8"), name)


def tagged(principles: tuple[Principle, ...], tag: str) -> tuple[Principle, ...]:
    """Return the principles that carry a tag."""
    return tuple(one for one in principles if tag in one.tags)


def _parsed(text: str, name: str) -> tuple[Principle, ...]:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise DataError(f"{name}: not TOML ({error}).") from error
    try:
        return _File.model_validate(values).principle
    except ValidationError as error:
        told = "; ".join(f"{_place(values, one['loc'])}: {one['msg']}" for one in error.errors())
        raise DataError(f"{name}: {told}. Expected [[principle]] tables with id, text and negation.") from None


def _place(values: object, loc: tuple[int | str, ...]) -> str:
    """Name where an error is: a principle by its id, where it has one."""
    match values, loc:
        case {"principle": list(tables)}, ("principle", int(number), *rest) if isinstance(tables[number], dict):
            return ".".join(map(str, (tables[number].get("id", f"principle {number + 1}"), *rest)))
    return ".".join(map(str, loc)) or "the file"
