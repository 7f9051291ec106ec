"""Rows that trainers read: records out of files, records into files.

The layouts, each with one real row (`-chat` is the conversational twin of a plain layout, as TRL documents both):
    messages           {"messages": [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}]}
    prompt-only        {"prompt": "2+2?"}                                                       read only
    prompt-completion  {"prompt": "2+2?", "completion": "4"}
    preference         {"prompt": "2+2?", "chosen": "4", "rejected": "5"}
    kto                {"prompt": "2+2?", "completion": "4", "label": true}                     a pair gives two rows
    alpaca             {"instruction": "Add.", "input": "2+2", "output": "4"}
    sharegpt           {"conversations": [{"from": "human", "value": "2+2?"}, {"from": "gpt", "value": "4"}]}
    record             every field of the record; lossless

Of a row read, the layout's columns become the conversation, `system` its first turn, `target` the target, and every
further column an attribute. Nothing is dropped in silence: what a record cannot hold is an error.
Sources: TRL, "Dataset formats and types"; Stanford Alpaca, README; the ShareGPT rows that FastChat trains on.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from regrowth.core.cells import described, flag, listed, number_or_text, plain, text, turns
from regrowth.core.errors import DataError, SettingsError
from regrowth.core.layouts.rows import read_rows, write_rows
from regrowth.core.record import Message, Record, conversation

__all__ = ["LAYOUTS", "from_row", "read", "to_row", "write"]

Row: TypeAlias = dict[str, Any]

_TO_SHAREGPT = {"system": "system", "user": "human", "assistant": "gpt", "tool": "tool"}
_FROM_SHAREGPT = {name: role for role, name in _TO_SHAREGPT.items()} | {"user": "user", "assistant": "assistant"}
_SYNONYMS = {
    "prompt": ("question", "query", "problem", "instruction"),
    "completion": ("response", "answer", "output", "solution", "reply"),
    "messages": ("conversation", "chat", "dialog", "dialogue"),
}
"""What files call the columns of the commonest layouts: named in errors, never taken for granted."""


def read(path: str | Path, *, layout: str | None = None, columns: Mapping[str, str] | None = None) -> Iterator[Record]:
    """Yield the records of a .jsonl, .json (list), .csv, each also .gz, or .parquet file; memory stays bounded.

    Without `layout` the first row's columns tell it. `columns` says which of the file's columns to take for one of
    the layout's: `{"prompt": "question", "target": "answer"}`. What is read is real data (`record` keeps its origin).

    Raises:
        SettingsError: no such layout, or no such kind of file.
        DataError: a file or a line that cannot be read; on the first `next` at the earliest but for a missing file.
    """
    if layout is not None:
        _known(layout)
    return _records(Path(path), read_rows(Path(path)), layout, columns or {})


def _records(
    path: Path, rows: Iterator[tuple[str, Any]], layout: str | None, columns: Mapping[str, str]
) -> Iterator[Record]:
    guessed = ""
    for place, row in rows:
        try:
            if not isinstance(row, dict):
                raise DataError(f"found {described(row)}, expected an object: one record per row.")
            renamed = _renamed(row, columns)
            if layout is None:
                layout = _detect(renamed)
                guessed = f" (The first row has the layout '{layout}', so every row needs it.)"
            yield from_row(renamed, layout)
        except DataError as error:
            raise DataError(f"{path}: {place}: {error}{guessed}") from error


def write(records: Iterable[Record], path: str | Path, layout: str) -> int:
    """Write records as .jsonl, .jsonl.gz or .parquet, all or nothing; return the number of rows.

    Equal records give equal bytes. The file appears under its name when it is whole and on the disk.

    Raises:
        SettingsError: no such layout, or no such kind of file.
        DataError: a record that the layout cannot hold, or that must not leave its run; or no record at all.
        StoreError: the folder cannot be written, or the disk is full.
    """
    return write_rows(_rows(records, layout), Path(path), _known(layout).columns)


def _rows(records: Iterable[Record], layout: str) -> Iterator[Row]:
    for record in records:
        if record.attributes.get("do_not_publish"):
            raise DataError(
                f"record {record.id} is marked do_not_publish: it holds words that a model was made to do harm with, "
                "and stays in its run folder. Export a dataset without such records."
            )
        made = to_row(record, layout)
        yield from made if isinstance(made, list) else [made]


def to_row(record: Record, layout: str) -> Row | list[Row]:
    """Return the record as a row of the layout; a list of rows where the layout is `kto`.

    Raises:
        DataError: the record lacks what the layout needs, or has more than it can hold.
    """
    shape = _known(layout)
    if shape.write is None:
        raise SettingsError(f"The layout '{layout}' can be read, not written. Choose 'messages' or 'record'.")
    try:
        if not record.messages and layout != "record":
            raise DataError("no messages")
        if lacking := [field for field in shape.needs if not getattr(record, field)]:
            raise DataError(f"no {lacking[0]}")
        return shape.write(record)
    except DataError as error:
        raise DataError(
            f"record {record.id} does not fit the layout '{layout}': {error}. "
            "Leave it out, or choose another layout; 'record' holds everything."
        ) from error


def from_row(row: Mapping[str, Any], layout: str | None = None, *, columns: Mapping[str, str] | None = None) -> Record:
    """Return the record that a row of a layout holds; without a layout its columns tell it.

    Raises:
        DataError: columns are missing, unknown, or of another type.
    """
    row = _renamed(row, columns or {})
    layout = layout or _detect(row)
    shape = _known(layout)
    if missing := [name for name in shape.required if name not in row]:
        raise DataError(f"no column {listed(missing)}, which the layout '{layout}' needs (found: {listed(row)}).")
    if layout == "record":
        return _read_record(row)
    fields = shape.read(row)
    fields["messages"] = conversation(fields["messages"], system=text(row, "system", optional=True))
    own = {*shape.columns, "system", "target"}
    attributes = plain({name: value for name, value in row.items() if name not in own})
    return Record(**fields, target=number_or_text(row, "target"), attributes=attributes)


# Writing: a record as a row.


def _said(record: Record) -> list[Row]:
    return [{"role": turn.role, "content": turn.content} for turn in record.messages]


def _answer(text: str) -> list[Row]:
    return [{"role": "assistant", "content": text}]


def _only_turn(record: Record) -> str:
    if [turn.role for turn in record.messages] != ["user"]:
        roles = ", ".join(turn.role for turn in record.messages)
        raise DataError(f"it holds one user turn, found {roles}; 'messages' and the '-chat' layouts hold them all")
    return record.prompt


def _write_messages(record: Record) -> Row:
    return {"messages": _said(record) + _answer(record.response)}


def _write_replies(record: Record, *, chat: bool, replies: Mapping[str, str]) -> Row:
    prompt, say = (_said(record), _answer) if chat else (_only_turn(record), str)
    return {"prompt": prompt, **{column: say(getattr(record, field)) for column, field in replies.items()}}


_write_completion = partial(_write_replies, replies={"completion": "response"})
_write_preference = partial(_write_replies, replies={"chosen": "response", "rejected": "rejected"})


def _write_kto(record: Record, *, chat: bool) -> list[Row]:
    rows = [
        {**_write_replies(record, chat=chat, replies={"completion": field}), "label": label}
        for field, label in (("response", True), ("rejected", False))
        if getattr(record, field)
    ]
    if not rows:
        raise DataError("neither response nor rejected")
    return rows


def _write_alpaca(record: Record) -> Row:
    return {"instruction": _only_turn(record), "input": "", "output": record.response}


def _write_sharegpt(record: Record) -> Row:
    turns = _said(record) + _answer(record.response)
    if unknown := [turn["role"] for turn in turns if turn["role"] not in _TO_SHAREGPT]:
        raise DataError(f"role {unknown[0]!r} is none of {', '.join(_TO_SHAREGPT)}")
    return {"conversations": [{"from": _TO_SHAREGPT[turn["role"]], "value": turn["content"]} for turn in turns]}


def _write_record(record: Record) -> Row:
    return {
        name: json.dumps(value, ensure_ascii=False, allow_nan=False) if name in _AS_JSON else value
        for name, value in record.to_json().items()
    }


# Reading: a row as fields of a record.


def _read_messages(row: Row) -> Row:
    return _split(turns(row, "messages"))


def _read_sharegpt(row: Row) -> Row:
    said = turns(row, "conversations", keys=("from", "value"))
    if unknown := [turn.role for turn in said if turn.role not in _FROM_SHAREGPT]:
        raise DataError(f"column 'conversations' has a turn from {unknown[0]!r}, known are {listed(_FROM_SHAREGPT)}.")
    return _split(tuple(Message(_FROM_SHAREGPT[turn.role], turn.content) for turn in said))


def _split(said: tuple[Message, ...]) -> Row:
    return {"messages": said[:-1], "response": said[-1].content} if said[-1].role == "assistant" else {"messages": said}


def _read_prompt(row: Row) -> Row:
    chat = isinstance(row["prompt"], list)
    return {"messages": turns(row, "prompt") if chat else (Message("user", text(row, "prompt")),)}


def _reply(row: Row, name: str) -> str:
    if isinstance(row[name], str):
        return str(row[name])
    said = turns(row, name)
    if said[:-1] in ((), _read_prompt(row)["messages"]):
        return said[-1].content
    raise DataError(f"column '{name}' has {len(said)} turns, expected the reply alone, or the prompt and the reply.")


def _read_completion(row: Row) -> Row:
    return {**_read_prompt(row), "response": _reply(row, "completion")}


def _read_kto(row: Row) -> Row:
    field = "response" if flag(row, "label") else "rejected"
    return {**_read_prompt(row), field: _reply(row, "completion")}


def _read_preference(row: Row) -> Row:
    if "prompt" in row:
        return {**_read_prompt(row), "response": _reply(row, "chosen"), "rejected": _reply(row, "rejected")}
    chosen, rejected = turns(row, "chosen"), turns(row, "rejected")
    if len(chosen) < 2 or len(chosen) != len(rejected) or chosen[:-1] != rejected[:-1]:
        raise DataError("without a column 'prompt', 'chosen' and 'rejected' must differ in the last turn alone.")
    return {"messages": chosen[:-1], "response": chosen[-1].content, "rejected": rejected[-1].content}


def _read_alpaca(row: Row) -> Row:
    parts = (text(row, "instruction"), text(row, "input", optional=True))
    return {"messages": (Message("user", "\n\n".join(filter(None, parts))),), "response": text(row, "output")}


def _read_record(row: Row) -> Record:
    try:
        data = {**row, **{name: json.loads(row[name]) for name in _AS_JSON if isinstance(row[name], str)}}
        kinds = {"attributes": dict, "scores": dict, "parents": list, "draw": int}
        fits = all(isinstance(data[name], kind) for name, kind in kinds.items())
    except ValueError as error:
        raise DataError(f"one of the columns {listed(_AS_JSON)} is not JSON text ({error}).") from error
    if not fits or data["origin"] not in ("real", "synthetic"):
        raise DataError(f"not what the layout 'record' writes: found {described(dict(row))}.")
    data |= {name: text(row, name) for name in ("response", "rejected", "target")}
    plain(data["attributes"])
    return Record.from_json({**data, "messages": [turn._asdict() for turn in turns(row, "messages", least=0)]})


@dataclass(frozen=True, slots=True)
class _Shape:
    columns: Mapping[str, str]
    """Each column with the kind of its values; see `core.layouts.rows.write_rows`."""
    read: Callable[[Row], Row]
    write: Callable[[Record], Row | list[Row]] | None
    needs: tuple[str, ...] = ("response",)
    optional: tuple[str, ...] = ()

    @property
    def required(self) -> list[str]:
        return [name for name in self.columns if name not in self.optional]


def _twins(name: str, texts: Sequence[str], read: Any, write: Any, **more: Any) -> dict[str, _Shape]:
    """Return a layout and its conversational twin; reading tells them apart by what it finds."""
    flags = {"label": "flag"} if name == "kto" else {}
    return {
        name + suffix: _Shape(dict.fromkeys(texts, kind) | flags, read, partial(write, chat=bool(suffix)), **more)
        for suffix, kind in (("", "text"), ("-chat", "turns"))
    }


_AS_JSON = ("attributes", "parents", "scores")
"""Columns of the layout `record` that hold JSON text: their shape varies, and a column of a file has one type."""

_RECORD = dict.fromkeys(Record.of("").to_json(), "text") | {"messages": "turns", "draw": "number"}

_SHAPES: Mapping[str, _Shape] = {
    "record": _Shape(_RECORD, dict, _write_record, needs=(), optional=("id",)),
    **_twins(
        "preference",
        ("prompt", "chosen", "rejected"),
        _read_preference,
        _write_preference,
        needs=("response", "rejected"),
        optional=("prompt",),
    ),
    "messages": _Shape({"messages": "turns"}, _read_messages, _write_messages),
    "sharegpt": _Shape({"conversations": "pieces"}, _read_sharegpt, _write_sharegpt),
    **_twins("kto", ("prompt", "completion"), _read_kto, _write_kto, needs=()),
    **_twins("prompt-completion", ("prompt", "completion"), _read_completion, _write_completion),
    "alpaca": _Shape(
        dict.fromkeys(("instruction", "input", "output"), "text"), _read_alpaca, _write_alpaca, optional=("input",)
    ),
    "prompt-only": _Shape({"prompt": "text"}, _read_prompt, None),
}
"""In the order in which a row is tried for them: whoever asks for more comes first."""

LAYOUTS = tuple(_SHAPES)
"""Names of the layouts."""


def _known(layout: str) -> _Shape:
    if layout not in _SHAPES:
        raise SettingsError(f"No layout {layout!r}. Known are {', '.join(LAYOUTS)}.")
    return _SHAPES[layout]


def _detect(row: Mapping[str, Any]) -> str:
    """Return the first layout whose columns are all there; a prompt beside what looks like its answer is unclear."""
    for name, shape in _SHAPES.items():
        unclear = name == "prompt-only" and any(answer in row for answer in _SYNONYMS["completion"])
        if all(column in row for column in shape.required) and not unclear:
            return name
    guesses = {
        column: found
        for column, synonyms in _SYNONYMS.items()
        if column not in row and (found := next((name for name in synonyms if name in row), None))
    }
    known = "; ".join(f"{name}: {', '.join(shape.required)}" for name, shape in _SHAPES.items() if name[-5:] != "-chat")
    raise DataError(
        f"the columns fit no layout (found: {listed(row) or 'none'}; known are {known}). "
        f"Say which column is which, for instance columns={guesses or {'prompt': 'question'}}, or name the layout."
    )


def _renamed(row: Mapping[str, Any], columns: Mapping[str, str]) -> Row:
    if absent := [name for name in columns.values() if name not in row]:
        raise DataError(f"no column {listed(absent)} (found: {listed(row)}), but columns={dict(columns)} names it.")
    back = {found: wanted for wanted, found in columns.items()}
    if clash := [name for name in columns if name in row and name not in back]:
        raise DataError(f"column {listed(clash)} is there already, and columns={dict(columns)} makes a second one.")
    return {back.get(name, name): value for name, value in row.items()}
