"""What the comparison of real and synthetic data says, as plain data: blocks, as those in `blocks`.

Judgement(level="stop", text="Real rows can be found again.", reasons=(Reason(level="stop", text="…"),))
Readings(family="fidelity", title="…", measures=(Explained(name="ks_complement", …),))
Marginals(columns=(Marginal(name="age", labels=("17 to 21", …), real=(0.1, …), synthetic=(0.12, …)),))
"""

from typing import Annotated, Literal, Self

from pydantic import Field, FiniteFloat, NonNegativeFloat, NonNegativeInt, model_validator

from regrowth.core.settings import Frozen
from regrowth.reports.fields import Figure, Level, MaybeNumber, Measured, Words

__all__ = [
    "Associations",
    "Cell",
    "Explained",
    "Judgement",
    "Marginal",
    "Marginals",
    "Readings",
    "Reason",
    "Told",
    "Twin",
    "Twins",
]

Share = Annotated[float, Field(ge=0, le=1.000001, allow_inf_nan=False)]


class Reason(Frozen):
    """Give one reason of a verdict."""

    level: Level
    text: Words
    section: Words = ""
    """Where the page shows it: the family of the readings, or `columns`."""


class Judgement(Frozen):
    """Say first whether the data are good, and why."""

    kind: Literal["judgement"] = "judgement"
    level: Level
    text: Words
    reasons: tuple[Reason, ...] = ()
    figures: tuple[Figure, ...] = ()


class Told(Frozen):
    """Hold one number: of what, with its interval, beside what real data read."""

    of: Words = ""
    """A column, a pair of columns, a group; empty: the whole."""
    estimate: Measured
    null: Measured | None = None
    note: Words = ""
    level: Level = "good"


class Explained(Frozen):
    """Hold the numbers of one measure, with what it means for people who never heard of it."""

    name: Words
    title: Words
    better: Literal["higher", "lower", "middle", "neither"]
    low: MaybeNumber = None
    """Least possible value; None where there is none."""
    high: MaybeNumber = None
    says: Words
    source: Words = ""
    readings: tuple[Told, ...]
    """Of the whole first, then those that ask most for a look."""


class Readings(Frozen):
    """Show what was measured of one family: fidelity, privacy, diversity, fairness."""

    kind: Literal["readings"] = "readings"
    family: Words
    title: Words
    lead: Words = ""
    measures: tuple[Explained, ...] = ()
    note: Words = ""


class Marginal(Frozen):
    """Hold how the values of one column are spread in both tables."""

    name: Words
    shape: Literal["bins", "bars"]
    """`bins` are neighbours on a line, `bars` are names."""
    about: Words = ""
    """What is counted: `number`, `date`, `words per text`."""
    labels: tuple[Words, ...]
    real: tuple[Share, ...]
    synthetic: tuple[Share, ...]
    missing: tuple[Share, Share] = (0.0, 0.0)
    """Share of missing values in the real and in the synthetic table."""
    ends: tuple[Words, Words] = ("", "")
    """What stands at both ends of the line."""

    @property
    def apart(self) -> float:
        """Return half the sum of the differences of what is drawn: 0 alike, 1 nothing in common."""
        gaps = zip((*self.real, self.missing[0]), (*self.synthetic, self.missing[1]), strict=True)
        return sum(abs(one - other) for one, other in gaps) / 2

    @model_validator(mode="after")
    def _equal_lengths(self) -> Self:
        if not len(self.labels) == len(self.real) == len(self.synthetic):
            raise ValueError(f"column {self.name!r}: labels, real and synthetic must be equally long")
        return self


class Marginals(Frozen):
    """Show column by column how the values are spread, the least alike first."""

    kind: Literal["marginals"] = "marginals"
    title: Words = "Columns one by one"
    columns: tuple[Marginal, ...] = ()
    note: Words = ""


class Associations(Frozen):
    """Show how strongly each two columns go together, in both tables."""

    kind: Literal["associations"] = "associations"
    title: Words = "Which columns go together"
    names: tuple[Words, ...] = ()
    real: tuple[tuple[MaybeNumber, ...], ...] = ()
    """Row by row; None where a column does not vary."""
    synthetic: tuple[tuple[MaybeNumber, ...], ...] = ()
    note: Words = ""

    @model_validator(mode="after")
    def _square(self) -> Self:
        size = len(self.names)
        for rows in (self.real, self.synthetic):
            if [len(row) for row in rows] != [size] * size:
                raise ValueError(f"associations of {size} columns: expected {size} rows of {size} numbers")
        return self


class Cell(Frozen):
    """Hold one value of a synthetic record beside that of the real record nearest to it."""

    column: Words = ""
    synthetic: Words
    real: Words

    @property
    def same(self) -> bool:
        """Return whether the values are equal."""
        return self.synthetic == self.real


class Twin(Frozen):
    """Hold a synthetic record and the real record nearest to it."""

    distance: NonNegativeFloat
    """0 equal, 1 nothing in common."""
    synthetic_place: NonNegativeInt
    """Number of the record in its file, from 1."""
    real_place: NonNegativeInt
    cells: tuple[Cell, ...]
    unshown: NonNegativeInt = 0
    """Columns that were left out of the cells."""


class Twins(Frozen):
    """Show the synthetic records that lie nearest to real ones, side by side."""

    kind: Literal["twins"] = "twins"
    title: Words = "Nearest records, side by side"
    lead: Words = ""
    pairs: tuple[Twin, ...] = ()
    equal: NonNegativeInt = 0
    """Synthetic records that equal a real one in every column compared."""
    of: NonNegativeInt = 0
    """Synthetic records that were looked at for that."""
    usual: FiniteFloat | None = None
    """Median distance of a synthetic record to its nearest real one."""
    note: Words = ""
