"""Records into token rows.

One record on its way (ids of a made-up codec; the prompt is masked, the reply with its end token is trained):
    messages   Message("user", "2 + 3?")     prompt    7 2 9 3 8 5
    response   "5"                           reply     4 1
    ids        7 2 9 3 8 5 4 1               trained   · · · · · · 4 1

Nothing is cut and nothing vanishes: a record that cannot be trained on is listed with its reason. Only ids are kept
in memory, five bytes each.
"""

import hashlib
import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from regrowth.core.errors import DataError
from regrowth.core.record import Message, Record
from regrowth.training.objectives.view import Objective, Trains
from regrowth.weights.codec import Codec

__all__ = ["Floats", "Ints", "Rows", "Skipped", "tokenize"]

Ints: TypeAlias = "np.ndarray[Any, np.dtype[np.integer[Any]]]"
Floats: TypeAlias = "np.ndarray[Any, np.dtype[np.floating[Any]]]"


class Skipped(NamedTuple):
    """A record that cannot be trained on."""

    record: str
    """Its id."""
    reason: str


@dataclass(frozen=True)
class Rows:
    """Hold every trainable record as token ids, end to end; a record has one row per side, empty if it lacks it."""

    ids: Ints
    trained: Ints
    """1 for each id whose probability enters the loss."""
    starts: Ints
    """Where each row starts in `ids`; one more than there are rows."""
    sides: tuple[str, ...]
    columns: Mapping[str, Floats] = field(default_factory=dict)
    """One number per record, by name."""
    skipped: tuple[Skipped, ...] = ()
    under: Mapping[str, Floats] = field(default_factory=dict)
    """Log-probabilities of the trained ids under other models, row by row, by the model's name."""

    def __len__(self) -> int:
        """Return the number of records."""
        return (len(self.starts) - 1) // len(self.sides)

    @cached_property
    def sizes(self) -> Ints:
        """Return the tokens of each row [records, sides]."""
        return np.diff(self.starts).reshape(len(self), -1)

    @cached_property
    def lengths(self) -> Ints:
        """Return the tokens of each record, all its sides together."""
        tokens: Ints = self.sizes.sum(axis=1)
        return tokens

    @cached_property
    def marks(self) -> Ints:
        """Return how many trained ids come before each row; one more than there are rows."""
        before = np.concatenate([[0], np.cumsum(self.trained, dtype=np.int64)])
        marks: Ints = before[self.starts]
        return marks

    @cached_property
    def counts(self) -> Ints:
        """Return the trained tokens of each row [records, sides]."""
        return np.diff(self.marks).reshape(len(self), -1)

    @cached_property
    def digest(self) -> str:
        """Return what names the rows and their order: 32 hexadecimal digits."""
        parts = [self.ids.astype("<i4"), self.trained.astype("u1"), self.starts.astype("<i8")]
        parts += [self.columns[name].astype("<f8") for name in sorted(self.columns)]
        return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()[:32]

    def side(self, name: str) -> "Rows":
        """Return one side alone, without columns: equal rows, whatever objective they were made for."""
        place, width = self.sides.index(name), len(self.sides)
        chosen = [slice(self.starts[row], self.starts[row + 1]) for row in range(place, len(self) * width, width)]
        starts = np.concatenate([[0], np.cumsum(self.sizes[:, place])])
        ids, trained = (np.concatenate([part[piece] for piece in chosen]) for part in (self.ids, self.trained))
        return Rows(ids, trained, starts, (name,))

    def beside(self, name: str, by_side: Mapping[str, Floats]) -> "Rows":
        """Return the rows with another model's log-probabilities, given for each side row by row."""
        values = np.zeros(int(self.marks[-1]), dtype=np.float32)
        for place, side in enumerate(self.sides):
            marks = np.concatenate([[0], np.cumsum(self.counts[:, place])])
            for record, (first, last) in enumerate(pairwise(marks)):
                start = self.marks[record * len(self.sides) + place]
                values[start : start + last - first] = by_side[side][first:last]
        return replace(self, under={**self.under, name: values})


def tokenize(records: Iterable[Record], codec: Codec, objective: Objective, *, context: int) -> Rows:
    """Encode records one by one; those that cannot be trained on are listed, none is cut.

    A reply that was cut at its token limit (its side is named in the attribute `cut`) gets no end token: it did not
    end there.

    Raises:
        DataError: no record is left.
    """
    skipped: list[Skipped] = []
    kept: list[_Encoded] = []
    for record in records:
        encoded = _encode(record, codec, objective, context)
        if isinstance(encoded, str):
            skipped.append(Skipped(record.id, encoded))
        else:
            kept.append(encoded)
    if not kept:
        first = f" The first: record {skipped[0].record}: {skipped[0].reason}." if skipped else ""
        raise DataError(f"Nothing to train on: {len(skipped)} records came in, none can be used.{first}")
    ids, trained, starts = array("i"), array("B"), array("q", [0])
    for one, following in zip(kept, [*kept[1:], kept[0]], strict=True):
        for side in objective.every_side:
            row = _unrelated(one, following, context) if side == "unrelated" else one.rows.get(side)
            if row is not None:
                ids.extend(row.ids)
                trained.extend(row.trained)
            starts.append(len(ids))
    columns = {name: np.array([one.columns[name] for one in kept]) for name in objective.columns}
    buffers = (np.frombuffer(ids, np.intc), np.frombuffer(trained, np.uint8), np.frombuffer(starts, np.int64))
    return Rows(*buffers, objective.every_side, columns, tuple(skipped))


class _Row(NamedTuple):
    ids: "array[int]"
    trained: "array[int]"
    prompt: int
    """How many ids stand before the reply."""


class _Encoded(NamedTuple):
    rows: Mapping[str, _Row]
    columns: Mapping[str, float]


def _encode(record: Record, codec: Codec, objective: Objective, context: int) -> _Encoded | str:
    """Return a record's rows and numbers, or the reason why there are none."""
    try:
        numbers = _numbers(record, objective)
        rows = dict(_rows(record, codec, objective, context))
    except DataError as error:
        return str(error)
    if not rows:
        return f"it has none of {', '.join(objective.sides)}"
    return _Encoded(rows, numbers)


def _rows(record: Record, codec: Codec, objective: Objective, context: int) -> Iterator[tuple[str, _Row]]:
    prompt = codec.prompt(record.messages)
    if not prompt:
        raise DataError("its prompt is empty")
    replies: list[Sequence[int]] = []
    for side in objective.sides:
        text = getattr(record, side)
        if not text:
            if side in objective.optional:
                continue
            raise DataError(f"its {side} is empty")
        reply = codec.reply(text)[: -1 if side in record.attributes.get("cut", ()) else None]
        if not reply or (length := len(prompt) + len(reply)) > context:
            raise DataError(
                f"{length} tokens with its {side}, the context holds {context}" if reply else f"its {side} is empty"
            )
        if reply in replies:
            raise DataError("both replies of the pair are equal")
        replies.append(reply)
        mask = array("B", _mask(record.messages, prompt, codec, objective.trains) + [1] * len(reply))
        yield side, _Row(array("i", [*prompt, *reply]), mask, len(prompt))


def _mask(messages: Sequence[Message], prompt: Sequence[int], codec: Codec, trains: Trains) -> list[int]:
    """Return which ids of a prompt are trained."""
    if trains == "reply":
        return [0] * len(prompt)
    if trains == "everything":
        return [0] + [1] * (len(prompt) - 1)
    mask = [0] * len(prompt)
    for place, (role, content) in enumerate(messages):
        if role == "assistant":
            start, reply = len(codec.prompt(messages[:place])), codec.reply(content)
            if list(prompt[start : start + len(reply)]) != reply:
                raise DataError(
                    "the chat template writes an earlier answer otherwise than a reply; train the last reply alone"
                )
            mask[start : start + len(reply)] = [1] * len(reply)
    return mask


def _unrelated(one: _Encoded, other: _Encoded, context: int) -> _Row | None:
    """Return the prompt of one record with a reply of another, if the context holds both."""
    mine, theirs = (next(iter(encoded.rows.values())) for encoded in (one, other))
    ids = mine.ids[: mine.prompt] + theirs.ids[theirs.prompt :]
    if one is other or len(ids) > context:
        return None
    return _Row(ids, mine.trained[: mine.prompt] + theirs.trained[theirs.prompt :], mine.prompt)


def _numbers(record: Record, objective: Objective) -> dict[str, float]:
    """Return what an objective reads of a record's scores and attributes."""
    numbers = {}
    for name, default in objective.columns.items():
        value = record.scores.get(name, record.attributes.get(name))
        value = default if value is None else value
        if value is None:
            raise DataError(f"neither its scores nor its attributes hold {name!r}")
        try:
            numbers[name] = float(value)
        except (TypeError, ValueError):
            raise DataError(f"its {name} is {value!r}, expected a number") from None
        if math.isinf(numbers[name]) or (default is not None and math.isnan(default)) < math.isnan(numbers[name]):
            raise DataError(f"its {name} is {numbers[name]}, expected a finite number")
    labels = [name for name, default in objective.columns.items() if default is not None and math.isnan(default)]
    if labels and all(math.isnan(numbers[name]) for name in labels):
        raise DataError(f"none of {', '.join(labels)} is known")
    return numbers
