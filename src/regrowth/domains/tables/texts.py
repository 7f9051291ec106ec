"""Rows as texts that a language model writes, and back: "age is 41, job is a"; what cannot be read is refused.

    wording = Wording.of(schema, rows)
    wording.lesson({"age": 41.0, "job": 0.0, "sex": 1.0}, given=("sex",))
        prompt    "row where sex is m"
        response  "age is 41, job is a"
    wording.read("age is 41, job is a", {"sex": 1.0}, rng)      {"sex": 1.0, "age": 41.0, "job": 0.0}
    wording.read("age is 41, job", …)                           Rejected: form: the part 'job' is no `column is value`

After GReaT (Borisov et al., 2023, arXiv:2210.06280). What is asked stands in the prompt, so every model can be steered,
served ones too, and none needs its answer begun for it. Numbers of many values are written as parts of their range, in
few digits: "2000+" is from 2000 to where the next part begins; the value is drawn in the part. A value that many rows
share has a word of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from regrowth.core.errors import Rejected
from regrowth.domains.tables.private import Grid
from regrowth.domains.tables.schema import Floats, Schema, Shape
from regrowth.metrics.columns import Table

__all__ = ["Lesson", "Wording", "Words"]

PARTS = 32
"""Parts that the range of a number is cut into, at most."""
_LONG = 32
_TRIES = 8
"""Draws in a part, some of which may fall on values that have words of their own."""
_MISSING = ("missing", "not known", "no value")
_ROW, _WHERE, _IS, _AND = "row", " where ", " is ", ", "


class Lesson(NamedTuple):
    """Hold what a model is asked, and what it should answer."""

    prompt: str
    response: str


@dataclass(frozen=True)
class Words:
    """Hold the words of one column's values."""

    shape: Shape
    name: str
    """The column's name as it is written."""
    words: tuple[str, ...]
    low: Floats
    """What each word stands for: a value, or the part of a range from here to `high`. NaN for missing numbers."""
    high: Floats

    @cached_property
    def places(self) -> Mapping[str, int]:
        """Return the place of each word."""
        return {word: place for place, word in enumerate(self.words)}

    def word(self, value: float) -> str:
        """Return the word for a value: that of the narrowest part that holds it, else of the nearest."""
        if value not in self._known:
            self._known[value] = self._found(value)
        return self._known[value]

    @cached_property
    def _known(self) -> dict[float, str]:
        return {}

    def _found(self, value: float) -> str:
        if value != value:
            return self.words[int(np.flatnonzero(np.isnan(self.low))[0])]
        inside = (self.low == value) | ((self.low <= value) & (value < self.high))
        width = np.where(inside, self.high - self.low, np.inf)
        apart = np.minimum(np.abs(self.low - value), np.abs(self.high - value))
        return self.words[int(np.argmin(width) if inside.any() else np.nanargmin(apart))]

    def value(self, word: str, rng: np.random.Generator) -> float | None:
        """Return a value for a word; None if there is no such word."""
        place = self.places.get(word)
        if place is None:
            return None
        low, high = float(self.low[place]), float(self.high[place])
        drawn = self.shape.rounded(rng.uniform(low, high, _TRIES)) if high > low else np.zeros(0)
        return next((value for value in map(float, drawn) if self.word(value) == word), low)


@dataclass(frozen=True)
class Wording:
    """Hold the words of all columns, in the order of the table."""

    columns: Mapping[str, Words]

    @classmethod
    def of(cls, schema: Schema, real: Table, *, public: bool = False) -> "Wording":
        """Choose words for the values of a table.

        Args:
            public: read nothing off the rows but labels and ranges: for training with differential privacy.
        """
        names = _safe([shape.name for shape in schema.drawn])
        made = {
            shape.name: _words(shape, name, None if public else real[shape.name].values)
            for shape, name in zip(schema.drawn, names, strict=True)
        }
        return cls(made)

    def lesson(self, row: Mapping[str, float], order: Iterable[str], given: Iterable[str] = ()) -> Lesson:
        """Return a row as question and answer: the answer's columns in an order, those given in the question."""
        return Lesson(self.prompt(row, given), _AND.join(self._part(name, row[name]) for name in order))

    def prompt(self, row: Mapping[str, float], given: Iterable[str]) -> str:
        """Return the question for a row of which some values are given."""
        parts = _AND.join(self._part(name, row[name]) for name in given)
        return f"{_ROW}{_WHERE}{parts}" if parts else _ROW

    def texts(self) -> list[str]:
        """Return every value of every column once as it is written: all that a tokenizer has to know."""
        parts = (f"{one.name}{_IS}{word}" for one in self.columns.values() for word in one.words)
        return [f"{_ROW}{_WHERE}", *(f"{part}{_AND}" for part in parts)]

    def anything(self, rng: np.random.Generator) -> dict[str, float]:
        """Return a row of words by chance alone: it shows the form, and tells of no real row."""
        return {name: float(words.low[rng.integers(len(words.low))]) for name, words in self.columns.items()}

    def longest(self) -> str:
        """Return the longest row that can be written."""
        return _AND.join(f"{one.name}{_IS}{max(one.words, key=len)}" for one in self.columns.values())

    def read(self, text: str, given: Mapping[str, float], rng: np.random.Generator) -> dict[str, float]:
        """Return the row that a text says; `given` are the values that stood in the question.

        Raises:
            Rejected: it says none, or not all of one; says what is wrong.
        """
        said: dict[str, float] = dict(given)
        for part in text.strip().split(_AND):
            written, is_, word = part.partition(_IS)
            name = self._names.get(written)
            if not is_:
                raise Rejected("form", f"the part {part!r} is no `column is value`")
            if name is None:
                raise Rejected("form", f"there is no column {written!r}")
            if name in said:
                raise Rejected("form", f"the column {name!r} has a value already")
            value = self.columns[name].value(word, rng)
            if value is None:
                raise Rejected("form", f"no {name} is {word!r}")
            said[name] = value
        if lacking := [name for name in self.columns if name not in said]:
            raise Rejected("form", f"{len(lacking)} columns are missing, among them {lacking[0]!r}")
        return {name: said[name] for name in self.columns}

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {words.name: name for name, words in self.columns.items()}

    def _part(self, name: str, value: float) -> str:
        words = self.columns[name]
        return f"{words.name}{_IS}{words.word(value)}"


def _safe(texts: Sequence[str]) -> list[str]:
    """Return texts that can be told apart in a row, short and without what parts one value from the next."""
    made = list[str]()
    for place, text in enumerate(texts):
        plain = " ".join(text.split())
        odd = _AND.strip() in plain or _IS in f" {plain} " or len(plain) > _LONG or plain != text or not plain
        fresh = (
            f"{plain.replace(_AND.strip(), ' ').replace(_IS, ' ')[:_LONG].strip()} {place}".strip() if odd else plain
        )
        made.append(fresh if fresh not in made else f"{fresh} {place}")
    return made


def _words(shape: Shape, name: str, values: npt.NDArray[Any] | None) -> Words:
    if shape.counted:
        words, low, high = _parts(shape, values)
    else:
        words = _safe(shape.labels)
        low = high = np.arange(len(words), dtype=np.float64)
    gone = next(word for word in (*_MISSING, f"missing {len(words)}") if word not in words)
    sign = np.nan if shape.counted else -1.0
    return Words(shape, name, (*words, gone), np.append(low, sign), np.append(high, sign))


def _parts(shape: Shape, values: npt.NDArray[Any] | None) -> tuple[list[str], Floats, Floats]:
    """Cut the range of a number: equally, or by its values, into parts of equally many rows."""
    if values is None:
        grid = Grid.of(shape)
        alone = grid.low == grid.high
        return _written(shape, grid.low[alone], grid.low[~alone], grid.high[~alone])
    present = values[~np.isnan(values)]
    known, counts = np.unique(present, return_counts=True)
    if len(known) <= PARTS:
        return _written(shape, known, np.zeros(0), np.zeros(0))
    common = known[counts * 2 * PARTS >= len(present)]
    others = present[~np.isin(present, common)]
    if not len(others):
        return _written(shape, common, others, others)
    cuts = np.linspace(0, 1, max(2, PARTS - len(common)) + 1)
    ends: Floats = np.unique(np.quantile(others, cuts, method="nearest").astype(np.float64))
    if len(ends) < 2:
        return _written(shape, np.append(common, ends), np.zeros(0), np.zeros(0))
    return _written(shape, common, ends[:-1], ends[1:])


def _written(shape: Shape, single: Floats, low: Floats, high: Floats) -> tuple[list[str], Floats, Floats]:
    """Write values as they are, and parts of a range by where they begin, in as few digits as tell them apart."""
    words = [shape.shown(value) for value in single]
    if shape.kind == "date":
        return [*words, *(f"{shape.shown(end)}+" for end in low)], np.append(single, low), np.append(single, high)
    digits = next((many for many in range(2, 17) if len({f"{end:.{many}g}" for end in low}) == len(low)), 17)
    ends = [float(f"{end:.{digits}g}") for end in low]
    return [*words, *(f"{end:.15g}+" for end in ends)], np.append(single, low), np.append(single, high)
