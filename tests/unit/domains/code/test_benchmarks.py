"""Benchmark files as records, and what becomes of a model's reply to them."""

import asyncio
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from regrowth.core.errors import DataError, Rejected
from regrowth.core.record import Record
from regrowth.domains.code.benchmarks import read_benchmark, suite_of
from regrowth.domains.code.programs import exit_judged, judge, passes_tests
from regrowth.domains.code.suites import judged
from support.executors import Unisolated

Row = dict[str, Any]
HUMANEVAL: Row = {
    "task_id": "HumanEval/38",
    "prompt": '''from math import floor


def turn(s: str):
    return s[::-1]


def back(s: str):
    """Undo turn."""
''',
    "entry_point": "back",
    "canonical_solution": "    return turn(s)\n",
    "test": "METADATA = {}\ndef check(candidate):\n    for s in ['ab', 'c']:\n        assert candidate(turn(s)) == s\n",
}
MBPP: Row = {
    "task_id": 7,
    "text": "Write a function to halve a number.",
    "code": "import math\r\ndef other(x):\r\n  return x\r\ndef half(x):\r\n  return other(x) / 2 ",
    "test_setup_code": "",
    "test_list": ["assert half(4) == 2", "assert half(math.floor(3.5)) == 1.5"],
    "challenge_test_list": [],
}
MULTIPL_E: Row = {
    "name": "mbpp_7_half",
    "language": "sh",
    "prompt": "#!/bin/bash\n# Halve a number.\n# $1 is an integer\nhalf() {\n",
    "tests": '}\ncandidate() {\n    half "$@"\n}\nset -e\nrun_test() {\n    [[ $(candidate "4") = "2" ]]\n}\nrun_test',
    "stop_tokens": ["\n}"],
}


def written(path: Path, *rows: Mapping[str, Any]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def only(tmp_path: Path, row: Mapping[str, Any]) -> Record:
    (record,) = read_benchmark(written(tmp_path / "rows.jsonl.gz", row))
    return record


def test_humaneval_brings_the_helpers_of_its_prompt(tmp_path: Path) -> None:
    problem = only(tmp_path, HUMANEVAL)
    assert problem.prompt == HUMANEVAL["prompt"]
    assert problem.target == HUMANEVAL["prompt"] + HUMANEVAL["canonical_solution"]
    assert (problem["name"], problem["function"], problem["language"]) == ("HumanEval/38", "back", "python")
    suite = suite_of(problem)
    assert suite.checks == ("for s in ['ab', 'c']:\n    assert back(turn(s)) == s",)
    assert "def turn(" in suite.setup
    assert "def back(" not in suite.setup
    assert asyncio.run(judged(Unisolated(), problem.target, suite)).right


def test_mbpp_finds_the_function_that_every_test_calls(tmp_path: Path) -> None:
    problem = only(tmp_path, MBPP)
    assert (problem["name"], problem["function"]) == ("mbpp/7", "half")
    assert "\r" not in problem.target
    assert problem.prompt.startswith(
        "Write a function to halve a number.\nYour code should pass these tests:\n\nassert"
    )
    assert suite_of(problem).setup == "import math"
    assert asyncio.run(judged(Unisolated(), problem.target, suite_of(problem))).passed == (True, True)


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("```python\ndef back(s):\n    return turn(s)\n```", True),
        ("    return turn(s)\n\n\ndef unrelated():\n    pass", True),
        ("Sure.\n\n```python\ndef back(s):\n    return s\n```", False),
        ("I do not know.", False),
    ],
)
def test_replies_of_every_form_are_judged(tmp_path: Path, reply: str, right: bool) -> None:
    found = asyncio.run(judge(Unisolated(), only(tmp_path, HUMANEVAL), reply))
    assert found.right is right
    assert all(found.messages) is not right


@pytest.mark.parametrize(
    ("reply", "right"),
    [
        ("```bash\nhalf() {\n  echo $(($1 / 2))\n}\n```", True),
        ("  echo $(($1 / 2))\n}\nand that is all", True),
        ("```sh\nhalf() {\n  echo 3\n}\n```", False),
        ("```sh\nhalf() { :; }\nexit 0\n```", True),  # what a verdict by exit code cannot see
    ],
)
def test_other_languages_are_judged_by_exit_code(tmp_path: Path, reply: str, right: bool) -> None:
    problem = only(tmp_path, MULTIPL_E)
    assert (problem["language"], problem["function"]) == ("bash", "half")
    found = asyncio.run(judge(Unisolated(), problem, reply))
    assert found.passed == (right,)


def test_a_failed_program_says_what_it_said_last() -> None:
    found = asyncio.run(exit_judged(Unisolated(), "echo so it goes >&2\nexit 3", "bash"))
    assert found.messages == ("nonzero: exit code 3\nso it goes",)


def test_parquet_is_read_as_well(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([HUMANEVAL, HUMANEVAL]), tmp_path / "rows.parquet")
    assert [problem["function"] for problem in read_benchmark(tmp_path / "rows.parquet")] == ["back", "back"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": 1}, "line 1: columns 'question' are no benchmark that is known. Expected (prompt, entry_point,"),
        ([1], "line 1: found a list: '[1]', expected an object."),
        (
            {**HUMANEVAL, "entry_point": "front"},
            "entry_point is 'front', but the solution defines 'back', 'floor', 'turn'.",
        ),
        ({**HUMANEVAL, "canonical_solution": "    return ("}, "prompt and canonical_solution together is not Python"),
        ({**HUMANEVAL, "test": "def check(candidate):\n    pass"}, "Tests of 'back': no check in"),
        ({**HUMANEVAL, "prompt": 3}, "column 'prompt' holds a number: '3', expected text"),
        ({**MBPP, "test_list": "assert half(2) == 1"}, "column 'test_list' holds text:"),
        (
            {**MBPP, "test_list": ["assert third(3) == 1"]},
            "no function of 'half', 'math', 'other' is called by every test",
        ),
        ({**MULTIPL_E, "language": "elvish"}, "column 'language' holds 'elvish', expected one of 'py', 'js'"),
    ],
)
def test_a_row_that_cannot_be_used_is_told_with_its_place(tmp_path: Path, row: Row, said: str) -> None:
    with pytest.raises(DataError) as caught:
        list(read_benchmark(written(tmp_path / "rows.jsonl", row)))
    assert said in str(caught.value)
    assert str(tmp_path / "rows.jsonl") in str(caught.value)


def test_a_record_without_tests_is_refused() -> None:
    with pytest.raises(DataError, match="no tests in Python"):
        suite_of(Record.of("Say something.", domain="code_benchmark"))
    with pytest.raises(DataError, match="no problem of a benchmark"):
        asyncio.run(judge(Unisolated(), Record.of("Say something."), "x"))


def test_the_gate_accepts_what_passes_and_says_why_not(tmp_path: Path) -> None:
    gate = passes_tests(Unisolated())
    right = only(tmp_path, HUMANEVAL).derive(response="```python\ndef back(s):\n    return turn(s)\n```")
    wrong = right.derive(response="```python\ndef back(s):\n    return s\n```")

    async def judged_by_gate(record: Record) -> Record:
        return await gate(record)

    assert asyncio.run(judged_by_gate(right)).scores == {"isolation": 2}
    with pytest.raises(Rejected, match="expected 'ab', found 'ba'") as caught:
        asyncio.run(judged_by_gate(wrong))
    assert caught.value.gate == "passes_tests"
