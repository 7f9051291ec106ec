"""The work of a run in pieces, each remembered: so many repetitions of one arm, keyed by the programs that play them.

    courses = await played(run, settings)       {"replace": Course(…), "accumulate": Course(…)}

A simulation is a program that runs, so it is remembered as one: stopped anywhere, the same command goes on, and a
program that was edited never serves what its old self computed.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from regrowth.core.protocols import Answer
from regrowth.core.record import Json, digest
from regrowth.recipes._collapse.arms import Arm
from regrowth.recipes._collapse.choices import KINDS, Name, Settings, corpus_of, world_of
from regrowth.recipes._collapse.rounds import Course, joined, play
from regrowth.run import Run

__all__ = ["played", "programs"]

AT_ONCE = 2
"""Pieces played at a time: each may hold a hundred megabytes."""
WITHIN = re.compile(r"^from (regrowth\.(?:recipes\._collapse|metrics\.collapse)\.\w+) import ", re.MULTILINE)
"""What a world is made of: the modules of these two packages that it imports, and those that they do."""


class Piece(NamedTuple):
    """Some repetitions of one arm."""

    arm: Arm
    place: int
    repeats: int


async def played(run: Run, settings: Settings) -> Mapping[Arm, Course]:
    """Play every arm of a world of numbers; arms of which a preview shows nothing are left out."""
    writes = settings.world == "ngram"
    corpus = await asyncio.to_thread(corpus_of, settings) if writes else None
    world, narrow = world_of(settings, corpus), asyncio.Semaphore(AT_ONCE)
    rounds, size = settings.rounds or 1, settings.size or 1

    async def course(piece: Piece) -> tuple[Arm, Mapping[str, Any]]:
        def compute() -> Json:
            seed = (settings.seed, piece.place)
            one = play(world, piece.arm, settings.mixing, rounds=rounds, size=size, seeds=piece.repeats, seed=seed)
            return one.to_json()

        async def answer() -> Answer:
            async with narrow:
                return Answer(await asyncio.to_thread(compute))

        request: dict[str, Json] = {
            "program": "collapse",
            "code": _code(settings.world),
            "numpy": np.__version__,
            "text": digest(*(list(part) for part in corpus)) if corpus else "",
            "settings": settings.model_dump(mode="json", exclude={"arms", "repeats", "text", "published"}),
            **piece._asdict(),
        }
        return piece.arm, await run.store.effect("execute", request, answer)

    found = await run.aeach(pieces(settings), course, name=f"rounds of the {KINDS[settings.world].title}")
    return {
        arm: joined([one for name, one in found if name == arm])
        for arm in settings.arms
        if any(name == arm for name, _ in found)
    }


def pieces(settings: Settings) -> list[Piece]:
    """Cut the work up. The seed of a piece is its place, so more repetitions leave the first ones as they were."""
    each, repeats = KINDS[settings.world].piece, settings.repeats or 1
    starts = range(0, repeats, each)
    return [
        Piece(arm, place, min(each, repeats - start)) for place, start in enumerate(starts) for arm in settings.arms
    ]


@cache
def _code(world: Name) -> str:
    """Name the programs that a figure of a world depends on."""
    sources = sorted(programs(world).items())
    return hashlib.sha256(b"\0".join(path.read_bytes() for _, path in sources)).hexdigest()[:32]


def programs(world: Name) -> Mapping[str, Path]:
    """Return the modules that a figure of a world depends on, by name."""
    found: dict[str, Path] = {}
    waiting = [play.__module__, KINDS[world].make.__module__]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = Path(import_module(name).__file__ or "")
            waiting += WITHIN.findall(found[name].read_text("utf-8"))
    return found
