"""Answer a query over tables: the candidate of the Python driver, where the code under test is SQL in `query.sql`.

rows({"people": [{"name": "Ann", "age": 40}]})        with "SELECT name FROM people"          [("Ann",)]
"""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any


def rows(tables: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[tuple[Any, ...]]:
    """Return the rows of the last statement that gives any, all run over these tables in a database of its own."""
    base = sqlite3.connect(":memory:")
    for name, held in tables.items():
        _table(base, name, held)
    found: list[tuple[Any, ...]] = []
    for _, statement in _statements(Path("query.sql").read_text("utf-8")):
        answer = base.execute(statement)
        found = found if answer.description is None else answer.fetchall()
    return found


def faults() -> list[tuple[int, str]]:
    """Return line and message of each statement that SQLite cannot prepare; a table that does not exist is no fault."""
    base, found = sqlite3.connect(":memory:"), list[tuple[int, str]]()
    for line, statement in _statements(Path("query.sql").read_text("utf-8")):
        try:
            made = statement.lstrip().lower().startswith("create")
            base.execute(statement if made else f"EXPLAIN {statement}")
        except sqlite3.Error as error:
            if not str(error).startswith("no such table"):
                found.append((line, str(error)))
    return found


def _table(base: sqlite3.Connection, name: str, held: Sequence[Mapping[str, Any]]) -> None:
    columns = list(dict.fromkeys(column for row in held for column in row)) or ["nothing"]
    listed = ", ".join(map(_quoted, columns))
    base.execute(f"CREATE TABLE {_quoted(name)} ({listed})")
    marks = ", ".join("?" * len(columns))
    values = [[row.get(column) for column in columns] for row in held]
    base.executemany(f"INSERT INTO {_quoted(name)} VALUES ({marks})", values)  # noqa: S608 -- names are quoted


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Yield the statements of a script and the lines they begin on: each ends at what SQLite takes for its end."""
    held, line = "", 1
    for part in text.split(";"):
        held += part + ";"
        if sqlite3.complete_statement(held):
            if held.strip(" \n\t\r;"):
                yield line + held[: len(held) - len(held.lstrip())].count("\n"), held
            line += held.count("\n")
            held = ""
    if held.strip(" \n\t\r;"):
        yield line, held
