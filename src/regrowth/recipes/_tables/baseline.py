"""The ways without a language model, as one remembered effect: also where chance is not to be repeated (a promise)."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from regrowth.core.record import Json
from regrowth.domains.tables import Constraint, Made, Promise, Refused, synthesise
from regrowth.recipes._tables.records import Parts
from regrowth.recipes._tables.settings import Settings
from regrowth.run import Run

__all__ = ["made_of"]

VERSION = 1
"""Part of the key; changes whenever equal requests get other rows."""
KEYED = ("how", "conditions", "constraints", "find", "real", "leaf", "promise")


async def made_of(run: Run, settings: Settings, parts: Parts, constraints: tuple[Constraint, ...], rows: int) -> Made:
    """Return the synthetic table, made now or before.

    Kept as an artefact with the fingerprint of the real rows in its key, so it goes when one of them is forgotten.
    """
    said = settings.model_dump(mode="json", include=set(KEYED))
    request: dict[str, Json] = {
        "data": parts.data.fingerprint,
        "tables": said,
        "rows": rows,
        "seed": settings.seed,
        "version": VERSION,
    }

    async def build(scratch: Path) -> None:
        made = await asyncio.to_thread(_make, settings, parts, constraints, rows)
        _write(made, scratch / "out")

    return _read(await run.store.artefact("score", request, build))


def _make(settings: Settings, parts: Parts, constraints: tuple[Constraint, ...], rows: int) -> Made:
    return synthesise(
        parts.known,
        rows,
        how="trees" if settings.promise.epsilon is None else "private",
        conditions=settings.conditions,
        constraints=constraints,
        seed=settings.seed,
        kinds=parts.kinds,
        promise=None if settings.promise.epsilon is None else Promise(settings.promise.epsilon, settings.promise.delta),
        domain=settings.promise.domain,
        noise_seed=settings.promise.noise_seed,
        leaf=settings.leaf,
    )


def _write(made: Made, out: Path) -> None:
    pa.parquet.write_table(made.table, out / "table.parquet")
    promise = None if made.promise is None else [made.promise.epsilon, made.promise.delta]
    facts: Mapping[str, Any] = {
        "refused": [list(one) for one in made.refused],
        "left_out": dict(made.left_out),
        "promise": promise,
    }
    (out / "facts.json").write_text(json.dumps(facts), "utf-8")


def _read(folder: Path) -> Made:
    facts = json.loads((folder / "facts.json").read_text("utf-8"))
    refused = tuple(Refused(*one) for one in facts["refused"])
    promise = None if facts["promise"] is None else Promise(*facts["promise"])
    return Made(pa.parquet.read_table(folder / "table.parquet"), refused, facts["left_out"], promise)
