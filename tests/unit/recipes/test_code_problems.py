"""Problems are found, invented after snippets, told apart, and kept away from benchmarks."""

import asyncio
import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from regrowth.core.errors import DataError, Rejected
from regrowth.core.layouts.rows import read_rows
from regrowth.core.protocols import Sampling
from regrowth.core.record import Messages, Record
from regrowth.core.store import Store
from regrowth.domains import problems as generated
from regrowth.models.model import RememberedModel
from regrowth.models.scripted import ScriptedBackend
from regrowth.recipes._code.problems import (
    given,
    inspired,
    near_duplicates,
    novel,
    posed,
    snippets,
    uncontaminated,
)
from regrowth.recipes._code.prompts import asked
from support.data import shared_data


def test_a_problem_that_is_nearly_another_one_is_found_exactly() -> None:
    first = "Return the sum of all even numbers in a list of whole numbers"
    texts = [first, first.replace("even", "odd"), f"Please {first}", "Sort the words of a line."]
    found = near_duplicates(texts)
    assert list(found) == [2]
    # 13 words are 11 runs of three; one word more in front makes one run more.
    assert found[2][0] == 0
    assert found[2][1] == pytest.approx(11 / 12)
    # One word changed inside takes three runs: 8 of 14.
    assert near_duplicates(texts, alike=8 / 14).keys() == {1, 2}
    assert near_duplicates(texts, alike=8 / 14 + 1e-9).keys() == {2}
    assert near_duplicates([]) == near_duplicates(["", "a"]) == {}


def test_the_gate_of_novelty_names_the_twin() -> None:
    texts = ("the sum of the numbers in a list", "The sum of the numbers in a list!")
    posed = [Record.of(text, problem=text) for text in texts]
    gate = novel(posed)
    assert gate(posed[0]) is posed[0]
    with pytest.raises(Rejected, match="100% like"):
        gate(posed[1])


def test_a_problem_from_a_benchmark_is_refused_with_the_span(tmp_path: Path) -> None:
    known = "Write a python function to find the first repeated character in a given string."
    path = tmp_path / "mbpp.jsonl"
    path.write_text(json.dumps({"text": known, "id": 3}) + "\n", "utf-8")
    gate = uncontaminated([path])
    near = "Your task: find the FIRST repeated character, in a given string of letters."
    other = Record.of("x", problem="Find the first repeated character in some other text.")
    assert gate(other) is other
    with pytest.raises(Rejected, match=r"item 0 of mbpp .*'find the FIRST repeated character, in a given string'"):
        gate(Record.of("x", problem=near))
    assert uncontaminated([])(other) is other


def test_real_benchmarks_are_recognised_and_generated_problems_are_not_taken_for_them() -> None:
    gate = uncontaminated([shared_data("code/mbpp.jsonl.gz"), shared_data("code/humaneval.jsonl.gz")])
    known = [row["text"] for _, row in read_rows(shared_data("code/mbpp.jsonl.gz"))]
    long = [text for text in known if len(re.findall(r"\w+", text)) >= 8]
    assert len(long) > 0.95 * len(known)
    for text in long:
        with pytest.raises(Rejected):
            gate(Record.of("x", problem=f"Here is a task. {text} Good luck!"))
    for problem in generated(["code"], 200, seed=0, split="train"):
        gate(posed(problem, "brief"))


def test_snippets_come_from_python_files_and_from_rows(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    folder.mkdir()
    body = "def rolling(xs, k):\n    return [max(xs[i:i + k]) for i in range(len(xs))]\n"
    (folder / "a.py").write_text(f"import os\n\n\n{body}\n\nX = 1\n", "utf-8")
    (folder / "old.py").write_text("print 'hello'\n", "utf-8")
    (found,) = snippets(folder)
    assert found.prompt == body.strip()
    assert found["source"] == "a.py:4"
    assert found.origin == "real"
    rows = tmp_path / "rows.jsonl"
    rows.write_text(json.dumps({"content": body}) + "\n" + json.dumps({"content": "x"}) + "\n", "utf-8")
    assert [one.prompt for one in snippets(rows)] == [body]
    with pytest.raises(DataError, match="no snippet of 40"):
        list(snippets(folder / "old.py"))
    with pytest.raises(DataError, match="no such file or folder"):
        list(snippets(folder / "none.py"))
    rows.write_text(json.dumps({"other": body}) + "\n", "utf-8")
    with pytest.raises(DataError, match="named one of snippet, code"):
        list(snippets(rows))


def test_problems_from_a_file_name_their_function(tmp_path: Path) -> None:
    path = tmp_path / "tasks.jsonl"
    rows: list[Mapping[str, str]] = [{"prompt": "Add.\ndef add(a, b):"}, {"prompt": "Add.", "function": "plus"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    assert [one["function"] for one in given(path, "brief")] == ["add", "plus"]
    path.write_text(json.dumps({"prompt": "Add."}) + "\n", "utf-8")
    with pytest.raises(DataError, match="names no function"):
        list(given(path, "full"))


def test_an_invented_problem_needs_a_signature_and_keeps_its_snippet_as_parent(tmp_path: Path) -> None:
    def script(messages: Messages, sampling: Sampling, seed: int) -> str:
        return "Add two numbers.\ndef add(a: int, b: int) -> int:" if "good" in messages[-1].content else "Add two."

    good, bad = Record.of("def good(): …"), Record.of("def other(): …")
    with Store(tmp_path / "store") as store:
        model = RememberedModel(ScriptedBackend(script), store)
        problem = asyncio.run(inspired(good, model, style="full"))
        with pytest.raises(Rejected, match="no signature"):
            asyncio.run(inspired(bad, model, style="full"))
    assert problem["function"] == "add"
    assert good.id in problem.parents
    assert problem["problem"] in problem.prompt
    assert "reasoning into short comments" in problem.prompt


def test_prompts_are_rendered_with_what_they_take() -> None:
    assert asked("brief", "solve", problem="Write f(x).") == "Write f(x)."
    assert asked("brief", "tests", problem="Write f(x).") == "Write tests.\nWrite f(x)."
    assert asked("brief", "repair", feedback="f(1) gave 2, expected 3") == "Fix it.\nf(1) gave 2, expected 3"
    assert asked("brief", "problem", snippet="x = 1", fence="===") == "Write a task.\nx = 1"
    full = asked("full", "problem", snippet="x = 1", fence="=== 1 ===")
    assert full.count("=== 1 ===") == 3
    assert "tests are right" in asked("full", "repair", feedback="…")
