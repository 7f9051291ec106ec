"""The only durable state: a memo of effects, and the artefacts (weights, indexes) that effects built.

Four effects touch the world: generate, score, execute, fit. Each is keyed by everything that reaches it, so a
finished run replays without one new effect, a crash costs nothing that was committed, and edited code can never
serve a stale answer: a changed request has another key.

How a paid call is written:
    1. an *intent* is committed (the call is about to be made)
    2. the call is made
    3. its raw answer is committed, with a checksum, before anything is read out of it, and the intent is taken back
An intent without an answer after a crash marks a call that may have been paid for nothing; `open_intents` counts them.

SQLite in WAL mode, one writing process (a lock file says who), group commit: everything that became ready within two
milliseconds shares one transaction. `effect` returns only what is committed. With synchronous=NORMAL a commit
survives `kill -9`; against a power cut the last seconds are forced to disk at the end of every stage (`checkpoint`).
"""

import asyncio
import hashlib
import os
import shutil
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson

from regrowth.core.errors import CallFailed, StoreError
from regrowth.core.files import locked, sync_folder, told
from regrowth.core.protocols import Answer, Cost
from regrowth.core.record import Json, canonical

__all__ = ["FORMAT", "Effect", "Store", "Trace", "trace"]

FORMAT = 1
"""Version of the tables; a store of another version is refused, never guessed at."""

COMMIT_WITHIN = 0.002
"""Seconds that a group commit waits for company."""

TABLES = """
create table if not exists effects(
    key blob primary key, kind text not null, request blob not null, value blob not null, checksum blob not null,
    prompt_tokens integer not null, completion_tokens integer not null, money real not null, seconds real not null
);
create table if not exists intents(key blob primary key, kind text not null);
create table if not exists uses(record text not null, effect blob not null, primary key(record, effect)) without rowid;
create table if not exists lineage(parent text not null, child text not null, primary key(parent, child)) without rowid;
create table if not exists forgotten(id text primary key) without rowid;
"""


class Effect(NamedTuple):
    """One remembered effect: what was asked, what came back, what it took."""

    key: str
    kind: str
    request: Any
    value: Any
    cost: Cost
    seconds: float


@dataclass(slots=True)
class Trace:
    """Note the effects that served one record, for its passport. Never read by what makes results."""

    effects: list[str] = field(default_factory=list)
    cost: Cost = field(default_factory=Cost)


trace: ContextVar[Trace | None] = ContextVar("trace", default=None)
"""The one ambient value: which record is at work, for bookkeeping alone (decision 0004)."""


class Store:
    """Remember effects and artefacts in one folder. One process writes at a time."""

    def __init__(self, folder: Path) -> None:
        """Open or create the store.

        Raises:
            StoreError: the folder cannot be written, is in use, or belongs to another version.
        """
        self.folder = folder
        self.path = folder / "store.sqlite"
        self.new_effects = 0
        """Effects computed, not replayed, since the store was opened."""
        self.new_cost = Cost()
        self.quarantined = 0
        """Stored values whose checksum did not match: thrown away and made again."""
        self._pending: dict[str, asyncio.Future[Any]] = {}
        self._queue: list[tuple[str, tuple[Any, ...]]] = []
        self._commit: asyncio.Future[None] | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = locked(folder / "lock")
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=30, check_same_thread=False)
            self._db.executescript("pragma journal_mode=wal; pragma synchronous=normal; pragma secure_delete=on;")
            self._check_format()
            self._db.executescript(TABLES)
        except (OSError, sqlite3.Error) as error:
            raise told(error, folder) from error

    def _check_format(self) -> None:
        found = self._db.execute("pragma user_version").fetchone()[0]
        fresh = not self._db.execute("select 1 from sqlite_master limit 1").fetchone()
        if not fresh and found != FORMAT:
            raise StoreError(
                f"{self.path}: store format {found}, this version of regrowth reads format {FORMAT}. "
                "Use the regrowth that made it, or start a new run folder."
            )
        self._db.execute(f"pragma user_version={FORMAT}")

    # Effects ----------------------------------------------------------------------------------------------------

    async def effect(self, kind: str, request: Mapping[str, Json], compute: Callable[[], Awaitable[Answer]]) -> Any:
        """Return the remembered value of a request, computing and committing it first if it is new.

        Two concurrent calls with one key share one computation. A failure is raised and not remembered.
        """
        asked = canonical([kind, request])
        key = hashlib.sha256(asked).hexdigest()[:32]
        while (running := self._pending.get(key)) is not None:
            # A cancelled or failed twin must not take this caller down with it: look again.
            await asyncio.wait([running])
        if (found := self._find(key)) is None:
            running = self._pending[key] = asyncio.get_running_loop().create_future()
            try:
                found = await self._compute(key, kind, asked, compute)
            finally:
                del self._pending[key]
                running.set_result(None)
        value, cost = found
        if (noted := trace.get()) is not None:
            noted.effects.append(key)
            noted.cost += cost
        return value

    async def _compute(
        self, key: str, kind: str, asked: bytes, compute: Callable[[], Awaitable[Answer]]
    ) -> tuple[Any, Cost]:
        name = bytes.fromhex(key)
        if self.is_forgotten(key):
            raise CallFailed("This call served a record that was forgotten, so it is not made again.")
        await self._write("insert or replace into intents values(?,?)", (name, kind))
        start = time.perf_counter()
        try:
            answer = await compute()
        except BaseException as error:
            if not isinstance(error, asyncio.CancelledError):
                self._later("delete from intents where key=?", (name,))
            raise
        seconds = time.perf_counter() - start
        value, cost = orjson.dumps(answer.raw), answer.cost
        self._later("delete from intents where key=?", (name,))
        row = (name, kind, asked, value, _checksum(value))
        spent = (cost.prompt_tokens, cost.completion_tokens, cost.money, round(seconds, 4))
        await self._write("insert or ignore into effects values(?,?,?,?,?,?,?,?,?)", row + spent)
        self.new_effects += 1
        self.new_cost += cost
        # Read back from the stored bytes: a first run and its replay see the very same value.
        return orjson.loads(value), _cost(*spent[:3])

    def _find(self, key: str) -> tuple[Any, Cost] | None:
        query = "select value, checksum, prompt_tokens, completion_tokens, money from effects where key=?"
        row = self._ask(query, (bytes.fromhex(key),)).fetchone()
        if row is None:
            return None
        if _checksum(row[0]) != row[1]:
            self.quarantined += 1
            self._later("delete from effects where key=?", (bytes.fromhex(key),))
            return None
        return orjson.loads(row[0]), _cost(*row[2:])

    def effects(self, keys: Iterable[str] | None = None) -> Iterator[Effect]:
        """Yield remembered effects: those named, or all in the order they were first committed."""
        query = "select key, kind, request, value, prompt_tokens, completion_tokens, money, seconds from effects"
        if keys is None:
            rows: Iterable[Any] = self._ask(query + " order by rowid")
        else:
            rows = (row for key in keys for row in self._ask(query + " where key=?", (bytes.fromhex(key),)))
        for key, kind, request, value, prompt, completion, money, seconds in rows:
            asked = orjson.loads(request)[1]
            yield Effect(key.hex(), kind, asked, orjson.loads(value), _cost(prompt, completion, money), seconds)

    def totals(self) -> dict[str, dict[str, float]]:
        """Return, per kind of effect: count, prompt_tokens, completion_tokens, money, seconds of waiting."""
        columns = "count(*), sum(prompt_tokens), sum(completion_tokens), sum(money), sum(seconds)"
        names = ("count", "prompt_tokens", "completion_tokens", "money", "seconds")
        rows = self._ask(f"select kind, {columns} from effects group by kind order by kind")  # noqa: S608
        return {kind: dict(zip(names, sums, strict=True)) for kind, *sums in rows}

    def open_intents(self) -> int:
        """Count calls that were begun and never answered: each may have been paid for nothing."""
        return int(self._ask("select count(*) from intents").fetchone()[0])

    # Artefacts --------------------------------------------------------------------------------------------------

    async def artefact(self, kind: str, request: Mapping[str, Json], build: Callable[[Path], Awaitable[None]]) -> Path:
        """Return the folder that a request builds, building it first if it is new.

        `build` gets a scratch folder named by the request; it survives a crash, so a long build can resume from what
        it left there. What it leaves in `scratch/out` is published by one atomic rename.
        """
        key = hashlib.sha256(canonical([kind, request])).hexdigest()[:32]
        published = self.folder / "artefacts" / key

        async def compute() -> Answer:
            if not published.exists():
                await self._build(key, published, build)
            return Answer({"folder": key})

        await self.effect(kind, request, compute)
        if not published.exists():  # the row outlived its folder: someone deleted it
            await self._build(key, published, build)
        return published

    async def _build(self, key: str, published: Path, build: Callable[[Path], Awaitable[None]]) -> None:
        scratch = self.folder / "scratch" / key
        try:
            (scratch / "out").mkdir(parents=True, exist_ok=True)
            await build(scratch)
            published.parent.mkdir(exist_ok=True)
            sync_folder(scratch / "out")
            (scratch / "out").rename(published)
            sync_folder(published.parent)
            shutil.rmtree(scratch)
        except OSError as error:
            raise told(error, self.folder) from error

    # Lineage ----------------------------------------------------------------------------------------------------

    def link(self, record: str, parents: Iterable[str], effects: Iterable[str]) -> None:
        """Note whose child a record is and which effects served it: the ground of `forget`."""
        for parent in parents:
            self._later("insert or ignore into lineage values(?,?)", (parent, record))
        for key in effects:
            self._later("insert or ignore into uses values(?,?)", (record, bytes.fromhex(key)))

    def descendants(self, ids: Iterable[str]) -> set[str]:
        """Return the ids given and everything that was made from them."""
        known = set(ids)
        edge = list(known)
        while edge:
            rows = self._ask("select child from lineage where parent=?", (edge.pop(),))
            fresh = {child for (child,) in rows} - known
            known |= fresh
            edge.extend(fresh)
        return known

    def children(self, record: str) -> list[str]:
        """Return the ids of what was made directly from a record."""
        rows = self._ask("select child from lineage where parent=? order by child", (record,))
        return [child for (child,) in rows]

    def is_forgotten(self, name: str) -> bool:
        """Return whether a record, or the effect of a key, was forgotten and must not come back."""
        return self._ask("select 1 from forgotten where id=?", (name,)).fetchone() is not None

    def forget(self, ids: Iterable[str]) -> int:
        """Delete every effect that served these records, and refuse both from here on; return how many effects.

        Hand in `descendants(ids)` to forget by lineage. Deleted bytes are overwritten and the file is rewritten.
        """
        gone = [(record,) for record in ids]
        self.flush()
        with _transaction(self._db):
            served = "select lower(hex(effect)) from uses where record=?"
            self._db.executemany(f"insert or ignore into forgotten {served}", gone)
            before = self._db.total_changes
            self._db.executemany("delete from effects where key in (select effect from uses where record=?)", gone)
            deleted = self._db.total_changes - before
            self._db.executemany("delete from uses where record=?", gone)
            self._db.executemany("delete from lineage where child=?", gone)
            self._db.executemany("insert or ignore into forgotten values(?)", gone)
        self._db.execute("vacuum")
        self.checkpoint()
        return deleted

    def absorb(self, other: Path) -> None:
        """Take in all that another store remembers. A union of keyed facts, so the order of merges is no matter."""
        self.flush()
        self._db.execute("attach ? as other", (str(other / "store.sqlite"),))
        try:
            with _transaction(self._db):
                for table in ("effects", "uses", "lineage", "forgotten"):
                    self._db.execute(f"insert or ignore into main.{table} select * from other.{table}")  # noqa: S608
        finally:
            self._db.execute("detach other")
        for folder in sorted((other / "artefacts").glob("*")):
            if not (self.folder / "artefacts" / folder.name).exists():
                shutil.copytree(folder, self.folder / "artefacts" / folder.name)

    # Writing ----------------------------------------------------------------------------------------------------

    def _ask(self, query: str, values: tuple[Any, ...] = ()) -> sqlite3.Cursor:
        try:
            return self._db.execute(query, values)
        except sqlite3.Error as error:
            raise told(error, self.folder) from error

    def _later(self, statement: str, values: tuple[Any, ...]) -> None:
        """Queue a statement for the next group commit."""
        self._queue.append((statement, values))

    async def _write(self, statement: str, values: tuple[Any, ...]) -> None:
        """Queue a statement and wait until it is committed."""
        self._queue.append((statement, values))
        if self._commit is None:
            loop = asyncio.get_running_loop()
            self._commit = loop.create_future()
            loop.call_later(COMMIT_WITHIN, self._group_commit)
        await asyncio.shield(self._commit)

    def _group_commit(self) -> None:
        waiting, self._commit = self._commit, None
        assert waiting is not None
        try:
            self.flush()
        except StoreError as error:
            waiting.set_exception(error)
        else:
            waiting.set_result(None)

    def flush(self) -> None:
        """Commit what is queued."""
        queue, self._queue = self._queue, []
        if not queue:
            return
        try:
            with _transaction(self._db):
                for statement, values in queue:
                    self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise told(error, self.folder) from error

    def checkpoint(self) -> None:
        """Force everything committed so far to the disk: the end of a stage."""
        self.flush()
        self._ask("pragma synchronous=full")
        self._ask("pragma wal_checkpoint(truncate)").fetchall()
        self._ask("pragma synchronous=normal")

    def close(self) -> None:
        """Commit what is queued and give the folder free."""
        try:
            self.checkpoint()
        finally:
            self._db.close()
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    """BEGIN IMMEDIATE … COMMIT: a writer that first reads under a deferred BEGIN can be refused at once."""
    db.execute("begin immediate")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # a full disk has rolled back already
            db.execute("rollback")
        raise
    db.execute("commit")


def _checksum(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=16).digest()


def _cost(prompt_tokens: int, completion_tokens: int, money: float) -> Cost:
    return Cost(1, prompt_tokens, completion_tokens, money)
