"""Tables: a real table in, as many synthetic rows as wanted out, in its types, with what was asked of them.

    regrowth run tables --set path=adult.csv --set rows=500 --set 'conditions.sex={"Male":0.5,"Female":0.5}'

Three ways: trees over the columns (the default, seconds), noisy counts with differential privacy (`how=private`), or
a language model that writes rows as texts (`how=text`; GReaT, Borisov et al., 2023, arXiv:2210.06280). A share of the
real rows is kept from all of them: privacy is measured against it.

One record on its way:
    prompt    "Row of adult.csv"
    response  "age is 38, workclass is Private, … income is <=50K"      # made; its parent is the table learnt from
A row that breaks a constraint goes to the ledger with the reason, and its slot is drawn again.
"""

import asyncio

import numpy as np

from regrowth.core.record import digest
from regrowth.domains.tables import Constraint, Made, Promise, check_private, found_in
from regrowth.domains.tables.conditions import given
from regrowth.domains.tables.constraints import Rules, constraint
from regrowth.domains.tables.making import Drawing
from regrowth.domains.tables.private import declared
from regrowth.domains.tables.schema import read
from regrowth.domains.tables.texts import Wording
from regrowth.recipes._tables.baseline import made_of
from regrowth.recipes._tables.records import Parts, deliver, export, parts
from regrowth.recipes._tables.settings import Settings
from regrowth.recipes._tables.telling import blocks, compared
from regrowth.recipes._tables.writing import learnt, write_all
from regrowth.reports.blocks import save
from regrowth.run import Run

__all__ = ["Settings", "tables"]


async def tables(run: Run, settings: Settings) -> Made:
    """Return the synthetic table; the run folder holds it as a dataset and as a file.

    Raises:
        DataError: the file is no table, or none of its columns can be drawn.
        SettingsError: a condition or constraint names what there is not.
        Shortfall: too many rows are refused.
    """
    real = parts(run, settings)
    rows = min(settings.rows, run.preview or settings.rows)
    rules = tuple(constraint(one) for one in settings.constraints)
    if settings.find:
        rules += found_in(real.known, real.kinds)
    if settings.how == "text":
        made, parents = await by_text(run, settings, real, rules, rows)
    else:
        made, parents = await made_of(run, settings, real, rules, rows), {}
    await deliver(run, made.table, made.refused, settings.path.name, real.source, parents)
    path = export(run.folder, made.table, settings.format)
    comparison = await asyncio.to_thread(compared, real, made.table, settings.seed)
    save(run.folder, blocks(settings, real, made, path, comparison))
    return made


async def by_text(
    run: Run, settings: Settings, real: Parts, rules: tuple[Constraint, ...], rows: int
) -> tuple[Made, dict[int, tuple[str, ...]]]:
    """Return what a language model makes, and the records that its rows come from."""
    schema, known = read(real.known, real.kinds)
    private = settings.promise.epsilon is not None
    if private:
        check_private(rules)
        schema, known = declared(schema, known, settings.promise.domain)
    rng = np.random.default_rng(int(digest("tables", settings.seed), 16))
    asked = given(settings.conditions, rows, None if private else known, schema, rng)
    drawing = Drawing(Rules.of(rules, known, schema), asked, rows)
    wording = Wording.of(schema, known, public=private)
    model = await learnt(run, settings, wording, known, real, tuple(asked))
    parents = await write_all(run, settings, wording, drawing, model, real.source)
    promise = None if settings.promise.epsilon is None else Promise(settings.promise.epsilon, settings.promise.delta)
    table = schema.written(drawing.rows(), rows, rng)
    return Made(table, tuple(drawing.refused), schema.left_out, promise), parents
