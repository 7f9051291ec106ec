"""The recipe `tables`: files, lineage, ledger, promises and repetition of whole runs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from pydantic import ValidationError

from regrowth.core.errors import DataError, SettingsError, Shortfall
from regrowth.core.protocols import Completion, Sampling
from regrowth.core.record import Messages
from regrowth.domains.tables.constraints import Range, Rules
from regrowth.domains.tables.making import Drawing
from regrowth.domains.tables.schema import read
from regrowth.domains.tables.texts import Wording
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._tables.records import parts
from regrowth.recipes._tables.settings import Model, Real, Settings
from regrowth.recipes._tables.writing import lessons, write_all
from regrowth.recipes.tables import tables
from regrowth.run import Run, open_run
from regrowth.seeds.tables import read_table

N = 60
RNG = np.random.default_rng(0)
REAL = pa.table(
    {
        "age": RNG.integers(18, 80, N),
        "sex": RNG.choice(["f", "m"], N),
        "day": pa.array(RNG.integers(18_000, 18_400, N).astype(np.int32), pa.date32()),
        "pay": pa.array([None if n % 10 == 0 else n * 1.5 for n in range(N)]),
    }
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pa.parquet.write_table(REAL, tmp_path / "real.parquet")
    return tmp_path / "real.parquet"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run") as opened:
        yield opened


def played(run: Run, **settings: Any) -> pa.Table:
    return run.wait(tables(run, Settings(**settings))).table


def test_the_file_the_dataset_and_the_result_say_the_same(run: Run, path: Path) -> None:
    made = played(run, path=path, rows=15, format="parquet")
    assert read_table(run.folder / "synthetic.parquet") == made
    assert made.schema == REAL.schema
    records = list(run.dataset("synthetic"))
    assert [record["row"]["age"] for record in records] == made["age"].to_pylist()
    assert [record["row"]["day"] for record in records] == [str(day) for day in made["day"].to_pylist()]
    assert all(record.origin == "synthetic" for record in records)
    assert records[0].response.startswith(f"age is {made['age'][0]}, sex is ")


def test_rows_that_are_kept_aside_never_reach_the_generator(run: Run, path: Path) -> None:
    played(run, path=path, rows=5, real={"holdout": 0.25, "most": 30})
    aside, real = run.dataset("aside"), run.dataset("real")
    assert (len(aside), len(real)) == (15, 30)
    assert not {record["number"] for record in aside} & {record["number"] for record in real}
    (source,) = {parent for record in run.dataset("synthetic") for parent in record.parents}
    assert run.store.descendants([next(iter(real)).id]) >= {source}
    assert source not in run.store.descendants([record.id for record in aside])


def test_shares_are_exact_and_refused_rows_are_in_the_ledger(run: Run, path: Path) -> None:
    rule = {"kind": "range", "column": "age", "low": 40}
    played(
        run,
        path=path,
        rows=20,
        conditions={"sex": {"f": 0.5, "m": 0.5}},
        constraints=[rule],
        real={"leave_out": ["day"]},
    )
    data = run.dataset("synthetic")
    rows = [record["row"] for record in data]
    assert [row["sex"] for row in rows].count("f") == 10
    assert min(row["age"] for row in rows) >= 40
    ledger = list(data.ledger())
    assert ledger
    assert {entry.gate for entry in ledger} == {"ranges"}
    assert all("outside of 40 to any" in entry.reason for entry in ledger)
    assert data.manifest["funnel"]["strata"][""]["made"] == len(data) + len(ledger)


def test_forgetting_a_real_row_removes_all_that_was_learnt_from_it(run: Run, path: Path) -> None:
    before = played(run, path=path, rows=10)
    victim = next(iter(run.dataset("real")))
    run.forget([victim.id])
    assert len(run.dataset("synthetic")) == 0
    assert not list((run.folder / "artefacts").glob("*/*"))
    after = played(run, path=path, rows=10)
    assert victim.id not in {record.id for record in run.dataset("real")}
    assert after != before
    assert len(run.dataset("synthetic")) == 10


@pytest.mark.parametrize("how", [{"how": "trees"}, {"how": "private", "promise": {"epsilon": 2.0}}])
def test_a_run_repeats_itself_also_where_its_noise_came_from_chance(
    how: dict[str, Any], tmp_path: Path, path: Path
) -> None:
    made = []
    for _ in range(2):
        with open_run(tmp_path / "same") as run:
            made.append(played(run, path=path, rows=12, **how))
            new = run.store.new_effects
    assert made[0] == made[1]
    assert new == 0


def test_the_promise_is_told(run: Run, path: Path) -> None:
    played(run, path=path, rows=8, how="private", promise={"epsilon": 2.0, "domain": {"age": (0, 100)}})
    headline = json.loads((run.folder / "blocks.json").read_text())[0]["text"]
    assert headline == "8 rows like those of real.parquet, by private; ε = 2, δ = 1e-06 promised to each real row"


def test_what_does_not_go_together_is_told(run: Run, path: Path) -> None:
    for wrong in (
        {"how": "private"},
        {"how": "trees", "promise": {"epsilon": 1}},
        {"how": "private", "promise": {"epsilon": 1}, "find": True},
        {"how": "text", "promise": {"epsilon": 1}},
    ):
        with pytest.raises(ValidationError):
            Settings(path=path, **wrong)
    with pytest.raises(DataError, match="no column 'height'"):
        played(run, path=path, real={"leave_out": ["height"]})
    rule = {"kind": "combinations", "columns": ["sex"]}
    with pytest.raises(SettingsError, match="breaks the promise"):
        played(run, path=path, how="text", promise={"epsilon": 1}, model={"lessons": 1}, constraints=[rule])


def test_what_numbers_the_rows_is_told_from_numbers_although_only_a_part_is_learnt_from(run: Run, path: Path) -> None:
    numbered = REAL.append_column("id", pa.array(range(1000, 1000 + N)))
    pa.parquet.write_table(numbered, path)
    made = played(run, path=path, rows=30)
    assert len(set(made["id"].to_pylist())) == 30
    assert min(made["id"].to_pylist()) >= 1000 + N - N // 5


# Text


def texts(run: Run, path: Path, **settings: Any) -> tuple[Settings, Wording, Any, Any]:
    chosen = Settings(path=path, how="text", real=Real(holdout=0), **settings)
    real = parts(run, chosen)
    schema, known = read(real.known)
    return chosen, Wording.of(schema, known), known, (real, schema)


def test_lessons_hold_every_column_once_in_question_or_answer(run: Run, path: Path) -> None:
    settings, wording, known, (real, _) = texts(run, path, model=Model(lessons=3))
    made = list(lessons(wording, known, real.data, settings, ()))
    assert len(made) == 3 * N
    for lesson in made:
        said = f"{lesson.prompt.removeprefix('row').removeprefix(' where ')}, {lesson.response}"
        assert sorted(part.split(" is ")[0] for part in said.split(", ") if part) == ["age", "day", "pay", "sex"]
    asked = sum(lesson.prompt != "row" for lesson in made) / len(made)
    assert 0.3 < asked < 0.7
    assert {lesson.parents[-1] for lesson in made} == {record.id for record in real.data}


def test_asked_columns_stand_first_in_every_lesson(run: Run, path: Path) -> None:
    settings, wording, known, (real, _) = texts(run, path, model=Model(lessons=1, order="random"))
    made = list(lessons(wording, known, real.data, settings, ("sex",)))
    assert all(lesson.prompt.startswith("row where sex is ") for lesson in made)
    assert len({lesson.response.split(" is ")[0] for lesson in made}) == 3


@pytest.mark.slow
def test_a_private_model_learns_the_form_from_chance_and_the_rows_within_its_promise(run: Run, tmp_path: Path) -> None:
    rows = pa.table({"colour": ["red", "blue"] * 20, "size": [n % 3 for n in range(40)]})
    pa.parquet.write_table(rows, tmp_path / "few.parquet")
    model = {"lessons": 1, "steps": 60, "tokens_per_batch": 512, "records_per_step": 8}
    made = played(
        run, path=tmp_path / "few.parquet", rows=4, how="text", promise={"epsilon": 8, "noise_seed": 1}, model=model
    )
    assert made.num_rows == 4
    fits = [effect for effect in run.store.effects() if effect.kind == "fit" and "settings" in effect.request]
    plain, private = fits
    assert plain.request["data"] == run.dataset("forms").fingerprint
    assert private.request["data"] == run.dataset("lessons").fingerprint
    assert private.request["settings"]["epsilon"] == 8
    assert not {record.id for record in run.dataset("real")} & {
        parent for record in run.dataset("forms") for parent in record.parents
    }


def test_rows_are_asked_for_until_all_slots_are_filled(run: Run, path: Path) -> None:
    settings, wording, known, (real, schema) = texts(run, path)
    told = iter(range(1000))

    def answer(messages: Messages, sampling: Sampling, seed: int) -> Completion:
        assert messages[-1].content == "row where sex is f"
        number = next(told)
        whole = wording.lesson(
            {name: float(known[name].values[number]) for name in wording.columns}, ("age", "day", "pay")
        )
        text = [whole.response, "age is nonsense", whole.response][number % 3]
        return Completion(text, finish="length" if number % 3 == 2 else "stop")

    women = {"sex": np.zeros(7, np.int32)}
    drawing = Drawing(Rules.of([Range("age", 30)], known, schema), women, 7)
    model = RememberedModel(ScriptedBackend(answer), run.store, "scripted")
    parents = run.wait(write_all(run, settings, wording, drawing, model, real.source))
    assert not drawing.open
    assert drawing.rows()["sex"].tolist() == [0] * 7
    assert drawing.rows()["age"].min() >= 30
    written = {record.id for data in run.datasets() if "written" in data.path.name for record in data}
    assert {record for _, record in parents.values()} <= written
    reasons = {entry.reason for data in run.datasets() if "written" in data.path.name for entry in data.ledger()}
    assert reasons == {"no age is 'nonsense'", "the answer was cut: it does not end"}


def test_a_model_that_never_writes_a_row_is_told(run: Run, path: Path) -> None:
    settings, wording, known, (real, schema) = texts(run, path, model=Model(draws=2))
    drawing = Drawing(Rules.of([], known, schema), {}, 3)
    model = RememberedModel(ScriptedBackend(lambda *_: "nothing"), run.store, "scripted")
    with pytest.raises(Shortfall, match="0 of 3 rows"):
        run.wait(write_all(run, settings, wording, drawing, model, real.source))
