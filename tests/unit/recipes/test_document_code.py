"""Documentation is kept if code written from it alone behaves like the original, and if it is no copy."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from regrowth.core.dataset import Dataset
from regrowth.core.protocols import Completion, Sampling
from regrowth.core.record import Messages
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes import document_code as recipe
from regrowth.recipes._code.copying import copied
from regrowth.recipes._code.originals import Original
from regrowth.recipes.document_code import Settings, bare, document_code
from regrowth.run import Run, open_run
from support.data import shared_data
from support.executors import Unisolated

AREA = '''def area(w, h):
    """Return the area."""
    # both in metres
    if w < 0 or h < 0:
        return 0
    return w * h
'''
CHECKS = ["assert area(2, 3) == 6", "assert area(-1, 3) == 0", "assert area(4, 4) == 16"]
WORDS = "Takes a width and a height. Gives their product, and nothing at all, that is 0, if one is negative."
Writer = Callable[[str, int], str]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    with open_run(tmp_path / "run", isolation=Unisolated()) as opened:
        yield opened


def snippets(folder: Path, *codes: str) -> Path:
    path = folder / "snippets.jsonl"
    rows = [{"text": "", "task_id": place, "code": code, "test_list": CHECKS} for place, code in enumerate(codes)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def documented(
    run: Run, monkeypatch: pytest.MonkeyPatch, text: str | Completion, writer: Writer, **settings: object
) -> Dataset:
    """Run the recipe with a model that documents with one text and writes with a function of (prompt, seed)."""

    def script(messages: Messages, sampling: Sampling, seed: int) -> str | Completion:
        asked = messages[-1].content
        return text if asked.startswith("Document this") else writer(asked, seed)

    model = RememberedModel(ScriptedBackend(script), run.store, "scripted")
    monkeypatch.setattr(Run, "model", lambda *_: model)
    path = snippets(run.folder, AREA)
    return run.wait(document_code(run, Settings.model_validate({"snippets": path, "model": "scripted", **settings})))


def right(asked: str, seed: int) -> str:
    return "```python\ndef area(w, h):\n    return max(w, 0) * max(h, 0)\n```"


def wrong(asked: str, seed: int) -> str:
    return "```python\ndef area(w, h):\n    return w * h\n```"


def refusals(data: Dataset) -> list[tuple[str, str]]:
    return [(entry.gate, entry.reason) for entry in data.ledger()]


def test_faithful_documentation_gives_two_records(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    data = documented(run, monkeypatch, WORDS, right)
    documentation, code = data
    assert documentation.response == WORDS
    assert "if w < 0 or h < 0" in documentation.prompt
    assert WORDS in code.prompt
    assert "def area(w, h):" in code.prompt
    assert code.response == bare(AREA)
    assert code.scores["faithful"] == documentation.scores["faithful"] == 1
    assert documentation.scores["isolation"] == 2
    assert documentation.scores["inputs"] >= 6


@pytest.mark.parametrize("rows", ["documentation", "code"])
def test_the_rows_wanted_are_the_rows_given(run: Run, monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    data = documented(run, monkeypatch, WORDS, right, rows=rows)
    assert [record["row"] for record in data] == [rows]


def test_documentation_is_refused_if_no_program_behaves_like_the_original(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = documented(run, monkeypatch, WORDS, wrong)
    assert len(data) == 0
    ((gate, reason),) = refusals(data)
    assert gate == "faithful"
    assert reason.startswith("0 of 4 programs behave like the original: area(-1, 3) gives -3, the original gives 0")


def test_the_score_is_the_share_of_programs_that_agree(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    data = documented(run, monkeypatch, WORDS, lambda asked, seed: (wrong, right)[seed % 2](asked, seed), draws=16)
    shares = {record.scores["faithful"] for record in data}
    assert len(shares) == 1
    assert 0 < shares.pop() < 1


def test_as_many_programs_must_agree_as_the_settings_say(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    mixed: Writer = lambda asked, seed: (wrong, right)[seed % 2](asked, seed)  # noqa: E731
    data = documented(run, monkeypatch, WORDS, mixed, draws=16, agreeing=16)
    assert len(data) == 0


@pytest.mark.parametrize(
    "text",
    [
        AREA,
        "It is this:\n1. def surface(a, b):\n2. if a < 0 or b < 0:\n3. return 0\n4. return a * b",
        "Quite simply `if w < 0 or h < 0: return 0` and else `return w * h`.",
    ],
)
def test_documentation_that_holds_the_code_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    ((gate, _),) = refusals(documented(run, monkeypatch, text, right))
    assert gate == "copied"


def test_documentation_that_was_cut_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    ((gate, _),) = refusals(documented(run, monkeypatch, Completion(WORDS, finish="length"), right))
    assert gate == "whole"


def test_a_program_is_written_from_the_documentation_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def writer(asked: str, seed: int) -> str:
        seen.append(asked)
        return right(asked, seed)

    documented(run, monkeypatch, WORDS, writer, draws=2)
    assert seen
    assert not any("return" in line and "w * h" in line for asked in seen for line in asked.splitlines())


def test_more_agreement_than_draws_cannot_be_asked() -> None:
    with pytest.raises(ValidationError, match="only 2 draws"):
        Settings(snippets=Path("x"), model="tiny", draws=2, agreeing=3)


def test_brief_prompts_are_one_line_and_the_text() -> None:
    original = Original("def f(x):\n    return x", "f", "", ())
    assert recipe.request(original, "brief") == "Write a task.\ndef f(x):\n    return x"
    assert recipe.request_code("Write f(x).", original, "brief") == "Write f(x)."


def test_a_bare_program_has_neither_docstrings_nor_comments() -> None:
    assert bare(AREA) == "def area(w, h):\n    if w < 0 or h < 0:\n        return 0\n    return w * h"
    assert bare('def f():\n    """Nothing."""') == "def f():\n    pass"


def test_copying_is_measured_whatever_the_names() -> None:
    assert copied(AREA, AREA) == 1
    assert copied(AREA.replace("w", "width").replace("area", "size"), AREA) == 1
    assert copied(WORDS, AREA) == 0
    assert copied("", AREA) == copied(AREA, "") == 0


def test_half_a_program_is_about_half_a_copy() -> None:
    lines = [f"    value = value * {n} + other[{n}] - {n + 1}" for n in range(2, 12)]
    code = "def f(value, other):\n" + "\n".join(lines) + "\n    return value\n"
    assert 0.4 < copied("\n".join(lines[:5]), code) < 0.6


@pytest.mark.slow
def test_what_people_wrote_about_their_functions_is_no_copy_and_copies_are() -> None:
    rows = [json.loads(line) for line in _lines(shared_data("code/mbpp.jsonl.gz"))]
    limit = Settings.model_fields["copied"].default
    own = sum(copied(row["text"], row["code"]) >= limit for row in rows)
    whole = sum(copied(row["code"], row["code"]) >= limit for row in rows)
    assert own == 0
    assert whole == len(rows)


def _lines(path: Path) -> list[str]:
    import gzip

    return gzip.decompress(path.read_bytes()).decode().splitlines()
