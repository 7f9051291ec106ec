"""Translations are kept if they behave like their original on the same inputs; failures are told and mended."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from regrowth.core.dataset import Dataset
from regrowth.core.errors import SettingsError
from regrowth.core.protocols import Completion
from regrowth.core.record import Message, Messages
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._code.yields import Yield
from regrowth.recipes.translate_code import Settings, request, translate_code, yielded
from regrowth.reports.blocks import Scores, load
from regrowth.run import Run, open_run
from regrowth.sandbox.languages import Missing, checked
from support.executors import Unisolated

HALF = "def half(n):\n    return n // 2\n"
CHECKS = ["assert half(7) == 3", "assert half(10) == 5"]
FLOOR = "function half(n) { return Math.floor(n / 2); }"
TRUNC = "function half(n) { return Math.trunc(n / 2); }"
Answer = Callable[[Messages, int], str | Completion]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    if isinstance(checked("javascript"), Missing):
        pytest.skip("node is not installed")
    with open_run(tmp_path / "run", isolation=Unisolated()) as opened:
        yield opened


def made(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    *,
    code: str = HALF,
    checks: Sequence[str] = CHECKS,
    name: str = "scripted",
    **settings: object,
) -> Dataset:
    """Run the recipe with a model that answers with a function of the conversation and the seed."""
    backend = ScriptedBackend(lambda messages, sampling, seed: answer(messages, seed), name=name)
    model = RememberedModel(backend, run.store, "scripted")
    monkeypatch.setattr(Run, "model", lambda *_: model)
    path = run.folder / "functions.jsonl"
    path.write_text(json.dumps({"text": "", "task_id": 1, "code": code, "test_list": list(checks)}) + "\n", "utf-8")
    given = {"functions": path, "model": "scripted", "language": "javascript", **settings}
    return run.wait(translate_code(run, Settings.model_validate(given)))


def always(code: str, language: str = "js") -> Answer:
    return lambda messages, seed: f"```{language}\n{code}\n```"


def then(*codes: str) -> Answer:
    """Answer the first request with the first code, the first repair with the second, …"""
    return lambda messages, seed: f"```js\n{codes[min(len(messages) // 2, len(codes) - 1)]}\n```"


def refusals(data: Dataset) -> list[tuple[str, str]]:
    return [(entry.gate, entry.reason) for entry in data.ledger()]


def test_a_translation_that_behaves_the_same_is_kept(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = made(run, monkeypatch, always(FLOOR))
    assert record.response == f"```javascript\n{FLOOR}\n```"
    assert record.messages == (Message("user", request(HALF, "half", "javascript")),)
    assert (record["source"], record["language"]) == ("python", "javascript")
    assert "assert.deepStrictEqual(plain(half(7)), 3);" in record["tests"]
    assert record["attempts"] == 1
    assert "half(7)" in record["inputs"]
    assert record["pass_rate"] == record.scores["agreement"] == 1
    assert record.scores["inputs"] == len(record["inputs"]) == 32
    assert record.scores["isolation"] == 2


def test_a_translation_that_passes_the_tests_but_differs_elsewhere_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = made(run, monkeypatch, always(TRUNC), repairs=0)
    assert len(data) == 0
    ((gate, reason),) = refusals(data)
    assert gate == "agrees"
    assert reason.startswith("half(-")
    assert ", the original gives -" in reason


def test_the_first_difference_is_fed_back_and_the_whole_dialogue_is_kept(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (record,) = made(run, monkeypatch, then(TRUNC, FLOOR))
    asked, wrong, told = record.messages
    assert asked.role == told.role == "user"
    assert TRUNC in wrong.content
    assert "the original gives -" in told.content
    assert FLOOR in record.response
    assert record["attempts"] == 2
    assert record["pass_rate"] == 0
    assert record["repaired"]


def test_what_does_not_parse_is_told_by_the_parser(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (record,) = made(run, monkeypatch, then("function half(n) { return ; ; }}", FLOOR))
    assert "SyntaxError" in record.messages[-1].content


def test_repairs_are_bounded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made(run, monkeypatch, always(TRUNC), repairs=2)
    (entry,) = data.ledger()
    assert entry.record["attempts"] == 3
    assert len(entry.record.messages) == 5


def test_half_of_the_inputs_are_never_told(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made(run, monkeypatch, always("function half(n) { return 0; }"))
    (entry,) = data.ledger()
    secret = entry.record["inputs"][1::2]
    told = " ".join(turn.content for turn in entry.record.messages[1:])
    assert not any(f"{call} " in told for call in secret)


@pytest.mark.parametrize(
    ("reply", "gate"),
    [
        (Completion(f"```js\n{FLOOR}\n```", finish="length"), "whole"),
        ("I would rather not.", "whole"),
        ("", "whole"),
        ("```js\nfunction half(n { return 1; }\n```", "parses"),
        ("```js\nfunction third(n) { return n; }\n```", "agrees"),
        pytest.param("```js\nfunction half(n) { for (;;) {} }\n```", "agrees", marks=pytest.mark.slow),
        ("```js\nprocess.exit(0); function half(n) { return 1; }\n```", "agrees"),
        (
            "```js\nfunction half(n) { return { valueOf: () => Math.floor(n / 2), toString: () => 'x' }; }\n```",
            "agrees",
        ),
        ("```js\nfunction half(n) { return String(Math.floor(n / 2)); }\n```", "agrees"),
    ],
)
def test_what_is_no_translation_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, reply: str | Completion, gate: str
) -> None:
    data = made(run, monkeypatch, lambda messages, seed: reply, repairs=0, inputs=8)
    assert [found for found, _ in refusals(data)] == [gate]


HALVES = {
    "lua": ("local function half(n) return n // 2 end", "local function half(n) return n / 2 end"),
    "perl": ("use POSIX; sub half { return POSIX::floor($_[0] / 2); }", "sub half { return int($_[0] / 2); }"),
    "r": ("half <- function(n) floor(n / 2)", "half <- function(n) trunc(n / 2)"),
    "bash": ("half() { echo $(( ($1 - ($1 % 2 + 2) % 2) / 2 )); }", "half() { echo $(( $1 / 2 )); }"),
    "ruby": ("def half(n) = n.div(2)", "def half(n) = (n / 2.0).truncate"),
    "php": (
        "<?php function half($n) { return (int) floor($n / 2); }",
        "<?php function half($n) { return intdiv($n, 2); }",
    ),
    "c": ("long long half(long long n) { return n >> 1; }", "long long half(long long n) { return n / 2; }"),
    "rust": ("fn half(n: i64) -> i64 { n.div_euclid(2) }", "fn half(n: i64) -> i64 { n / 2 }"),
}


@pytest.mark.slow
@pytest.mark.parametrize("language", HALVES)
def test_in_every_language_flooring_is_kept_and_truncating_is_refused(
    run: Run, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    if isinstance(checked(language), Missing):
        pytest.skip(f"{language} is not installed")
    right, wrong = HALVES[language]
    kept = list(made(run, monkeypatch, always(right, language), name="right", language=language, repairs=0))
    refused = refusals(made(run, monkeypatch, always(wrong, language), name="wrong", language=language, repairs=0))
    assert [record["language"] for record in kept] == [language], refused
    assert [gate for gate, _ in refused] == ["agrees"]


def test_a_function_whose_behaviour_cannot_be_sampled_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    constant = "def half(n):\n    return 3\n"
    ((gate, reason),) = refusals(made(run, monkeypatch, always(FLOOR), code=constant))
    assert gate == "inputs"
    assert reason.startswith("the same value on all")
    random = "import random\ndef half(n):\n    return random.random()\n"
    ((gate, reason),) = refusals(made(run, monkeypatch, always(FLOOR), code=random))
    assert gate == "inputs"


def test_inputs_on_which_the_original_raises_are_left_out_or_must_fail(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    careful = "def half(n):\n    if n < 0:\n        raise ValueError(n)\n    return n // 2\n"
    assert len(made(run, monkeypatch, always(FLOOR), code=careful)) == 1
    data = made(run, monkeypatch, always(FLOOR), code=careful, errors=True, repairs=0)
    assert "the original fails with ValueError" in refusals(data)[0][1]
    strict = "function half(n) { if (n < 0) throw new Error('no'); return Math.floor(n / 2); }"
    assert len(made(run, monkeypatch, always(strict), code=careful, errors=True)) == 1


def test_both_ways_gives_the_pair_turned_round(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    there, back = made(run, monkeypatch, always(FLOOR), both_ways=True)
    assert (back["source"], back["language"]) == ("javascript", "python")
    assert FLOOR in back.prompt
    assert "Translate this JavaScript function to Python." in back.prompt
    assert back.response == f"```python\n{HALF.strip()}\n```"
    assert there.scores["agreement"] == 1


def test_the_yield_is_told_by_how_hard_a_function_is(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made(run, monkeypatch, then(TRUNC, FLOOR), samples=3)
    assert len(data) == 3
    assert yielded(data) == [Yield("none right", drawn=3, right=0, repaired=3)]
    (table,) = load(run.folder)
    assert isinstance(table, Scores)
    assert table.title == "Yield by difficulty"


def test_a_language_that_is_not_there_stops_the_run_before_anything_is_paid(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match="klingon"):
        made(run, monkeypatch, always(FLOOR), language="klingon")


def test_a_finished_run_replays_without_effects(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    executor = run.sandbox.executor
    assert isinstance(executor, Unisolated)
    first = made(run, monkeypatch, then(TRUNC, FLOOR))
    runs = executor.runs
    second = made(run, monkeypatch, then(TRUNC, FLOOR))
    assert [record.id for record in first] == [record.id for record in second]
    assert executor.runs == runs
