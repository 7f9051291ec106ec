"""What only people know of a dataset: its name and licence, where its seeds are from, what it is meant for.

    about.toml
      name = "Census, synthetic"
      licence = "CC-BY-4.0"
      uses = ["testing software that reads census tables"]
      [[seeds]]
      name = "Adult census income"
      licence = "CC-BY-4.0"
      [[teachers]]
      name = "my-model"
      licence = "Apache-2.0"

What nobody stated is written down as not stated, and never guessed.
"""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from regrowth.core.errors import DataError
from regrowth.core.settings import Frozen
from regrowth.reports.fields import Words

__all__ = ["FILE", "NOT_STATED", "About", "Origin", "read_about"]

FILE = "about.toml"
NOT_STATED = "not stated"
LICENCES = {"tiny": "Apache-2.0"}
"""Of models that come with this package."""


class Origin(Frozen):
    """Name a dataset or a model that the data come from."""

    name: Words
    licence: Words = ""
    url: Words = ""

    @property
    def terms(self) -> str:
        """Return the licence, as far as it is known."""
        return self.licence or LICENCES.get(self.name, NOT_STATED)


class About(Frozen):
    """Hold what people state about a dataset."""

    name: Words = ""
    description: Words = ""
    licence: Words = ""
    """Of the synthetic data: an SPDX identifier, such as CC-BY-4.0."""
    url: Words = ""
    languages: tuple[Words, ...] = ()
    """As ISO 639-1 codes."""
    seeds: tuple[Origin, ...] = ()
    """The real data that it was made from."""
    teachers: tuple[Origin, ...] = ()
    """The models that wrote it."""
    uses: tuple[Words, ...] = ()
    """What it is meant for."""
    misuses: tuple[Words, ...] = ()
    """What it must not be used for."""
    limits: tuple[Words, ...] = ()
    biases: Words = ""
    personal: Words = ""
    """Which personal or sensitive information it holds, or was made from."""
    impact: Words = ""
    """What its use may do to people."""
    published: Words = ""
    """Day of publication, as 2026-01-31."""


def read_about(path: Path) -> About:
    """Read what is stated from a TOML file.

    Raises:
        DataError: it cannot be read, or states something that nobody asks for.
    """
    try:
        return About.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path}: {where}: {first['msg']}. Known: {', '.join(About.model_fields)}.") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read ({error}).") from error
