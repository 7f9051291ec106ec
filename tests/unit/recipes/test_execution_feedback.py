"""Code and tests judge each other, what fails is mended within bounds, and the whole dialogue is kept."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from regrowth.core.errors import NoIsolation, SettingsError
from regrowth.core.protocols import Execution, Limits, Sampling
from regrowth.core.record import Messages, Record
from regrowth.metrics.intervals import proportion
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import Script, ScriptedBackend
from regrowth.models.tiny import TINY
from regrowth.recipes._code.agreement import SuiteSettings
from regrowth.recipes._code.arms import distinct, mixes
from regrowth.recipes._code.drafts import How
from regrowth.recipes._code.yields import Yield, by_difficulty
from regrowth.recipes.execution_feedback import RESULT, Lesson, Settings, _how, execution_feedback
from regrowth.reports.blocks import load
from regrowth.run import Run, open_run
from support.authors import Author, vacuous, wrong
from support.executors import Unisolated

ADD = "def add(a, b):\n    return a + b\n"
CHECKS = "assert add(2, 3) == 5\nassert add(-1, 1) == 0\nassert add(2, 2) == 4\nassert add(0, 7) == 7"
FEW = SuiteSettings(count=1, mutants=2)


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run", isolation=Unisolated()) as opened:
        yield opened


def answered_by(run: Run, monkeypatch: pytest.MonkeyPatch, script: Script, *, folder: Path | None = None) -> None:
    """Have a function answer for every model that a recipe asks the run for."""
    backend = ScriptedBackend(script, name="author")
    if folder is not None:
        backend.folder = folder  # type: ignore[attr-defined]
    monkeypatch.setattr(run, "model", lambda name: RememberedModel(backend, run.store, name))


# The whole recipe


def grown(run: Run, author: Script, monkeypatch: pytest.MonkeyPatch, **settings: Any) -> Any:
    answered_by(run, monkeypatch, author)
    wanted = {"problems": 4, "solutions": 3, "suites": FEW, **settings}
    return run.wait(execution_feedback(run, Settings.model_validate(wanted)))


def test_dialogues_keep_the_wrong_attempt_nothing_vanishes_and_all_replays(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = grown(run, Author(bugs=0.4, repairs=0.6), monkeypatch)
    drafts, kept = list(run.dataset("drafts")), list(outcome.data)
    refused = list(outcome.data.ledger())
    assert len(drafts) == len(kept) + len(refused) == 12
    assert {entry.gate for entry in refused} <= {"frozen_tests", "test_quality"}
    repaired = [one for one in kept if one["repaired"]]
    assert repaired
    for one in repaired:
        assert [turn.role for turn in one.messages] == ["user", "assistant", "user"]
        assert one.messages[1].content != one.response
        assert one.messages[2].content.startswith("Fix it.\nf(")
        assert one["attempts"] >= 2
        assert one["blamed"] == "code"
    for one in kept:
        assert one.scores.keys() >= {"mutation", "coverage", "asserts", "agreement", "isolation", "passed"}
        assert one["checks"]
    assert sum(one.drawn for one in outcome.yields) == 12
    assert sum(one.right + one.repaired for one in outcome.yields) == len(kept)
    titles = [getattr(block, "title", "") for block in load(run.folder)]
    assert titles == ["Yield by difficulty", "What was kept"]

    before = run.store.new_effects
    again = grown(run, Author(bugs=0.4, repairs=0.6), monkeypatch)
    assert again.data.fingerprint == outcome.data.fingerprint
    assert run.store.new_effects == before


def test_vacuous_tests_stop_a_problem_not_the_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    author = Author(bugs=0.3, repairs=1.0, suites={vacuous: 1.0})
    outcome = grown(run, author, monkeypatch, problems=2, train=True)
    assert len(outcome.data) == 0
    assert {entry.gate for entry in outcome.data.ledger()} == {"test_quality"}
    assert [one.band for one in outcome.yields] == ["no sound tests"]
    assert outcome.model is None


def test_where_every_draft_fails_mended_ones_may_still_settle_the_problem(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    how = {"problems": 2, "suites": SuiteSettings(count=2, mutants=2)}
    outcome = grown(run, Author(bugs=1.0, repairs=1.0), monkeypatch, **how)
    assert [(one.band, one.right, one.dropped) for one in outcome.yields] == [("none right", 0, 0)]
    assert all(one["repaired"] and one["pass_rate"] == 0 for one in outcome.data)
    # The first suite mended them, the second one judged them, and that is frozen.
    second = [one for one in outcome.data if one["sample"] == 1]
    assert second
    assert all(set(one["checks"]) <= set(one["own_tests"].splitlines()) for one in second)
    assert len(grown(run, Author(bugs=1.0, repairs=1.0), monkeypatch, **how, repairs=0).data) == 0


def test_hard_problems_get_more_rounds_and_come_first(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    how = How(style="brief", solutions=4, suites=FEW, repairs=2)
    assert [how.rounds(rate) for rate in (0.0, 0.25, 0.5, 1.0)] == [4, 4, 2, 2]
    outcome = grown(run, Author(bugs=0.5, repairs=0.5), monkeypatch, problems=3, tokens=1)
    rates = [one["pass_rate"] for one in outcome.data if not one["right"]]
    assert rates == sorted(rates)


def test_nothing_runs_where_nothing_isolates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Nothing:
        tier = 0
        digest = "nothing"

        async def run(self, files: object, argv: object, stdin: str = "", limits: Limits = Limits()) -> Execution:  # noqa: B008
            return Execution(status="refused", reason="no namespaces, no Landlock")

    with open_run(tmp_path / "run", isolation=Nothing()) as run, pytest.raises(NoIsolation, match="no Landlock"):
        grown(run, Author(bugs=0.5, repairs=0.5), monkeypatch)


def test_problems_come_from_one_place(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="both named"):
        grown(run, Author(bugs=0.5, repairs=0.5), monkeypatch, snippets=tmp_path, tasks=tmp_path)


def test_train_takes_true_or_the_settings_of_a_lesson() -> None:
    assert Settings.model_validate({"train": True}).train == Lesson()
    assert Settings.model_validate({"train": False}).train is None
    assert Settings.model_validate({"train": {"steps": 3}}).train == Lesson(steps=3)


def test_only_the_packaged_model_is_spoken_to_in_brief() -> None:
    styles = [_how(Settings.model_validate(one)).style for one in ({}, {"model": "hf:a/b"}, {"prompts": "full"})]
    assert styles == ["brief", "full", "full"]


def large(messages: Messages, sampling: Sampling, seed: int) -> str:
    """Answer as a large model would, with fences and talk; the first draft of a problem has a bug and a lint error."""
    text, fence = messages[0].content, "```"
    if "inspired by the snippet" in text:
        return "Add two numbers; the result is their sum.\ndef add(a: int, b: int) -> int:"
    if "you write the tests" in text:
        return f"Here they are:\n{fence}python\n{CHECKS}\n{fence}"
    wrong = len(messages) == 1 and seed % 2
    code = "def add(a, b):\n    # both matter\n    return a - b\n" if wrong else ADD
    return f"Sure.\n{fence}python\n{code}{fence}\nDone."


def test_a_large_model_invents_solves_tests_and_mends(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = [{"code": f"def snippet_{n}(values):\n    return sum(values) + {n} * len(values)"} for n in range(3)]
    path = tmp_path / "snippets.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    outcome = grown(run, large, monkeypatch, snippets=path, problems=3, solutions=6, prompts="full")
    # All three inventions say the same: two are refused as doubles of the first.
    problems = run.dataset("problems")
    assert len(problems) == 1
    assert {entry.gate for entry in problems.ledger()} == {"near_duplicate"}
    assert len(outcome.data) == 6
    repaired = [one for one in outcome.data if one["repaired"]]
    assert 0 < len(repaired) < 6
    assert "Failed 4 of 4 tests" in repaired[0].prompt
    assert "expected 5, found -1" in repaired[0].prompt


def test_every_arm_trains_on_as_many_rows_beside_the_same_real_ones() -> None:
    def rows(name: str, count: int) -> list[Record]:
        return [Record.of(f"{name} {n % 7}", response=f"{n % 7}") for n in range(count)]

    real = rows("real", 3)
    found = mixes({"a": rows("a", 30), "b": rows("b", 5), "none": []}, real, seed=0)
    assert {arm: len(mix) for arm, mix in found.items()} == {"a": 8, "b": 8}
    assert all(mix[:3] == real for mix in found.values())
    assert len(distinct(rows("a", 30))) == 7
    assert distinct([]) == []


def test_the_yield_is_told_by_difficulty() -> None:
    table = by_difficulty([Yield("easy", 100, 80, 10), Yield("hard", 40, 4, 6)])
    assert [arm.name for arm in table.arms] == ["easy", "hard"]
    assert table.arms[1].estimates["right at first"] == proportion(4, 40)
    assert table.arms[1].estimates["kept after repair"] == proportion(10, 40)
    assert "30 dropped" in table.arms[1].note


@pytest.mark.slow
@pytest.mark.parametrize(("bugs", "repairs"), [(0.25, 0.75), (0.5, 0.5)])
def test_the_self_corrected_share_is_what_the_rates_say(
    bugs: float, repairs: float, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    suites = SuiteSettings(count=1, mutants=1)
    outcome = grown(run, Author(bugs, repairs), monkeypatch, problems=40, solutions=4, suites=suites)
    repaired = sum(one["repaired"] for one in outcome.data)
    found = proportion(repaired, len(outcome.data))
    assert found.low <= bugs * repairs / (1 - bugs + bugs * repairs) <= found.high


@pytest.mark.slow
def test_training_sets_the_dialogues_beside_their_controls(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    author = Author(bugs=0.5, repairs=0.5, suites={wrong: 0.3, vacuous: 0.3, **Author(0, 0).suites})
    answered_by(run, monkeypatch, author, folder=TINY)
    lesson = {"real": 8, "steps": 2, "heldout": 8}
    wanted = {"problems": 6, "solutions": 3, "suites": FEW, "train": lesson}
    outcome = run.wait(execution_feedback(run, Settings.model_validate(wanted)))
    arms = {RESULT, "unverified", "no repair", "no test-quality gate"}
    assert outcome.precision.keys() == arms
    assert outcome.marks.keys() == {"base", *arms}
    assert outcome.precision[RESULT].value > outcome.precision["unverified"].value
    assert outcome.precision["no test-quality gate"].value < 1
    sizes = {len(run.dataset(f"lesson-{arm.replace(' ', '-')}")) for arm in arms}
    assert len(sizes) == 1
    assert outcome.model is not None
