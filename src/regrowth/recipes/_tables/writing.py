"""A language model learns rows as texts, and writes new ones: the way of `how=text`."""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from regrowth.core.dataset import Dataset
from regrowth.core.errors import Rejected
from regrowth.core.protocols import Gate, Model, Sampling
from regrowth.core.record import Json, Message, Record, digest
from regrowth.domains.tables.constraints import row_at
from regrowth.domains.tables.fresh import untrained
from regrowth.domains.tables.making import Drawing
from regrowth.domains.tables.texts import Lesson, Wording
from regrowth.metrics.columns import Table
from regrowth.models.model import RememberedModel
from regrowth.recipes._tables.records import Parts
from regrowth.recipes._tables.settings import Settings
from regrowth.run import Run
from regrowth.training.settings import PrivateSettings, TrainingSettings

__all__ = ["forms", "learnt", "lessons", "write_all"]

FORMS = 4000
"""Rows by chance that a model learns the form from, before private training."""
ASKED = 0.5
"""Share of the lessons whose question gives some columns; the others ask for the whole row."""


def lessons(
    wording: Wording, real: Table, data: Dataset, settings: Settings, first: tuple[str, ...]
) -> Iterator[Record]:
    """Yield a few texts of each real row; a question gives any columns, or just those that will be asked for."""
    values = {name: real[name].values for name in wording.columns}
    for place, record in enumerate(data):
        row = row_at(values, place)
        for copy in range(settings.model.lessons):
            said = _said(wording, row, settings, first, np.random.default_rng(record.seed("lesson", copy)))
            yield record.derive(prompt=said.prompt, response=said.response, attributes={"row": None, "lesson": copy})


def forms(wording: Wording, settings: Settings, first: tuple[str, ...]) -> Iterator[Record]:
    """Yield texts of rows by chance alone: from them the form is learnt, at no cost in privacy."""
    for number in range(FORMS):
        rng = np.random.default_rng(int(digest("form", settings.seed, number), 16))
        said = _said(wording, wording.anything(rng), settings, first, rng)
        yield Record.of(said.prompt, response=said.response, origin="synthetic", number=number)


def _said(
    wording: Wording, row: Mapping[str, float], settings: Settings, first: tuple[str, ...], rng: np.random.Generator
) -> Lesson:
    names, given = list(wording.columns), list(first)
    if not first and len(names) > 1 and rng.random() < ASKED:
        given = [names[one] for one in rng.permutation(len(names))[: rng.integers(1, len(names))]]
    order = [name for name in names if name not in given]
    if settings.model.order == "random":
        order = [order[one] for one in rng.permutation(len(order))]
    return wording.lesson(row, order, given)


async def learnt(
    run: Run, settings: Settings, wording: Wording, real: Table, parts: Parts, first: tuple[str, ...]
) -> RememberedModel:
    """Return a model that has learnt to write rows."""
    base = await _start(run, settings, wording, parts)
    texts = run.write("lessons", lessons(wording, real, parts.data, settings, first))
    model = settings.model
    how: dict[str, Any] = {
        "steps": model.steps,
        "tokens_per_batch": model.tokens_per_batch,
        "learning_rate": model.learning_rate,
        "schedule": "cosine",
        "warmup": min(30, model.steps // 10),
        "seed": settings.seed,
        "threads": model.threads,
    }
    if settings.promise.epsilon is None:
        return await run.afit(base, texts, TrainingSettings(**how), name="rows")
    formed = await run.afit(
        base, run.write("forms", forms(wording, settings, first)), TrainingSettings(**how), name="forms"
    )
    private = PrivateSettings(
        **how | {"learning_rate": model.learning_rate / 4},
        epsilon=settings.promise.epsilon,
        delta=settings.promise.delta,
        records_per_step=model.records_per_step,
        noise_seed=settings.promise.noise_seed,
    )
    return await run.afit(formed, texts, private, name="rows")


async def _start(run: Run, settings: Settings, wording: Wording, parts: Parts) -> RememberedModel:
    if settings.model.name != "fresh":
        return run.model(settings.model.name)
    texts, longest = wording.texts(), wording.longest()
    request: dict[str, Json] = {
        "data": parts.data.fingerprint,
        "objective": "none",
        "texts": digest(texts),
        "seed": settings.seed,
    }

    async def build(scratch: Path) -> None:
        untrained(scratch / "out", texts, longest, seed=settings.seed)

    folder = await run.store.artefact("fit", request, build)
    return run.model(str(folder.resolve()))


async def write_all(
    run: Run, settings: Settings, wording: Wording, drawing: Drawing, model: RememberedModel, source: Record
) -> dict[int, tuple[str, ...]]:
    """Ask until every slot holds a row; return the record that each slot's row comes from.

    Raises:
        Shortfall: some stay open, however often they are asked for.
    """
    sampling = Sampling(temperature=settings.model.temperature, max_tokens=2048)
    parents: dict[int, tuple[str, ...]] = {}
    for number in range(settings.model.draws):
        if not drawing.open:
            return parents
        requests = [_request(wording, drawing, slot, number, source) for slot in drawing.open]
        work = partial(write_row, sampling=sampling)
        written = await run.agrow(requests, work, model, name=f"written-{number + 1}", gates=[form(wording)])
        for record in written:
            if drawing.offer(record["slot"], row_of(wording, record)) is None:
                parents[record["slot"]] = (source.id, record.id)
    if drawing.open:
        raise drawing.shortfall()
    return parents


def _request(wording: Wording, drawing: Drawing, slot: int, number: int, source: Record) -> Record:
    given = {name: float(values[slot]) for name, values in drawing.given.items()}
    return Record(
        messages=(Message("user", wording.prompt(given, given)),),
        attributes={"slot": slot, "round": number, "given": given},
        origin="synthetic",
        parents=(source.id,),
    )


async def write_row(request: Record, model: Model, *, sampling: Sampling) -> Record:
    """Ask for a row."""
    said = await model.generate(request.messages, sampling, seed=request.seed("row"))
    return request.derive(response=said.text, attributes={"finish": said.finish})


def form(wording: Wording) -> Gate:
    """Return the gate that lets through what can be read as a row."""

    def gate(record: Record) -> Record:
        if record["finish"] != "stop":
            raise Rejected("form", "the answer was cut: it does not end")
        row_of(wording, record)
        return record

    gate.__name__ = "form"
    return gate


def row_of(wording: Wording, record: Record) -> dict[str, float]:
    """Return the row that a record says.

    Raises:
        Rejected: it says none.
    """
    return wording.read(record.response, record["given"], np.random.default_rng(record.seed("parts")))
